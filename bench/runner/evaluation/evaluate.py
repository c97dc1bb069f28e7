"""Evaluation of one image: encoded once per pipeline, attacked, scored."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide

from attacks.base import ATTACKS, reconstruction
from attacks.coalition import largest_exposure, padding_only, seeded
from attacks.features.shard_outputs import with_stage
from attacks.threat_models.base import unsupported_reason
from bench.datasets import Sample, SampleError
from bench.datasets.motion import film
from bench.metrics.segmentation import SEGMENTATION_METRICS
from bench.parts import packages_of
from bench.runner.context import Context, Result, Task
from bench.runner.evaluation.frame_sequence import (
    FrameSequence,
    exposure_scores,
    frame_sequence,
    show,
)
from bench.runner.evaluation.pictures import Pictures
from bench.runner.evaluation.pipelines import Unsupported, seed_of
from bench.runner.evaluation.recognition import as_received
from bench.runner.evaluation.record_fields import cell_fields, failure, pipeline_fields, score
from bench.runner.evaluation.segmentation import Reference, segmentation_scores
from bench.runner.folder.provenance import weights_label
from bench.runner.folder.records import FAILED, LOAD, UNSUPPORTED, Record
from bench.runner.phases import phase
from bench.spec.cells import (
    BARE,
    EXPOSURE,
    ORIGINAL,
    PADDING,
    SEEN,
    STATIC,
    AttackCell,
    Cell,
    Pipeline,
    SegmentationCell,
)
from framework.errors import FAULTS
from framework.split.defences import DEFENCES
from framework.split.observation import Observation
from framework.split.policies import POLICIES
from framework.split.predictor import DistributedSamPredictor

ALWAYS_HIDDEN = "always_hidden"
"""Region of the windows that no partial coalition of the run sees, whatever its size."""

NO_PADDING = "the picture fills every window: no shard holds padding alone"

CEILING_PIPELINE = Pipeline("centralized", "pixels", "contiguous", 1)

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class Evaluator:
    """Computes tasks in one process; what tasks on one image share is kept until the next image.

    Args:
        context: model, data, attackers and metrics of the run.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._last: ImageEvaluation | None = None

    def results(self, task: Task) -> Iterator[Result]:
        """Compute a task; an image that cannot be read is one failed record."""
        try:
            image = self._open(task.image_id)
        except SampleError as error:
            yield task.image_id, list(task.cells), [self._unreadable(task.image_id, error)]
            return
        for done, records in image.results(task.cells):
            yield task.image_id, done, self._with_packages(records)

    def failed(self, task: Task, error: Exception) -> Result:
        """The result of a task that was computed elsewhere and came to nothing."""
        try:
            sample = self.context.scored.load(task.image_id)
        except SampleError as unreadable:
            return task.image_id, list(task.cells), [self._unreadable(task.image_id, unreadable)]
        facts = pipeline_fields(self.context.config.model, sample, task.cells[0].pipeline)
        trouble = failure(error)
        records = [facts | cell_fields(cell) | trouble for cell in task.cells]
        return task.image_id, list(task.cells), self._with_packages(records)

    def _with_packages(self, records: Sequence[Record]) -> list[Record]:
        scheme = self.context.config.data.partition(":")[0]
        return [{**record, "plugins": packages_of(record, scheme)} for record in records]

    def _open(self, image_id: str) -> ImageEvaluation:
        if self._last is None or self._last.sample.image_id != image_id:
            self._last = None
            with phase("read images"):
                sample = self.context.scored.load(image_id)
            self._last = ImageEvaluation(self.context, sample)
        return self._last

    def _unreadable(self, image_id: str, error: SampleError) -> Record:
        return {
            "image_id": image_id,
            "model": self.context.config.model,
            "metric": LOAD,
            "status": FAILED,
            "error": str(error),
        }


