"""Trained attackers: fitted once per way a window arrives, and kept in the cache."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from segment_anything.utils.transforms import ResizeLongestSide
from tqdm import tqdm

from attacks.base import ATTACKS, Attack, Knowledge, PublicExample
from bench.datasets import Dataset
from bench.fingerprints import part_fingerprint, source_fingerprint
from bench.pipelines import Models, NotAdapted, build_predictor
from bench.profile import phase
from bench.scenario import EXPOSURE, Cell, Pipeline, Watch
from framework.defences import DEFENCES
from framework.models.download import cache_dir


@dataclass(frozen=True)
class _Channel:
    """How the attacker's own windows arrive when he trains; of one stage or, if asked, of all."""

    plan: str
    payload: str
    defence: str
    strength: float
    adapted: bool
    stage: int | None
    every_round: bool = False


class Attackers:
    """Gives each cell its attack, trained if it needs to be.

    Args:
        models: the models under attack; their weights are known to the attacker.
        public: the attackers' own photos.
    """

    def __init__(self, models: Models, public: Sequence[Dataset]) -> None:
        self.models = models
        self.public = public
        self._ready: dict[tuple[str, int, _Channel], Attack] = {}
        self._knowledge: tuple[_Channel, Knowledge] | None = None

    def prepare(self, cells: Iterable[Cell]) -> None:
        """Train every attacker that ``cells`` need, with a progress bar."""
        wanted = {
            self._key(cell): cell
            for cell in cells
            if isinstance(cell, Watch) and cell.attack != EXPOSURE
        }
        for cell in tqdm(wanted.values(), desc="attackers", unit="attacker", disable=not wanted):
            with contextlib.suppress(NotAdapted):
                self.get(cell)
        self._knowledge = None

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
        if not ATTACKS.get(cell.attack).needs_training:
            return _Channel("interleaved", "float32", "none", 0.0, False, None)
        every = ATTACKS.get(cell.attack).every_round
        if cell.adaptive:
            return _Channel(*pipeline.channel, cell.stage, every)
        plan, payload = pipeline.plan, pipeline.payload
        return _Channel(plan, payload, "none", 0.0, pipeline.adapted, cell.stage, every)

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
            attack.fit(knowledge)
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
            [dataset.fingerprint for dataset in self.public],
        ]
        name = hashlib.sha256(json.dumps(source).encode()).hexdigest()[:20]
        return cache_dir() / "attackers" / f"{attack.name}-{name}.safetensors"

    def _public_knowledge(self, channel: _Channel) -> Knowledge:
        if self._knowledge is None or self._knowledge[0] != channel:
            with phase("observe public photos"):
                examples = [
                    self._observe(dataset.load(image_id).image, channel)
                    for dataset in self.public
                    for image_id in dataset.ids
                ]
            sam = self.models.get(channel.adapted)
            self._knowledge = channel, Knowledge(sam, examples, str(sam.device))
        return self._knowledge[1]

    def _observe(self, image: np.ndarray, channel: _Channel) -> PublicExample:
        """The attacker plays all shards for a photo of his own."""
        pipeline = Pipeline(
            channel.plan,
            channel.payload,
            "contiguous",
            1,
            channel.defence,
            channel.strength,
            channel.adapted,
        )
        sam = self.models.get(channel.adapted)
        frame = ResizeLongestSide(sam.arch.img_size).apply_image(image)
        seed = int.from_bytes(hashlib.sha256(frame.tobytes()).digest()[:7], "big")
        predictor = build_predictor(sam, pipeline, seed)
        predictor.set_image(image)
        observation = predictor.observation()
        if channel.every_round and channel.stage is None:
            return PublicExample(frame, observation)
        wanted = observation.stages[0] if channel.stage is None else channel.stage
        return PublicExample(frame, observation.at_stages([wanted]))
