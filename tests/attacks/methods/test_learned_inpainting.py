"""Learned inpainting."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from attacks import ATTACKS, Knowledge
from attacks.features.canvas import Canvas
from attacks.features.inpainting_input import Holes
from attacks.networks.shipped import FOLDER, shipped
from framework import PedbenchError
from framework.files.download import sha256_of
from framework.models.named import architecture
from framework.split.windows import WindowGrid
from tests.attacks.conftest import photo, psnr

LEARNED = ("gated_inpainting", "gated_inpainting_lpips", "mae_inpainting")
every_one = pytest.mark.parametrize("name", LEARNED)


def half(name, height=128, width=128):
    pixels = photo(name)[:height, :width].astype(np.float32)
    known = np.zeros(pixels.shape[:2], dtype=bool)
    known[:, : pixels.shape[1] // 2] = True
    return Canvas(np.where(known[..., None], pixels, np.float32(0)), known), pixels


@every_one
def test_an_untrained_network_changes_nothing(name):
    canvas, _ = half("chelsea", 100, 90)
    holes = Holes.of(canvas)
    assert holes.inputs.shape == (1, 10, 112, 96)
    assert torch.equal(holes.filled(ATTACKS.get(name).network()), holes.base)
    assert torch.allclose(
        holes.base[0, :, :100, :45], torch.from_numpy(canvas.pixels[:, :45]).permute(2, 0, 1)
    )


@every_one
def test_a_network_sees_the_whole_picture(name):
    """A known pixel in one corner changes the filling of the opposite one."""
    torch.manual_seed(0)
    network = ATTACKS.get(name).network().eval()
    for parameter in network.leave.parameters():
        torch.nn.init.normal_(parameter)
    inputs = torch.rand(1, 10, 128, 128)
    changed = inputs.clone()
    changed[:, :3, :16, :16] += 1
    with torch.inference_mode():
        assert not torch.equal(network(inputs)[..., -1, -1], network(changed)[..., -1, -1])


@every_one
def test_shipped_weights_are_small_and_have_their_card(name):
    attack = ATTACKS.get(name)
    path = FOLDER / f"{name}.safetensors"
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["sha256"] == sha256_of(path) == attack.sha256
    assert card["trained on"] > card["held out"] > 0
    assert attack.network().state_dict().keys() == shipped(name, attack.sha256).keys()


def test_all_weights_together_are_below_twenty_megabytes():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 20e6


def test_damaged_or_missing_weights_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("attacks.networks.shipped.FOLDER", tmp_path)
    attack = ATTACKS.get("gated_inpainting")()
    with pytest.raises(PedbenchError, match="no weights"):
        attack.fit(Knowledge(None, ()))
    (tmp_path / "gated_inpainting.safetensors").write_bytes(b"nonsense")
    with pytest.raises(PedbenchError, match="damaged"):
        attack.fit(Knowledge(None, ()))


def test_a_file_of_the_right_hash_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("attacks.networks.shipped.FOLDER", tmp_path)
    path = tmp_path / "one.safetensors"
    save_file({"a": torch.ones(2).half()}, path)
    assert shipped("one", sha256_of(path))["a"].dtype == np.float32


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gated_inpainting", "mae_inpainting"])
def test_it_beats_push_pull_on_photos_that_it_never_saw(name):
    """Photos of packages that are no training photos, every other window seen."""
    attack, plain = ATTACKS.get(name)(), ATTACKS.get("push_pull")()
    attack.fit(Knowledge(None, ()))
    gains = []
    for image in ("astronaut", "chelsea", "coffee", "rocket"):
        truth = photo(image).astype(np.float32)
        known = WindowGrid.of(architecture("tiny"), truth.shape[:2]).pixel_mask(range(0, 25, 2))
        canvas = Canvas(np.where(known[..., None], truth, np.float32(0)), known)
        gains.append(
            psnr(truth, attack.fill(canvas), ~known) - psnr(truth, plain.fill(canvas), ~known)
        )
    assert np.mean(gains) > 0


@every_one
def test_a_large_frame_is_filled_at_its_own_size(name):
    attack = ATTACKS.get(name)()
    attack.fit(Knowledge(None, ()))
    known = np.zeros((300, 500), dtype=bool)
    known[:, :200] = True
    noise = np.random.default_rng(0).uniform(0, 255, (300, 500, 3)).astype(np.float32)
    filled = attack.fill(Canvas(np.where(known[..., None], noise, np.float32(0)), known))
    assert filled.shape == (300, 500, 3)
    assert filled.min() >= 0
    assert filled.max() <= 255
