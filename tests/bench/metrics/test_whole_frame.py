"""Metrics on demand that score a frame as a whole."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import piq
import pytest
import torch
from safetensors.torch import save_file
from skimage.data import astronaut

from bench.metrics import METRICS, MetricUnavailable, dists, used_metrics
from bench.metrics.dists import STAGES, Dists, hann_pool, similarities
from bench.spec.config import load_preset
from framework.errors import PedbenchError

WIDTHS = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
FULL = np.ones((176, 192), dtype=bool)
NAMES = ("ms_ssim", "haarpsi", "vif", "dists", "class_cosine")


@pytest.fixture(scope="module")
def truth():
    return cv2.resize(astronaut(), FULL.shape[::-1], interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def noisy(truth):
    noise = np.random.default_rng(0).normal(0, 25, truth.shape)
    return np.clip(truth + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module", autouse=True)
def random_vgg16(tmp_path_factory):
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for i, (before, after) in enumerate(pairwise(WIDTHS)):
        kernel = torch.randn(after, before, 3, 3, generator=generator)
        weights[f"conv{i}.weight"] = kernel * (2 / (9 * before)) ** 0.5
        weights[f"conv{i}.bias"] = torch.zeros(after)
    path = tmp_path_factory.mktemp("vgg") / "vgg16.safetensors"
    save_file(weights, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dists, "ensure_vgg16", lambda: path)
        yield


@pytest.mark.parametrize("name", NAMES)
def test_the_truth_scores_best(name, truth, noisy):
    kind = METRICS.get(name)
    [[best], [worse]] = kind().score_many(truth, [truth, noisy], [FULL])
    assert best == pytest.approx(1 if kind.higher_is_worse else 0, abs=1e-6)
    assert worse < 0.95 if kind.higher_is_worse else worse > 0.001


@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_a_frame_has_no_score(name, truth, noisy):
    part = FULL.copy()
    part[:56] = False
    [[whole, hidden]] = METRICS.get(name)().score_many(truth, [noisy], [FULL, part])
    assert whole is not None
    assert hidden is None


@pytest.mark.parametrize("name", NAMES)
def test_a_frame_that_is_too_small_is_refused_in_one_line(name):
    frame = np.zeros((15, 300, 3), dtype=np.uint8)
    with pytest.raises(MetricUnavailable, match=r"needs frames of at least \d+ px a side"):
        METRICS.get(name)().score(frame, frame, np.ones((15, 300), dtype=bool))


@pytest.mark.parametrize("name", ["ms_ssim", "haarpsi", "vif"])
def test_the_smallest_frame_can_be_scored(name):
    side = METRICS.get(name).smallest_side
    frame = np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(np.uint8)
    assert METRICS.get(name)().score(frame, frame, np.ones((side, side), bool)) == pytest.approx(1)


def test_hann_pooling_is_that_of_piq():
    value = torch.rand(1, 4, 10, 12, dtype=torch.float64)
    theirs = piq.perceptual.L2Pool2d(kernel_size=3, stride=2, padding=1)
    torch.testing.assert_close(hann_pool(value), theirs(value))


def test_dists_sees_a_change_of_mean_as_texture_and_none_as_structure():
    value = torch.rand(1, 2, 8, 8, dtype=torch.float64)
    texture, structure = similarities(value + 1, value)
    torch.testing.assert_close(structure, torch.ones(2, dtype=torch.float64))
    assert (texture < 0.9).all()


def test_dists_covers_every_channel_of_vgg16():
    assert [layer for stage in STAGES for layer in stage] == list(range(13))
    metric = Dists()
    assert float(metric._texture.sum() + metric._structure.sum()) == pytest.approx(1)


def test_other_channel_weights_are_refused(monkeypatch):
    monkeypatch.setattr(dists, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(MetricUnavailable, match=r"pedbench\[perceptual\]"):
        Dists()


def test_a_run_has_those_that_it_names():
    usual = set(used_metrics())
    assert {"psnr", "ssim", "lpips"} <= usual
    assert not usual & set(NAMES)
    assert set(used_metrics(("vif",))) == usual | {"vif"}


def test_an_unknown_one_is_refused_before_work():
    config = load_preset("quick")
    with pytest.raises(PedbenchError, match="did you mean 'ms_ssim'"):
        type(config)(**{**config.__dict__, "metrics": ("ms_sim",)}).check()
