"""Trained attackers: fitted once per way a window arrives, and kept in the cache."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from segment_anything.utils.transforms import ResizeLongestSide
from tqdm import tqdm

from attacks.base import (
    ATTACKS,
    STRANGERS,
    SUBSTITUTE,
    Attack,
    Knowledge,
    PublicExample,
    Unlearnable,
)
from attacks.frames import averaged
from attacks.outputs import with_stage
from attacks.threat import IN_DOMAIN, unsupported_reason
from bench.datasets import Dataset, Sample
from bench.fingerprints import part_fingerprint, source_fingerprint
from bench.frames import film
from bench.photos import own_photos, strangers_photos
from bench.pipelines import Models, Unsupported, build_predictor
from bench.profile import phase
from bench.scenario import BARE, STATIC, Cell, Pipeline, Watch
from bench.shots import take
from bench.substitutes import Substitutes
from framework.defences import DEFENCES
from framework.models.build import PedSam
from framework.models.download import cache_dir


@dataclass(frozen=True)
class _Channel:
    """How the attacker's own windows arrive when he trains, and what else he has.

    Attributes:
        every_round: whether he keeps all stages where ``stage`` names none.
        frames: over how many he averages.
        weights_known, public, can_query, public_photos: as in `ThreatModel`.
    """

    plan: str
    payload: str
    defence: str
    strength: float
    adapted: bool
    stage: int | None
    every_round: bool = False
    frames: int = 1
    weights_known: bool = True
    public: str = IN_DOMAIN
    can_query: bool = True
    public_photos: int | None = None


class Attackers:
    """Gives each cell its attack, trained if it needs to be.

    Args:
        models: the models under attack.
        public: the attackers' own photos, like the scored ones.
        outside: the photos of those who have none of that kind.
    """

    def __init__(
        self, models: Models, public: Sequence[Dataset], outside: Sequence[Dataset] = ()
    ) -> None:
        self.models = models
        self.public = public
        self.outside = outside
        self.substitutes = Substitutes(models)
        self._ready: dict[tuple[str, int, _Channel], Attack] = {}
        self._knowledge: tuple[_Channel, Knowledge] | None = None

    def prepare(self, cells: Iterable[Cell]) -> None:
        """Train every attacker that ``cells`` need, with a progress bar."""
        wanted = {
            self._key(cell): cell
            for cell in cells
            if isinstance(cell, Watch) and self.unsupported(cell) is None
        }
        for cell in tqdm(wanted.values(), desc="attackers", unit="attacker", disable=not wanted):
            with contextlib.suppress(Unsupported):
                self.get(cell)
        self._knowledge = None

    def unsupported(self, cell: Watch) -> str | None:
        """Why there is no attacker of this cell, whatever he sees; ``None`` where there is."""
        if cell.attack in BARE:
            return f"'{cell.attack}' needs no attacker"
        if cell.public != IN_DOMAIN and not self.outside:
            return "this run has no out-of-domain photos: name data sets under 'outside'"
        attack = ATTACKS.get(cell.attack)
        reason = unsupported_reason(attack, cell.threat)
        if reason is not None or cell.can_query or not attack.needs_training:
            return reason
        without = STRANGERS in attack.needs and SUBSTITUTE not in attack.needs
        return None if without else self.substitutes.missing(cell.pipeline.adapted)

    def get(self, cell: Watch) -> Attack:
        """The attack of ``cell``; trains it, or reads it from the cache, on first use."""
        key = self._key(cell)
        if key not in self._ready:
            name, seed, channel = key
            attack = ATTACKS.get(name)(seed=seed)
            self._prepare(attack, channel)
            self._ready[key] = attack
        return self._ready[key]

    def _key(self, cell: Watch) -> tuple[str, int, _Channel]:
        return cell.attack, cell.seed, self._channel(cell)

    def _channel(self, cell: Watch) -> _Channel:
        pipeline = cell.pipeline
        means: dict[str, Any] = {
            name: getattr(cell, name)
            for name in ("weights_known", "public", "can_query", "public_photos")
        }
        if not ATTACKS.get(cell.attack).needs_training:
            return _Channel("interleaved", "float32", "none", 0.0, False, None, **means)
        means["frames"] = cell.frames if cell.averages else 1
        means["every_round"] = ATTACKS.get(cell.attack).every_round
        if cell.adaptive:
            return _Channel(*pipeline.channel, cell.stage, **means)
        undefended = pipeline.plan, pipeline.payload, "none", 0.0, pipeline.adapted
        return _Channel(*undefended, cell.stage, **means)

    def _prepare(self, attack: Attack, channel: _Channel) -> None:
        path = self._cache_file(attack, channel)
        if path.exists():
            try:
                attack.load_state(load_file(path))
                return
            except SafetensorError:
                path.unlink()
        knowledge = self._public_knowledge(channel)
        with phase(f"train {attack.name}"):
            try:
                attack.fit(knowledge)
            except Unlearnable as error:
                raise Unsupported(str(error)) from error
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        save_file(attack.state(), part)
        part.replace(path)

    def _cache_file(self, attack: Attack, channel: _Channel) -> Path:
        sam = self.models.get(channel.adapted)
        source = [
            part_fingerprint(type(attack), ATTACKS.package),
            source_fingerprint(__name__),
            part_fingerprint(DEFENCES.get(channel.defence), DEFENCES.package),
            attack.name,
            attack.seed,
            repr(channel),
            sam.arch.name,
            sam.weights.sha256,
            [dataset.fingerprint for dataset in self._photos(channel)],
            "" if channel.can_query else self.substitutes.label(channel.adapted),
        ]
        name = hashlib.sha256(json.dumps(source).encode()).hexdigest()[:20]
        return cache_dir() / "attackers" / f"{attack.name}-{name}.safetensors"

    def _public_knowledge(self, channel: _Channel) -> Knowledge:
        if self._knowledge is None or self._knowledge[0] != channel:
            with phase("observe public photos"):
                knowledge = self._queried if channel.can_query else self._query_free
                self._knowledge = channel, knowledge(channel)
        return self._knowledge[1]

    def _queried(self, channel: _Channel) -> Knowledge:
        """Of one who sends his photos through the system."""
        sam = self.models.get(channel.adapted)
        photos = own_photos(self._photos(channel), channel.public_photos, can_query=True)
        examples = [self._observe(dataset.load(name), channel, sam) for dataset, name in photos]
        return Knowledge(sam if channel.weights_known else None, examples, str(sam.device))

    def _query_free(self, channel: _Channel) -> Knowledge:
        """Of one whose photos went through a substitute, or nowhere where there is none."""
        sam, substitute = self.models.get(channel.adapted), self.substitutes.get(channel.adapted)
        sets = self._photos(channel)
        own = own_photos(sets, channel.public_photos, can_query=False)
        examples = [
            self._observe(dataset.load(name), channel, substitute or sam) for dataset, name in own
        ]
        if substitute is None:
            examples = [replace(e, observation=e.observation.keeping(())) for e in examples]
        overheard = [
            self._observe(dataset.load(name), channel, sam).observation
            for dataset, name in strangers_photos(sets)
        ]
        return Knowledge(None, examples, str(sam.device), substitute, overheard)

    def _photos(self, channel: _Channel) -> Sequence[Dataset]:
        return self.public if channel.public == IN_DOMAIN else self.outside

    def _observe(self, sample: Sample, channel: _Channel, sam: PedSam) -> PublicExample:
        """A photo as all shards together see it where ``sam`` is the model."""
        pipeline = Pipeline(
            channel.plan,
            channel.payload,
            "contiguous",
            1,
            channel.defence,
            channel.strength,
            channel.adapted,
        )
        frame = ResizeLongestSide(sam.arch.img_size).apply_image(sample.image)
        seed = int.from_bytes(hashlib.sha256(frame.tobytes()).digest()[:7], "big")
        predictor = build_predictor(sam, pipeline, seed)
        observation = averaged(take(predictor, film(sample, STATIC, channel.frames, 0)).observation)
        if channel.every_round and channel.stage is None:
            return PublicExample(frame, observation)
        if channel.stage is not None:
            observation = with_stage(observation, channel.stage, sam)
        wanted = observation.stages[0] if channel.stage is None else channel.stage
        if wanted not in observation.stages:
            raise Unsupported(f"no shard of the plan '{channel.plan}' sees stage {wanted}")
        return PublicExample(frame, observation.at_stages([wanted]))
