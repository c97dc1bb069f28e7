"""How well tokens of each depth determine pixels, locally: why descent stalls behind global blocks.

``python -m studies.attacks.conditioning --data SPEC [--limit 3] [--out DIR]``

The Jacobian of all tokens of a picture with respect to the pixels of one patch in its middle, by
differences in double precision. ``condition`` is its largest singular value over its smallest:
about as many steps as conjugate directions need in the worst case. ``directions`` is how many
singular values have at least 1 % of the largest; ``elsewhere`` the share of squared change in other
windows than the patch's own. ``nonlinear`` is what the linear map misses, relative to what it says,
where the whole picture is off by as much as ridge leaves. Medians over photos.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from attacks.features.token_maps import square
from attacks.solvers.forward import Forward, encoder_state
from bench.datasets import open_dataset
from bench.runner.models import Models
from framework.split.windows import WindowGrid
from framework.transport.stage import cut, merge
from studies.command import exit_with
from studies.scored import add_photo_flags, sent
from studies.table import write_table

RIDGE_ERROR = 8.0
"""Root mean square error that ridge leaves behind the first global block, grey levels."""
STEP = 1e-3
"""Of a difference, grey levels."""
RELEVANT = 0.01


class Depths(Forward):
    """Pixels to the tokens of every stage."""

    def stages(self, picture: Tensor) -> list[Tensor]:
        """Tokens before each block and after the last, [rows, columns, channels] each.

        Args:
            picture: as in `Forward`.
        """
        tokens = [self._embed(picture)]
        for index in self.blocks:
            if self._is_local(index):
                windows = self.stage.through([index], cut(tokens[-1], self.grid))
                tokens.append(merge(windows, self.grid))
            else:
                tokens.append(self.encoder.maps([index], tokens[-1][None])[0])
        return tokens


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    data = open_dataset(options.data).limit(options.limit)
    models = Models(options.model)
    frames = [sent(models, data.load(name), (0,)).frame for name in data.ids]
    rows = [row for frame in frames for row in conditions(models, frame)]
    table = pd.DataFrame(rows).groupby("stage").median().reset_index()
    title = f"Pixels by tokens, locally, {options.model}, {len(frames)} photos of {data.name}"
    write_table(table, "conditioning", title, options.out)
    return 0


@torch.inference_mode()
def conditions(models: Models, frame: NDArray[np.uint8]) -> Iterator[dict[str, float]]:
    """One row per stage of one photo, uint8 [h, w, 3]."""
    arch = models.sam.arch
    grid = WindowGrid.of(arch, (frame.shape[0], frame.shape[1]))
    forward = Depths(_doubled(encoder_state(models.sam, "interleaved", arch.depth)), grid)
    picture = square(frame, grid.img_size)[0].double()
    top, left = (side // 2 // grid.patch_size for side in grid.frame_size)
    start = forward.stages(picture)
    jacobians = _jacobians(forward, picture, start, (top, left))
    error = RIDGE_ERROR * torch.randn(
        picture.shape, generator=torch.Generator().manual_seed(0), dtype=torch.double
    )
    missed, linear = forward.stages(picture + error), forward.stages(picture + STEP * error)
    home = next(
        w for w in grid.windows if _within(top, w.top, w.height) and _within(left, w.left, w.width)
    )
    for stage, jacobian in enumerate(jacobians):
        values = torch.linalg.eigvalsh(jacobian.flatten(1) @ jacobian.flatten(1).T).clamp(min=0)
        values = values.flip(0).sqrt()
        along = (linear[stage] - start[stage]) / STEP
        own = jacobian[(slice(None), *home.token_slice)].square().sum()
        yield {
            "stage": stage,
            "largest": float(values[0]),
            "condition": float(values[0] / values[-1]),
            "directions": float((values > RELEVANT * values[0]).sum()),
            "elsewhere": float(1 - own / jacobian.square().sum()),
            "nonlinear": float((missed[stage] - start[stage] - along).norm() / along.norm()),
        }


def _jacobians(
    forward: Depths, picture: Tensor, start: Sequence[Tensor], patch: tuple[int, int]
) -> Iterator[Tensor]:
    """For each stage, what one grey level in each value of a patch changes: [values, *tokens]."""
    side = forward.grid.patch_size
    rows, columns = (slice(place * side, (place + 1) * side) for place in patch)
    changes: list[list[Tensor]] = [[] for _ in start]
    for place in np.ndindex(3, side, side):
        moved = picture.clone()
        moved[:, rows, columns][place] += STEP
        for kept, before, after in zip(changes, start, forward.stages(moved), strict=True):
            kept.append(((after - before) / STEP).float())
    return (torch.stack(kept).double() for kept in changes)


def _doubled(state: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {
        name: value.astype(np.float64) if value.dtype == np.float32 else value
        for name, value in state.items()
    }


def _within(place: int, start: int, length: int) -> bool:
    return start <= place < start + length


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add_photo_flags(parser)
    parser.set_defaults(limit=3)
    parser.add_argument("--out", type=Path, help="write the table to this folder")
    return parser


if __name__ == "__main__":
    exit_with(main, "studies.attacks.conditioning")
