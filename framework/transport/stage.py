"""What a shard computes: window blocks on the windows it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from framework.models.block import loose_windows
from framework.models.build import PedSam
from framework.split.windows import Window, WindowGrid

Tokens = TypeVar("Tokens", Tensor, NDArray[np.float32])


class WindowStage:
    """Runs SAM's window blocks on loose windows, exactly as the whole encoder would.

    Stock SAM pads the border windows with zeros *after* ``norm1`` in every block and drops the
    padding after attention, so the padding acts as keys. The same happens here, block by block
    (`framework.models.block`); everything outside attention runs on valid tokens only.
    """

    def __init__(self, sam: PedSam) -> None:
        self.sam = sam
        self.encoder = sam.runtime

    @property
    def dtype(self) -> torch.dtype:
        """In which the encoder's tokens are."""
        return self.encoder.dtype

    @property
    def width(self) -> int:
        """Channels of a window's token."""
        return self.sam.arch.width

    @property
    def image_width(self) -> int:
        """Channels of the image embedding."""
        return self.sam.arch.prompt_width

    @torch.inference_mode()
    def run(self, blocks: Sequence[int], windows: Sequence[Tensor]) -> list[Tensor]:
        """Run consecutive window ``blocks``.

        Args:
            blocks: indices of window blocks, in order.
            windows: tokens of each window, [height, width, channels], valid extent only.

        Returns:
            The windows after the last block, in the same shapes.
        """
        return self.through(blocks, windows)

    def through(self, blocks: Sequence[int], windows: Sequence[Tensor]) -> list[Tensor]:
        """`run`, with gradients where PyTorch keeps them."""
        side = self.sam.arch.window_size
        shapes = [window.shape for window in windows]
        tokens = torch.cat([window.flatten(0, 1) for window in windows])
        source, slots = loose_windows([shape[:2] for shape in shapes], side)
        source, slots = source.to(tokens.device), slots.to(tokens.device)
        tokens = self.encoder.windows(blocks, tokens, source, slots)
        parts = tokens.split([shape[0] * shape[1] for shape in shapes])
        return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]

    @torch.inference_mode()
    def embed(self, window: Window, pixels: NDArray[np.uint8]) -> Tensor:
        """Embed a window's pixels: uint8 [h, w, 3] → tokens [height, width, channels].

        Pixels outside the photo are SAM's padding: zero after normalisation.
        """
        patch = self.sam.arch.patch_size
        size = (3, window.height * patch, window.width * patch)
        canvas = torch.zeros(size, device=self.sam.device, dtype=self.dtype)
        if pixels.size:
            values = torch.as_tensor(pixels, device=self.sam.device).permute(2, 0, 1)
            normal = (values - self.sam.pixel_mean) / self.sam.pixel_std
            canvas[:, : pixels.shape[0], : pixels.shape[1]] = normal
        tokens = self.encoder.patches(canvas[None])[0]
        return tokens + self.encoder.positions[0][window.token_slice]


def cut(tokens: Tokens, grid: WindowGrid) -> list[Tokens]:
    """Cut a token map [rows, columns, channels] into windows of valid extent."""
    return [tokens[window.token_slice] for window in grid.windows]


def merge(windows: Sequence[Tensor], grid: WindowGrid) -> Tensor:
    """Put windows back together: the inverse of `cut`."""
    side = grid.tokens_per_side
    tokens = windows[0].new_empty(side, side, windows[0].shape[-1])
    for window, part in zip(grid.windows, windows, strict=True):
        tokens[window.token_slice] = part
    return tokens


def moved(parts: Sequence[Tensor], device: torch.device, dtype: torch.dtype) -> list[Tensor]:
    """The same on a device and of a type; what lies elsewhere is carried over in one go."""
    away = [part for part in parts if part.device.type != device.type]
    if not away:
        return [part.to(dtype) for part in parts]
    flat = torch.cat([part.flatten() for part in away]).to(device, dtype)
    carried = iter(flat.split([part.numel() for part in away]))
    return [
        part.to(dtype) if part.device.type == device.type else next(carried).view(part.shape)
        for part in parts
    ]
