"""Rates: the mean seconds and bytes of each kind of work, measured in every run.

They lie in the cache. Where one was never measured on this machine, the one that the package
brings stands in, scaled by how many multiplications the encoder takes.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from bench.attackers.training_setting import NOISY
from bench.cache.claims import claimed
from bench.latency.report.arithmetic import work
from bench.runner.engines import Engine
from bench.runner.folder.provenance import device_label, processor
from bench.spec.config import RunConfig
from framework.files.cache import cache_dir, keeping
from framework.files.writing import write_file
from framework.models.architectures import Architecture
from framework.models.named import architecture

FILE = "rates.json"
SHIPPED = Path(__file__).with_name("shipped_rates.json")
FADING = 0.5
"""The weight of all earlier measurements halves with each new one."""

RUN, IMAGE, WORKER = "run", "image", "worker"
"""Seconds beside both waves: of a run, of each of its images, and of the start of a worker."""
ATTACKER, PIPELINE, CELL = "attacker", "pipeline", "cell"
"""Seconds of an attacker beside its training, of a pipeline on an image, and of a cell there."""
SEGMENTATION, REPORT = "segmentation", "report"
RECORD_BYTES, PICTURE_BYTES, REPORT_BYTES = "bytes of records", "bytes of pictures", "report bytes"
"""Bytes of a cell on an image, of one with pictures, and of tables, figures and report."""
UNSCALED = frozenset({RUN, IMAGE, WORKER, REPORT, RECORD_BYTES, PICTURE_BYTES, REPORT_BYTES})
"""Kinds that the size of the model does not change much."""
OF_PICTURES = ("attack ", "recognise ", SEGMENTATION, CELL)
"""Kinds that begin with one of these take time by the pixels of the model's input."""

TWINS = ("prior", "swapped", "round1", "unshuffled")
"""Endings of the names of attacks that are variants of another one."""

Measured = Mapping[str, tuple[float, float]]
"""Kind of work → seconds or bytes in all, and of how many."""


@dataclass(frozen=True)
class Rates:
    """Means by kind of work.

    Attributes:
        here: those measured on this machine.
        shipped: those measured elsewhere.
        encoder: how many times as much this model's encoder computes as that of ``shipped``.
        pixels: how many times as many its input has.
    """

    here: Mapping[str, float]
    shipped: Mapping[str, float]
    encoder: float = 1.0
    pixels: float = 1.0

    def of(self, kind: str) -> float | None:
        """The mean of a kind; ``None`` where nothing is known of it.

        A twin of an attack, such as ``ridge_prior``, counts as the attack unless it was measured.
        """
        if kind in self.here:
            return self.here[kind]
        if kind in self.shipped:
            return self.shipped[kind] * self._scale(kind)
        plain = kind.removesuffix(NOISY)
        original, _, twin = plain.rpartition("_")
        if twin in TWINS:
            return self.of(original + kind[len(plain) :])
        return None if plain == kind else self.of(plain)

    def _scale(self, kind: str) -> float:
        if kind in UNSCALED:
            return 1.0
        return self.pixels if kind.startswith(OF_PICTURES) else self.encoder


def read_rates(model: str, place: str) -> Rates:
    """The rates of a model at a place, see `place_of`."""
    here = {kind: total / count for kind, (total, count) in _known().get(place, {}).items()}
    arch = architecture(model)
    by_model: dict[str, dict[str, float]] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    closest = min(by_model, key=lambda name: abs(math.log(_ratio(arch, name))))
    pixels = (arch.img_size / architecture(closest).img_size) ** 2
    return Rates(here, by_model[closest], _ratio(arch, closest), pixels)


def note(place: str, measured: Measured) -> None:
    """Keep what was measured at a place; where the cache cannot be written, with a warning."""
    counted = {kind: pair for kind, pair in measured.items() if pair[1]}
    path = cache_dir() / FILE
    with claimed(path), keeping():
        known = _known()
        rates = known.setdefault(place, {})
        for kind, (total, count) in counted.items():
            old_total, old_count = rates.get(kind, (0.0, 0.0))
            rates[kind] = (FADING * old_total + total, FADING * old_count + count)
        write_file(path, json.dumps(known, indent=1))


def place_of(config: RunConfig, device: str, engine: Engine | None) -> str:
    """What rates hold for: a model on a device with so many threads, or on a cluster."""
    if engine is not None and engine.remote:
        where = "cluster"
    elif device != "cpu":
        where = device_label(torch.device(device))
    else:
        where = f"{processor()}, {torch.get_num_threads() if engine is None else 1} threads"
    return f"{config.model}, {config.precision}, {where}"


def _known() -> dict[str, dict[str, tuple[float, float]]]:
    """Places with totals and counts; a file that is damaged counts as missing."""
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        content = json.loads((cache_dir() / FILE).read_text(encoding="utf-8"))
        return {place: {k: _pair(v) for k, v in rates.items()} for place, rates in content.items()}
    return {}


def _pair(value: Any) -> tuple[float, float]:
    total, count = map(float, value)
    if count <= 0:
        raise ValueError(f"a rate of {count} measurements")
    return total, count


def _ratio(arch: Architecture, name: str) -> float:
    """How many times the multiplications of a model's encoder another encoder takes."""
    return _multiplications(arch) / _multiplications(architecture(name))


@cache
def _multiplications(arch: Architecture) -> int:
    return work(arch, "local").encoder
