"""What an attacker is fitted to: the settings of a cell that its fitting depends on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from attacks.base import Attack
from attacks.threat_models.base import ThreatModel
from bench.spec.cells import AttackCell, Pipeline
from framework.declaration import only, own
from framework.split.defences import DEFENCES
from framework.split.defences.trained.base import TrainedDefence
from framework.split.payload import INT_LIMIT, PayloadSpec
from framework.split.plans import PLANS

EVERY_ROUND = "every_round"
NOISY = " in noise"


@dataclass(frozen=True)
class TrainingSetting:
    """How public photos are observed for an attacker, and what else it has.

    All settings that fitting does not depend on have their defaults, so that cells whose attackers
    are the same have the same training setting.

    Attributes:
        pipeline: what public photos go through.
        threat: the attacker; it averages over ``frames`` of a still scene if it averages at all.
        every_round: whether the attacker learns from all stages where ``threat`` names none.
    """

    pipeline: Pipeline = field(default_factory=Pipeline)
    threat: ThreatModel = field(default_factory=ThreatModel)
    every_round: bool = False

    @property
    def fields(self) -> dict[str, Any]:
        """The settings that fitting depends on, by name."""
        return {
            each.name: getattr(part, each.name)
            for part in (self.pipeline, self.threat)
            for each in own(type(part))
            if each.setting.training != "none"
        } | {EVERY_ROUND: self.every_round}


def training_phase(attack: str, setting: TrainingSetting) -> str:
    """The name of the time that training takes; noise leaves some attacks more to learn."""
    pipeline = setting.pipeline
    noisy = pipeline.defence != "none" or PayloadSpec.parse(pipeline.payload).tokens in INT_LIMIT
    return f"train {attack}" + (NOISY if noisy else "")


def training_setting(cell: AttackCell, attack: type[Attack]) -> TrainingSetting:
    """What ``attack`` is fitted to in ``cell``.

    An attacker that does not adapt trains without the defence, as if there were none. One that
    learns from the first round alone is the same under all plans that open alike.
    """
    if not attack.needs_training:
        return TrainingSetting(only(cell.pipeline, "every"), only(cell.threat, "every"))
    pipeline = only(cell.pipeline, "every", "learned")
    threat = only(cell.threat, "every", "learned")
    if pipeline.defence == "none" or not cell.threat.adaptive:
        pipeline = replace(pipeline, defence="none", strength=0.0)
        threat = replace(threat, averages=False)
    if not threat.averages:
        threat = replace(threat, frames=1)
    if not threat.stage and not attack.every_round and not _differs_by_plan(pipeline):
        pipeline = replace(pipeline, plan=PLANS[pipeline.plan].opens_as or pipeline.plan)
    return TrainingSetting(pipeline, threat, attack.every_round)


def _differs_by_plan(pipeline: Pipeline) -> bool:
    """Whether another plan has another defence."""
    defence = DEFENCES.get(pipeline.defence)
    return issubclass(defence, TrainedDefence) and defence.for_each_plan
