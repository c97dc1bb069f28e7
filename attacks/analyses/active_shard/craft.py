"""Answers made so that a global block copies hidden windows into tokens that come back.

In `interleaved` the edge runs a global block on what the shards answered and sends each shard its
windows again. A token that a shard makes up is a query of its own choosing there: aimed at a place,
through position embedding and relative position, it comes back holding the values of that place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attacks.analyses.active_shard.probes import Probes
from framework.models.attention import FoldedAttention
from framework.models.build import PedSam

RATE = 0.3
BATCH = 4


class GlobalBlock:
    """The attention of a global block, seen from a few of its queries.

    Args:
        sam: whose block it is.
        index: of the block.
    """

    def __init__(self, sam: PedSam, index: int) -> None:
        self.block = sam.image_encoder.blocks[index]
        attention = self.block.attn
        assert isinstance(attention, FoldedAttention)
        self.attention = attention
        self.heads = attention.num_heads
        self.side = sam.arch.grid_size

    def _heads(self, tokens: Tensor, part: int) -> Tensor:
        """Queries (0) or keys (1) of tokens [..., n, channels]: [..., heads, n, head's own]."""
        width = tokens.shape[-1]
        linear = self.attention.qkv
        rows = slice(part * width, (part + 1) * width)
        bias = None if linear.bias is None else linear.bias[rows]
        values = torch.nn.functional.linear(self.block.norm1(tokens), linear.weight[rows], bias)
        return values.unflatten(-1, (self.heads, -1)).transpose(-3, -2)

    def looks(self, probes: Tensor, tokens: Tensor, maps: Tensor) -> Tensor:
        """Logarithm of the attention of crafted tokens.

        Args:
            probes: crafted tokens, [probes, channels].
            tokens: where they stand, [probes].
            maps: honest token maps of photos, [photos, tokens, channels].

        Returns:
            [photos, heads, probes, tokens].
        """
        query = self._heads(probes, 0)
        honest = self._heads(maps, 1)
        crafted = self._heads(probes, 1).expand(len(maps), -1, -1, -1)
        keys = honest.index_copy(2, tokens, crafted)
        row, column = tokens // self.side, tokens % self.side
        down = self.attention.rel_pos_h[self.attention.offsets_h][row]
        across = self.attention.rel_pos_w[self.attention.offsets_w][column]
        bias = (
            torch.einsum("hpc,pkc->hpk", query, down)[..., :, None]
            + torch.einsum("hpc,pkc->hpk", query, across)[..., None, :]
        ).flatten(2)
        logits = (query * query.shape[-1] ** -0.5) @ keys.transpose(-2, -1) + bias
        return logits.log_softmax(dim=-1)

    @torch.inference_mode()
    def received(self, maps: Tensor, tokens: Tensor, crafted: Tensor | None) -> Tensor:
        """What comes back at some places, [photos, probes, channels].

        Args:
            maps: honest token maps, [photos, tokens, channels].
            tokens: the places, [probes].
            crafted: what stands there instead, [probes, channels]; honest tokens when ``None``.
        """
        found = []
        for honest in maps:
            answered = honest.clone()
            if crafted is not None:
                answered[tokens] = crafted
            whole = self.block(answered.view(1, self.side, self.side, -1))
            found.append(whole.flatten(0, 2)[tokens])
        return torch.stack(found)


@torch.inference_mode()
def honest_map(sam: PedSam, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What honest shards answer before the first global block, [tokens, channels].

    Args:
        frame: uint8 [h, w, 3], a photo of one's own, resized to the model's input.
    """
    image = torch.as_tensor(frame, device=sam.device).permute(2, 0, 1)[None]
    tokens = sam.runtime.embed(sam.preprocess(image))
    tokens = sam.runtime.maps(range(sam.arch.global_blocks[0]), tokens)
    return tokens.flatten(0, 2).cpu().numpy()


def craft(
    block: GlobalBlock,
    probes: Probes,
    maps: NDArray[np.float32],
    steps: int = 150,
    seed: int = 0,
) -> tuple[NDArray[np.float32], list[float]]:
    """Tokens whose attention lies on their cells, by descent on public photos.

    Layer norm forgets how large a token is, so that only directions are sought.

    Args:
        block: that runs on the answers.
        probes: with at least one cell.
        maps: what honest shards answer for public photos, [photos, tokens, channels].

    Returns:
        Directions of unit length [probes, channels], and the loss of each step: how far attention
        is from lying evenly on the cell, as a cross-entropy.
    """
    rng = torch.Generator().manual_seed(seed)
    honest, places = torch.as_tensor(maps), torch.as_tensor(probes.tokens)
    aims = torch.as_tensor(probes.cells[probes.aims])
    tokens = honest[:, places].mean(0).clone().requires_grad_(True)
    optimizer = torch.optim.Adam([tokens], lr=RATE * float(tokens.detach().std()))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    losses = []
    for _ in range(steps):
        batch = honest[torch.randint(len(honest), (BATCH,), generator=rng)]
        looks = block.looks(tokens, places, batch)
        index = aims.expand(*looks.shape[:2], -1, -1)
        loss = -looks.gather(-1, index).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    found = tokens.detach().numpy()
    return found / np.linalg.norm(found, axis=-1, keepdims=True), losses


def honest_size(maps: NDArray[np.float32], quantiles: Sequence[float]) -> list[float]:
    """Quantiles of the length of honest tokens [photos, tokens, channels]."""
    return np.quantile(np.linalg.norm(maps, axis=-1), quantiles).tolist()