class ImageEvaluation:
    """One scored image of a run.

    Args:
        context: model, data, attackers and metrics of the run.
        sample: the image with its masks.
    """

    def __init__(self, context: Context, sample: Sample) -> None:
        self.context = context
        self.config = context.config
        self.encodings = context.encodings
        self.attackers = context.attackers
        self.sample = sample
        self.pictures = Pictures(context.folder, sample.image_id)
        self._ceilings: dict[tuple[str, int], Observation] = {}
        self._reference: Reference | None = None

    def results(self, cells: Sequence[Cell]) -> Iterator[tuple[list[Cell], list[Record]]]:
        """Finished cells of one pipeline with their records, a few at a time.

        Each record names its cell.
        """
        pipeline = cells[0].pipeline
        facts = pipeline_fields(self.config.model, self.sample, pipeline)
        try:
            predictor = self._predictor(pipeline)
        except FAULTS as error:
            parts = DEFENCES.get(pipeline.defence), POLICIES.get(pipeline.policy)
            trouble = failure(error, *parts)
            yield list(cells), [facts | cell_fields(cell) | trouble for cell in cells]
            return
        if pipeline.adapted:
            facts |= {"weights": weights_label(predictor.model)}
        for cell in cells:
            if isinstance(cell, SegmentationCell):
                own = facts | cell_fields(cell)
                yield [cell], list(self._segmentation(cell, predictor, own))
        attack_cells = [cell for cell in cells if isinstance(cell, AttackCell)]
        if any(self.config.wants_picture(cell) for cell in attack_cells):
            self.pictures.owners(pipeline, predictor.observation(decoys=False))
        for motion, group in groupby(sorted(attack_cells, key=_situation), key=lambda c: c.motion):
            moving = list(group)
            try:
                sequence = self._frames(pipeline, motion, moving, predictor)
            except FAULTS as error:
                trouble = failure(error, DEFENCES.get(pipeline.defence))
                yield list(moving), [facts | cell_fields(cell) | trouble for cell in moving]
                continue
            for _, same in groupby(moving, key=_situation):
                members = list(same)
                seen = sequence.until(members[0].threat.frames)
                yield list(members), list(self._attacked(members, seen, facts))

    @cached_property
    def _model_input(self) -> Image:
        return ResizeLongestSide(self.context.models.sam.arch.img_size).apply_image(
            self.sample.image
        )

    def _frames(
        self,
        pipeline: Pipeline,
        motion: str,
        cells: Sequence[AttackCell],
        predictor: DistributedSamPredictor,
    ) -> FrameSequence:
        """What servers saw of the photo, or of a scene made from it and shown frame by frame."""
        count = max(cell.threat.frames for cell in cells)
        if motion == STATIC and count == 1:
            seen, real = predictor.observation(), predictor.observation(decoys=False)
            return frame_sequence(film(self.sample, STATIC, 1, 0), seen, real)
        frames = film(self.sample, motion, count, seed_of("film", self.sample.image_id))
        with phase("encode"):
            return show(self._fresh(pipeline), frames)

    def _predictor(self, pipeline: Pipeline, image: Image | None = None) -> DistributedSamPredictor:
        seed = seed_of(self.sample.image_id)
        picture = self.sample.image if image is None else image
        sam = self.context.models.get(pipeline.adapted)
        return self.encodings.predictor(sam, picture, pipeline, seed)

    def _fresh(self, pipeline: Pipeline) -> DistributedSamPredictor:
        sam = self.context.models.get(pipeline.adapted)
        return self.encodings.fresh(sam, pipeline, seed_of(self.sample.image_id))

    def _segmentation(
        self, cell: SegmentationCell, predictor: DistributedSamPredictor, facts: Record
    ) -> Iterator[Record]:
        start = time.perf_counter()
        try:
            if self._reference is None:
                reference = self._predictor(Pipeline(plan="local"))
                self._reference = Reference(reference, self.sample.image, self.sample.masks)
            with phase("segmentation"):
                scores, masks = segmentation_scores(predictor, self._reference)
                scores |= self.context.noise_bounds.scores(cell.pipeline, self._model_input)
        except FAULTS as error:
            yield facts | failure(error)
            return
        seconds = time.perf_counter() - start
        picture = None
        if self.config.wants_masks(cell.pipeline):
            with phase("pictures"):
                picture = self.pictures.masks(self.sample, masks, cell.pipeline)
        for metric, value in scores.items():
            if isinstance(value, BaseException):
                part = SEGMENTATION_METRICS.get(metric.rpartition("_")[0])
                own = failure(value, part) | {"metric": metric}
            else:
                own = score(metric, value)
            yield facts | own | {"seconds": seconds, "image_file": picture}

    def _attacked(
        self, cells: Sequence[AttackCell], sequence: FrameSequence, facts: Record
    ) -> Iterator[Record]:
        """All attacks of one coalition: reconstruct one after another, score together."""
        real = self._coalition_view(cells[0], cells[0].threat.coalition, sequence.real)
        padding = cells[0].threat.choice == PADDING
        seen = sequence.observation
        seen = padding_only(seen) if padding else seen.restrict(real.shards)
        if padding and not seen.messages:
            trouble = failure(Unsupported(NO_PADDING))
            yield from (facts | cell_fields(cell) | trouble for cell in cells)
            return
        regions = self._regions(cells[0], real, sequence.real)
        attacked: list[tuple[AttackCell, Record, Image]] = []
        reconstructed: dict[AttackCell, tuple[Record, Image | None]] = {}
        for cell in cells:
            own = facts | cell_fields(cell)
            if cell.attack == EXPOSURE:
                with phase("exposure"):
                    scores = exposure_scores(sequence, real)
                for metric, value in scores.items():
                    yield own | score(metric, value)
                continue
            same = replace(cell, recognise="")
            try:
                if same not in reconstructed:
                    reconstructed[same] = self._picture(cell, sequence, seen, regions["visible"])
                more, picture = reconstructed[same]
                record = own | more
                if cell.recognise and picture is not None:
                    with phase(f"recognise {cell.recognise}"):
                        found = self.context.recognition.recognise(
                            cell.recognise, self.sample.image_id, picture
                        )
                    yield from (record | {"region": "full"} | score for score in found)
                    continue
            except FAULTS as error:
                part = None if cell.attack in BARE else ATTACKS.get(cell.attack)
                yield own | failure(error, part)
                continue
            if picture is None:
                yield record
            else:
                attacked.append((cell, record, picture))
        yield from self._scored(attacked, sequence.model_input, regions)

    def _coalition_view(self, cell: AttackCell, size: int, observation: Observation) -> Observation:
        """What ``size`` shards saw, chosen as the cell says."""
        if cell.threat.choice == PADDING:
            return padding_only(observation)
        if cell.threat.choice == "seeded":
            shards = seeded(observation, size, seed_of("coalition", self.config.seeds[0]))
        else:
            shards = largest_exposure(observation, size)
        return observation.restrict(shards)

    def _regions(
        self, cell: AttackCell, seen: Observation, observation: Observation
    ) -> dict[str, Mask]:
        visible = seen.grid.pixel_mask(seen.visible)
        regions = {"visible": visible, "hidden": ~visible, "full": np.ones_like(visible)}
        largest = self.config.largest_partial.get((cell.pipeline, cell.threat.choice), 0)
        if cell.threat.coalition <= largest:
            most = self._coalition_view(cell, largest, observation)
            regions[ALWAYS_HIDDEN] = ~seen.grid.pixel_mask(most.visible)
        return regions

    def _picture(
        self, cell: AttackCell, sequence: FrameSequence, seen: Observation, visible: Mask
    ) -> tuple[Record, Image | None]:
        """A cell's picture, or the fields of a record that says why it has none."""
        if cell.attack == ORIGINAL:
            return {}, sequence.model_input
        if cell.attack == SEEN:
            return {}, as_received(sequence.model_input, visible)
        return self._reconstruct(cell, sequence, seen)

    def _reconstruct(
        self, cell: AttackCell, sequence: FrameSequence, seen: Observation
    ) -> tuple[Record, Image | None]:
        reason = self.attackers.unsupported(cell)
        if reason is not None:
            return {"metric": "", "status": UNSUPPORTED, "error": reason}, None
        attack = self.attackers.get(cell)
        if attack.kind == "ceiling":
            handed = self._ceiling_view(cell, sequence)
        else:
            if cell.threat.stage is not None:
                sam = self.context.models.get(cell.pipeline.adapted)
                seen = with_stage(seen, cell.threat.stage, sam)
            handed = cell.threat.handed(seen, seed_of("labels", self.sample.image_id))
        reason = unsupported_reason(type(attack), cell.threat, handed)
        if reason is not None:
            return {"metric": "", "status": UNSUPPORTED, "error": reason}, None
        start = time.perf_counter()
        with phase(f"attack {cell.attack}"):
            picture = reconstruction(attack, handed)
        return {"seconds": time.perf_counter() - start}, picture

    def _ceiling_view(self, cell: AttackCell, sequence: FrameSequence) -> Observation:
        """What a centralised server sees of the scored frame."""
        which = cell.motion, 1 if cell.motion == STATIC else cell.threat.frames
        if which not in self._ceilings:
            predictor = self._predictor(CEILING_PIPELINE, sequence.sample.image)
            self._ceilings[which] = predictor.observation()
        return self._ceilings[which]

    def _scored(
        self,
        attacked: Sequence[tuple[AttackCell, Record, Image]],
        model_input: Image,
        regions: dict[str, Mask],
    ) -> Iterator[Record]:
        pictures = [picture for _, _, picture in attacked]
        visible = regions["visible"]
        files = [self._keep(cell, model_input, picture, visible) for cell, _, picture in attacked]
        table = self.context.scorer.score(model_input, pictures, regions)
        for (_, facts, _), file, scores in zip(attacked, files, table, strict=True):
            yield from (facts | score | {"image_file": file} for score in scores)

    def _keep(
        self, cell: AttackCell, model_input: Image, picture: Image, visible: Mask
    ) -> str | None:
        if not self.config.wants_picture(cell):
            return None
        with phase("pictures"):
            compactly = self.config.compactly(cell)
            return self.pictures.reconstruction(cell, model_input, visible, picture, compactly)


def _situation(cell: AttackCell) -> tuple[str, int, int, str]:
    return cell.motion, cell.threat.frames, cell.threat.coalition, cell.threat.choice
