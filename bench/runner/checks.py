"""What a run refuses before it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.cache.store import Store
from bench.datasets.disjoint import check_scored
from bench.metrics import MetricUnavailable
from bench.metrics.trunks.alexnet import load_trunk
from bench.recognition import RECOGNISERS
from bench.runner.context import Context, default_workers
from bench.runner.defences import check_trained
from bench.runner.folder.facts import continued, facts_of
from bench.runner.phases import phase
from bench.spec.config import RunConfig
from framework.compute.devices import usable_device
from framework.errors import PedbenchError


def checked(config: RunConfig, device: str | None, workers: int | None) -> tuple[str, int]:
    """The device and the number of processes of a run.

    Args:
        device: as `framework.compute.devices.usable_device` takes it.
        workers: `default_workers` unless given.

    Raises:
        PedbenchError: bad configuration; no such device; no such number.
    """
    config.check()
    device = usable_device(device)
    if workers is not None and workers < 1:
        raise PedbenchError(f"{workers} workers: give at least 1")
    if config.precision == "int8" and device != "cpu":
        raise PedbenchError("precision int8 runs on the CPU: add --device cpu")
    usual = default_workers(config, device)
    if device != "cpu" and workers is not None and workers > usual:
        raise PedbenchError(
            f"{workers} workers, but one process a GPU: give --workers {usual} or less"
        )
    return device, workers or usual


def lpips_absent(config: RunConfig) -> bool:
    """Whether reconstructions are scored without LPIPS, as its weights are missing."""
    try:
        if config.attacks:
            load_trunk()
    except MetricUnavailable:
        return True
    return False


def recognisers_absent(config: RunConfig) -> dict[str, str]:
    """Why a recogniser of a run cannot be had here, by its name."""
    names = {name for group in config.groups for name in group.recogniser_names()}
    reasons = {name: RECOGNISERS.get(name).available() for name in sorted(names)}
    return {name: why for name, why in reasons.items() if why is not None}


def prepared(
    config: RunConfig, folder: Path, device: str, store: Store | None, fresh: bool
) -> tuple[Context, dict[str, Any]]:
    """The context of a run, and the content of its ``environment.json``.

    Args:
        folder: of the run.
        fresh: whether ``folder`` may hold another run.

    Raises:
        PedbenchError: missing or empty data; ``folder`` holds another run; scored images are public
            ones, or trained an attack's shipped weights; a defence is not trained.
    """
    with phase("set up"):
        context = Context(config, folder, device, store)
    check_trained(config, context.models)
    facts = facts_of(context)
    if not fresh:
        facts = continued(folder, config, facts)
    with phase("check that public data differ"):
        scored = context.scored.limit(config.limit)
        if not scored.ids:
            raise PedbenchError(f"{config.data} holds no image: give other --data")
        check_scored([*context.public, *context.outside], config.attacks, scored)
    return context, facts
