"""Learned inpainting."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from attacks import ATTACKS
from attacks.canvas import Canvas
from attacks.inpainting import Holes
from attacks.reconstruction.lama import FILE
from attacks.train_inpainting import main
from framework import PedbenchError
from tests.attacks.conftest import photo, psnr
from tests.attacks.toy import fit, knowledge

LEARNED = ("gated_inpainting", "mae_inpainting")
every_one = pytest.mark.parametrize("name", LEARNED)


def half(name):
    pixels = photo(name)[:128, :128].astype(np.float32)
    known = np.zeros((128, 128), dtype=bool)
    known[:, :64] = True
    return Canvas(np.where(known[..., None], pixels, np.float32(0)), known), pixels


@every_one
def test_it_starts_from_push_pull(name):
    canvas, _ = half("chelsea")
    network = ATTACKS.get(name).network()
    holes = Holes.of(canvas)
    assert torch.equal(holes.filled(network), holes.base)
    assert holes.inputs.shape == (1, 8, 64, 64)


@every_one
def test_it_learns_its_own_photo(name):
    """A few steps bring its fillings of the photo it trains on nearer than push-pull's."""
    known = knowledge("rocket", "rocket")
    trained, plain = fit(name, known, steps=10), fit("push_pull", known)
    frame = known.public[0].frame
    mask = known.public[0].observation.grid.pixel_mask([0, 3])
    canvas = Canvas(np.where(mask[..., None], frame, 0).astype(np.float32), mask)
    assert psnr(frame, trained.fill(canvas), ~mask) > psnr(frame, plain.fill(canvas), ~mask)


@every_one
def test_training_is_deterministic(name):
    known = knowledge("rocket", "page")
    before = torch.random.get_rng_state()
    first, second = (fit(name, known, steps=2).state() for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_the_command_writes_weights_and_their_card(tmp_path, capsys):
    Image.fromarray(photo("rocket")).save(tmp_path / "rocket.png")
    out = tmp_path / "weights.safetensors"
    call = ["--photos", str(tmp_path), "--out", str(out), "--steps", "1", "--model", "tiny"]
    assert main(call) == 0
    assert load_file(out).keys() == {
        f"net.{name}" for name in ATTACKS.get("gated_inpainting").network().state_dict()
    }
    assert out.stat().st_size < 5e6
    assert '"count": 1' in out.with_suffix(".json").read_text()
    assert main(["--photos", str(tmp_path / "none")]) == 2
    assert "no photo" in capsys.readouterr().err


class Grey(torch.nn.Module):
    """Takes what LaMa takes and fills with grey."""

    def forward(self, picture: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return picture * (1 - mask) + 0.5 * mask


def test_lama_runs_on_the_users_file(tmp_path, monkeypatch):
    path = tmp_path / "lama.pt"
    torch.jit.script(Grey()).save(path)
    canvas, _ = half("chelsea")
    small = Canvas(canvas.pixels[:61, :99].copy(), canvas.known[:61, :99].copy())
    monkeypatch.setenv(FILE, str(path))
    filled = ATTACKS.get("lama")().fill(small)
    assert filled.shape == small.pixels.shape
    assert np.allclose(filled[~small.known], 127.5)
    path.write_bytes(b"nonsense")
    with pytest.raises(PedbenchError, match="not a TorchScript"):
        ATTACKS.get("lama")().fill(small)
    monkeypatch.delenv(FILE)
    with pytest.raises(PedbenchError, match="set PEDBENCH_LAMA"):
        ATTACKS.get("lama")().fill(small)
