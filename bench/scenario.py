"""What is measured: pipelines, the coalitions that watch them, and the attacks they run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

COALITION_CHOICES = ("largest", "seeded")
EXPOSURE = "exposure"
"""Stands in a cell's attack: which pixels and objects the coalition saw, without any model."""


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
        choice: ``largest`` (greatest exposure) or ``seeded`` (nested random subsets).
        attack: name of the attack.
        seed: of the attacker.
        adaptive: whether the attacker trained through the defence.
        stage: the only stage the attacker looks at; ``None`` shows it all of them.
    """

    pipeline: Pipeline
    coalition: int
    choice: str
    attack: str
    seed: int
    adaptive: bool = True
    stage: int | None = None


@dataclass(frozen=True)
class Segment:
    """Segmentation scores of one pipeline."""

    pipeline: Pipeline


Cell = Watch | Segment


def cell_id(cell: Cell) -> str:
    """A short stable name of a cell: the same settings, the same name, in any run."""
    content = json.dumps([type(cell).__name__, asdict(cell)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]
