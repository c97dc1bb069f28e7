"""What an attacker is granted and handed, and which attacks can work with that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from attacks.base import (
    FIRST_STAGE,
    FRAMES,
    PIXELS,
    POSITIONS,
    QUERIES,
    STRANGERS,
    SUBSTITUTE,
    WEIGHTS,
    Attack,
)
from attacks.features.several_frames import averaged
from framework.declaration import setting, unnamed
from framework.errors import PedbenchError
from framework.registry import Registry
from framework.split.observation import Observation

IN_DOMAIN, OUT_OF_DOMAIN = "in-domain", "out-of-domain"
PUBLIC_DATA = (IN_DOMAIN, OUT_OF_DOMAIN)


@dataclass(frozen=True)
class ThreatModel:
    """What the attacker has, each field declared once as a `framework.declaration.Setting`.

    Attributes:
        coalition: number of colluding shards.
        choice: ``largest`` exposure or ``seeded`` nested subsets.
        weights_known: whether the attacker has the model's weights (white box).
        can_query: whether the attacker can send photos through the system and see what shards
            receive of them (black box). Known weights always allow it, in a copy of the system. A
            query-free attacker has the public model instead, and overhears strangers' photos.
        public_photos: number of photos that the attacker owns, and sends where queries are
            allowed; ``None`` for all that the run names.
        positions_known: whether the attacker knows where each window stands.
        stage: the only stage that is looked at, the index of the block that runs next: received,
            or computed by a shard (`attacks.features.shard_outputs`); ``None`` for all that were
            received.
        frames: number of pictures of the same scene that were seen.
        averages: whether the scene is taken for still, and what was seen of one window is averaged
            over the frames, so that noise cancels.
        adaptive: whether attacks are trained through the defence.
        public: whether the attacker's photos are like the scored ones (``in-domain``) or not
            (``out-of-domain``).
        summary: one line for lists.

    Raises:
        PedbenchError: a value is out of range, or windows are averaged that cannot be matched.
    """

    coalition: int = setting(
        1, in_every_id=True, in_every_record=True, label=unnamed, training="none"
    )
    choice: Literal["largest", "seeded"] | str = setting(
        "largest",
        column="coalition_choice",
        in_every_id=True,
        in_every_record=True,
        label=unnamed,
        training="none",
    )
    positions_known: bool = setting(
        True,
        column="positions",
        words={True: "known", False: "hidden"},
        label=lambda threat: "" if threat.positions_known else "positions-hidden",
        training="none",
    )
    weights_known: bool = setting(
        True,
        label=lambda threat: (
            "weights-hidden" if threat.can_query and not threat.weights_known else ""
        ),
    )
    can_query: bool = setting(True, label=lambda threat: "" if threat.can_query else "query-free")
    public_photos: int | None = setting(
        None,
        words={None: "all"},
        label=lambda threat: (
            "" if threat.public_photos is None else f"photos{threat.public_photos}"
        ),
    )
    public: str = setting(
        IN_DOMAIN,
        column="public_data",
        label=lambda threat: "" if threat.public == IN_DOMAIN else threat.public,
    )
    averages: bool = setting(
        False,
        column="averaged",
        label=lambda threat: "averaged" if threat.averages else "",
        training="learned",
    )
    frames: int = setting(1, label=unnamed, training="learned")
    stage: int | None = setting(
        None,
        words={None: "earliest"},
        in_every_id=True,
        in_every_record=True,
        label=lambda threat: "" if threat.stage is None else f"stage{threat.stage}",
        names_file=True,
        training="learned",
    )
    adaptive: bool = setting(
        True,
        in_every_id=True,
        in_every_record=True,
        label=lambda threat: "" if threat.adaptive else "nonadaptive",
        names_file=True,
        training="none",
    )
    summary: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise PedbenchError(f"a threat model of {self.frames} frames: give at least 1")
        if self.public not in PUBLIC_DATA:
            raise PedbenchError(f"public data '{self.public}': give {' or '.join(PUBLIC_DATA)}")
        if self.public_photos is not None and self.public_photos < 1:
            raise PedbenchError(
                f"a threat model of {self.public_photos} public photos: give at least 1"
            )
        if self.weights_known and not self.can_query:
            raise PedbenchError(
                "who knows the weights can query a copy of the system: leave out can_query, "
                "or let weights_known be false"
            )
        if self.averages and not self.positions_known:
            raise PedbenchError(
                "who does not know positions cannot match windows over frames: "
                "leave out averages, or let positions be known"
            )

    def handed(self, seen: Observation, seed: int) -> Observation:
        """What the attacker has of everything that the coalition saw.

        Args:
            seen: by the coalition, of one frame or several.
            seed: of the labels that stand in place of positions where those are hidden.
        """
        if self.averages:
            seen = averaged(seen)
        if self.stage is not None:
            seen = seen.at_stages([self.stage])
        return seen if self.positions_known else seen.without_positions(seed)


THREATS: Registry[ThreatModel] = Registry(
    "threat model", "attacks.threat_models", "pedbench.threats", ThreatModel, instances=True
)


def unsupported_reason(
    attack: type[Attack], threat: ThreatModel, observation: Observation | None = None
) -> str | None:
    """Why ``attack`` cannot be asked of this attacker, in one line; ``None`` when it can.

    Args:
        observation: what the attacker is handed; without one, only the grants are looked at. An
            observation without any message supports every attack: it shows nothing.
    """
    for need in (SUBSTITUTE, STRANGERS):
        if need in attack.needs and threat.can_query:
            return (
                f"attack '{attack.name}' makes do with {need}, this attacker has the system itself "
                "to learn from: name a query-free threat model"
            )
    missing = {
        WEIGHTS: not threat.weights_known,
        POSITIONS: not threat.positions_known,
        FRAMES: threat.frames < 2,
        QUERIES: not threat.can_query,
        SUBSTITUTE: False,
        STRANGERS: False,
    }
    if observation is None or not observation.messages:
        missing |= {FIRST_STAGE: False, PIXELS: False}
    else:
        missing |= {FIRST_STAGE: 0 not in observation.stages, PIXELS: not observation.pixels()}
    lacking = sorted(need for need in attack.needs if missing.get(need, True))
    if not lacking:
        return None
    return f"attack '{attack.name}' needs {', '.join(lacking)}, which this attacker lacks"
