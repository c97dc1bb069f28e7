"""A masked autoencoder that takes the weights of the original (He et al., CVPR 2022).

Written from the paper; parameters bear the names of the checkpoints at
https://github.com/facebookresearch/mae.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import count as numbers
from itertools import takewhile

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEADS = {768: 12, 1024: 16, 1280: 16}
"""Attention heads by width of the encoder (ViT-B, -L, -H)."""
HEAD_WIDTH = 64
DECODER_HEAD_WIDTH = 32
EPSILON = 1e-6


class Attention(nn.Module):
    """Self-attention with one projection for queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(*parts.unbind())
        return self.proj(mixed.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """Two layers with a GELU between them."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """A transformer block that normalises first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, EPSILON)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, EPSILON)
        self.mlp = Mlp(width, 4 * width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    """Patches to tokens: [n, 3, h, w] → [n, patches, width]."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x).flatten(2).transpose(1, 2)


class MaskedAutoencoder(nn.Module):
    """Encodes visible patches, decodes all.

    Args:
        width, depth: of the encoder.
        decoder_width, decoder_depth: of the decoder.
        patch: side, pixels.
        patches: in a picture, which is square.
    """

    def __init__(
        self,
        width: int,
        depth: int,
        decoder_width: int,
        decoder_depth: int,
        patch: int,
        patches: int,
    ) -> None:
        super().__init__()
        self.patch, self.side = patch, math.isqrt(patches) * patch
        heads = HEADS.get(width, max(1, width // HEAD_WIDTH))
        decoder_heads = max(1, decoder_width // DECODER_HEAD_WIDTH)
        self.patch_embed = PatchEmbed(width, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, patches + 1, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, EPSILON)
        self.decoder_embed = nn.Linear(width, decoder_width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, decoder_width))
        self.decoder_pos_embed = nn.Parameter(torch.zeros(1, patches + 1, decoder_width))
        self.decoder_blocks = nn.ModuleList(
            Block(decoder_width, decoder_heads) for _ in range(decoder_depth)
        )
        self.decoder_norm = nn.LayerNorm(decoder_width, EPSILON)
        self.decoder_pred = nn.Linear(decoder_width, 3 * patch**2)

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> MaskedAutoencoder:
        """The network that a checkpoint's state dict is of.

        Raises:
            KeyError, RuntimeError: it is of no masked autoencoder.
        """
        width, _, _, patch = state["patch_embed.proj.weight"].shape
        patches = state["pos_embed"].shape[1] - 1
        with torch.device("meta"):
            network = cls(
                width,
                _depth(state, "blocks"),
                state["decoder_embed.weight"].shape[0],
                _depth(state, "decoder_blocks"),
                patch,
                patches,
            )
        network.load_state_dict({k: v.float() for k, v in state.items()}, assign=True)
        return network.eval().requires_grad_(False)

    def forward(self, picture: Tensor, visible: Tensor) -> Tensor:
        """The picture as decoded, [1, 3, side, side], in the units of the input.

        Args:
            picture: [1, 3, side, side], normalised as in training.
            visible: bool [patches], row by row; at least one.
        """
        tokens = self.patch_embed(picture) + self.pos_embed[:, 1:]
        first = self.cls_token + self.pos_embed[:, :1]
        encoded = torch.cat([first, tokens[:, visible]], dim=1)
        for block in self.blocks:
            encoded = block(encoded)
        encoded = self.decoder_embed(self.norm(encoded))
        every = self.mask_token.repeat(1, len(visible), 1)
        every[:, visible] = encoded[:, 1:]
        decoded = torch.cat([encoded[:, :1], every], dim=1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            decoded = block(decoded)
        return self._picture(self.decoder_pred(self.decoder_norm(decoded))[:, 1:])

    def _picture(self, patches: Tensor) -> Tensor:
        """From patches whose values are ordered row, column, colour."""
        rows = self.side // self.patch
        cells = patches.unflatten(2, (self.patch, self.patch, 3)).unflatten(1, (rows, rows))
        return cells.permute(0, 5, 1, 3, 2, 4).reshape(1, 3, self.side, self.side)


def _depth(state: Mapping[str, Tensor], name: str) -> int:
    return sum(1 for _ in takewhile(lambda i: f"{name}.{i}.norm1.weight" in state, numbers()))
