"""A server's side of a round trip, on decoded payloads; the edge computes what stays home alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from framework.payload import PIXELS, Payload, encode_tokens
from framework.shard.stage import WindowStage, merge
from framework.shard.trip import Round
from framework.windows import WindowGrid


@torch.inference_mode()
def serve_windows(
    stage: WindowStage, trip: Round, windows: Mapping[int, Payload]
) -> dict[int, Payload]:
    """A shard's side of a round: decode, run the blocks on all windows at once, encode."""
    tokens = [_open(stage, trip.grid, index, payload) for index, payload in windows.items()]
    results = stage.run(trip.blocks, tokens)
    return {
        index: encode_tokens(result.cpu().numpy(), trip.codec)
        for index, result in zip(windows, results, strict=True)
    }


@torch.inference_mode()
def serve_image(stage: WindowStage, trip: Round, payloads: Sequence[Payload]) -> Payload:
    """The centralised server's side: the stock encoder on the reassembled frame."""
    encoder = stage.encoder
    tokens = merge([_open(stage, trip.grid, i, p) for i, p in enumerate(payloads)], trip.grid)[None]
    for index in trip.blocks:
        tokens = encoder.blocks[index](tokens)
    features = encoder.neck(tokens.permute(0, 3, 1, 2))[0].permute(1, 2, 0)
    return encode_tokens(features.cpu().numpy(), trip.codec)


def _open(stage: WindowStage, grid: WindowGrid, index: int, payload: Payload) -> torch.Tensor:
    if payload.codec == PIXELS:
        return stage.embed(grid.windows[index], payload.data.astype("uint8"))
    return torch.as_tensor(payload.decode(), device=stage.sam.device)
