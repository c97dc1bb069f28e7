"""SAM's encoder block, with padding that costs nothing outside the attention itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from segment_anything.modeling import ImageEncoderViT
from segment_anything.modeling.image_encoder import Attention, Block
from torch import Tensor

from framework.models.attention import FoldedAttention, joined

HELD = 2**19
"""Values that go through the MLP or window attention at once: what lies between stays small."""
HELD_ELSEWHERE = 2**24
"""The same on a GPU, where many small products take longer than a few large ones."""


class FoldedBlock(Block):
    """Drop-in for `segment_anything`'s ``Block``: same parameters, same result.

    Stock SAM pads the border windows with zeros *after* ``norm1`` and drops the padding after
    attention, so the padding acts as keys, all of which are the bias of ``qkv``. Here one zero
    token passes ``qkv`` and stands in for all padding; norms and linear layers see valid tokens
    only.
    """

    attn: FoldedAttention

    def forward(self, x: Tensor) -> Tensor:
        """Run on whole maps. ``x`` and the result: [batch, rows, columns, channels]."""
        if self.training or x.requires_grad:
            return super().forward(x)
        if self.window_size == 0:
            mixed = self.attn.mix(self.attn.qkv(self.norm1(x)))
            return self._fed_forward((x + self.attn.proj(mixed)).flatten(0, 2)).view(x.shape)
        rows_held = self.window_size * max(1, _held(x) // x[0, : self.window_size].numel())
        return joined([self._on_rows(rows) for rows in _split(x, rows_held, 1)], axis=1)

    def _on_rows(self, x: Tensor) -> Tensor:
        """Run a window block on whole rows of windows [batch, rows, columns, channels]."""
        source, slots = map_windows(x.shape[:3], self.window_size, x.device)
        return self.on_windows(x.flatten(0, 2), source, slots).view(x.shape)

    def on_windows(self, tokens: Tensor, source: Tensor, slots: Tensor) -> Tensor:
        """Run a window block on loose tokens.

        Args:
            tokens: valid tokens of all windows in any order, [tokens, channels].
            source: which token stands in each place of each window, [windows, side²]; the number
                of tokens where there is padding.
            slots: the place of each token in the flattened ``source``, [tokens].
        """
        side = self.window_size
        qkv = self.attn.qkv(F.pad(self.norm1(tokens), (0, 0, 0, 1)))
        held = max(1, _held(tokens) // (side * side * tokens.shape[-1]))
        mixed = joined(
            [
                self.attn.mix(qkv[few.flatten()].view(-1, side, side, qkv.shape[-1]))
                for few in _split(source, held)
            ]
        )
        del qkv
        tokens = tokens + self.attn.proj(mixed.flatten(0, 2)[slots])
        return self._fed_forward(tokens)

    def _fed_forward(self, tokens: Tensor) -> Tensor:
        """The second half of the block on tokens [tokens, channels], some at a time."""
        tokens_held = max(1, _held(tokens) // tokens.shape[-1])
        parts = _split(tokens, tokens_held)
        return joined([few + self.mlp(self.norm2(few)) for few in parts])


def _held(x: Tensor) -> int:
    return HELD if x.device.type == "cpu" else HELD_ELSEWHERE


def _split(x: Tensor, size: int, axis: int = 0) -> Sequence[Tensor]:
    """Along an axis; in one piece while compiling, which leaves that size open."""
    return [x] if torch.compiler.is_compiling() else x.split(size, axis)


def on_windows(block: Block, tokens: Tensor, source: Tensor, slots: Tensor) -> Tensor:
    """As `FoldedBlock.on_windows`, for a stock block too, which pads before ``qkv``."""
    if isinstance(block, FoldedBlock):
        return block.on_windows(tokens, source, slots)
    side = block.window_size
    padded = F.pad(block.norm1(tokens), (0, 0, 0, 1))[source.flatten()]
    mixed = block.attn(padded.view(-1, side, side, padded.shape[-1])).flatten(0, 2)[slots]
    tokens = tokens + mixed
    return tokens + block.mlp(block.norm2(tokens))


def loose_windows(shapes: Sequence[Sequence[int]], side: int) -> tuple[Tensor, Tensor]:
    """``source`` and ``slots`` of windows whose valid tokens follow one another.

    Args:
        shapes: valid height and width of each window, tokens.
        side: of a full window.
    """
    height, width = torch.tensor(shapes).T[..., None, None]
    place = torch.arange(side)
    valid = (place[:, None] < height) & (place < width)
    return _inverse(valid.flatten().nonzero()[:, 0], len(shapes), side)


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def map_windows(
    shape: tuple[int, int, int], side: int, device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """``source`` and ``slots`` of whole maps [batch, rows, columns] in row-major order.

    They are kept on ``device``, the CPU unless given: a copy would stop a GPU at every block.
    """
    batch, rows, columns = shape
    across, down = -(-columns // side), -(-rows // side)
    y, x = torch.arange(rows)[:, None], torch.arange(columns)[None]
    window = (y // side) * across + x // side
    within = (y % side) * side + x % side
    first = torch.arange(batch)[:, None, None] * (down * across)
    slots = ((first + window) * side * side + within).flatten()
    source, slots = _inverse(slots, batch * down * across, side)
    return source.to(device), slots.to(device)


def _inverse(slots: Tensor, windows: int, side: int) -> tuple[Tensor, Tensor]:
    source = torch.full((windows * side * side,), len(slots))
    source[slots] = torch.arange(len(slots))
    return source.view(windows, side * side), slots


def fold_attention(encoder: ImageEncoderViT) -> None:
    """Replace every block and its attention of ``encoder``, in place."""
    side = encoder.patch_embed.proj.kernel_size[0]
    grid = encoder.img_size // side
    for block in encoder.blocks:
        size = block.window_size or grid
        attention: Attention = block.attn
        FoldedAttention.convert(attention, (size, size))
        block.__class__ = FoldedBlock
