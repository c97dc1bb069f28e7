"""SAM's attention with decomposed relative position, without the N×N bias.

Stock SAM adds ``R_h q`` and ``R_w q`` to every attention logit. With
``q' = [scale·q, R_h q, R_w q]`` and ``k' = [k, onehot(row), onehot(column)]`` the product
``q'·k'`` equals the biased logits, so a fused attention kernel gives the stock result and the
bias is never stored (Li et al., MViTv2, eq. 4; Kirillov et al., SAM, appendix A).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from segment_anything.modeling.image_encoder import Attention, ImageEncoderViT
from torch import Tensor

FUSED_FROM_TOKENS = 256
"""Below this many tokens a plain product is faster than the fused kernel (measured on CPU)."""


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
        batch, height, width, _ = x.shape
        tokens = height * width
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.num_heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        grid_q = q.reshape(batch, self.num_heads, height, width, -1)
        rel_h = torch.einsum("bnhwc,hkc->bnhwk", grid_q, self.rel_pos_h[self.offsets_h].to(q.dtype))
        rel_w = torch.einsum("bnhwc,wkc->bnhwk", grid_q, self.rel_pos_w[self.offsets_w].to(q.dtype))
        position_q = torch.cat([rel_h, rel_w], dim=-1).flatten(2, 3)
        position_k = self.position_key.to(q.dtype).expand(batch, self.num_heads, -1, -1)
        q = torch.cat([q * self.scale, position_q], dim=-1)
        k = torch.cat([k, position_k], dim=-1)
        x = _attend(q, k, v).transpose(1, 2).reshape(batch, height, width, -1)
        return self.proj(x)


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q kᵀ) v with unscaled logits; all [batch, heads, tokens, channels]."""
    if q.shape[2] < FUSED_FROM_TOKENS or _in_cpu_training(q):
        return (q @ k.transpose(-1, -2)).softmax(dim=-1) @ v
    channels = v.shape[-1]
    padded = F.pad(v, (0, q.shape[-1] - channels))
    return F.scaled_dot_product_attention(q, k, padded, scale=1.0)[..., :channels]


def _in_cpu_training(q: Tensor) -> bool:
    """Forward and backward of a plain bfloat16 product take a third of the fused ones on CPU."""
    return q.requires_grad and q.dtype == torch.bfloat16 and q.device.type == "cpu"


def fold_attention(encoder: ImageEncoderViT) -> None:
    """Replace every attention of ``encoder``, in place."""
    side = encoder.patch_embed.proj.kernel_size[0]
    grid = encoder.img_size // side
    for block in encoder.blocks:
        size = block.window_size or grid
        FoldedAttention.convert(block.attn, (size, size))
