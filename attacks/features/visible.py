"""The cheapest estimate of the windows that were seen at stage 0: copied, or inverted linearly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attacks.features.canvas import Canvas
from attacks.features.patches import from_patches
from framework.models.build import PedSam
from framework.split.observation import Observation

MATRIX, OFFSET, MEAN = "inverse.matrix", "inverse.offset", "inverse.mean"


def patch_inverse(sam: PedSam | None) -> dict[str, NDArray[Any]]:
    """The pseudo-inverse of the patch embedding; nothing when the weights are secret.

    Pixels = ``MEAN`` + (token − ``OFFSET``) · ``MATRIX``. Exact where the embedding has full rank
    in pixels, i.e. where a token is at least as wide as a patch has values.

    Returns:
        ``MATRIX`` [channels, patch values], ``OFFSET`` [rows, columns, channels] (bias and position
        embedding), ``MEAN`` [patch values]; pixels in 0..255.
    """
    if sam is None:
        return {}
    weight, bias = (part.numpy() for part in sam.runtime.patch_map())
    pixels = weight.shape[1] // 3
    spread = np.tile(sam.pixel_std.cpu().numpy().ravel(), pixels)
    position = sam.runtime.positions[0].detach().cpu().numpy()
    return {
        MATRIX: np.ascontiguousarray(np.linalg.pinv(weight).T * spread, dtype=np.float32),
        OFFSET: position + bias.astype(position.dtype),
        MEAN: np.tile(sam.pixel_mean.cpu().numpy().ravel(), pixels).astype(np.float32),
    }


def visible_canvas(observation: Observation, learned: Mapping[str, NDArray[Any]]) -> Canvas:
    """What the observation shows at stage 0.

    Args:
        observation: pixel payloads are copied, embedded patches inverted.
        learned: holds what `patch_inverse` returned.
    """
    windows: dict[int, NDArray[Any]] = dict(observation.pixels())
    if MATRIX in learned:
        windows |= {
            index: _invert(observation, index, tokens, learned)
            for index, tokens in observation.tokens(0).items()
            if observation.grid.windows[index].has_content
        }
    return Canvas.paint(observation.grid, windows)


def _invert(
    observation: Observation,
    index: int,
    tokens: NDArray[np.float32],
    learned: Mapping[str, NDArray[Any]],
) -> NDArray[np.float32]:
    place = observation.grid.windows[index].token_slice
    patches = learned[MEAN] + (tokens - learned[OFFSET][place]) @ learned[MATRIX]
    return from_patches(patches, observation.patch_size)
