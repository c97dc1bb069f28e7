"""Everything a coalition saw, as maps over the whole picture, and coalitions to practise on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attacks.features.patches import window_patches
from framework.split.observation import Observation
from framework.split.payload import PIXELS
from framework.split.policies import POLICIES
from framework.split.windows import WindowGrid

POLICIES_TRIED = ("random", "strided", "contiguous")
SHARDS_TRIED = (2, 4, 9, 25)
PADDING_ONLY = 0.1
"""Share of practice coalitions that hold windows in SAM's padding and nothing else."""
COLOUR_UNIT = 64.0
"""Grey levels in which errors count where nothing but a mean colour is known."""


@dataclass(frozen=True)
class Pictures:
    """A batch of pictures, padded to the model's square input, as a coalition has them, in cells.

    Attributes:
        tokens: standardised, zero where not held: one [n, channels, rows, columns] a stage.
        held: 1 where the stage's tokens are held, [n, stages, rows, columns].
        inside: 1 where there is some of the photo, [n, 1, cells down, cells across]; see
            `attacks.features.cells`.
        known: 1 where the linear inverse shows the photo, same shape.
        base: the linear inverse there and a colour elsewhere, 0..255, [n, 3, ...].
    """

    tokens: Sequence[Tensor]
    held: Tensor
    inside: Tensor
    known: Tensor
    base: Tensor

    def unit(self, error: float) -> Tensor:
        """What a correction of 1 means, grey levels, where the linear inverse errs by ``error``."""
        return torch.where(self.known > 0, error, COLOUR_UNIT)

    @classmethod
    def joined(cls, parts: Sequence[Pictures]) -> Pictures:
        """Several batches as one."""
        stages = zip(*(part.tokens for part in parts), strict=True)
        return cls(
            [torch.cat(stage) for stage in stages],
            *(
                torch.cat([getattr(part, name) for part in parts])
                for name in ("held", "inside", "known", "base")
            ),
        )

    def to(self, device: str) -> Pictures:
        """The same on another device."""
        maps = (self.held, self.inside, self.known, self.base)
        return Pictures([t.to(device) for t in self.tokens], *(m.to(device) for m in maps))


def token_map(
    observation: Observation, stage: int, position: NDArray[np.float32]
) -> tuple[NDArray[np.float32] | None, NDArray[np.bool_]]:
    """What arrived at ``stage``, windows in the padding included.

    Args:
        position: taken off the tokens, [rows, columns, channels] or nothing, [1].

    Returns:
        Tokens, or patches in 0..255 where pixels were sent, [rows, columns, channels], zero where
        nothing arrived (``None`` when nothing did); and where something did, bool [rows, columns].
    """
    grid, side = observation.grid, observation.patch_size
    held = np.zeros((grid.tokens_per_side, grid.tokens_per_side), dtype=bool)
    values: NDArray[np.float32] | None = None
    for message in observation.messages:
        if message.stage != stage:
            continue
        window = grid.windows[message.window]
        if message.sent.codec == PIXELS:
            part = window_patches(message.sent.data.astype(np.uint8), window, side)
        else:
            tokens = message.sent.decode()
            part = tokens - (position[window.token_slice] if position.ndim > 1 else 0)
        if values is None:
            values = np.zeros((*held.shape, part.shape[-1]), dtype=np.float32)
        values[window.token_slice] = part
        held[window.token_slice] = True
    return values, held


def practice(grid: WindowGrid, rng: np.random.Generator) -> list[int]:
    """The windows of a random coalition, of a random policy and number of shards."""
    padding = [window.index for window in grid.windows if not window.has_content]
    if padding and rng.random() < PADDING_ONLY:
        return [i for i in padding if rng.random() < 0.5] or padding[:1]
    shards = min(int(rng.choice(SHARDS_TRIED)), len(grid.windows))
    policy = POLICIES.get(str(rng.choice(POLICIES_TRIED)))(int(rng.integers(2**31)))
    owners = policy.assign(grid, shards)
    members = set(rng.permutation(shards)[: rng.integers(1, shards + 1)].tolist())
    return [index for index, owner in enumerate(owners) if owner in members]


def token_mask(grid: WindowGrid, windows: Sequence[int]) -> NDArray[np.bool_]:
    """Which tokens the windows hold, bool [rows, columns]."""
    mask = np.zeros((grid.tokens_per_side, grid.tokens_per_side), dtype=bool)
    for index in windows:
        mask[grid.windows[index].token_slice] = True
    return mask


def square(image: NDArray[np.generic], side: int) -> Tensor:
    """An image [h, w, channels] padded with zeros to [1, channels, side, side], float32."""
    padded = np.zeros((side, side, image.shape[2]), dtype=np.float32)
    padded[: image.shape[0], : image.shape[1]] = image
    return torch.from_numpy(padded).permute(2, 0, 1)[None].contiguous()
