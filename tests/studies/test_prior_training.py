"""The recipe of the generative prior."""

import json

import numpy as np
import pytest
import torch

from attacks.features.flow_input import INSIDE, KNOWN
from attacks.networks.shipped import read_photos
from framework.files.download import sha256_of
from studies.inpainting import train_prior
from studies.inpainting.train_prior import Batch, puzzles
from tests.attacks.conftest import photo

pytestmark = pytest.mark.slow


@pytest.fixture
def narrow(monkeypatch):
    """A network of few channels, which learns as the shipped one does."""
    monkeypatch.setattr("attacks.networks.flow.WIDTHS", (8, 8, 8, 8))


@pytest.fixture(scope="module")
def few():
    return puzzles([photo("chelsea"), photo("rocket")], np.random.default_rng(0))


def test_the_guess_is_exact_where_it_is_known(few):
    assert len(few) == 2 * train_prior.COALITIONS
    for puzzle in few:
        picture, told = puzzle.tensors()
        known = told[KNOWN][0] > 0
        assert 0 < known.sum() < known.numel()
        assert torch.allclose(told[:3][:, known], picture[:, known])
        assert not torch.allclose(told[:3][:, ~known], picture[:, ~known])


def test_half_is_told_nothing_and_errors_count_where_something_is_hidden(few):
    batch = Batch.drawn(few, 64, np.random.default_rng(0))
    blind = ~batch.told[:, : INSIDE.start].flatten(1).any(dim=1)
    assert 16 < blind.sum() < 48
    assert not (batch.counted * batch.told[:, KNOWN]).any()
    assert torch.equal(batch.counted[blind], batch.told[blind, INSIDE])
    assert not (batch.target * batch.told[:, KNOWN]).abs().max() > 1e-5
    assert batch.time.min() >= 0
    assert batch.time.max() <= 1
    assert batch.time[blind].median() < batch.time[~blind].median()


def test_the_loss_of_the_true_velocity_is_nothing(few):
    batch = Batch.drawn(few, 2, np.random.default_rng(0))
    noise = torch.randn(batch.target.shape, generator=torch.Generator().manual_seed(3))

    def true(*_):
        return noise - batch.target

    assert batch.loss(true, torch.Generator().manual_seed(3)).item() < 1e-12
    assert batch.loss(lambda *_: 0 * noise, torch.Generator().manual_seed(3)).item() > 0.1


def command(monkeypatch, tmp_path, minutes, *more):
    words = f"train_prior --public package_photos --work {tmp_path} --out {tmp_path}/out --batch 1"
    monkeypatch.setattr("sys.argv", [*words.split(), "--minutes", str(minutes), *more])
    train_prior.main()
    path = tmp_path / "out" / "flow_prior.safetensors"
    return path, json.loads(path.with_suffix(".json").read_text())


@pytest.mark.usefixtures("narrow")
def test_the_command_writes_weights_and_goes_on(tmp_path, monkeypatch):
    path, card = command(monkeypatch, tmp_path, 0.001)
    assert card["sha256"] == sha256_of(path)
    assert card["trained on"] + card["held out"] == len(read_photos(path.parent / train_prior.LIST))
    path, later = command(monkeypatch, tmp_path, 0.01)
    assert later["steps"] > card["steps"]
    assert (
        later["curve: step, loss, held-out error"][0]
        == card["curve: step, loss, held-out error"][0]
    )


def test_photos_that_look_like_a_scored_one_are_left_out():
    everything, _ = train_prior.apart(["package_photos"], [])
    kept, listed = train_prior.apart(["package_photos"], ["package_photos"])
    assert len(everything) > 0
    assert kept == listed == []


def test_the_rate_rises_stays_and_falls():
    rates = [train_prior._rate(step, share) for step, share in ((0, 0), (500, 0.5), (900, 0.85))]
    assert rates[0] < 0.01
    assert rates[1] == 1
    assert rates[2] == pytest.approx(0.5)
    assert train_prior._rate(999, 1.0) == 0
