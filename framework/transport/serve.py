"""A server's side of a round, on decoded payloads; the edge computes what stays home alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from framework.split.payload import PIXELS, Payload, encode_tokens
from framework.split.windows import WindowGrid
from framework.transport.round import Round
from framework.transport.stage import WindowStage, merge, moved

Asked = tuple[Round, Mapping[int, Payload]]
"""A round, and the windows that one server holds of it."""


def serve_windows(
    stage: WindowStage, round_: Round, windows: Mapping[int, Payload]
) -> dict[int, Payload]:
    """A shard's side of a round: decode, run the blocks on all windows at once, encode."""
    return serve_together(stage, [(round_, windows)])[0]


@torch.inference_mode()
def serve_together(stage: WindowStage, asked: Sequence[Asked]) -> list[dict[int, Payload]]:
    """As `serve_windows`, for several rounds that run the same blocks, in one batch.

    Windows attend to themselves alone, so what a round gets back does not depend on the others.
    """
    opened = [
        _open(stage, round_.grid, index, payload)
        for round_, windows in asked
        for index, payload in windows.items()
    ]
    found = stage.run(asked[0][0].blocks, moved(opened, stage.sam.device, stage.dtype))
    results = iter(moved(found, torch.device("cpu"), torch.float32))
    return [
        {index: encode_tokens(next(results).numpy(), round_.codec) for index in windows}
        for round_, windows in asked
    ]


@torch.inference_mode()
def serve_image(stage: WindowStage, round_: Round, payloads: Sequence[Payload]) -> Payload:
    """The centralised server's side: the whole encoder on the reassembled frame."""
    runtime = stage.sam.runtime
    opened = [_open(stage, round_.grid, i, payload) for i, payload in enumerate(payloads)]
    tokens = merge(moved(opened, stage.sam.device, stage.dtype), round_.grid)
    features = runtime.neck(runtime.maps(round_.blocks, tokens[None]))
    return encode_tokens(features[0].permute(1, 2, 0).cpu().numpy(), round_.codec)


def _open(stage: WindowStage, grid: WindowGrid, index: int, payload: Payload) -> torch.Tensor:
    """A window's tokens: from pixels on the stage's device, others where they arrive."""
    if payload.codec == PIXELS:
        return stage.embed(grid.windows[index], payload.data.astype("uint8"))
    return torch.from_numpy(payload.decode())
