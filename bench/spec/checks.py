"""What a group may ask for: names that are known, numbers that make sense."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attacks.base import ATTACKS
from attacks.threat_models.base import THREATS
from bench.datasets.motion import MOTIONS
from bench.flags.remote import Remote
from bench.metrics import METRICS
from bench.recognition import RECOGNISERS
from bench.spec.cells import COALITION_CHOICES, Pipeline
from bench.spec.fields import check_values
from bench.spec.grid import ALL, PIPELINE_FIELDS, Group
from framework.errors import PedbenchError, unknown_name
from framework.models.architectures import Architecture
from framework.split.defences import make_defence
from framework.split.payload import PayloadSpec
from framework.split.plans import Place, make_plan
from framework.split.policies import POLICIES
from framework.split.windows import WindowGrid

PICTURED = (*PIPELINE_FIELDS, "coalition")
"""Keys of what chooses the report's pictures."""
SEEDS = 2**32
"""NumPy's generators take seeds below this."""


@contextlib.contextmanager
def at(place: str) -> Iterator[None]:
    """Let errors say where they belong."""
    try:
        yield
    except PedbenchError as error:
        raise PedbenchError(f"{place}: {error}") from error


def check_seeds(seeds: Sequence[int]) -> None:
    """Refuse seeds of a run that are missing, negative, too large or given twice.

    Raises:
        PedbenchError: names them.
    """
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise PedbenchError(f"seeds {list(seeds)}: give at least one, each once, none below 0")
    if max(seeds) >= SEEDS:
        raise PedbenchError(f"seeds {list(seeds)}: give numbers up to {SEEDS - 1}")


def check_metrics(names: Sequence[str]) -> None:
    """Refuse metrics on demand that are unknown or cannot be had here.

    Raises:
        PedbenchError: names the first.
    """
    for name in names:
        METRICS.get(name)()


def check_pictures(pictures: Sequence[Mapping[str, Any]]) -> None:
    """Refuse unknown keys, and values of other types, of what chooses the report's pictures.

    Raises:
        PedbenchError: names the first of them.
    """
    for wanted in pictures:
        for key in wanted:
            if key not in PICTURED:
                raise PedbenchError(f"pictures: {unknown_name('key', str(key), PICTURED)}")
        values = {key: value for key, value in wanted.items() if key in PIPELINE_FIELDS}
        check_values(Pipeline, values, "pictures")


def check_group(group: Group, arch: Architecture, remote: Remote | None) -> None:
    """Refuse a group that ``arch``, on these servers, cannot run.

    Raises:
        PedbenchError: names the first unknown or unusable setting.
    """
    _check_names(group)
    _check_numbers(group, arch)
    pipelines = group.pipelines()
    _check_coalitions(group, sorted({pipeline.n_shards for pipeline in pipelines}))
    for pipeline in pipelines:
        _check_pipeline(pipeline, arch, remote)
    _check_measures(group)


def _check_measures(group: Group) -> None:
    """Refuse a group without a cell, or with attacks that no cell has."""
    if group.attacks and not any(group.coalitions.values()):
        raise PedbenchError("attacks without a coalition: give coalitions, e.g. {4: [1]}")
    if group.without and ALL not in group.attacks:
        raise PedbenchError("without: names what is left out of attacks: [all] alone")
    if next(group.cells(seeds=(0,)), None) is None:
        raise PedbenchError(
            "nothing is measured: give segmentation: true or coalitions, and a defence for "
            "adaptive: false"
        )


def _check_names(group: Group) -> None:
    for name in (*group.attacks, *group.without):
        if name != ALL:
            ATTACKS.get(name)
    for name in group.threats:
        THREATS.get(name)
    for name in group.recognise:
        if name != ALL:
            RECOGNISERS.get(name)
    for name in group.recognise_on:
        ATTACKS.get(name)
        if name not in group.attack_names():
            raise PedbenchError(f"recognise_on names '{name}': add it to the group's attacks")
    for motion in group.motions:
        if motion not in MOTIONS:
            raise unknown_name("motion", motion, MOTIONS)
    for choice in group.choices:
        if choice not in COALITION_CHOICES:
            raise unknown_name("coalition choice", choice, COALITION_CHOICES)


def _check_numbers(group: Group, arch: Architecture) -> None:
    if group.seeds is not None and group.seeds < 1:
        raise PedbenchError(f"seeds {group.seeds} of a group: give at least 1")
    for stage in group.stages:
        if stage is not None and not 0 <= stage < arch.depth:
            raise PedbenchError(
                f"stages {stage}: blocks of {arch.name} are numbered 0 to {arch.depth - 1}, "
                "or null for the earliest"
            )
    for frames in group.frames:
        if not isinstance(frames, int) or frames < 1:
            raise PedbenchError(f"frames {frames}: give whole numbers of at least 1")
    for photos in group.public_photos:
        if photos is not None and (not isinstance(photos, int) or photos < 1):
            raise PedbenchError(
                f"public_photos {photos}: give whole numbers of at least 1, or null for all"
            )


def _check_coalitions(group: Group, counts: Sequence[int]) -> None:
    for shards, sizes in group.coalitions.items():
        if not all(1 <= size <= shards for size in sizes):
            raise PedbenchError(
                f"coalitions {sizes} of {shards} shards: give sizes from 1 to {shards}"
            )
        if shards not in counts:
            known = ", ".join(map(str, counts))
            raise PedbenchError(f"coalitions of {shards} shards: n_shards of the group is {known}")


def _check_pipeline(pipeline: Pipeline, arch: Architecture, remote: Remote | None) -> None:
    plan = make_plan(pipeline.plan, arch)
    PayloadSpec.parse(pipeline.payload)
    policy = POLICIES.get(pipeline.policy)(0)
    make_defence(pipeline.defence, pipeline.strength)
    grid = WindowGrid.of(arch, (arch.img_size, arch.img_size))
    most = len(grid.windows)
    if not 1 <= pipeline.n_shards <= most:
        raise PedbenchError(
            f"n_shards {pipeline.n_shards}: {arch.name} has {most} windows, give 1 to {most}"
        )
    if any(step.place is Place.SHARDS for step in plan.steps):
        policy.assign(grid, pipeline.n_shards)
    if remote and plan.rounds:
        remote.check(pipeline.n_shards)
