"""Cells: what is measured. A pipeline, the attacker on it, and the attack that it runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from attacks.threat_models.base import ThreatModel
from framework.declaration import labels, own, setting, stated, unnamed
from framework.errors import PedbenchError

PADDING = "padding"
"""The choice of a coalition whose windows lie in the model's padding alone."""
COALITION_CHOICES = ("largest", "seeded", PADDING)
EXPOSURE = "exposure"
"""Pseudo-attack that scores which pixels and objects the coalition saw, without any model."""
SEEN, ORIGINAL = "seen", "original"
"""Two pseudo-attacks that recognisers judge: the received windows unprocessed, and the model input
(the ceiling)."""
BARE = {EXPOSURE: "exposure", SEEN: "seen", ORIGINAL: "ceiling"}
"""Pseudo-attacks, with their kinds."""
STATIC = "static"
"""The motion of a scene that keeps still."""


def _short(strength: float) -> str:
    """A strength in few digits, if these tell it from any other."""
    return f"{strength:g}" if float(f"{strength:g}") == strength else repr(strength)


@dataclass(frozen=True)
class Pipeline:
    """One configuration of the distributed encoder.

    Attributes:
        plan, payload, policy, n_shards, defence, strength: as in `DistributedEncoder`.
        adapted: use the weights adapted to `globals_last` instead of the run's own.
    """

    plan: str = setting(
        "interleaved",
        in_every_id=True,
        in_every_record=True,
        label=lambda pipeline: pipeline.plan,
        training="learned",
    )
    payload: str = setting(
        "float32",
        in_every_id=True,
        in_every_record=True,
        label=lambda pipeline: pipeline.payload,
        training="learned",
    )
    policy: str = setting(
        "sticky",
        in_every_id=True,
        in_every_record=True,
        label=lambda pipeline: pipeline.policy.replace(":", "_"),
        training="none",
    )
    n_shards: int = setting(
        4,
        in_every_id=True,
        in_every_record=True,
        label=lambda pipeline: str(pipeline.n_shards),
        training="none",
    )
    defence: str = setting(
        "none",
        in_every_id=True,
        in_every_record=True,
        label=lambda pipeline: (
            "" if pipeline.defence == "none" else f"{pipeline.defence}{_short(pipeline.strength)}"
        ),
        training="learned",
    )
    strength: float = setting(
        0.0, in_every_id=True, in_every_record=True, label=unnamed, training="learned"
    )
    adapted: bool = setting(
        False,
        in_every_id=True,
        label=lambda pipeline: "adapted" if pipeline.adapted else "",
        training="learned",
    )

    @property
    def slug(self) -> str:
        """A short name that serves as a folder's."""
        return "-".join(labels(self))


class _Cell:
    """What both kinds of cell have in common."""

    kind: ClassVar[str]
    pipeline: Pipeline

    @cached_property
    def id(self) -> str:
        """A short stable name: the same settings, the same name, in any run."""
        content = json.dumps(plain(self), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class AttackCell(_Cell):
    """One attack by one coalition on one pipeline.

    Attributes:
        pipeline: what is attacked.
        threat: the attacker.
        attack: name of the attack, or a pseudo-attack of `BARE`.
        seed: of the attack.
        motion: what the scene does over the frames.
        recognise: the recogniser that judges the reconstruction; the metrics do when empty.
    """

    kind: ClassVar[str] = "Watch"
    """Stands for the class in ids, as the first version named it."""

    pipeline: Pipeline
    threat: ThreatModel
    attack: str = setting(in_every_id=True, in_every_record=True, label=unnamed)
    seed: int = setting(
        0,
        in_every_id=True,
        in_every_record=True,
        label=lambda cell: f"seed{cell.seed}" if cell.seed else "",
        names_file=True,
    )
    motion: str = setting(
        STATIC,
        label=lambda cell: (
            f"{cell.motion}{cell.threat.frames}"
            if cell.threat.frames > 1 or cell.motion != STATIC
            else ""
        ),
    )
    recognise: str = setting("", column=None, label=unnamed)

    @property
    def variant(self) -> str:
        """What is unusual about attacker and scene, as part of a folder's name; else empty."""
        return "-".join([*labels(self.threat), *labels(self)])

    @property
    def file_name(self) -> str:
        """Attack, stage, training and seed, as the name of a picture's file."""
        return "-".join([self.attack, *labels(self.threat, True), *labels(self, True)])


@dataclass(frozen=True)
class SegmentationCell(_Cell):
    """Segmentation scores of one pipeline."""

    kind: ClassVar[str] = "Segment"

    pipeline: Pipeline


Cell = AttackCell | SegmentationCell


def plain(cell: _Cell) -> list[Any]:
    """A cell as JSON can write it; `cell_of` reads it back."""
    settings: dict[str, Any] = {"pipeline": stated(cell.pipeline)}
    if isinstance(cell, AttackCell):
        settings |= stated(cell.threat)
    return [cell.kind, settings | stated(cell)]


def cell_of(content: Sequence[Any]) -> Cell | None:
    """The cell that `plain` made ``content`` of; ``None`` where it has fields unknown here."""
    try:
        kind, settings = content
        rest = dict(settings)
        pipeline = Pipeline(**rest.pop("pipeline"))
        if kind == SegmentationCell.kind:
            return SegmentationCell(pipeline, **rest)
        if kind == AttackCell.kind:
            names = [each.name for each in own(ThreatModel) if each.name in rest]
            threat = ThreatModel(**{name: rest.pop(name) for name in names})
            return AttackCell(pipeline, threat, **rest)
    except (TypeError, ValueError, KeyError, PedbenchError):
        pass
    return None
