"""The public model in place of one that the attacker can neither read nor query."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from framework.errors import PedbenchError
from framework.models.architectures import GLOBALS_LAST, Architecture
from framework.models.block import fold_attention
from framework.models.build import PedSam, assemble, build_sam

ENCODER = "image_encoder."
BLOCK = ENCODER + "blocks."


def published_substitute(target: PedSam) -> PedSam:
    """The published checkpoint nearest to ``target`` by name that is another model.

    The stock model is tried first, as the one that fine-tunes begin with, then the one adapted to
    `globals_last`. Its blocks are put in the target's order. Since shards run the window blocks,
    the attacker has those of the target; embedding, position embedding, global blocks and neck,
    which the edge keeps, are the substitute's.

    Raises:
        PedbenchError: none is to be had, or the only one is the target itself.
    """
    stock = target.arch.name.removesuffix(GLOBALS_LAST)
    reasons = []
    for name in (stock, stock + GLOBALS_LAST):
        try:
            public = build_sam(name)
        except PedbenchError as error:
            reasons.append(str(error))
            continue
        if same_edge(target, reordered(public, target.arch)):
            reasons.append(f"the published '{name}' is the model under attack itself")
            continue
        return substitute(public, target)
    raise PedbenchError(f"no public model can stand in for '{target.arch.name}': {reasons[0]}")


def substitute(public: PedSam, target: PedSam) -> PedSam:
    """``public`` in the target's order of blocks, with the target's window blocks.

    Raises:
        PedbenchError: the two are not of one size.
    """
    edge, shards = reordered(public, target.arch), target.state_dict()
    own = {name: shards[name] for name in shards if _in_window_block(name, target.arch)}
    stand_in = assemble(target.arch)
    stand_in.load_state_dict(edge | own)
    fold_attention(stand_in.image_encoder)
    stand_in.weights = public.weights
    return stand_in.to(target.device).eval().requires_grad_(False)


def same_edge(target: PedSam, state: Mapping[str, Tensor]) -> bool:
    """Whether ``state`` equals the target in all of the encoder but the window blocks."""
    return all(
        torch.equal(value.cpu(), state[name].cpu())
        for name, value in target.state_dict().items()
        if name.startswith(ENCODER) and not _in_window_block(name, target.arch)
    )


def reordered(sam: PedSam, arch: Architecture) -> dict[str, Tensor]:
    """The model's weights with its window blocks and its global blocks at their places in ``arch``.

    Raises:
        PedbenchError: ``arch`` is of another size.
    """
    there = [*arch.window_blocks, *arch.global_blocks]
    here = [*sam.arch.window_blocks, *sam.arch.global_blocks]
    place = dict(zip(here, there, strict=False))
    state = {_moved(name, place): value for name, value in sam.state_dict().items()}
    with torch.device("meta"):
        expected = assemble(arch).state_dict()
    found = {name: value.shape for name, value in state.items()}
    if found != {name: value.shape for name, value in expected.items()}:
        raise PedbenchError(
            f"a '{sam.arch.name}' cannot stand in for a '{arch.name}': give one of its size"
        )
    return state


def _moved(name: str, place: Mapping[int, int]) -> str:
    if not name.startswith(BLOCK):
        return name
    block, _, rest = name.removeprefix(BLOCK).partition(".")
    return f"{BLOCK}{place.get(int(block), block)}.{rest}"


def _in_window_block(name: str, arch: Architecture) -> bool:
    if not name.startswith(BLOCK):
        return False
    return int(name.removeprefix(BLOCK).partition(".")[0]) in arch.window_blocks
