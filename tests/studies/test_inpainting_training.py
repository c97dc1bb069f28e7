"""The recipe of the learned inpainters and the benchmark that scores them."""

import json

import numpy as np
import pytest
import torch

from attacks.networks.inpainting import GatedNetwork
from bench.metrics.lpips import Lpips
from bench.metrics.psnr import Psnr
from bench.metrics.trunks.alexnet import trunk_path
from framework.files.download import sha256_of
from studies.inpainting import inpainting, inpainting_losses, train_inpainting
from studies.inpainting.inpainting_data import (
    SHARDS,
    batch,
    coalition,
    drawn,
    frame,
    grid_of,
    hidden_but,
)
from tests.attacks.conftest import photo

pytestmark = pytest.mark.slow


@pytest.fixture
def narrow(monkeypatch):
    """Networks of few channels, which learn as the shipped ones do."""
    monkeypatch.setattr("attacks.networks.inpainting.WIDTHS", (12, 16, 24, 32))


@pytest.fixture(scope="module")
def half_seen():
    picture = photo("chelsea")
    return picture, hidden_but(picture, range(0, 25, 2))


@pytest.mark.parametrize("fraction", SHARDS)
@pytest.mark.parametrize("policy", ["random", "strided", "contiguous"])
def test_a_coalition_sees_about_its_fraction(fraction, policy):
    grid = grid_of((171, 256))
    windows = set(coalition(grid, fraction, policy, 3)) & set(grid.content)
    assert 0 < len(windows) < len(grid.content)
    assert abs(len(windows) / len(grid.content) - fraction) < 0.1


def test_batches_hold_truth_where_it_is_known():
    rng = np.random.default_rng(0)
    holes, truth, hidden = drawn([photo("chelsea")], 3, rng)
    inside = holes.base[..., : truth.shape[2], : truth.shape[3]]
    shown = ~hidden.expand_as(truth)
    assert shown.any()
    assert hidden.any()
    assert torch.equal(inside[shown], truth[shown])
    assert not torch.equal(truth[0], truth[1])


def losses(loss, half_seen, filled):
    picture, canvas = half_seen
    _, truth, hidden = batch([picture], [canvas])
    given = torch.from_numpy(filled.astype(np.float32)).permute(2, 0, 1)[None]
    return loss(given, truth, hidden).item()


def test_psnr_loss_is_the_metric(half_seen):
    picture, canvas = half_seen
    filled = 255 - picture
    score = Psnr().score(picture, filled, ~canvas.known)
    assert losses(inpainting_losses.psnr_loss, half_seen, filled) == pytest.approx(
        -score / 10, abs=1e-3
    )


@pytest.mark.skipif(not trunk_path().is_file(), reason="no LPIPS trunk is cached")
def test_lpips_loss_is_the_metric(half_seen):
    picture, canvas = half_seen
    filled = np.full_like(picture, 128)
    score = Lpips().score(picture, filled, ~canvas.known)
    assert losses(inpainting_losses.lpips_loss(), half_seen, filled) == pytest.approx(
        score, rel=0.03
    )


def training(seconds):
    torch.manual_seed(0)
    return train_inpainting.Training(
        GatedNetwork(),
        inpainting_losses.psnr_loss,
        [photo("rocket")],
        seconds=seconds,
        batch=2,
        rate=1e-3,
        rng=np.random.default_rng(0),
    )


@pytest.mark.usefixtures("narrow")
def test_steps_lower_the_loss_of_a_batch_that_comes_again(monkeypatch):
    run = training(seconds=0)
    same = drawn(run.photos, 1, run.rng)
    monkeypatch.setattr(train_inpainting, "drawn", lambda *_: same)
    optimizer = torch.optim.AdamW(run.network.parameters(), run.rate)
    first, *_, last = (run.step(optimizer) for _ in range(8))
    assert last < first - 0.01


@pytest.mark.usefixtures("narrow")
def test_training_gives_a_last_look_when_time_is_up():
    run = training(seconds=0.01)
    start = {name: value.clone() for name, value in run.network.state_dict().items()}
    *_, (steps, loss, mean) = run.looks()
    assert steps >= 1
    assert np.isfinite(loss)
    assert any(not torch.equal(value, start[name]) for name, value in mean.state_dict().items())


@pytest.mark.usefixtures("narrow")
def test_the_command_writes_weights_with_their_card(tmp_path, monkeypatch, capsys):
    few = [photo("rocket"), photo("coins")]
    monkeypatch.setattr(train_inpainting, "photos", lambda _: few)
    command = f"train_inpainting gated_inpainting --public package_photos --out {tmp_path}"
    monkeypatch.setattr("sys.argv", [*command.split(), "--minutes", "0.001", "--batch", "1"])
    train_inpainting.main()
    path = tmp_path / "gated_inpainting.safetensors"
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["sha256"] == sha256_of(path)
    assert card["sha256"] in capsys.readouterr().out
    assert card["trained on"] == card["held out"] == 1
    assert card["started from"] == "scratch"


@pytest.mark.skipif(not trunk_path().is_file(), reason="no LPIPS trunk is cached")
def test_the_benchmark_scores_every_method_at_every_fraction(monkeypatch):
    monkeypatch.setattr(inpainting, "POLICIES_TRIED", ("random",))
    attacks = inpainting.attackers([frame(photo("rocket"))])
    scores = inpainting.scored(attacks, "embedded", 2, 0)
    assert all(len(values) == 2 for values in scores.values())
    assert {fraction for fraction, _, _ in scores} == set(SHARDS)
    assert all(f"`{name}`" in inpainting.means(scores, "psnr") for name in attacks)
    same = inpainting._gain(scores, 1 / 2, "telea", "telea", "lpips")
    assert same == "+0.000 [+0.000, +0.000]"
