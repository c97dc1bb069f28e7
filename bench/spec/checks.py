"""What a run may ask for: names that are known, numbers that make sense."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING

from bench.spec.attack_settings import check_situations
from bench.spec.cells import COALITION_CHOICES, Pipeline
from framework.errors import PedbenchError, unknown_name
from framework.models.architectures import Architecture, architecture
from framework.models.build import PRECISIONS
from framework.split.defences import make_defence
from framework.split.payload import PayloadSpec
from framework.split.plans import Place, make_plan
from framework.split.policies import POLICIES
from framework.split.windows import WindowGrid

if TYPE_CHECKING:
    from bench.spec.config import Group, RunConfig

PICTURED = (*(field.name for field in fields(Pipeline)), "coalition")
"""Keys of what chooses the report's pictures."""


def check_config(config: RunConfig) -> None:
    """Refuse what cannot be run, before any work is done.

    Raises:
        PedbenchError: names the first unknown or unusable setting, and its group.
    """
    arch = architecture(config.model)
    if config.precision not in PRECISIONS:
        raise unknown_name("precision", config.precision, PRECISIONS)
    if config.limit is not None and config.limit < 1:
        raise PedbenchError(f"limit {config.limit}: give at least 1")
    if not config.seeds or min(config.seeds) < 0 or len(set(config.seeds)) < len(config.seeds):
        raise PedbenchError(
            f"seeds {list(config.seeds)}: give at least one, each once, none below 0"
        )
    for wanted in config.pictures:
        for key in wanted:
            if key not in PICTURED:
                raise PedbenchError(f"pictures: {unknown_name('key', str(key), PICTURED)}")
    for number, group in enumerate(config.groups, 1):
        with at(f"group {number}"):
            _check_group(config, group, arch)


@contextlib.contextmanager
def at(place: str) -> Iterator[None]:
    """Let errors say where they belong."""
    try:
        yield
    except PedbenchError as error:
        raise PedbenchError(f"{place}: {error}") from error


def _check_group(config: RunConfig, group: Group, arch: Architecture) -> None:
    check_situations(group, arch)
    for choice in group.choices:
        if choice not in COALITION_CHOICES:
            raise unknown_name("coalition choice", choice, COALITION_CHOICES)
    pipelines = group.pipelines()
    counts = sorted({pipeline.n_shards for pipeline in pipelines})
    for shards, sizes in group.coalitions.items():
        if not all(1 <= size <= shards for size in sizes):
            raise PedbenchError(
                f"coalitions {sizes} of {shards} shards: give sizes from 1 to {shards}"
            )
        if shards not in counts:
            known = ", ".join(map(str, counts))
            raise PedbenchError(f"coalitions of {shards} shards: n_shards of the group is {known}")
    for pipeline in pipelines:
        _check_pipeline(config, pipeline, arch)


def _check_pipeline(config: RunConfig, pipeline: Pipeline, arch: Architecture) -> None:
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
    if config.remote and plan.rounds:
        config.remote.check(pipeline.n_shards)
