"""Metrics that rest on networks: the packaged classifier, and files of the user's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from bench.datasets import open_dataset
from bench.metrics import METRICS, MetricUnavailable, classifier, used_metrics
from bench.metrics.classifier import classifier_weights, look
from bench.metrics.whole_frame import pixels

RNG = np.random.default_rng(0)
FULL = np.ones((64, 96), dtype=bool)


class Means(nn.Module):
    """Colour means as features."""

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return picture.mean((2, 3))


class Difference(nn.Module):
    """Mean absolute difference as a distance."""

    def forward(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return (one - other).abs().mean()


def saved(path, module):
    torch.jit.script(module).save(str(path))
    return str(path)


@pytest.mark.parametrize(
    ("photo", "classes"),
    [("chelsea", range(281, 286)), ("coffee", (967,)), ("motorcycle", (665, 670))],
)
def test_the_classifier_knows_a_cat_a_coffee_and_a_motorcycle(photo, classes):
    with torch.inference_mode():
        seen = look(pixels(open_dataset("embedded").load(photo).image), classifier_weights())
    assert int(seen.scores.argmax()) in classes


def test_the_same_class_is_one_or_zero():
    image = open_dataset("embedded").load("coffee").image
    noise = RNG.integers(0, 256, image.shape, dtype=np.uint8)
    full = np.ones(image.shape[:2], dtype=bool)
    scores = METRICS.get("same_class")().score_many(image, [image, noise], [full])
    assert scores == [[1.0], [0.0]]


def test_other_weights_are_refused(monkeypatch):
    classifier_weights.cache_clear()
    monkeypatch.setattr(classifier, "SHA256", "0")
    with pytest.raises(MetricUnavailable, match=r"does not hold the weights of 0\.1\.0"):
        METRICS.get("class_cosine")()


@pytest.mark.parametrize(
    ("name", "variable", "module", "best"),
    [("dino", "PEDBENCH_DINO", Means, 1), ("dreamsim", "PEDBENCH_DREAMSIM", Difference, 0)],
)
def test_a_file_of_the_user_scores(tmp_path, monkeypatch, name, variable, module, best):
    monkeypatch.setenv(variable, saved(tmp_path / "network.pt", module()))
    truth, other = RNG.integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)
    other[..., 0] //= 4
    part = FULL.copy()
    part[:5] = False
    [[same, hidden], [differs, _]] = METRICS.get(name)().score_many(
        truth, [truth, other], [FULL, part]
    )
    assert same == pytest.approx(best, abs=1e-6)
    assert hidden is None
    assert abs(differs - best) > 0.01


@pytest.mark.parametrize("name", ["dino", "dreamsim"])
def test_a_file_that_is_missing_or_something_else_is_one_line(tmp_path, monkeypatch, name):
    kind = METRICS.get(name)
    monkeypatch.delenv(kind.variable, raising=False)
    with pytest.raises(MetricUnavailable, match=f"set {kind.variable} to its path"):
        kind()
    (tmp_path / "text.pt").write_text("no network")
    monkeypatch.setenv(kind.variable, str(tmp_path / "text.pt"))
    with pytest.raises(MetricUnavailable, match="is not a TorchScript file"):
        kind()
    wrong = Difference() if name == "dino" else Means()
    monkeypatch.setenv(kind.variable, saved(tmp_path / "wrong.pt", wrong))
    truth = np.zeros((64, 96, 3), np.uint8)
    with pytest.raises(MetricUnavailable, match="as this adapter knows it"):
        kind().score(truth, truth, FULL)


def test_another_file_is_told_apart_from_the_one_before(tmp_path, monkeypatch):
    assert "dino" not in used_metrics()
    assert METRICS.get("dino").user_files() == []
    monkeypatch.setenv("PEDBENCH_DINO", saved(tmp_path / "network.pt", Means()))
    assert METRICS.get("dino").user_files() == [tmp_path / "network.pt"]
