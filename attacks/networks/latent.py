"""A latent diffusion model for inpainting, as three TorchScript files and a card.

A folder holds:

- ``encoder.pt``: pictures [1, 3, h, w] in −1..1 → latents [1, c, h / f, w / f], scaled as the
  U-Net expects them (for Stable Diffusion: the mean of the posterior times 0.18215).
- ``unet.pt``: [1, 2c + 1, h / f, w / f] and a time step [1], int64 → [1, c, h / f, w / f]. The
  channels are noisy latents, the mask (1 where to fill) and the latents of the picture with grey
  in place of what is to be filled, in the order of diffusers' inpainting models. A text condition
  is part of the file: trace it with the embedding of an empty prompt.
- ``decoder.pt``: scaled latents → pictures in −1..1.
- ``ldm.json``: ``alphas_cumprod``, a falling list of numbers in 0..1, one a time step;
  ``prediction``, ``epsilon`` or ``v_prediction``; ``multiple``, which sides must be a multiple of;
  if wanted ``longest``, the longest side at which the model works, and ``sha256``, an object that
  names the SHA-256 of files, so that no other file is taken for them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from attacks.features.public_examples import resized
from framework.errors import PedbenchError, one_line
from framework.files.download import sha256_of

ENCODER, UNET, DECODER, CARD = "encoder.pt", "unet.pt", "decoder.pt", "ldm.json"
FILES = (ENCODER, UNET, DECODER, CARD)
LARGEST = 8192
"""Pixels that a card may name at most."""
PREDICTIONS = ("epsilon", "v_prediction")
STEPS = 20
"""Evaluations of the U-Net for a draw."""

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class LatentInpainter:
    """The files of a folder, read.

    Attributes:
        encoder, unet, decoder: as this module says.
        alphas: share of the picture's variance that is left after each time step, [steps].
        velocity: whether the U-Net says velocities, not noise.
        multiple: sides must be multiples of it, pixels.
        longest: longest side at which the model works, pixels; 0 for any.
    """

    encoder: torch.jit.ScriptModule
    unet: torch.jit.ScriptModule
    decoder: torch.jit.ScriptModule
    alphas: Tensor
    velocity: bool
    multiple: int
    longest: int

    @classmethod
    def load(cls, folder: Path) -> LatentInpainter:
        """Read a folder.

        Raises:
            PedbenchError: a file is missing, damaged, or not the one that the card names.
        """
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise PedbenchError(f"{folder} lacks {', '.join(missing)}: put them there")
        card = _card(folder)
        for name, expected in card.get("sha256", {}).items():
            found = sha256_of(folder / name) if (folder / name).is_file() else "missing"
            if found != str(expected).lower():
                raise PedbenchError(
                    f"{folder / name} is not the file that {CARD} names (its SHA-256 is "
                    f"{found[:12]}…): put that file there, or correct {CARD}"
                )
        alphas = torch.tensor(card["alphas_cumprod"], dtype=torch.float32)
        return cls(
            encoder=_script(folder / ENCODER),
            unet=_script(folder / UNET),
            decoder=_script(folder / DECODER),
            alphas=alphas,
            velocity=card["prediction"] == "v_prediction",
            multiple=card["multiple"],
            longest=card.get("longest", 0),
        )

    def fill(self, pixels: Pixels, known: NDArray[np.bool_], seed: int) -> Pixels:
        """One filling of a picture [h, w, 3] in 0..255, of its size.

        Raises:
            PedbenchError: the files do not work together as this module says.
        """
        size = known.shape
        scale = min(1.0, self.longest / max(size)) if self.longest else 1.0
        small = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        picture, mask = self._inputs(_fitted(pixels, small), _fitted(known, small) > 0.999)
        try:
            with torch.inference_mode():
                drawn = self.decoder(self._draw(picture, mask, seed))
                _same("decoder", drawn, picture.shape)
                filled = 127.5 * (drawn[0, :, : small[0], : small[1]].clamp(-1, 1) + 1)
        except (RuntimeError, IndexError, TypeError, ValueError) as error:
            raise PedbenchError(
                "the files of the latent diffusion model do not work together "
                f"({one_line(error)}): see attacks/networks/latent.py for what they must take"
            ) from error
        return _fitted(filled.permute(1, 2, 0).float().numpy(), (size[0], size[1]))

    def _inputs(self, pixels: Pixels, known: NDArray[np.bool_]) -> tuple[Tensor, Tensor]:
        """The picture in −1..1, grey where it is to be filled, and the mask; sides padded."""
        padding = (0, -known.shape[1] % self.multiple, 0, -known.shape[0] % self.multiple)
        picture = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 127.5 - 1
        mask = torch.from_numpy(~known)[None, None].float()
        mask, picture = (F.pad(x, padding, mode="replicate") for x in (mask, picture))
        return picture * (1 - mask), mask

    def _draw(self, picture: Tensor, mask: Tensor, seed: int) -> Tensor:
        """Latents by DDIM (Song et al., ICLR 2021), its noise drawn once."""
        seen = self.encoder(picture)
        if isinstance(seen, Tensor) and seen.ndim != 4:
            raise ValueError(f"the encoder gives {list(seen.shape)}, not [1, c, h / f, w / f]")
        _same("encoder", seen, (1, *getattr(seen, "shape", ())[1:]))
        holes = F.interpolate(mask, seen.shape[2:])
        generator = torch.Generator().manual_seed(seed)
        latents = torch.randn(seen.shape, generator=generator)
        times = np.linspace(len(self.alphas) - 1, 0, min(STEPS, len(self.alphas))).round()
        for place, time in enumerate(times.astype(int)):
            later = times[place + 1 :].astype(int)
            left = self.alphas[later[0]] if len(later) else torch.tensor(1.0)
            said = self.unet(torch.cat([latents, holes, seen], dim=1), torch.tensor([time]))
            _same("U-Net", said, latents.shape)
            clean, noise = self._split(latents, said, self.alphas[time])
            latents = left.sqrt() * clean + (1 - left).sqrt() * noise
        return latents

    def _split(self, latents: Tensor, said: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
        """The clean latents and the noise that the U-Net's answer stands for."""
        if self.velocity:
            clean = left.sqrt() * latents - (1 - left).sqrt() * said
            return clean, left.sqrt() * said + (1 - left).sqrt() * latents
        return (latents - (1 - left).sqrt() * said) / left.sqrt(), said


