"""Trained attackers: fitted once per way a window arrives, and kept in the cache."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attacks.base import ATTACKS, STRANGERS, SUBSTITUTE, Attack, Unlearnable
from attacks.threat_models.base import IN_DOMAIN, unsupported_reason
from bench.attackers import trained
from bench.attackers.cards import Card, describe
from bench.attackers.public_knowledge import Channel, PublicPhotos
from bench.cache.fingerprints import part_fingerprint, source_fingerprint, versions
from bench.datasets import Dataset
from bench.runner.phases import phase
from bench.runner.pipelines import Models, Unsupported
from bench.spec.cells import BARE, Cell, Watch
from framework.files.cache import cache_dir
from framework.split.defences import DEFENCES


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
        self.models = models
        self.photos = PublicPhotos(models, public, outside, contents)
        self._ready: dict[tuple[str, int, Channel], Attack] = {}
        self._broken: dict[tuple[str, int, Channel], Exception] = {}

    def untrained(self, cells: Iterable[Cell]) -> list[Watch]:
        """One cell for each attacker of ``cells`` that is not in the cache.

        Those that learn from all rounds come first, since they take longest, and those that learn
        from the same photos follow each other.
        """
        wanted = {
            self._key(cell): cell
            for cell in cells
            if isinstance(cell, Watch) and self.unsupported(cell) is None
        }
        missing = [key for key in wanted if not self._cached(*key)]
        missing.sort(key=lambda key: (not key[2].every_round, repr(key[2])))
        return [wanted[key] for key in missing]

    def unsupported(self, cell: Watch) -> str | None:
        """Why there is no attacker of this cell, whatever he sees; ``None`` where there is."""
        if cell.attack in BARE:
            return f"'{cell.attack}' needs no attacker"
        if cell.public != IN_DOMAIN and not self.photos.outside:
            return "this run has no out-of-domain photos: name data sets under 'outside'"
        attack = ATTACKS.get(cell.attack)
        reason = unsupported_reason(attack, cell.threat)
        if reason is not None or cell.can_query or not attack.needs_training:
            return reason
        without = STRANGERS in attack.needs and SUBSTITUTE not in attack.needs
        return None if without else self.photos.substitutes.missing(cell.pipeline.adapted)

    def get(self, cell: Watch) -> Attack:
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

    def broken(self, cell: Watch) -> bool:
        """Whether the attack of ``cell`` raised when it was made or fitted."""
        return self._key(cell) in self._broken

    def cards(self, cells: Iterable[Cell]) -> list[Card]:
        """The cards of the trained attackers of ``cells``, as far as the cache has them."""
        wanted = {
            self._key(cell)
            for cell in cells
            if isinstance(cell, Watch) and self.unsupported(cell) is None
        }
        found = []
        for key in wanted:
            learned = ATTACKS.get(key[0]).needs_training
            kept = trained.load(self._cache_file(*key)) if learned else None
            if kept is not None:
                found.append(kept.card)
        return found

    def _key(self, cell: Watch) -> tuple[str, int, Channel]:
        return cell.attack, cell.seed, self._channel(cell)

    def _channel(self, cell: Watch) -> Channel:
        pipeline = cell.pipeline
        means: dict[str, Any] = {
            name: getattr(cell, name)
            for name in ("weights_known", "public", "can_query", "public_photos")
        }
        if not ATTACKS.get(cell.attack).needs_training:
            return Channel("interleaved", "float32", "none", 0.0, False, None, **means)
        means["every_round"] = ATTACKS.get(cell.attack).every_round
        if cell.adaptive and pipeline.defence != "none":
            means["frames"] = cell.frames if cell.averages else 1
            return Channel(*pipeline.channel, cell.stage, **means)
        undefended = pipeline.plan, pipeline.payload, "none", 0.0, pipeline.adapted
        return Channel(*undefended, cell.stage, **means)

    def _data(self, channel: Channel) -> list[str]:
        return [dataset.name for dataset in self.photos.sets(channel)]

    def _cached(self, name: str, seed: int, channel: Channel) -> bool:
        try:
            return trained.load(self._cache_file(name, seed, channel)) is not None
        except Unsupported:
            return False

    def _prepared(self, name: str, seed: int, channel: Channel) -> Attack:
        path = self._cache_file(name, seed, channel)
        kept = trained.load(path)
        knowledge = None if kept is not None else self.photos.knowledge(channel)
        try:
            attack = ATTACKS.get(name)(seed=seed)
            if kept is not None:
                attack.load_state(kept.state)
                return attack
            assert knowledge is not None
            start = time.perf_counter()
            with phase(f"train {name}"):
                attack.fit(knowledge)
            seconds = time.perf_counter() - start
            made = attack.state()
        except Unlearnable as error:
            raise Unsupported(str(error)) from error
        except Exception as error:
            self._broken[name, seed, channel] = error
            raise
        card = describe(attack, channel, knowledge, self._data(channel), seconds)
        trained.save(path, trained.Trained(made, card))
        return attack

    def _cache_file(self, name: str, seed: int, channel: Channel) -> Path:
        sam = self.models.get(channel.adapted)
        source = [
            part_fingerprint(ATTACKS.get(name), ATTACKS.package),
            source_fingerprint(__name__),
            part_fingerprint(DEFENCES.get(channel.defence), DEFENCES.package),
            name,
            seed,
            repr(channel),
            sam.arch.name,
            sam.weights.sha256,
            sam.precision,
            self.photos.content(channel.public),
            versions(),
            "" if channel.can_query else self.photos.substitutes.label(channel.adapted),
        ]
        digest = hashlib.sha256(json.dumps(source).encode()).hexdigest()[:20]
        return cache_dir() / "attackers" / f"{name}-{digest}.safetensors"
