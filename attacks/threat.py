"""What an attacker is granted, and whether an attack can work with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from attacks.base import FIRST_STAGE, PIXELS, POSITIONS, WEIGHTS, Attack
from framework.observation import Observation


@dataclass(frozen=True)
class ThreatModel:
    """The attacker's means.

    Attributes:
        coalition: number of colluding shards.
        choice: ``largest`` exposure or ``seeded`` nested subsets.
        weights_known: whether he has the model's weights.
        positions_known: whether he knows where each window stands.
        stage: the only stage he looks at; ``None`` for all of them.
        frames: pictures of the same scene that he saw.
        adaptive: whether he trains through the defence.
        public: name of his public data.
    """

    coalition: int = 1
    choice: Literal["largest", "seeded"] | str = "largest"
    weights_known: bool = True
    positions_known: bool = True
    stage: int | None = None
    frames: int = 1
    adaptive: bool = True
    public: str = ""


def unsupported_reason(
    attack: type[Attack], threat: ThreatModel, observation: Observation
) -> str | None:
    """Why ``attack`` cannot be asked of this attacker, in one line; ``None`` when it can.

    An observation without any message supports every attack: it shows nothing.
    """
    seen = observation.messages
    missing = {
        WEIGHTS: not threat.weights_known,
        POSITIONS: not threat.positions_known,
        FIRST_STAGE: bool(seen) and 0 not in observation.stages,
        PIXELS: bool(seen) and not observation.pixels(),
    }
    lacking = sorted(need for need in attack.needs if missing[need])
    if not lacking:
        return None
    return f"attack '{attack.name}' needs {', '.join(lacking)}, which this attacker lacks"
