"""Inpainters that run on the user's own file."""

import numpy as np
import pytest
import torch

from attacks import ATTACKS
from attacks.features.canvas import Canvas
from attacks.methods.inpainting import lama, mae_checkpoint
from attacks.networks.mae import MaskedAutoencoder
from framework import PedbenchError
from tests.attacks.conftest import photo


def half(height=61, width=99):
    """A piece of a photo, its left half known."""
    pixels = photo("chelsea")[:height, :width].astype(np.float32)
    known = np.zeros((height, width), dtype=bool)
    known[:, : width // 2] = True
    return Canvas(np.where(known[..., None], pixels, np.float32(0)), known)


class Grey(torch.nn.Module):
    """Takes what LaMa takes and fills with grey."""

    def forward(self, picture: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return picture * (1 - mask) + 0.5 * mask


def test_lama_runs_on_the_users_file(tmp_path, monkeypatch):
    path = tmp_path / "lama.pt"
    torch.jit.script(Grey()).save(path)
    canvas = half()
    monkeypatch.setenv(lama.FILE, str(path))
    filled = ATTACKS.get("lama")().fill(canvas)
    assert filled.shape == canvas.pixels.shape
    assert np.allclose(filled[~canvas.known], 127.5)
    path.write_bytes(b"nonsense")
    with pytest.raises(PedbenchError, match="not a TorchScript"):
        ATTACKS.get("lama")().fill(canvas)
    monkeypatch.delenv(lama.FILE)
    with pytest.raises(PedbenchError, match="set PEDBENCH_LAMA"):
        ATTACKS.get("lama")().fill(canvas)


def small_mae():
    torch.manual_seed(0)
    network = MaskedAutoencoder(64, 2, 32, 1, 8, 16)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


OFFICIAL = {
    "cls_token", "pos_embed", "mask_token", "decoder_pos_embed",
    "patch_embed.proj.weight", "patch_embed.proj.bias",
    "blocks.1.norm1.weight", "blocks.1.attn.qkv.weight", "blocks.1.attn.qkv.bias",
    "blocks.1.attn.proj.weight", "blocks.1.norm2.bias", "blocks.1.mlp.fc1.weight",
    "blocks.1.mlp.fc2.bias", "norm.weight", "decoder_embed.weight",
    "decoder_blocks.0.attn.qkv.weight", "decoder_norm.bias", "decoder_pred.weight",
}  # fmt: skip
"""Some names of the published checkpoints' parameters."""


def test_mae_has_the_names_of_the_published_checkpoints():
    assert small_mae().state_dict().keys() >= OFFICIAL


def test_mae_is_read_back_from_its_state_alone():
    network = small_mae()
    again = MaskedAutoencoder.of(network.state_dict())
    picture, visible = torch.rand(1, 3, 32, 32), torch.arange(16) < 5
    with torch.inference_mode():
        assert torch.equal(network(picture, visible), again(picture, visible))


def test_mae_looks_at_visible_patches_alone():
    network, visible = small_mae(), torch.arange(16) < 8
    picture = torch.rand(1, 3, 32, 32)
    other = picture.clone()
    other[:, :, 16:] = 0
    seen = picture.clone()
    seen[:, :, :8, :8] = 0
    with torch.inference_mode():
        first = network(picture, visible)
        assert torch.equal(first, network(other, visible))
        assert not torch.equal(first, network(seen, visible))


def test_maes_predictions_go_to_their_places():
    """With a decoder that says each patch's own index, so does the picture."""
    network = small_mae()
    for parameter in network.decoder_pred.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        network.decoder_pred.bias[:] = torch.arange(192.0)
        picture = network(torch.rand(1, 3, 32, 32), torch.arange(16) < 5)
    assert picture[0, :, 0, 0].tolist() == [0, 1, 2]
    assert picture[0, :, 9, 26].tolist() == [30, 31, 32]


def test_mae_runs_on_the_users_file(tmp_path, monkeypatch):
    path = tmp_path / "mae.pth"
    torch.save({"model": small_mae().state_dict()}, path)
    canvas = half()
    monkeypatch.setenv(mae_checkpoint.FILE, str(path))
    attack = ATTACKS.get("mae_checkpoint")()
    filled = attack.fill(canvas)
    assert filled.shape == canvas.pixels.shape
    assert filled[~canvas.known].std() > 0
    path.write_bytes(b"nonsense")
    with pytest.raises(PedbenchError, match="no checkpoint of MAE"):
        attack.fill(canvas)
    torch.save({"model": {"norm.weight": torch.ones(2)}}, path)
    with pytest.raises(PedbenchError, match="no checkpoint of MAE"):
        attack.fill(canvas)
    monkeypatch.delenv(mae_checkpoint.FILE)
    with pytest.raises(PedbenchError, match="set PEDBENCH_MAE"):
        attack.fill(canvas)