def _same(model: str, said: Any, shape: Sequence[int]) -> None:
    """Raise ValueError unless a model said finite numbers of the shape that it must say."""
    if not isinstance(said, Tensor):
        raise ValueError(f"the {model} gives a {type(said).__name__}, not one tensor")
    if said.shape != torch.Size(shape) or not said.is_floating_point():
        found = f"{said.dtype} {list(said.shape)}".removeprefix("torch.")
        raise ValueError(f"the {model} gives {found}, not floating-point {list(shape)}")
    if not said.isfinite().all():
        raise ValueError(f"the {model} gives numbers that are not finite")


def _card(folder: Path) -> dict[str, Any]:
    """The card of a folder, checked."""
    path = folder / CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        alphas = torch.tensor(card["alphas_cumprod"], dtype=torch.float32).numpy()
        fits = alphas.ndim == 1 and len(alphas) > 0 and bool((alphas > 0).all())
        fits = fits and bool((alphas <= 1).all()) and bool((np.diff(alphas) <= 0).all())
        fits = fits and card["prediction"] in PREDICTIONS
        fits = fits and all(
            type(each) is int and 0 < each <= LARGEST
            for each in (card["multiple"], card.get("longest", 1))
        )
        fits = fits and isinstance(card.get("sha256", {}), dict)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise PedbenchError(
            f"{path} is no card of a latent diffusion model ({one_line(error)}): "
            "see attacks/networks/latent.py for what it must say"
        ) from error
    if not fits:
        raise PedbenchError(
            f"{path} has values that are none of those allowed: "
            "see attacks/networks/latent.py for what it must say"
        )
    return dict(card)


def _script(path: Path) -> torch.jit.ScriptModule:
    try:
        return torch.jit.load(str(path), map_location="cpu").eval()
    except RuntimeError as error:
        raise PedbenchError(
            f"{path} is not a TorchScript file ({one_line(error)}): export it with torch.jit"
        ) from error


def _fitted(image: NDArray[Any], size: tuple[int, int]) -> Pixels:
    return resized(image, size) if image.shape[:2] != size else image.astype(np.float32)
