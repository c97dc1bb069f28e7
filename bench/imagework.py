"""Cells of a run on one image: the picture is encoded once per pipeline."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide

from attacks.base import ATTACKS
from attacks.coalition import largest_exposure, seeded
from attacks.threat import ThreatModel, unsupported_reason
from bench.attackers import Attackers
from bench.config import RunConfig
from bench.datasets import Sample
from bench.encodings import Encodings
from bench.environment import weights_label
from bench.metrics.exposure import object_coverage, share_seen, visible_fraction
from bench.pictures import Pictures
from bench.pipelines import NotAdapted, seed_of
from bench.profile import phase
from bench.records import CELL, FAILED, OK, UNSUPPORTED, Record
from bench.scenario import EXPOSURE, Cell, Pipeline, Segment, Watch, cell_id
from bench.scorer import Scorer, score_record
from bench.segmentation import Reference, segmentation_scores
from framework.models.architectures import GLOBALS_LAST
from framework.observation import Observation
from framework.predictor import DistributedSamPredictor

ALWAYS_HIDDEN = "always_hidden"
"""Region of the windows that no partial coalition of the run sees, whatever its size."""

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
    """

    def __init__(
        self,
        config: RunConfig,
        folder: Path,
        encodings: Encodings,
        attackers: Attackers,
        scorer: Scorer,
        sample: Sample,
    ) -> None:
        self.config = config
        self.encodings = encodings
        self.attackers = attackers
        self.scorer = scorer
        self.sample = sample
        side = encodings.models.sam.arch.img_size
        self.frame: Image = ResizeLongestSide(side).apply_image(sample.image)
        self.pictures = Pictures(folder, sample.image_id)
        self._ceiling: Observation | None = None
        self._reference: Reference | None = None

    def results(self, cells: Sequence[Cell]) -> Iterator[tuple[list[Cell], list[Record]]]:
        """Finished cells of one pipeline with their records, a few at a time.

        Each record names its cell.
        """
        pipeline = cells[0].pipeline
        facts = self._pipeline_facts(pipeline)
        try:
            predictor = self._predictor(pipeline)
        except Exception as error:
            trouble = _failure(error)
            yield list(cells), [facts | _cell_facts(cell) | trouble for cell in cells]
            return
        if pipeline.adapted:
            facts |= {"weights": weights_label(predictor.model)}
        for cell in cells:
            if isinstance(cell, Segment):
                own = facts | _cell_facts(cell)
                yield [cell], list(self._segmentation(cell, predictor, own))
        watches = [cell for cell in cells if isinstance(cell, Watch)]
        observation = predictor.observation()
        if any(self.config.wants_picture(cell) for cell in watches):
            self.pictures.owners(pipeline, observation)
        by_coalition = sorted(watches, key=_coalition)
        for _, group in groupby(by_coalition, key=_coalition):
            members = list(group)
            yield list(members), list(self._watched(members, observation, facts))

    def _predictor(self, pipeline: Pipeline) -> DistributedSamPredictor:
        seed = seed_of(self.sample.image_id)
        return self.encodings.predictor(self.sample.image, pipeline, seed)

    def _pipeline_facts(self, pipeline: Pipeline) -> Record:
        return {
            "image_id": self.sample.image_id,
            "model": self.config.model + (GLOBALS_LAST if pipeline.adapted else ""),
            "plan": pipeline.plan,
            "payload": pipeline.payload,
            "policy": pipeline.policy,
            "n_shards": pipeline.n_shards,
            "defence": pipeline.defence,
            "strength": pipeline.strength,
            "adapted": pipeline.adapted,
            "frames": 1,
            "attack": "",
            "region": "",
            "status": OK,
        }

    def _segmentation(
        self, cell: Segment, predictor: DistributedSamPredictor, facts: Record
    ) -> Iterator[Record]:
        start = time.perf_counter()
        try:
            if self._reference is None:
                reference = self._predictor(Pipeline(plan="local"))
                self._reference = Reference(reference, self.sample.image, self.sample.masks)
            with phase("segmentation"):
                scores, masks = segmentation_scores(predictor, self._reference)
        except Exception as error:
            yield facts | _failure(error)
            return
        seconds = time.perf_counter() - start
        picture = None
        if self.config.wants_masks(cell.pipeline):
            with phase("pictures"):
                picture = self.pictures.masks(self.sample, masks, cell.pipeline)
        for metric, value in scores.items():
            yield facts | _score(metric, value) | {"seconds": seconds, "image_file": picture}

    def _watched(
        self, cells: Sequence[Watch], observation: Observation, facts: Record
    ) -> Iterator[Record]:
        """All attacks of one coalition: reconstruct one after another, score together."""
        seen = self._coalition_view(cells[0], cells[0].coalition, observation)
        regions = self._regions(cells[0], seen, observation)
        attacked: list[tuple[Watch, Record, Image]] = []
        for cell in cells:
            cell_facts = facts | _cell_facts(cell)
            if cell.attack == EXPOSURE:
                yield from self._exposure(seen, cell_facts)
                continue
            try:
                record, picture = self._reconstruct(cell, seen, cell_facts)
            except Exception as error:
                yield cell_facts | _failure(error)
                continue
            if picture is None:
                yield record
            else:
                attacked.append((cell, record, picture))
        yield from self._scored(attacked, regions)

    def _coalition_view(self, cell: Watch, size: int, observation: Observation) -> Observation:
        """What ``size`` shards saw, chosen as the cell says."""
        if cell.choice == "seeded":
            shards = seeded(observation, size, seed_of("coalition", self.config.seeds[0]))
        else:
            shards = largest_exposure(observation, size)
        return observation.restrict(shards)

    def _regions(self, cell: Watch, seen: Observation, observation: Observation) -> dict[str, Mask]:
        visible = seen.grid.pixel_mask(seen.visible)
        regions = {"visible": visible, "hidden": ~visible, "full": np.ones_like(visible)}
        largest = self.config.largest_partial.get((cell.pipeline, cell.choice), 0)
        if cell.coalition <= largest:
            most = self._coalition_view(cell, largest, observation)
            regions[ALWAYS_HIDDEN] = ~seen.grid.pixel_mask(most.visible)
        return regions

    def _exposure(self, seen: Observation, facts: Record) -> Iterator[Record]:
        visible = seen.grid.pixel_mask(seen.visible)
        with phase("exposure"):
            coverage = object_coverage(self.sample.masks, [visible])
        scores = {
            "visible_fraction": visible_fraction(visible),
            "object_max_fraction": max((c for c in coverage if c is not None), default=None),
            "objects_half_seen": share_seen(coverage, 0.5),
        }
        for metric, value in scores.items():
            yield facts | _score(metric, value)

    def _reconstruct(
        self, cell: Watch, seen: Observation, facts: Record
    ) -> tuple[Record, Image | None]:
        attack = self.attackers.get(cell)
        facts = facts | {"attack_kind": attack.kind}
        if attack.kind == "ceiling":
            seen = self._ceiling_view()
        elif cell.stage is not None:
            seen = seen.at_stages([cell.stage])
        threat = ThreatModel(coalition=cell.coalition, choice=cell.choice, stage=cell.stage)
        reason = unsupported_reason(type(attack), threat, seen)
        if reason is not None:
            return facts | {"status": UNSUPPORTED, "error": reason}, None
        start = time.perf_counter()
        with phase(f"attack {cell.attack}"):
            picture = attack.reconstruct(seen)
        facts = facts | {"seconds": time.perf_counter() - start}
        return facts, picture

    def _ceiling_view(self) -> Observation:
        """What the server of the usual cloud sees of this image."""
        if self._ceiling is None:
            self._ceiling = self._predictor(CEILING_PIPELINE).observation()
        return self._ceiling

    def _scored(
        self, attacked: Sequence[tuple[Watch, Record, Image]], regions: dict[str, Mask]
    ) -> Iterator[Record]:
        pictures = [picture for _, _, picture in attacked]
        files = [self._keep(cell, picture, regions["visible"]) for cell, _, picture in attacked]
        table = self.scorer.score(self.frame, pictures, regions)
        for (_, facts, _), file, scores in zip(attacked, files, table, strict=True):
            yield from (facts | score | {"image_file": file} for score in scores)

    def _keep(self, cell: Watch, picture: Image, visible: Mask) -> str | None:
        if not self.config.wants_picture(cell):
            return None
        with phase("pictures"):
            return self.pictures.reconstruction(cell, self.frame, visible, picture)


def _coalition(cell: Watch) -> tuple[int, str]:
    return cell.coalition, cell.choice


def _cell_facts(cell: Cell) -> Record:
    named = {CELL: cell_id(cell)}
    if isinstance(cell, Segment):
        return named
    return named | {
        "coalition": cell.coalition,
        "coalition_choice": cell.choice,
        "attack": cell.attack,
        "attack_kind": EXPOSURE if cell.attack == EXPOSURE else ATTACKS.get(cell.attack).kind,
        "adaptive": cell.adaptive,
        "seed": cell.seed,
        "stage": "earliest" if cell.stage is None else str(cell.stage),
    }


def _score(metric: str, value: float | None) -> Record:
    return {"metric": metric, **score_record(value)}


def _failure(error: Exception) -> dict[str, Any]:
    reason = " ".join(str(error).split()) or "no message"
    if isinstance(error, NotAdapted):
        return {"metric": "", "status": UNSUPPORTED, "error": reason}
    return {"metric": "", "status": FAILED, "error": f"{type(error).__name__}: {reason}"}
