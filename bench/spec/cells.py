"""What is measured: pipelines, the coalitions that watch them, and the attacks they run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from attacks.threat_models.base import IN_DOMAIN, ThreatModel

PADDING = "padding"
"""The choice of a coalition whose windows lie in the model's padding alone."""
COALITION_CHOICES = ("largest", "seeded", PADDING)
EXPOSURE = "exposure"
"""Stands in a cell's attack: which pixels and objects the coalition saw, without any model."""
SEEN, ORIGINAL = "seen", "original"
"""Stand in a cell's attack where something is to be recognised: what was received, as it is, and
the frame itself, the ceiling."""
BARE = {EXPOSURE: "exposure", SEEN: "seen", ORIGINAL: "ceiling"}
"""What stands in a cell's attack and is none, with its kind."""
STATIC = "static"
"""The motion of a scene that keeps still."""


@dataclass(frozen=True)
class Pipeline:
    """One configuration of the distributed encoder.

    Attributes:
        plan, payload, policy, n_shards, defence, strength: as in `DistributedEncoder`.
        adapted: use the weights adapted to `globals_last` instead of the run's own.
    """

    plan: str = "interleaved"
    payload: str = "float32"
    policy: str = "sticky"
    n_shards: int = 4
    defence: str = "none"
    strength: float = 0.0
    adapted: bool = False

    @property
    def channel(self) -> tuple[str, str, str, float, bool]:
        """What an attacker must know to train: how a window looks when it arrives."""
        return self.plan, self.payload, self.defence, self.strength, self.adapted

    @property
    def slug(self) -> str:
        """A short name that serves as a folder's."""
        parts = [self.plan, self.payload, self.policy, str(self.n_shards)]
        if self.defence != "none":
            parts.append(f"{self.defence}{self.strength:g}")
        if self.adapted:
            parts.append("adapted")
        return "-".join(parts)


@dataclass(frozen=True)
class Watch:
    """One attack by one coalition on one pipeline.

    Attributes:
        pipeline: what is watched.
        coalition: number of colluding shards.
        choice: ``largest`` (greatest exposure), ``seeded`` (nested random subsets) or ``padding``
            (windows without any of the picture, whatever the size).
        attack: name of the attack.
        seed: of the attacker.
        adaptive: whether the attacker trained through the defence.
        stage: the only stage the attacker looks at; ``None`` shows it all of them.
        positions_known, weights_known, can_query, public_photos, public, frames, averages: as in
            `ThreatModel`.
        motion: what the scene does over the frames.
        recognise: the recogniser that judges the reconstruction; the metrics do when empty.
    """

    pipeline: Pipeline
    coalition: int
    choice: str
    attack: str
    seed: int = 0
    adaptive: bool = True
    stage: int | None = None
    positions_known: bool = True
    weights_known: bool = True
    can_query: bool = True
    public_photos: int | None = None
    public: str = IN_DOMAIN
    frames: int = 1
    averages: bool = False
    motion: str = STATIC
    recognise: str = ""

    @property
    def threat(self) -> ThreatModel:
        """The attacker of this cell."""
        names = [field.name for field in fields(ThreatModel) if field.name != "summary"]
        return ThreatModel(**{name: getattr(self, name) for name in names})

    @property
    def means(self) -> str:
        """What is unusual about attacker and scene, as part of a file's name; else empty."""
        parts = {
            "positions-hidden": not self.positions_known,
            "weights-hidden": not self.weights_known and self.can_query,
            "query-free": not self.can_query,
            f"photos{self.public_photos}": self.public_photos is not None,
            self.public: self.public != IN_DOMAIN,
            "averaged": self.averages,
            f"{self.motion}{self.frames}": self.frames > 1 or self.motion != STATIC,
        }
        return "-".join(name for name, applies in parts.items() if applies)


LATER = (
    "positions_known",
    "weights_known",
    "can_query",
    "public_photos",
    "public",
    "frames",
    "averages",
    "motion",
    "recognise",
)
"""Fields of `Watch` that name a cell only where they are not as usual."""


@dataclass(frozen=True)
class Segment:
    """Segmentation scores of one pipeline."""

    pipeline: Pipeline


Cell = Watch | Segment


def cell_id(cell: Cell) -> str:
    """A short stable name of a cell: the same settings, the same name, in any run."""
    content = json.dumps(plain(cell), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def plain(cell: Cell) -> list[Any]:
    """A cell as JSON can write it; `cell_of` reads it back."""
    facts = asdict(cell)
    for field in fields(cell):
        if field.name in LATER and facts[field.name] == field.default:
            del facts[field.name]
    return [type(cell).__name__, facts]


def cell_of(content: Sequence[Any]) -> Cell | None:
    """The cell that `plain` made ``content`` of; ``None`` where it has fields unknown here."""
    kind, facts = content
    try:
        pipeline = Pipeline(**facts["pipeline"])
        made = Watch if kind == Watch.__name__ else Segment
        return made(**{**facts, "pipeline": pipeline})
    except TypeError:
        return None
