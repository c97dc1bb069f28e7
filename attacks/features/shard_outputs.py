"""What shards compute themselves: the tokens after each window block that they run."""

from __future__ import annotations

from dataclasses import replace

import torch

from framework.models.build import PedSam
from framework.split.observation import Observation, WindowMessage
from framework.split.payload import PIXELS, Payload, encode_tokens
from framework.split.plans import Place, make_plan
from framework.transport.stage import WindowStage


def with_stage(seen: Observation, stage: int, sam: PedSam) -> Observation:
    """The observation with the tokens of one more stage, where its shards computed them.

    A stage is the index of the block that runs next: in a round of blocks a, b, c the shards
    receive stage a, compute stages b and c, and return stage c + 1. What they return is taken as
    it crossed; what lies between is computed again from what they received.

    Args:
        seen: of any shards.
        stage: unchanged where it was received, or where no shard comes past it.
        sam: whose blocks the shards run.
    """
    if stage in seen.stages or not seen.messages:
        return seen
    for step in make_plan(seen.plan, sam.arch).steps:
        after = [*step.blocks[1:], step.blocks[-1] + 1]
        if step.place is Place.SHARDS and stage in after:
            blocks = step.blocks[: after.index(stage) + 1]
            sources = [m for m in seen.messages if m.stage == step.blocks[0]]
            if len(blocks) == len(step.blocks):
                more = [_renamed(m, stage, m.returned) for m in sources if m.returned is not None]
            else:
                more = _computed(seen, sources, blocks, stage, sam)
            return seen.keeping([*seen.messages, *more])
    return seen


def _computed(
    seen: Observation,
    sources: list[WindowMessage],
    blocks: tuple[int, ...],
    stage: int,
    sam: PedSam,
) -> list[WindowMessage]:
    runner = WindowStage(sam)
    windows = []
    for message in sources:
        if message.sent.codec == PIXELS:
            window = seen.grid.windows[message.window]
            windows.append(runner.embed(window, message.sent.data.astype("uint8")))
        else:
            windows.append(torch.as_tensor(message.sent.decode()).to(sam.device, runner.dtype))
    results = runner.run(blocks, windows) if windows else []
    return [
        _renamed(message, stage, encode_tokens(tokens.float().cpu().numpy(), "float32"))
        for message, tokens in zip(sources, results, strict=True)
    ]


def _renamed(message: WindowMessage, stage: int, tokens: Payload) -> WindowMessage:
    return replace(message, stage=stage, sent=tokens, returned=None)
