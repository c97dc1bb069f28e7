"""Cells of a run on one image: the picture is encoded once per pipeline."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS, reconstruction
from attacks.coalition import largest_exposure, padding_only, seeded
from attacks.features.shard_outputs import with_stage
from attacks.threat_models.base import unsupported_reason
from bench.attackers.fitting import Attackers
from bench.cache.encodings import Encodings
from bench.datasets import Sample
from bench.datasets.motion import film
from bench.metrics.segmentation import SEGMENTATION_METRICS
from bench.runner.frame_sequence import Shot, exposure_scores, shot, take
from bench.runner.phases import phase
from bench.runner.pictures import Pictures
from bench.runner.pipelines import Unsupported, seed_of
from bench.runner.provenance import weights_label
from bench.runner.recognition import Judges, as_received
from bench.runner.record_fields import cell_fields, failure, pipeline_fields, score
from bench.runner.records import UNSUPPORTED, Record
from bench.runner.scorer import Scorer
from bench.runner.segmentation import Reference, segmentation_scores
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
from bench.spec.config import RunConfig
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


class ImageWork:
    """One scored image of a run.

    Args:
        config: the run.
        folder: its folder, for pictures.
        encodings: encodes the image, or knows how it was encoded before.
        attackers: gives each cell its trained attack.
        scorer: the metrics.
        sample: the image with its masks.
        judges: the recognisers.
    """

    def __init__(
        self,
        config: RunConfig,
        folder: Path,
        encodings: Encodings,
        attackers: Attackers,
        scorer: Scorer,
        sample: Sample,
        judges: Judges,
    ) -> None:
        self.config = config
        self.encodings = encodings
        self.attackers = attackers
        self.scorer = scorer
        self.sample = sample
        self.judges = judges
        self.pictures = Pictures(folder, sample.image_id)
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
        except Exception as error:
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
        watches = [cell for cell in cells if isinstance(cell, AttackCell)]
        observation = predictor.observation()
        if any(self.config.wants_picture(cell) for cell in watches):
            self.pictures.owners(pipeline, predictor.observation(decoys=False))
        for motion, group in groupby(sorted(watches, key=_situation), key=lambda c: c.motion):
            moving = list(group)
            longest = max(cell.threat.frames for cell in moving)
            if motion == STATIC and longest == 1:
                real = predictor.observation(decoys=False)
                whole = shot(film(self.sample, STATIC, 1, 0), observation, real)
            else:
                whole = self._film(pipeline, motion, longest)
            for _, same in groupby(moving, key=_situation):
                members = list(same)
                now = whole.until(members[0].threat.frames)
                yield list(members), list(self._watched(members, now, facts))

    def _film(self, pipeline: Pipeline, motion: str, count: int) -> Shot:
        """A scene made from the photo, shown to the servers frame by frame."""
        frames = film(self.sample, motion, count, seed_of("film", self.sample.image_id))
        with phase("encode"):
            return take(self.encodings.fresh(pipeline, seed_of(self.sample.image_id)), frames)

    def _predictor(self, pipeline: Pipeline, image: Image | None = None) -> DistributedSamPredictor:
        seed = seed_of(self.sample.image_id)
        picture = self.sample.image if image is None else image
        return self.encodings.predictor(picture, pipeline, seed)

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
        except Exception as error:
            yield facts | failure(error)
            return
        seconds = time.perf_counter() - start
        picture = None
        if self.config.wants_masks(cell.pipeline):
            with phase("pictures"):
                picture = self.pictures.masks(self.sample, masks, cell.pipeline)
        for metric, value in scores.items():
            if isinstance(value, Exception):
                part = SEGMENTATION_METRICS.get(metric.rpartition("_")[0])
                own = failure(value, part) | {"metric": metric}
            else:
                own = score(metric, value)
            yield facts | own | {"seconds": seconds, "image_file": picture}

    def _watched(self, cells: Sequence[AttackCell], shot: Shot, facts: Record) -> Iterator[Record]:
        """All attacks of one coalition: reconstruct one after another, score together."""
        real = self._coalition_view(cells[0], cells[0].threat.coalition, shot.real)
        padding = cells[0].threat.choice == PADDING
        seen = shot.observation
        seen = padding_only(seen) if padding else seen.restrict(real.shards)
        if padding and not seen.messages:
            trouble = failure(Unsupported(NO_PADDING))
            yield from (facts | cell_fields(cell) | trouble for cell in cells)
            return
        regions = self._regions(cells[0], real, shot.real)
        attacked: list[tuple[AttackCell, Record, Image]] = []
        made: dict[AttackCell, tuple[Record, Image | None]] = {}
        for cell in cells:
            own = facts | cell_fields(cell)
            if cell.attack == EXPOSURE:
                with phase("exposure"):
                    scores = exposure_scores(shot, real)
                for metric, value in scores.items():
                    yield own | score(metric, value)
                continue
            same = replace(cell, recognise="")
            try:
                if same not in made:
                    made[same] = self._picture(cell, shot, seen, regions["visible"])
                more, picture = made[same]
                record = own | more
                if cell.recognise and picture is not None:
                    with phase(f"recognise {cell.recognise}"):
                        found = self.judges.judge(cell.recognise, self.sample.image_id, picture)
                    yield from (record | {"region": "full"} | score for score in found)
                    continue
            except Exception as error:
                part = None if cell.attack in BARE else ATTACKS.get(cell.attack)
                yield own | failure(error, part)
                continue
            if picture is None:
                yield record
            else:
                attacked.append((cell, record, picture))
        yield from self._scored(attacked, shot.frame, regions)

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
        self, cell: AttackCell, shot: Shot, seen: Observation, visible: Mask
    ) -> tuple[Record, Image | None]:
        """What a cell shows of the frame, or the facts of a record that says why it cannot."""
        if cell.attack == ORIGINAL:
            return {}, shot.frame
        if cell.attack == SEEN:
            return {}, as_received(shot.frame, visible)
        return self._reconstruct(cell, shot, seen)

    def _reconstruct(
        self, cell: AttackCell, shot: Shot, seen: Observation
    ) -> tuple[Record, Image | None]:
        reason = self.attackers.unsupported(cell)
        if reason is not None:
            return {"metric": "", "status": UNSUPPORTED, "error": reason}, None
        attack = self.attackers.get(cell)
        if attack.kind == "ceiling":
            handed = self._ceiling_view(cell, shot)
        else:
            if cell.threat.stage is not None:
                seen = with_stage(seen, cell.threat.stage, self.encodings.model(cell.pipeline))
            handed = cell.threat.handed(seen, seed_of("labels", self.sample.image_id))
        reason = unsupported_reason(type(attack), cell.threat, handed)
        if reason is not None:
            return {"metric": "", "status": UNSUPPORTED, "error": reason}, None
        start = time.perf_counter()
        with phase(f"attack {cell.attack}"):
            picture = reconstruction(attack, handed)
        return {"seconds": time.perf_counter() - start}, picture

    def _ceiling_view(self, cell: AttackCell, shot: Shot) -> Observation:
        """What the server of the usual cloud sees of the frame that is scored."""
        which = cell.motion, 1 if cell.motion == STATIC else cell.threat.frames
        if which not in self._ceilings:
            predictor = self._predictor(CEILING_PIPELINE, shot.sample.image)
            self._ceilings[which] = predictor.observation()
        return self._ceilings[which]

    def _scored(
        self,
        attacked: Sequence[tuple[AttackCell, Record, Image]],
        frame: Image,
        regions: dict[str, Mask],
    ) -> Iterator[Record]:
        pictures = [picture for _, _, picture in attacked]
        visible = regions["visible"]
        files = [self._keep(cell, frame, picture, visible) for cell, _, picture in attacked]
        table = self.scorer.score(frame, pictures, regions)
        for (_, facts, _), file, scores in zip(attacked, files, table, strict=True):
            yield from (facts | score | {"image_file": file} for score in scores)

    def _keep(self, cell: AttackCell, frame: Image, picture: Image, visible: Mask) -> str | None:
        if not self.config.wants_picture(cell):
            return None
        with phase("pictures"):
            return self.pictures.reconstruction(cell, frame, visible, picture)


def _situation(cell: AttackCell) -> tuple[str, int, int, str]:
    return cell.motion, cell.threat.frames, cell.threat.coalition, cell.threat.choice
