"""Inpainting by LaMa (Suvorov et al., WACV 2022), from the user's own TorchScript file."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from attacks.base import ATTACKS, Unlearnable
from attacks.controls.swapped_twin import register_swapped
from attacks.features.canvas import Canvas, Pixels
from attacks.features.completion import Completion
from framework.errors import PedbenchError, one_line

FILE = "PEDBENCH_LAMA"
MULTIPLE = 8
"""LaMa takes pictures whose sides are multiples of this."""


@ATTACKS.register("lama")
class Lama(Completion):
    """Fills hidden windows by a TorchScript of LaMa, at full size.

    The file is named by the environment variable ``PEDBENCH_LAMA``. It maps a picture
    [1, 3, h, w] in 0..1 and a mask [1, 1, h, w], 1 where to fill, to the filled picture in 0..1.
    Whether its training photos are disjoint from the scored ones is the user's to know.
    """

    summary = f"visible windows inverted, hidden ones by LaMa, a TorchScript file in ${FILE}"
    kind = "inpainting"

    @classmethod
    def user_files(cls) -> list[Path]:
        name = os.environ.get(FILE, "")
        return [Path(name)] if name and Path(name).is_file() else []

    def fill(self, canvas: Canvas) -> Pixels:
        model = _model()
        height, width = canvas.known.shape
        padding = (0, -width % MULTIPLE, 0, -height % MULTIPLE)
        pixels = torch.from_numpy(canvas.pixels).permute(2, 0, 1)[None] / 255
        mask = torch.from_numpy(~canvas.known)[None, None].float()
        try:
            with torch.inference_mode():
                filled = model(
                    F.pad(pixels, padding, mode="replicate"), F.pad(mask, padding, mode="replicate")
                )
        except RuntimeError as error:
            raise PedbenchError(
                f"the file in {FILE} is not LaMa as this adapter knows it ({one_line(error)}): "
                "give one that takes a picture and a mask"
            ) from error
        picture = 255 * filled[0, :, :height, :width].clamp(0, 1).permute(1, 2, 0)
        return np.ascontiguousarray(picture.numpy(), dtype=np.float32)


def _model() -> torch.jit.ScriptModule:
    name = os.environ.get(FILE, "")
    if not name or not Path(name).is_file():
        raise Unlearnable(f"attack 'lama' needs a TorchScript file of LaMa: set {FILE} to its path")
    return _loaded(name, Path(name).stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _loaded(name: str, _: int) -> torch.jit.ScriptModule:
    """The network of a file, which is read once unless it changes."""
    try:
        return torch.jit.load(name, map_location="cpu").eval()
    except RuntimeError as error:
        raise PedbenchError(
            f"{name} is not a TorchScript file ({one_line(error)}): set {FILE} to one of LaMa"
        ) from error


register_swapped(Lama)
