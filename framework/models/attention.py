"""SAM's attention with decomposed relative position, without the N×N bias of all heads.

Stock SAM adds ``R_h q`` and ``R_w q`` to every attention logit. Three ways give the same result;
`framework.models.kernels` chooses among them:

- *plain*: stock's products, a few heads at a time.
- *folded* and *fused*: with ``q' = [scale·q, R_h q, R_w q]`` and
  ``k' = [k, onehot(row), onehot(column)]`` the product ``q'·k'`` equals the biased logits, so a
  fused kernel needs no bias (Li et al., MViTv2, eq. 4; Kirillov et al., SAM, appendix A). The
  product is wider by rows + columns.
- *chunked*: the bias of a few queries at a time is given to the fused kernel as a mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
import torch.nn.functional as F
from segment_anything.modeling.image_encoder import Attention
from torch import Tensor

from framework.models.kernels import Kernel, Work, choose, free_memory, maps_held

FLASH_STEP = 8
"""Heads of a flash kernel are so many channels wide, or a multiple."""

HELD = 2**22
"""Values of the bias that are held at once (measured on CPU)."""


class FoldedAttention(Attention):
    """Drop-in for `segment_anything`'s ``Attention``: same parameters, same result."""

    offsets_h: Tensor
    offsets_w: Tensor
    position_key: Tensor

    @classmethod
    def convert(cls, stock: Attention, grid: tuple[int, int]) -> FoldedAttention:
        """Turn ``stock``, which attends over ``grid`` (rows, columns) tokens, into this class."""
        stock.__class__ = cls
        rows, columns = torch.arange(grid[0]), torch.arange(grid[1])
        key = torch.cat(
            [
                F.one_hot(rows, grid[0]).repeat_interleave(grid[1], 0),
                F.one_hot(columns, grid[1]).repeat(grid[0], 1),
            ],
            dim=1,
        )
        constants = {
            "offsets_h": rows[:, None] - rows[None, :] + grid[0] - 1,
            "offsets_w": columns[:, None] - columns[None, :] + grid[1] - 1,
            "position_key": key.float(),
        }
        for name, value in constants.items():
            stock.register_buffer(name, value, persistent=False)
        return stock

    def forward(self, x: Tensor) -> Tensor:
        """Attend within each map. ``x`` and the result: [batch, rows, columns, channels]."""
        return self.proj(self.mix(self.qkv(x)))

    def mix(self, qkv: Tensor) -> Tensor:
        """What stands between the two projections.

        Args:
            qkv: [batch, rows, columns, 3·channels].

        Returns:
            [batch, rows, columns, channels].
        """
        batch, height, width, _ = qkv.shape
        q, k, v, table_h, table_w = self.parts(qkv)
        work, free = Work.of(q, height + width), free_memory(q.device)
        kernel = choose(work, free)
        if kernel is Kernel.PLAIN:
            mixed = plain(q, k, v, table_h, table_w, maps_held(work, free))
        elif kernel is Kernel.CHUNKED:
            mixed = in_chunks(q, k, v, table_h, table_w)
        else:
            position_q = torch.cat(positions(q, table_h, table_w), dim=-1)
            way = fused if kernel is Kernel.FUSED else folded
            mixed = way(q, k, v, position_q, self.position_key)
        return mixed.transpose(1, 2).reshape(batch, height, width, -1)

    def parts(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """``q``, ``k``, ``v`` and the tables of relative positions as `in_chunks` takes them."""
        batch, height, width, _ = qkv.shape
        parts = qkv.reshape(batch, height * width, 3, self.num_heads, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        table_h = self.rel_pos_h[self.offsets_h].to(q.dtype)
        table_w = self.rel_pos_w[self.offsets_w].to(q.dtype)
        return q, k, v, table_h, table_w


def positions(q: Tensor, table_h: Tensor, table_w: Tensor) -> tuple[Tensor, Tensor]:
    """``R_h q`` and ``R_w q`` of queries that fill whole rows.

    Args:
        q: [batch, heads, tokens, channels].
        table_h: relative positions of the queries' rows, [query rows, rows, channels].
        table_w: [columns, columns, channels].

    Returns:
        [batch, heads, tokens, rows] and [batch, heads, tokens, columns].
    """
    grid_q = q.unflatten(2, (len(table_h), len(table_w)))
    rel_h = torch.einsum("bnhwc,hkc->bnhwk", grid_q, table_h)
    rel_w = torch.einsum("bnhwc,wkc->bnhwk", grid_q, table_w)
    return rel_h.flatten(2, 3), rel_w.flatten(2, 3)


def plain(
    q: Tensor, k: Tensor, v: Tensor, table_h: Tensor, table_w: Tensor, held: int | None = None
) -> Tensor:
    """Attention by stock's products, the logits of ``held`` heads of maps at a time, or of all.

    Args:
        q, k, v: [batch, heads, tokens, channels].
        table_h, table_w: relative positions, [rows, rows, channels] and [columns, columns, …].
    """
    maps = [part.flatten(0, 1) for part in (q, k, v, *positions(q, table_h, table_w))]
    if held is None:
        return _plain(*maps).view(v.shape)
    parts = zip(*(part.split(held) for part in maps), strict=True)
    return joined([_plain(*part) for part in parts]).view(v.shape)


def _plain(q: Tensor, k: Tensor, v: Tensor, rel_h: Tensor, rel_w: Tensor) -> Tensor:
    """`plain` on maps [maps, tokens, …]."""
    logits = (rel_h[..., :, None] + rel_w[..., None, :]).flatten(2)
    logits.baddbmm_(q, k.transpose(1, 2), alpha=q.shape[-1] ** -0.5)
    return logits.softmax(dim=-1) @ v


def folded(q: Tensor, k: Tensor, v: Tensor, position_q: Tensor, position_k: Tensor) -> Tensor:
    """Attention with the bias folded into one plain product.

    Args:
        q, k, v: [batch, heads, tokens, channels].
        position_q: ``R_h q`` and ``R_w q``, [batch, heads, tokens, rows + columns].
        position_k: one-hot rows and columns, [tokens, rows + columns].
    """
    wide_q, wide_k = _widened(q, k, position_q, position_k)
    return (wide_q @ wide_k.transpose(-1, -2)).softmax(dim=-1) @ v


def fused(q: Tensor, k: Tensor, v: Tensor, position_q: Tensor, position_k: Tensor) -> Tensor:
    """As `folded`, by a fused kernel on heads as wide as flash kernels take them."""
    wide_q, wide_k = _widened(q, k, position_q, position_k)
    channels, width = v.shape[-1], wide_q.shape[-1]
    lacking = -width % FLASH_STEP
    if lacking:
        wide_q, wide_k = F.pad(wide_q, (0, lacking)), F.pad(wide_k, (0, lacking))
    wide_v = F.pad(v, (0, width + lacking - channels))
    return F.scaled_dot_product_attention(wide_q, wide_k, wide_v, scale=1.0)[..., :channels]


def _widened(q: Tensor, k: Tensor, position_q: Tensor, position_k: Tensor) -> tuple[Tensor, Tensor]:
    """Queries and keys whose product is the biased logits."""
    position_k = position_k.to(q.dtype).expand(*k.shape[:2], -1, -1)
    scaled = q * q.shape[-1] ** -0.5
    return torch.cat([scaled, position_q], dim=-1), torch.cat([k, position_k], dim=-1)


def in_chunks(q: Tensor, k: Tensor, v: Tensor, table_h: Tensor, table_w: Tensor) -> Tensor:
    """Attention with the bias of a few heads and rows of queries at a time, about `HELD` values.

    The fused kernel is fastest on many queries of few heads.

    Args:
        q, k, v: [batch, heads, tokens, channels].
        table_h, table_w: relative positions, [rows, rows, channels] and [columns, columns, …].
    """
    rows, columns = len(table_h), len(table_w)
    of_a_row = columns * rows * columns
    rows_held = min(rows, max(1, HELD // of_a_row))
    heads_held = max(1, HELD // (of_a_row * rows_held))
    mixed = torch.empty_like(v, memory_format=torch.contiguous_format)
    bias = q.new_empty(1, min(q.shape[1], heads_held), rows_held * columns, rows, columns)
    starts = product(range(q.shape[0]), range(0, q.shape[1], heads_held), range(0, rows, rows_held))
    for image, head, row in starts:
        of = slice(image, image + 1), slice(head, head + heads_held)
        part = *of, slice(row * columns, (row + rows_held) * columns)
        rel_h, rel_w = positions(q[part], table_h[row : row + rows_held], table_w)
        here = bias[:, : rel_h.shape[1], : rel_h.shape[2]]
        torch.add(rel_h[..., :, None], rel_w[..., None, :], out=here)
        mixed[part] = F.scaled_dot_product_attention(
            q[part], k[of], v[of], attn_mask=here.flatten(3)
        )
    return mixed


def joined(parts: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Along an axis; a single part as it is."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=axis)
