"""A group of a run: a grid of pipelines and of attackers, and the cells that it spans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import product
from typing import Any

from attacks.base import ATTACKS
from attacks.threat_models.base import THREATS, ThreatModel
from bench.recognition import RECOGNISERS
from bench.spec.cells import (
    BARE,
    EXPOSURE,
    STATIC,
    AttackCell,
    Cell,
    Pipeline,
    SegmentationCell,
)
from framework.declaration import own

ALL = "all"
PIPELINE_FIELDS = tuple(each.name for each in own(Pipeline))


@dataclass(frozen=True)
class Group:
    """A grid of pipelines and what is measured on each.

    Choices, stages, adaptive, public photos and frames are as the threat models say where they are
    empty.

    Attributes:
        grid: values of each `Pipeline` field; the pipelines are their product.
        segmentation: whether masks are scored.
        coalitions: coalition sizes by number of shards.
        choices: how coalitions are chosen.
        attacks: names; ``("all",)`` stands for every registered one.
        without: names left out of ``all``.
        seeds: how many of the run's seeds the group takes; all when ``None``.
        stages: stages at which the attacker looks; ``None`` is the earliest it has.
        adaptive: whether learned attackers train through the defence; both may be asked for.
        threats: named threat models, `attacks.threat_models.base.THREATS`.
        public_photos: how many photos of their own attackers have; ``None`` for all of the run.
        frames: numbers of frames of the scene that the coalition receives.
        motions: what the scene does meanwhile.
        recognise: recognisers that look at pictures of the group; ``("all",)`` stands for each.
        recognise_on: attacks whose pictures they look at, with the first seed, beside `SEEN` and
            `ORIGINAL`; all but floors and ceilings of the group if empty.
    """

    grid: Mapping[str, list[Any]]
    segmentation: bool = False
    coalitions: Mapping[int, list[int]] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    attacks: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    seeds: int | None = None
    stages: tuple[int | None, ...] = ()
    adaptive: tuple[bool, ...] = ()
    threats: tuple[str, ...] = ("standard",)
    public_photos: tuple[int | None, ...] = ()
    frames: tuple[int, ...] = ()
    motions: tuple[str, ...] = (STATIC,)
    recognise: tuple[str, ...] = ()
    recognise_on: tuple[str, ...] = ()

    def pipelines(self) -> list[Pipeline]:
        """The product of the grid."""
        return [
            Pipeline(**dict(zip(self.grid, values, strict=True)))
            for values in product(*self.grid.values())
        ]

    def attack_names(self) -> list[str]:
        """Attacks that the group names."""
        if ALL in self.attacks:
            return [name for name in ATTACKS.names() if name not in self.without]
        return list(self.attacks)

    def recogniser_names(self) -> list[str]:
        """Recognisers that the group names."""
        return RECOGNISERS.names() if ALL in self.recognise else list(self.recognise)

    def cells(self, seeds: Sequence[int]) -> Iterator[Cell]:
        """Every cell of the group, in a stable order.

        Args:
            seeds: of the run.
        """
        for pipeline in self.pipelines():
            if self.segmentation:
                yield SegmentationCell(pipeline)
            sizes = self.coalitions.get(pipeline.n_shards, ())
            for size, (threat, motion) in product(sizes, self._attackers()):
                everyone = size == pipeline.n_shards
                if everyone and self.choices and threat.choice != self.choices[0]:
                    continue
                attacker = replace(threat, coalition=size)
                for cell in self._attacks(AttackCell(pipeline, attacker, "", motion=motion), seeds):
                    yield from self._with_recognisers(cell, seeds[0])

    def _attackers(self) -> Iterator[tuple[ThreatModel, str]]:
        """Each attacker of the group, any coalition's size, with the motion of the scene.

        Fields that the group leaves empty are as each of its threat models says.
        """
        for named in map(THREATS.get, self.threats):
            asked = [getattr(self, name) or (getattr(named, of),) for name, of in LISTS.items()]
            for *values, motion in product(*asked, self.motions):
                chosen = dict(zip(LISTS.values(), values, strict=True))
                averages = named.averages and chosen["frames"] > 1
                yield replace(named, **chosen, averages=averages), motion

    def _attacks(self, cell: AttackCell, seeds: Sequence[int]) -> Iterator[AttackCell]:
        """Every attack of the group by one attacker, with every seed that it needs."""
        names = [*BARE] if self.recognise else [EXPOSURE]
        for name in [*names, *self.attack_names()]:
            learned = name not in BARE and ATTACKS.get(name).needs_training
            if not cell.threat.adaptive and (cell.pipeline.defence == "none" or not learned):
                continue
            random = name not in BARE and ATTACKS.get(name).random
            for seed in seeds[: self.seeds] if random else seeds[:1]:
                yield replace(cell, attack=name, seed=seed)

    def _with_recognisers(self, cell: AttackCell, first_seed: int) -> Iterator[AttackCell]:
        """A cell, and one more for each recogniser that looks at its picture.

        Recognition needs the scored photo itself, so that scenes that move have none.
        """
        names = self.attack_names()
        if cell.attack in (EXPOSURE, *names):
            yield cell
        recognised = self.recognise_on or [
            name for name in names if ATTACKS.get(name).kind not in ("floor", "ceiling")
        ]
        wanted = cell.attack in recognised or (cell.attack in BARE and cell.attack != EXPOSURE)
        if wanted and cell.motion == STATIC and cell.seed == first_seed:
            for name in self.recogniser_names():
                yield replace(cell, recognise=name)


LISTS = {
    field.name: each.name
    for field in fields(Group)
    for each in own(ThreatModel)
    if field.default == () and field.name in (each.name, f"{each.name}s")
}
"""Fields of a group that list values of a field of the threat model, under its name or plural."""
