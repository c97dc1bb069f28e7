"""Which token of the malicious shard is to look at which cell of the hidden windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attacks.features.patches import to_patches
from framework.split.windows import WindowGrid

Flat = NDArray[np.int64]
"""Indices of tokens in the flattened token map."""
Values = NDArray[np.float32]


@dataclass(frozen=True)
class Probes:
    """Tokens that an attacker answers with, each aimed at a cell that the shard was not sent.

    Attributes:
        windows: that the attacker holds.
        tokens: the tokens of those windows, [probes].
        cells: the tokens of each cell, [cells, side²].
        aims: the cell of each probe, [probes].
        side: of a cell, tokens.
    """

    windows: tuple[int, ...]
    tokens: Flat
    cells: Flat
    aims: Flat
    side: int

    @classmethod
    def aim(cls, grid: WindowGrid, windows: Iterable[int], side: int, seed: int = 0) -> Probes:
        """Spread all tokens of some windows over all hidden cells, at random and evenly.

        Args:
            windows: that the attacker holds.
            side: of a cell, tokens; cells that lie in a window held or in the padding are left
                out.
        """
        held = tuple(sorted(windows))
        numbers = np.arange(grid.tokens_per_side**2).reshape(grid.tokens_per_side, -1)
        known = np.zeros(numbers.shape, dtype=bool)
        for index in held:
            known[grid.windows[index].token_slice] = True
        content = [size // grid.patch_size for size in grid.frame_size]
        cells = [
            numbers[y : y + side, x : x + side].ravel()
            for y in range(0, content[0] - side + 1, side)
            for x in range(0, content[1] - side + 1, side)
            if not known[y : y + side, x : x + side].any()
        ]
        tokens = numbers[known]
        order = np.random.default_rng(seed).permutation(len(tokens))
        aims = np.empty(len(tokens), dtype=np.int64)
        aims[order] = np.arange(len(tokens)) % max(len(cells), 1)
        return cls(held, tokens, np.array(cells, np.int64).reshape(-1, side**2), aims, side)

    def shaped(self, values: Values, grid: WindowGrid) -> dict[int, Values]:
        """Values of probes [probes, channels] as windows: index → [height, width, channels]."""
        side = grid.tokens_per_side
        whole = np.zeros((side * side, values.shape[-1]), dtype=np.float32)
        whole[self.tokens] = values
        tokens = whole.reshape(side, side, -1)
        return {index: tokens[grid.windows[index].token_slice] for index in self.windows}

    def read(self, windows: Mapping[int, Values], grid: WindowGrid) -> Values:
        """The tokens of probes [probes, channels] out of windows: the inverse of `shaped`."""
        side = grid.tokens_per_side
        channels = next(iter(windows.values())).shape[-1]
        whole = np.zeros((side, side, channels), dtype=np.float32)
        for index, tokens in windows.items():
            whole[grid.windows[index].token_slice] = tokens
        return whole.reshape(side * side, channels)[self.tokens]

    def colours(self, frame: NDArray[np.uint8], grid: WindowGrid) -> Values:
        """Mean colour of each cell of a frame, uint8 [h, w, 3]: [cells, 3] in 0..255."""
        padded = np.zeros((grid.img_size, grid.img_size, 3), dtype=np.float32)
        padded[: frame.shape[0], : frame.shape[1]] = frame
        patches = to_patches(padded, grid.patch_size)
        means = patches.reshape(grid.tokens_per_side**2, -1, 3).mean(axis=1)
        return means[self.cells].mean(axis=1)
