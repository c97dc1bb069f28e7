"""Split plans: which blocks run where, and in which order."""

from __future__ import annotations

from collections.abc import Callable
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


Steps = tuple[Step, ...]


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


@dataclass(frozen=True)
class PlanKind:
    """One plan for any architecture.

    Attributes:
        summary: one sentence for listings.
        steps: of an architecture.
        opens_as: another plan with the same first round, in any architecture with window blocks
            before the first global one.
    """

    summary: str
    steps: Callable[[Architecture], Steps]
    opens_as: str | None = None


def _prefix(arch: Architecture) -> Steps:
    first = arch.global_blocks[0]
    steps = (Step(Place.SHARDS, _stock(arch)[:first]), Step(Place.EDGE, _stock(arch)[first:]))
    return tuple(step for step in steps if step.blocks)


PLANS = {
    "centralized": PlanKind(
        "one server gets the whole image and returns its embedding",
        lambda arch: (Step(Place.SERVER, _stock(arch)),),
    ),
    "local": PlanKind(
        "everything runs on the edge",
        lambda arch: (Step(Place.EDGE, _stock(arch)),),
    ),
    "interleaved": PlanKind(
        "stock order: window blocks on shards, global ones on the edge; exact",
        lambda arch: _alternate(_stock(arch), arch),
    ),
    "prefix": PlanKind(
        "shards run only the window blocks before the first global one; exact",
        _prefix,
        opens_as="interleaved",
    ),
    "globals_last": PlanKind(
        "all window blocks on shards, then all global ones on the edge; one round",
        lambda arch: _alternate(arch.window_blocks + arch.global_blocks, arch),
    ),
}


def make_plan(name: str, arch: Architecture) -> Plan:
    """The plan called ``name`` for ``arch``.

    Raises:
        PedbenchError: unknown plan.
    """
    if name not in PLANS:
        raise unknown_name("plan", name, PLANS)
    steps = PLANS[name].steps(arch)
    order = tuple(block for step in steps for block in step.blocks)
    return Plan(name, steps, order == _stock(arch))


def _stock(arch: Architecture) -> tuple[int, ...]:
    """The blocks in the order that the weights were trained in."""
    return tuple(range(arch.depth))


def _alternate(order: tuple[int, ...], arch: Architecture) -> Steps:
    """Runs of window blocks go to the shards, runs of global blocks stay on the edge."""
    runs = groupby(order, key=lambda block: block in arch.global_blocks)
    return tuple(
        Step(Place.EDGE if is_global else Place.SHARDS, tuple(blocks)) for is_global, blocks in runs
    )
