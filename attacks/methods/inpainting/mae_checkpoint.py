"""Inpainting by a masked autoencoder (He et al., CVPR 2022), from the user's own checkpoint."""

from __future__ import annotations

import os
import pickle
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from attacks.base import ATTACKS, Unlearnable
from attacks.controls.swapped_twin import register_swapped
from attacks.features.canvas import Canvas, Pixels
from attacks.features.completion import Completion
from attacks.features.public_examples import resized
from attacks.methods.inpainting.classic import pyramid
from attacks.networks.mae import MaskedAutoencoder
from framework.errors import PedbenchError, one_line
from framework.models.build import PIXEL_MEAN, PIXEL_STD

FILE = "PEDBENCH_MAE"


@ATTACKS.register("mae_checkpoint")
class MaeCheckpoint(Completion):
    """Fills hidden patches by a masked autoencoder, the frame being stretched to its square input.

    The environment variable ``PEDBENCH_MAE`` names a checkpoint of
    https://github.com/facebookresearch/mae that predicts pixels, ``mae_visualize_vit_*.pth``; those
    trained for normalised pixels give no sensible colours. A patch of which at least half is known
    counts as visible, what it lacks being filled by push-pull. Whether its training photos are
    disjoint from the scored ones is the user's to know.
    """

    summary = f"visible windows inverted, hidden ones by an MAE, a checkpoint in ${FILE}"
    kind = "inpainting"

    @classmethod
    def user_files(cls) -> list[Path]:
        name = os.environ.get(FILE, "")
        return [Path(name)] if name and Path(name).is_file() else []

    def fill(self, canvas: Canvas) -> Pixels:
        network = _model()
        mean, std = (torch.tensor(each)[:, None, None] for each in (PIXEL_MEAN, PIXEL_STD))
        base = pyramid(canvas.pixels, canvas.known[..., None].astype(np.float32))
        visible = _visible(canvas, network.side, network.patch)
        if not visible.any():
            return base
        picture = torch.from_numpy(resized(base, (network.side, network.side))).permute(2, 0, 1)
        with torch.inference_mode():
            filled = network(((picture - mean) / std)[None], torch.from_numpy(visible))[0]
        filled = (filled * std + mean).clamp(0, 255).permute(1, 2, 0).numpy()
        return resized(np.ascontiguousarray(filled), canvas.known.shape)


def _visible(canvas: Canvas, side: int, patch: int) -> np.ndarray:
    """Which patches of the square are known to at least half, bool [patches], row by row."""
    known = np.repeat(canvas.known[..., None], 3, axis=2)
    share = resized(known, (side, side))[..., 0]
    cells = share.reshape(side // patch, patch, side // patch, patch)
    return (cells.mean(axis=(1, 3)) >= 0.5).ravel()


def _model() -> MaskedAutoencoder:
    name = os.environ.get(FILE, "")
    if not name or not Path(name).is_file():
        raise Unlearnable(
            f"attack 'mae_checkpoint' needs a checkpoint of MAE: set {FILE} to its path"
        )
    return _loaded(name, Path(name).stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _loaded(name: str, _: int) -> MaskedAutoencoder:
    """The network of a file, which is read once unless it changes."""
    try:
        content = torch.load(name, map_location="cpu", weights_only=True)
        return MaskedAutoencoder.of(content.get("model", content))
    except (RuntimeError, KeyError, AttributeError, ValueError, pickle.UnpicklingError) as error:
        raise PedbenchError(
            f"{name} is no checkpoint of MAE as this adapter knows it ({one_line(error)}): "
            f"set {FILE} to a mae_visualize_vit_*.pth"
        ) from error


register_swapped(MaeCheckpoint)
