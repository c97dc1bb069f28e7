"""Trained attackers: fitted once per way a window arrives, and kept in the cache."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from attacks.base import (
    ATTACKS,
    STRANGERS,
    SUBSTITUTE,
    Attack,
    Knowledge,
    Unlearnable,
    checked_state,
)
from attacks.threat_models.base import IN_DOMAIN, unsupported_reason
from bench.attackers import trained
from bench.attackers.cards import Card, describe
from bench.attackers.public_knowledge import PublicPhotos
from bench.attackers.shipped import FOLDER as SHIPPED
from bench.attackers.shipped import load_shipped
from bench.attackers.training_setting import (
    TrainingSetting,
    training_phase,
    training_setting,
)
from bench.cache.claims import claimed
from bench.cache.fingerprints import (
    content_digest,
    package_fingerprint,
    part_fingerprint,
    source_fingerprint,
    versions,
)
from bench.datasets import Dataset
from bench.runner.evaluation.pipelines import Unsupported
from bench.runner.models import Models
from bench.runner.phases import phase
from bench.spec.cells import BARE, AttackCell, Cell
from framework.errors import FAULTS
from framework.files.cache import cache_dir
from framework.split.defences import DEFENCES, make_defence

FOLDER = "attackers"
"""Where trained attackers lie in the cache."""


class Attackers:
    """Gives each cell its attack, trained if it needs to be.

    Args:
        models: the models under attack.
        public: the attackers' own photos, like the scored ones.
        outside: the photos of those who have none of that kind.
        contents: as in `PublicPhotos`.
    """

    def __init__(
        self,
        models: Models,
        public: Sequence[Dataset],
        outside: Sequence[Dataset] = (),
        contents: Mapping[str, str] | None = None,
    ) -> None:
        self.photos = PublicPhotos(models, public, outside, contents)
        self._ready: dict[tuple[str, int, TrainingSetting], Attack] = {}
        self._broken: dict[tuple[str, int, TrainingSetting], BaseException] = {}

    @property
    def models(self) -> Models:
        """The models under attack."""
        return self.photos.models

    def untrained(self, cells: Iterable[Cell]) -> list[AttackCell]:
        """One cell for each attacker of ``cells`` that is not in the cache.

        Those that learn from all rounds come first, since they take longest, and those that learn
        from the same photos follow each other.
        """
        wanted = {
            self._key(cell): cell
            for cell in cells
            if isinstance(cell, AttackCell) and self.unsupported(cell) is None
        }
        missing = [key for key in wanted if not self._cached(*key)]
        missing.sort(key=lambda key: (not key[2].every_round, repr(key[2])))
        return [wanted[key] for key in missing]

    def unsupported(self, cell: AttackCell) -> str | None:
        """Why there is no attacker of this cell, whatever is seen; ``None`` where there is one."""
        if cell.attack in BARE:
            return f"'{cell.attack}' needs no attacker"
        if cell.threat.public != IN_DOMAIN and not self.photos.outside:
            return "this run has no out-of-domain photos: name data sets under 'outside'"
        attack = ATTACKS.get(cell.attack)
        reason = unsupported_reason(attack, cell.threat)
        if reason is not None or cell.threat.can_query or not attack.needs_training:
            return reason
        without = STRANGERS in attack.needs and SUBSTITUTE not in attack.needs
        return None if without else self.models.no_substitute(cell.pipeline.adapted)

    def get(self, cell: AttackCell) -> Attack:
        """The attack of ``cell``; trains it, or reads it from the cache, on first use.

        Raises:
            Exception: whatever the attack raised when it was made or fitted, every time again.
        """
        key = self._key(cell)
        if key in self._broken:
            raise self._broken[key]
        if key not in self._ready:
            self._ready[key] = self._prepared(*key)
        return self._ready[key]

    def broken(self, cell: AttackCell) -> bool:
        """Whether the attack of ``cell`` raised when it was made or fitted."""
        return self._key(cell) in self._broken

    def file_of(self, cell: AttackCell) -> Path | None:
        """Where the cache has the attack of ``cell``, or would have it; ``None`` without any."""
        try:
            return None if self.unsupported(cell) else self._cache_file(*self._key(cell))
        except Unsupported:
            return None

    def ships(self, cell: AttackCell) -> bool:
        """Whether the attack of ``cell`` comes with the package, trained."""
        try:
            return self.unsupported(cell) is None and self._shipped_file(*self._key(cell)).exists()
        except Unsupported:
            return False

    def cards(self, cells: Iterable[Cell]) -> list[Card]:
        """The cards of the trained attackers of ``cells``, as far as there are any."""
        return [made.card for _, made in self.all_trained(cells)]

    def all_trained(self, cells: Iterable[Cell]) -> Iterator[tuple[Path, trained.Trained]]:
        """The trained attackers of ``cells``, as far as there are any, and where to ship each."""
        wanted = {
            self._key(cell)
            for cell in cells
            if isinstance(cell, AttackCell) and self.unsupported(cell) is None
        }
        for key in wanted:
            kept = self._kept(*key) if ATTACKS.get(key[0]).needs_training else None
            if kept is not None:
                yield self._shipped_file(*key), kept

    def _key(self, cell: AttackCell) -> tuple[str, int, TrainingSetting]:
        return cell.attack, cell.seed, training_setting(cell, ATTACKS.get(cell.attack))

    def _data(self, setting: TrainingSetting) -> list[str]:
        return [dataset.name for dataset in self.photos.sets(setting)]

    def _cached(self, name: str, seed: int, setting: TrainingSetting) -> bool:
        try:
            return self._kept(name, seed, setting) is not None
        except Unsupported:
            return False

    def _prepared(self, name: str, seed: int, setting: TrainingSetting) -> Attack:
        with claimed(self._cache_file(name, seed, setting)):
            return self._kept_or_fitted(name, seed, setting)

    def _kept_or_fitted(self, name: str, seed: int, setting: TrainingSetting) -> Attack:
        """An attack with the state of a trained one, in this process as in every other."""
        kept = self._kept(name, seed, setting)
        knowledge = None if kept is not None else self.photos.knowledge(setting)
        try:
            if knowledge is not None:
                kept = self._fitted(name, seed, setting, knowledge)
                trained.save(self._cache_file(name, seed, setting), kept)
            assert kept is not None
            attack = ATTACKS.get(name)(seed=seed)
            attack.load_state(kept.state)
        except Unlearnable as error:
            raise Unsupported(str(error)) from error
        except FAULTS as error:
            self._broken[name, seed, setting] = error
            raise
        return attack

    def _fitted(
        self, name: str, seed: int, setting: TrainingSetting, knowledge: Knowledge
    ) -> trained.Trained:
        attack = ATTACKS.get(name)(seed=seed)
        start = time.perf_counter()
        with phase(training_phase(name, setting)):
            attack.fit(knowledge)
        seconds = time.perf_counter() - start
        card = describe(attack, setting, knowledge, self._data(setting), seconds)
        return trained.Trained(checked_state(attack), card)

    def _kept(self, name: str, seed: int, setting: TrainingSetting) -> trained.Trained | None:
        """A trained attacker from the cache, else from those that are shipped."""
        kept = trained.load(self._cache_file(name, seed, setting))
        return kept or load_shipped(self._shipped_file(name, seed, setting))

    def _cache_file(self, name: str, seed: int, setting: TrainingSetting) -> Path:
        source = [*self._source(name, seed, setting), source_fingerprint(__name__), versions()]
        return cache_dir() / FOLDER / _file(name, source)

    def _shipped_file(self, name: str, seed: int, setting: TrainingSetting) -> Path:
        """Where an attacker would lie that is shipped.

        It holds for any versions of packages, which decode photos alike but for the last bit, and
        of the framework: what shards saw of these photos follows from weights and setting. The
        interface of attacks may change too, as it computes nothing.
        """
        code = package_fingerprint(ATTACKS.get(name).__module__, Attack.__module__)
        photos = self.photos.sources(setting.threat.public)
        return SHIPPED / _file(name, [code, photos, *self._inputs(name, seed, setting)])

    def _source(self, name: str, seed: int, setting: TrainingSetting) -> list[object]:
        """All that an attacker comes of, but the benchmark's own code and installed packages."""
        return [
            part_fingerprint(ATTACKS.get(name)),
            part_fingerprint(DEFENCES.get(setting.pipeline.defence)),
            self._weights_of_defence(setting),
            self.photos.content(setting.threat.public),
            *self._inputs(name, seed, setting),
        ]

    def _weights_of_defence(self, setting: TrainingSetting) -> str:
        pipeline = setting.pipeline
        defence = make_defence(pipeline.defence, pipeline.strength)
        return defence.weights(self.models.get(pipeline.adapted), pipeline.plan)

    def _inputs(self, name: str, seed: int, setting: TrainingSetting) -> list[object]:
        """What an attacker is fitted to, code and photos aside."""
        adapted = setting.pipeline.adapted
        sam = self.models.get(adapted)
        return [
            name,
            seed,
            setting.fields,
            sam.arch.name,
            sam.weights.sha256,
            sam.precision,
            "" if setting.threat.can_query else self.models.substitute_label(adapted),
        ]


def _file(name: str, source: list[object]) -> str:
    return f"{name}-{content_digest(source)[:20]}.safetensors"
