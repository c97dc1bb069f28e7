"""Settings and metrics in words, as captions, axes and tables name them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.metrics import METRICS
from framework.split.defences import DEFENCES


@dataclass(frozen=True)
class Measure:
    """How a metric of reconstructions is written.

    Attributes:
        label: its name, e.g. ``PSNR``.
        unit: e.g. ``dB``; empty for a pure number.
        decimals: in tables.
        higher_is_worse: whether a higher score means more leakage.
        csv_alone: whether figures and wide tables leave it to CSV.
    """

    label: str
    unit: str
    decimals: int
    higher_is_worse: bool
    csv_alone: bool

    @property
    def heading(self) -> str:
        """Label and unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def hint(self) -> str:
        """What to say beside an axis on which less is more leakage; else empty."""
        return "" if self.higher_is_worse else "lower: more leakage"

    def score(self, value: float) -> str:
        """A score under a picture; decibels name themselves."""
        number = f"{value:.{max(0, self.decimals - 1)}f}"
        if self.unit == "dB":
            return f"{number} dB" if self.label == "PSNR" else f"{self.label} {number} dB"
        return f"{self.label} {number} {self.unit}".rstrip()


def measure(metric: str) -> Measure:
    """The words of a registered metric, from its class.

    Raises:
        PedbenchError: no metric has that name.
    """
    part = METRICS.get(metric)
    return Measure(
        part.label or readable(metric),
        part.unit,
        max(0, part.decimals),
        part.higher_is_worse,
        part.csv_alone,
    )


def ordered_metrics(found: Iterable[str]) -> list[str]:
    """The registered ones of some metrics, by their classes' places."""
    known = set(found) & set(METRICS.names())
    return sorted(known, key=lambda metric: (METRICS.get(metric).place, metric))


def shown_metrics(found: Iterable[str]) -> list[str]:
    """`ordered_metrics` without those that are left to CSV."""
    return [metric for metric in ordered_metrics(found) if not METRICS.get(metric).csv_alone]


def score_words(scores: Mapping[str, float]) -> str:
    """The scores of one picture."""
    return ", ".join(measure(name).score(scores[name]) for name in shown_metrics(scores))


def defence_label(name: str) -> str:
    """What a defence is called: by its class, else as it is registered."""
    part = dict(DEFENCES.items()).get(name)
    return (part.label if part is not None else "") or readable(name)


def defence_axis(name: str) -> str:
    """What stands at an axis of a defence's strength."""
    part = dict(DEFENCES.items()).get(name)
    return (part.axis if part is not None else "") or f"{defence_label(name)}, strength"


def protected(defence: str, strength: float) -> str:
    """Defence and strength, e.g. ``noise 0.5`` or ``no defence``."""
    return "no defence" if defence == "none" else f"{defence_label(defence)} {strength:g}"


def setting_words(cell: Mapping[str, Any]) -> str:
    """Assignment, plan, payload, defence and strength of a cell, and whatever else is unusual."""
    parts = [
        f"{readable(str(cell['policy']))} assignment",
        readable(str(cell["plan"])),
        str(cell["payload"]),
        protected(str(cell["defence"]), float(cell["strength"])),
    ]
    if cell["adapted"]:
        parts.append("adapted weights")
    if cell.get("coalition_choice", "largest") != "largest":
        parts.append(f"{cell['coalition_choice']} coalition")
    if cell.get("stage", "earliest") != "earliest":
        parts.append(f"stage {cell['stage']}")
    return ", ".join(parts)


def readable(name: str) -> str:
    """A name of the code as words."""
    return name.replace("_", " ")
