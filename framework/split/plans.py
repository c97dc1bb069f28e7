"""Split plans: which blocks run where, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import groupby

from framework.errors import unknown_name
from framework.models.architectures import Architecture


class Place(Enum):
    """Where a step of a plan runs."""

    EDGE = "edge"
    SHARDS = "shards"
    SERVER = "server"
    """One server that receives the whole frame and returns the image embedding."""


@dataclass(frozen=True)
class Step:
    """Consecutive encoder blocks that run in one place."""

    place: Place
    blocks: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """A named order of steps.

    Attributes:
        name: one of `PLANS`.
        steps: in order of execution.
        stock_order: whether the blocks run in the order the weights were trained in.
    """

    name: str
    steps: tuple[Step, ...]
    stock_order: bool

    @property
    def rounds(self) -> int:
        """Rounds between edge and servers."""
        return sum(step.place is not Place.EDGE for step in self.steps)


PLANS = {
    "centralized": "one server gets the whole image and returns its embedding",
    "local": "everything runs on the edge",
    "interleaved": "stock order: window blocks on shards, global ones on the edge; exact",
    "prefix": "shards run only the window blocks before the first global one; exact",
    "globals_last": "all window blocks on shards, then all global ones on the edge; one round",
}


def make_plan(name: str, arch: Architecture) -> Plan:
    """The plan called ``name`` for ``arch``.

    Raises:
        PedbenchError: unknown plan.
    """
    stock = tuple(range(arch.depth))
    if name == "local":
        return Plan(name, (Step(Place.EDGE, stock),), True)
    if name == "centralized":
        return Plan(name, (Step(Place.SERVER, stock),), True)
    if name == "interleaved":
        return Plan(name, _alternate(stock, arch), True)
    if name == "prefix":
        first = arch.global_blocks[0]
        steps = (Step(Place.SHARDS, stock[:first]), Step(Place.EDGE, stock[first:]))
        return Plan(name, tuple(step for step in steps if step.blocks), True)
    if name == "globals_last":
        order = arch.window_blocks + arch.global_blocks
        return Plan(name, _alternate(order, arch), order == stock)
    raise unknown_name("plan", name, PLANS)


def _alternate(order: tuple[int, ...], arch: Architecture) -> tuple[Step, ...]:
    """Runs of window blocks go to the shards, runs of global blocks stay on the edge."""
    runs = groupby(order, key=lambda block: block in arch.global_blocks)
    return tuple(
        Step(Place.EDGE if is_global else Place.SHARDS, tuple(blocks)) for is_global, blocks in runs
    )
