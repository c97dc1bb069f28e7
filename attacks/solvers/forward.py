"""The encoder's first blocks as a differentiable function of pixels, rebuilt from named arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from framework.models.build import PIXEL_MEAN, PIXEL_STD, PedSam, assemble
from framework.models.named import architecture
from framework.split.plans import make_plan
from framework.split.windows import Window, WindowGrid
from framework.transport.stage import WindowStage, cut, merge

WEIGHTS = "encoder."


def encoder_state(sam: PedSam, plan: str, stage: int) -> dict[str, NDArray[Any]]:
    """What `Forward` needs to know of ``sam``: its embedding and the blocks before ``stage``."""
    blocks = blocks_before(sam, plan, stage)
    needed = sam.runtime.weights_of(blocks)
    state = {
        WEIGHTS + name: value.cpu().numpy()
        for name, value in sam.image_encoder.state_dict().items()
        if name.startswith(needed)
    }
    name = np.frombuffer(sam.arch.name.encode(), dtype=np.uint8)
    return state | {"arch": name, "blocks": np.array(blocks, dtype=np.int64)}


def blocks_before(sam: PedSam, plan: str, stage: int) -> list[int]:
    """The blocks that run before block ``stage``, in the order of ``plan``."""
    order = [block for step in make_plan(plan, sam.arch).steps for block in step.blocks]
    return order[: order.index(stage)] if stage in order else order


class Forward:
    """Pixels to the tokens of a stage, with gradients.

    Args:
        state: holds what `encoder_state` returned.
        grid: of the picture.

    Attributes:
        local: whether only window blocks run, so that each window's tokens are its own.
    """

    def __init__(self, state: Mapping[str, NDArray[Any]], grid: WindowGrid) -> None:
        name = state["arch"].tobytes().decode()
        with torch.device("meta"):
            sam = assemble(architecture(name))
        own = {
            name.removeprefix(WEIGHTS): torch.as_tensor(values)
            for name, values in state.items()
            if name.startswith(WEIGHTS)
        }
        sam.image_encoder.load_state_dict(own, strict=False, assign=True)
        sam.runtime.fold()
        sam.image_encoder.eval().requires_grad_(False)
        self.encoder, self.arch = sam.runtime, sam.arch
        self.stage = WindowStage(sam)
        self.blocks = [int(index) for index in state["blocks"]]
        self.grid = grid
        self.local = all(self._is_local(index) for index in self.blocks)
        self.mean = torch.tensor(PIXEL_MEAN)[:, None, None]
        self.std = torch.tensor(PIXEL_STD)[:, None, None]
        self.inside = torch.zeros(1, grid.img_size, grid.img_size)
        self.inside[:, : grid.frame_size[0], : grid.frame_size[1]] = 1

    def __call__(self, picture: Tensor, windows: Sequence[int]) -> list[Tensor]:
        """Tokens of some windows, [height, width, channels] each.

        Args:
            picture: 0..255, [3, img_size, img_size]; what lies outside the photo counts as SAM's
                padding.
            windows: indices; where `local`, no other window is computed.
        """
        tokens = self._embed(picture)
        if self.local:
            parts = [tokens[self.grid.windows[index].token_slice] for index in windows]
            return self.stage.through(self.blocks, parts) if self.blocks else parts
        for index in self.blocks:
            if self._is_local(index):
                tokens = merge(self.stage.through([index], cut(tokens, self.grid)), self.grid)
            else:
                tokens = self.encoder.maps([index], tokens[None])[0]
        return [tokens[self._window(index).token_slice] for index in windows]

    def _embed(self, picture: Tensor) -> Tensor:
        normal = (picture - self.mean) / self.std * self.inside
        return self.encoder.embed(normal[None])[0]

    def _is_local(self, index: int) -> bool:
        return index not in self.arch.global_blocks

    def _window(self, index: int) -> Window:
        return self.grid.windows[index]
