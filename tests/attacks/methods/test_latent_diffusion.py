"""The adapter for a user's own latent diffusion model, with toy models in its place."""

import json

import numpy as np
import pytest
import torch

from attacks import ATTACKS, Knowledge
from attacks.features.canvas import Canvas
from attacks.methods.generative import latent_diffusion
from framework import PedbenchError
from framework.files.download import sha256_of
from tests.attacks.conftest import photo

FACTOR = 4


class Encoder(torch.nn.Module):
    """Latents are means of cells, in all three channels."""

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(picture, 4)


class Decoder(torch.nn.Module):
    """The cells, enlarged."""

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return latents.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)


class Constant(torch.nn.Module):
    """Says the noise of latents that are 0.5 wherever the mask is 1, and as seen elsewhere."""

    alphas: torch.Tensor

    def __init__(self, alphas, velocity: bool) -> None:
        super().__init__()
        self.register_buffer("alphas", torch.tensor(alphas))
        self.velocity = velocity

    def forward(self, told: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        noisy, mask, seen = told[:, :3], told[:, 3:4], told[:, 4:]
        clean = 0.5 * mask + seen * (1 - mask)
        left = self.alphas[time].reshape(1, 1, 1, 1)
        noise = (noisy - left.sqrt() * clean) / (1 - left).sqrt()
        if self.velocity:
            return left.sqrt() * noise - (1 - left).sqrt() * clean
        return noise


ALPHAS = np.linspace(0.99, 0.01, 50).tolist()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    written(tmp_path, "epsilon")
    monkeypatch.setenv(latent_diffusion.VARIABLE, str(tmp_path))
    return tmp_path


def written(path, prediction, **card):
    models = Encoder(), Constant(ALPHAS, prediction != "epsilon"), Decoder()
    for name, model in zip(("encoder", "unet", "decoder"), models, strict=True):
        torch.jit.script(model).save(path / f"{name}.pt")
    facts = {"alphas_cumprod": ALPHAS, "prediction": prediction, "multiple": 8} | card
    (path / "ldm.json").write_text(json.dumps(facts))


def half(height=61, width=99):
    pixels = photo("chelsea")[:height, :width].astype(np.float32)
    known = np.zeros((height, width), dtype=bool)
    known[:, : width // 2] = True
    return Canvas(np.where(known[..., None], pixels, np.float32(0)), known)


def fill(canvas, seed=0):
    attack = ATTACKS.get("latent_diffusion")(seed=seed)
    attack.fit(Knowledge(None, ()))
    return attack.fill(canvas)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_it_draws_what_the_users_model_says(folder, prediction):
    written(folder, prediction)
    canvas = half()
    filled = fill(canvas)
    assert filled.shape == canvas.pixels.shape
    inside = filled[:, canvas.known.shape[1] // 2 + FACTOR :]
    assert np.allclose(inside, 127.5 * 1.5, atol=2)
    left = canvas.pixels[:60, :48].reshape(15, 4, 12, 4, 3).mean(axis=(1, 3))
    assert np.allclose(filled[1:60:4, 1:48:4][:, :11], left[:, :11], atol=2)


def test_a_smaller_side_is_kept_to(folder):
    written(folder, "epsilon", longest=48)
    assert fill(half()).shape == half().pixels.shape


class Noise(torch.nn.Module):
    """Says that there is no noise."""

    def forward(self, told: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(told[:, :3])


def test_the_seed_is_the_draw(folder):
    torch.jit.script(Noise()).save(folder / "unet.pt")
    canvas = half()
    first, again, other = (fill(canvas, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", ["encoder.pt", "unet.pt", "decoder.pt", "ldm.json"])
def test_a_missing_or_damaged_file_is_named(folder, name):
    (folder / name).write_bytes(b"nonsense")
    with pytest.raises(PedbenchError, match=name):
        fill(half())
    (folder / name).unlink()
    with pytest.raises(PedbenchError, match=f"lacks {name}"):
        fill(half())


@pytest.mark.parametrize(
    "change",
    [
        {"alphas_cumprod": [0.1, 0.9]},
        {"alphas_cumprod": []},
        {"alphas_cumprod": [0.5, 0.0]},
        {"alphas_cumprod": ["0.5", "0.4"]},
        {"alphas_cumprod": [0.5, 1e-60]},
        {"prediction": "sample"},
        {"multiple": 0},
        {"longest": 2.5},
        {"sha256": []},
    ],
)
def test_a_card_that_says_what_cannot_be_is_refused(folder, change):
    card = json.loads((folder / "ldm.json").read_text())
    (folder / "ldm.json").write_text(json.dumps(card | change))
    with pytest.raises(PedbenchError, match=r"ldm\.json"):
        fill(half())


@pytest.mark.parametrize("key", ["alphas_cumprod", "prediction", "multiple"])
def test_a_card_must_say_everything(folder, key):
    card = json.loads((folder / "ldm.json").read_text())
    del card[key]
    (folder / "ldm.json").write_text(json.dumps(card))
    with pytest.raises(PedbenchError, match=key):
        fill(half())


def test_another_file_than_the_card_names_is_refused(folder):
    sums = {"unet.pt": sha256_of(folder / "unet.pt").upper()}
    written(folder, "epsilon", sha256=sums)
    if sha256_of(folder / "unet.pt") == sums["unet.pt"].lower():
        fill(half())
    torch.jit.script(Noise()).save(folder / "unet.pt")
    with pytest.raises(PedbenchError, match=r"not the file that ldm\.json names"):
        fill(half())


def test_models_that_do_not_fit_each_other_are_one_line(folder):
    torch.jit.script(Decoder()).save(folder / "unet.pt")
    with pytest.raises(PedbenchError, match="do not work together"):
        fill(half())


class OneChannel(torch.nn.Module):
    """Says one channel, which would stretch over all of them."""

    def forward(self, told: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        return told[:, :1]


class NotANumber(torch.nn.Module):
    """Says nothing that is a number."""

    def forward(self, told: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        return told[:, :3] * float("nan")


class Pair(torch.nn.Module):
    """Says two things."""

    def forward(self, told: torch.Tensor, time: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return told[:, :3], time


class Same(torch.nn.Module):
    """Gives back what it got: latents too large, pictures too small."""

    def forward(self, told: torch.Tensor) -> torch.Tensor:
        return told


class Grey(torch.nn.Module):
    """The first channel of the cells, enlarged."""

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return latents[:, :1].repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)


class Whole(torch.nn.Module):
    """Latents that are whole numbers."""

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return picture.long()


class Unbatched(torch.nn.Module):
    """Latents of one picture, without saying that it is one."""

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return picture[0]


@pytest.mark.parametrize(
    ("name", "model", "says"),
    [
        ("unet", OneChannel, r"U-Net gives float32 \[1, 1, "),
        ("unet", NotANumber, "not finite"),
        ("unet", Pair, "U-Net gives a tuple"),
        ("decoder", Same, r"decoder gives float32 \[1, 3, 16, 26\], not .*\[1, 3, 64, 104\]"),
        ("decoder", Grey, r"decoder gives float32 \[1, 1, "),
        ("encoder", Whole, "encoder gives int64"),
        ("encoder", Unbatched, r"encoder gives \[3, 64, 104\]"),
    ],
)
def test_a_model_of_another_shape_is_refused_and_not_stretched(folder, name, model, says):
    torch.jit.script(model()).save(folder / f"{name}.pt")
    with pytest.raises(PedbenchError, match=says):
        fill(half())


def test_without_a_folder_it_is_unsupported(monkeypatch):
    monkeypatch.delenv(latent_diffusion.VARIABLE, raising=False)
    with pytest.raises(PedbenchError, match="set PEDBENCH_LDM"):
        fill(half())
