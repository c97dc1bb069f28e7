"""Facts of a run in ``environment.json``: whether a folder holds the same run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.datasets import Dataset
from bench.parts import installed_parts
from bench.recognition import RECOGNISERS
from bench.runner.context import Context
from bench.runner.defences import defence_weights
from bench.runner.folder import provenance as environment
from bench.runner.folder.contents import LATENCY, SETTINGS
from bench.spec.cells import AttackCell
from bench.spec.config import RunConfig, read_config
from bench.spec.fields import read_yaml
from framework.errors import PedbenchError

FIXED = (
    "model",
    "checkpoint",
    "precision",
    "adapted_checkpoint",
    "data",
    "public",
    "outside",
    "images",
    "annotations",
)
FIXED_FACTS = ("weights", "adapted_weights", "dataset_fingerprint")
GROWING_FACTS = ("substitutes", "defences")
"""Facts by name, which may become more as other cells are asked for."""


def facts_of(context: Context) -> dict[str, Any]:
    """The content of ``environment.json``."""
    config = context.config
    adapted = any(cell.pipeline.adapted for cell in config.cells())
    return environment.describe(context.models.sam, installed_parts()) | {
        "adapted_weights": context.models.adapted_label() if adapted else "",
        "dataset": context.scored.name,
        "dataset_fingerprint": context.scored.fingerprint,
        "public": _fingerprints(config.public, context.public),
        "outside": _fingerprints(config.outside, context.outside),
        "substitutes": _substitutes(context),
        "defences": defence_weights(config, context.models),
        "servers": list(config.remote.addresses) if config.remote else [],
    }


def _fingerprints(specs: Sequence[str], datasets: Sequence[Dataset]) -> dict[str, str]:
    return {spec: each.fingerprint for spec, each in zip(specs, datasets, strict=True)}


def _substitutes(context: Context) -> dict[str, str]:
    """Labels of the models that stand in for the run's own and for its adapted twin.

    Only where attackers who cannot query ask for them; where there is none, the reason.
    """
    cells = [
        cell
        for cell in context.config.cells()
        if isinstance(cell, AttackCell) and not cell.threat.can_query
    ]
    names = {False: "own", True: "adapted"}
    wanted = sorted({cell.pipeline.adapted for cell in cells})
    return {names[adapted]: context.models.substitute_label(adapted) for adapted in wanted}


def continued(folder: Path, config: RunConfig, facts: dict[str, Any]) -> dict[str, Any]:
    """``facts`` with what is known of the run that ``folder`` holds; it must be the same run.

    More images or other cells may be asked for than before, and fewer images unless recognisers
    compare all of them.
    """
    if not (folder / SETTINGS).exists():
        return facts
    if LATENCY in read_yaml(folder / SETTINGS):
        raise PedbenchError(
            f"{folder} holds a latency run: give another --out, or --fresh to discard it"
        )
    names = changed(folder, config, facts)
    if names:
        raise PedbenchError(
            f"{folder} holds a run with another {', '.join(names)}: give another --out, "
            "or --fresh to discard it"
        )
    if widened(config, folder).limit != config.limit and _has_gallery(config):
        raise PedbenchError(
            f"{folder} holds more images, and recognisers compare all of a run: "
            "leave --limit out, or give another --out"
        )
    return facts | grown(facts, environment.read_environment(folder))


def widened(config: RunConfig, folder: Path) -> RunConfig:
    """``config`` as ``folder`` keeps it: with the most images that were ever asked for there."""
    if config.limit is None or not (folder / SETTINGS).exists():
        return config
    before = read_config(folder / SETTINGS).limit
    return replace(config, limit=None if before is None else max(before, config.limit))


def _has_gallery(config: RunConfig) -> bool:
    """Whether a recogniser compares each photo with all others of the run."""
    names = {cell.recognise for cell in config.cells() if isinstance(cell, AttackCell)}
    return any(RECOGNISERS.get(name).needs_gallery for name in names if name)


def changed(folder: Path, config: RunConfig, facts: Mapping[str, Any]) -> list[str]:
    """What a run's settings and facts differ in from the run that ``folder`` holds, in words."""
    before, known = read_config(folder / SETTINGS), environment.read_environment(folder)
    names = [name for name in FIXED if getattr(before, name) != getattr(config, name)]
    names += [n for n in FIXED_FACTS if known.get(n, facts[n]) != facts[n]]
    names += contradicting(known, facts)
    return [name.replace("_", " ") for name in names]


def contradicting(facts: Mapping[str, Any], others: Mapping[str, Any]) -> list[str]:
    """Names of the growing facts in which two runs have other values for one part."""
    return [
        name
        for name in GROWING_FACTS
        if any(
            facts.get(name, {}).get(part, value) != value
            for part, value in others.get(name, {}).items()
        )
    ]


def grown(facts: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """The growing facts of two runs together."""
    return {name: others.get(name, {}) | facts.get(name, {}) for name in GROWING_FACTS}
