"""Every kind of part that other packages can add, and which of them are installed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from attacks.analyses.side_channels import SIDE_CHANNELS
from attacks.base import ATTACKS
from attacks.threat_models.base import THREATS
from bench.datasets.base import DATASETS
from bench.metrics import METRICS
from bench.metrics.segmentation import SEGMENTATION_METRICS, SOURCES
from bench.recognition import RECOGNISERS
from bench.report.base import FIGURES, TABLES
from framework.models.encoder import ENCODERS
from framework.registry import Origin, Registry
from framework.split.defences import DEFENCES
from framework.split.detectors import DETECTORS
from framework.split.policies import POLICIES

REGISTRIES: dict[str, Registry[Any]] = {
    "encoders": ENCODERS,
    "policies": POLICIES,
    "detectors": DETECTORS,
    "defences": DEFENCES,
    "attacks": ATTACKS,
    "side_channels": SIDE_CHANNELS,
    "threats": THREATS,
    "datasets": DATASETS,
    "metrics": METRICS,
    "segmentation_metrics": SEGMENTATION_METRICS,
    "recognisers": RECOGNISERS,
    "figures": FIGURES,
    "tables": TABLES,
}
"""Registries by the word that ``pedbench list`` takes."""


def installed_parts() -> dict[str, str]:
    """Parts of other packages, e.g. ``{"attack tint": "pedbench-example@0.1.0"}``."""
    return {
        f"{registry.kind} {name}": str(origin)
        for registry in REGISTRIES.values()
        for name, origin in registry.origins().items()
    }


def part_problems() -> list[str]:
    """One line for each installed part that cannot be used."""
    return [text for registry in REGISTRIES.values() for text in registry.problems()]


def packages_of(record: Mapping[str, Any], scheme: str) -> str:
    """The packages whose parts made a record, e.g. ``pedbench-example@0.1.0``; empty without any.

    A threat model is not among them: it is values, not code, and the record states them.

    Args:
        record: with model, policy, defence, attack and metric, as far as it has them.
        scheme: of the data set, e.g. ``coco``.
    """
    known = _origins()
    if not known:
        return ""
    columns = ("model", "policy", "defence", "attack", "metric")
    parts = [(name, record.get(name)) for name in columns]
    used = {known.get(part) for part in [*parts, ("dataset", scheme)]}
    return ", ".join(sorted(str(origin) for origin in used if origin))


@cache
def _origins() -> dict[tuple[str, Any], Origin]:
    """Origins of installed parts by the column of a record, or ``dataset``, and the value there."""
    kinds: dict[str, Registry[Any]] = {
        "policy": POLICIES,
        "defence": DEFENCES,
        "attack": ATTACKS,
        "dataset": DATASETS,
        "metric": METRICS,
    }
    found = {
        (column, name): origin
        for column, registry in kinds.items()
        for name, origin in registry.origins().items()
    }
    for name, origin in RECOGNISERS.origins().items():
        found |= {("metric", metric): origin for metric in RECOGNISERS.get(name).metrics}
    for name, origin in ENCODERS.origins().items():
        found |= {("model", arch.name): origin for arch in ENCODERS.get(name).models()}
    for name, origin in SEGMENTATION_METRICS.origins().items():
        found |= {("metric", f"{name}_{source}"): origin for source in SOURCES}
    return found
