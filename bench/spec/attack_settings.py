"""What a group of a run asks for beyond the pipeline: attackers, time, recognition."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

from attacks.base import ATTACKS
from attacks.threat_models.base import THREATS
from bench.datasets.motion import MOTIONS
from bench.recognition import RECOGNISERS
from bench.spec.cells import BARE, EXPOSURE, STATIC, Watch
from framework.errors import PedbenchError, unknown_name

if TYPE_CHECKING:
    from bench.spec.config import Group
    from framework.models.architectures import Architecture

ALL = "all"
GRANTED = ("positions_known", "weights_known", "can_query", "public", "averages")
"""What a named threat model alone decides."""


def situations(group: Group) -> Iterator[dict[str, Any]]:
    """Fields of `Watch`, coalition size and attack aside, for each situation of a group.

    What the group leaves empty is as each of its threat models says.
    """
    for name in group.threats:
        threat = THREATS.get(name)
        granted = {field: getattr(threat, field) for field in GRANTED}
        for choice, stage, adaptive, photos, frames, motion in product(
            group.choices or (threat.choice,),
            group.stages or (threat.stage,),
            group.adaptive or (threat.adaptive,),
            group.public_photos or (threat.public_photos,),
            group.frames or (threat.frames,),
            group.motions,
        ):
            yield granted | {
                "choice": choice,
                "stage": stage,
                "adaptive": adaptive,
                "public_photos": photos,
                "frames": frames,
                "averages": threat.averages and frames > 1,
                "motion": motion,
            }


def attack_names(group: Group) -> list[str]:
    """Attacks that a group names."""
    if ALL in group.attacks:
        return [name for name in ATTACKS.names() if name not in group.without]
    return list(group.attacks)


def recogniser_names(group: Group) -> list[str]:
    """Recognisers that a group names."""
    return RECOGNISERS.names() if ALL in group.recognise else list(group.recognise)


def recognised(group: Group, watch: Watch, first_seed: int) -> Iterator[Watch]:
    """A cell of a group, and one more for each recogniser that is to judge its picture.

    Recognition needs the scored photo itself, so that scenes that move have none.
    """
    if watch.attack in (EXPOSURE, *attack_names(group)):
        yield watch
    judged = group.recognise_on or [
        name for name in attack_names(group) if ATTACKS.get(name).kind not in ("floor", "ceiling")
    ]
    wanted = watch.attack in judged or (watch.attack in BARE and watch.attack != EXPOSURE)
    if wanted and watch.motion == STATIC and watch.seed == first_seed:
        for name in recogniser_names(group):
            yield dataclasses.replace(watch, recognise=name)


def check_situations(group: Group, arch: Architecture) -> None:
    """Refuse unknown names and numbers before any work is done.

    Raises:
        PedbenchError: names the first of them.
    """
    for name in (*group.attacks, *group.without):
        if name != ALL:
            ATTACKS.get(name)
    if group.seeds is not None and group.seeds < 1:
        raise PedbenchError(f"seeds {group.seeds} of a group: give at least 1")
    for name in group.threats:
        THREATS.get(name)
    for name in group.recognise:
        if name != ALL:
            RECOGNISERS.get(name)
    for name in group.recognise_on:
        ATTACKS.get(name)
        if name not in attack_names(group):
            raise PedbenchError(f"recognise_on names '{name}': add it to the group's attacks")
    for stage in group.stages:
        if stage is not None and not 0 <= stage < arch.depth:
            raise PedbenchError(
                f"stages {stage}: blocks of {arch.name} are numbered 0 to {arch.depth - 1}, "
                "or null for the earliest"
            )
    for motion in group.motions:
        if motion not in MOTIONS:
            raise unknown_name("motion", motion, MOTIONS)
    for frames in group.frames:
        if not isinstance(frames, int) or frames < 1:
            raise PedbenchError(f"frames {frames}: give whole numbers of at least 1")
    for photos in group.public_photos:
        if photos is not None and (not isinstance(photos, int) or photos < 1):
            raise PedbenchError(
                f"public_photos {photos}: give whole numbers of at least 1, or null for all"
            )


def situation_facts(cell: Watch) -> Mapping[str, Any]:
    """Columns of a record that tell the attacker's means apart."""
    return {
        "frames": cell.frames,
        "motion": cell.motion,
        "averaged": cell.averages,
        "positions": "known" if cell.positions_known else "hidden",
        "weights_known": cell.weights_known,
        "can_query": cell.can_query,
        "public_photos": ALL if cell.public_photos is None else str(cell.public_photos),
        "public_data": cell.public,
    }
