"""The attackers' own photos, sent through the system under attack."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace

from segment_anything.utils.transforms import ResizeLongestSide

from attacks.base import Knowledge, PublicExample
from attacks.features.several_frames import averaged, merged
from attacks.features.shard_outputs import with_stage
from attacks.threat_models.base import IN_DOMAIN
from bench.attackers.ownership import own_photos, strangers_photos
from bench.attackers.training_setting import TrainingSetting
from bench.cache.fingerprints import content_digest
from bench.cache.photos import Photos
from bench.datasets import Dataset, Sample
from bench.datasets.motion import film
from bench.runner.evaluation.pipelines import Unsupported, build_predictor
from bench.runner.models import Models
from bench.runner.phases import phase
from bench.spec.cells import STATIC
from framework.models.build import PedSam
from framework.split.observation import Observation
from framework.split.payload import Payload
from framework.split.plans import Place, Plan, make_plan
from framework.transport.base import Answers, Asked, LocalShards, Round


class Enough(Exception):
    """All that is wanted of a picture has been seen."""


class FirstRounds(LocalShards):
    """Shards in this process that stop a picture with `Enough` in the last of its first rounds.

    Args:
        rounds: how many, at least 1.
        answers: whether the last of them is answered; else it is only received.
    """

    def __init__(self, rounds: int, answers: bool) -> None:
        super().__init__(1)
        self.rounds = rounds
        self.answers = answers

    def _ask(self, pool: Executor, round_: Round, windows: Asked) -> dict[int, Future[Answers]]:
        if round_.index + 1 == self.rounds and not self.answers:
            raise Enough
        return super()._ask(pool, round_, windows)

    def exchange(
        self,
        round_: Round,
        owners: Sequence[int],
        payloads: Sequence[Payload],
        decoys: Mapping[int, Mapping[int, Payload]] | None = None,
    ) -> list[Payload]:
        answers = super().exchange(round_, owners, payloads, decoys)
        if round_.index + 1 == self.rounds:
            raise Enough
        return answers


class PublicPhotos:
    """What attackers know before they see anything of the target; the last knowledge is kept.

    Args:
        models: the models under attack.
        public: the attackers' own photos, like the scored ones.
        outside: the photos of those who have none of that kind.
        contents: of both kinds of photos, where they are known.
    """

    def __init__(
        self,
        models: Models,
        public: Sequence[Dataset],
        outside: Sequence[Dataset] = (),
        contents: Mapping[str, str] | None = None,
    ) -> None:
        self.models = models
        self.public = [Photos.of(dataset) for dataset in public]
        self.outside = [Photos.of(dataset) for dataset in outside]
        self.contents = dict(contents or {})
        self._last: tuple[TrainingSetting, Knowledge] | None = None

    def sets(self, setting: TrainingSetting) -> Sequence[Dataset]:
        """The data sets whose photos are sent."""
        return self._kind(setting.threat.public)

    def content(self, public: str) -> str:
        """A digest of all photos of a kind, pixels included; ``public`` as in `ThreatModel`."""
        if public not in self.contents:
            with phase("read public photos"):
                self.contents[public] = content_digest(
                    *(each.content() for each in self._kind(public))
                )
        return self.contents[public]

    def sources(self, public: str) -> list[tuple[str, str]]:
        """Names and fingerprints of the data sets of a kind, however their photos are decoded."""
        return [(each.name, each.fingerprint) for each in self._kind(public)]

    def _kind(self, public: str) -> Sequence[Photos]:
        return self.public if public == IN_DOMAIN else self.outside

    def knowledge(self, setting: TrainingSetting) -> Knowledge:
        """The photos as they arrive by ``setting``, and the model where its weights are known.

        Raises:
            Unsupported: no shard of the plan sees the setting's stage.
        """
        if self._last is None or self._last[0] != setting:
            self.forget()
            with phase("observe public photos"):
                observe = self._queried if setting.threat.can_query else self._query_free
                knowledge = observe(setting)
                for example in knowledge.public:
                    example.frame.setflags(write=False)
                    example.observation.lock()
                for observation in knowledge.overheard:
                    observation.lock()
                self._last = setting, knowledge
        return self._last[1]

    def _queried(self, setting: TrainingSetting) -> Knowledge:
        """Of an attacker who sends photos through the system."""
        sam = self.models.get(setting.pipeline.adapted)
        photos = own_photos(self.sets(setting), setting.threat.public_photos, can_query=True)
        examples = [self._observe(dataset.load(name), setting, sam) for dataset, name in photos]
        known = (
            self.models.known(setting.pipeline.adapted) if setting.threat.weights_known else None
        )
        return Knowledge(known, examples, str(sam.device))

    def _query_free(self, setting: TrainingSetting) -> Knowledge:
        """Of one whose photos went through a substitute, or nowhere where there is none."""
        adapted = setting.pipeline.adapted
        sam, substitute = self.models.get(adapted), self.models.substitute(adapted)
        sets = self.sets(setting)
        own = own_photos(sets, setting.threat.public_photos, can_query=False)
        examples = [
            self._observe(dataset.load(name), setting, substitute or sam) for dataset, name in own
        ]
        if substitute is None:
            examples = [replace(e, observation=e.observation.keeping(())) for e in examples]
        overheard = [
            self._observe(dataset.load(name), setting, sam).observation
            for dataset, name in strangers_photos(sets)
        ]
        return Knowledge(None, examples, str(sam.device), substitute, overheard)

    def forget(self) -> None:
        """Let the photos go that are kept."""
        self._last = None

    def _observe(self, sample: Sample, setting: TrainingSetting, sam: PedSam) -> PublicExample:
        """A photo as all shards together see it where ``sam`` is the model."""
        frame = ResizeLongestSide(sam.arch.img_size).apply_image(sample.image)
        observation = averaged(self._received(sample, setting, sam, _seed(frame.tobytes())))
        if setting.every_round and setting.threat.stage is None:
            return PublicExample(frame, observation)
        if setting.threat.stage is not None:
            observation = with_stage(observation, setting.threat.stage, sam)
        wanted = observation.stages[0] if setting.threat.stage is None else setting.threat.stage
        if wanted not in observation.stages:
            raise Unsupported(f"no shard of the plan '{setting.pipeline.plan}' sees stage {wanted}")
        return PublicExample(frame, observation.at_stages([wanted]))

    def _received(
        self, sample: Sample, setting: TrainingSetting, sam: PedSam, seed: int
    ) -> Observation:
        """All frames of a still scene, each as far as the setting needs it."""
        pipeline = replace(setting.pipeline, policy="contiguous", n_shards=1)
        predictor = build_predictor(sam, pipeline, seed)
        plan = make_plan(setting.pipeline.plan, sam.arch)
        rounds = rounds_to(plan, setting)
        if rounds is not None:
            after = {step.blocks[-1] + 1 for step in plan.steps if step.place is Place.SHARDS}
            predictor.encoder.shards = FirstRounds(rounds, setting.threat.stage in after)
        seen = []
        for picture in film(sample, STATIC, setting.threat.frames, 0):
            with contextlib.suppress(Enough):
                predictor.set_image(picture.sample.image)
            seen.append(predictor.observation())
        return merged(seen)


def rounds_to(plan: Plan, setting: TrainingSetting) -> int | None:
    """How many rounds of a picture show all that a setting is about; ``None`` for all of them."""
    if setting.threat.stage is None:
        return None if setting.every_round or plan.steps[0].place is Place.SERVER else 1
    rounds = (step.blocks for step in plan.steps if step.place is Place.SHARDS)
    for number, blocks in enumerate(rounds, 1):
        if setting.threat.stage in (*blocks, blocks[-1] + 1):
            return number
    return None


def _seed(data: bytes) -> int:
    return int.from_bytes(hashlib.sha256(data).digest()[:7], "big")
