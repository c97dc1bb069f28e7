"""Photos as a coalition saw them, for studies that score attacks without a run."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attacks.base import Attack
from attacks.features.shard_outputs import with_stage
from bench.datasets import Dataset, Sample, open_dataset
from bench.datasets.disjoint import check_disjoint
from bench.metrics.psnr import Psnr
from bench.runner.evaluation.pipelines import build_predictor, seed_of
from bench.runner.models import Models
from bench.spec.cells import Pipeline
from bench.spec.config import load_preset
from framework.models.build import PedSam
from framework.split.observation import Observation


@dataclass(frozen=True)
class Scored:
    """A photo, resized to the model's input, and what a coalition of four shards saw of it."""

    image_id: str
    frame: NDArray[np.uint8]
    seen: Observation

    def at_stage(self, stage: int, sam: PedSam) -> Observation:
        """What the coalition has of its windows before one block, nothing else."""
        return with_stage(self.seen, stage, sam).at_stages([stage])


def scored_photos(models: Models, data: Dataset, coalition: tuple[int, ...]) -> list[Scored]:
    """The photos of a data set, sent through four shards; windows are assigned at random."""
    return [sent(models, data.load(image_id), coalition) for image_id in data.ids]


def open_photos(options: argparse.Namespace) -> tuple[list[Dataset], Dataset]:
    """The attackers' own photos and the scored ones, as `add_photo_flags` has them.

    Raises:
        PedbenchError: a data set cannot be had, or one of both kinds holds the same photos.
    """
    public = [open_dataset(spec) for spec in options.public]
    data = open_dataset(options.data).limit(options.limit)
    check_disjoint(public, data)
    return public, data


def add_photo_flags(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """Describe the flags that say which photos are scored, and what attackers learn from.

    Args:
        several: whether ``--data`` takes several data sets, and is a list.
    """
    if several:
        parser.add_argument("--data", nargs="+", default=["embedded"], help="photos scored")
    else:
        parser.add_argument("--data", default="embedded", help="photos scored")
    parser.add_argument("--limit", type=int, help="at most so many photos scored of a data set")
    parser.add_argument(
        "--public", nargs="+", default=load_preset("attacks").public, help="the attackers' photos"
    )
    parser.add_argument("--model", default="tiny", help="name of the model")


def sent(models: Models, sample: Sample, coalition: tuple[int, ...]) -> Scored:
    """One photo, as in `scored_photos`."""
    predictor = build_predictor(models.sam, Pipeline(policy="random"), seed_of(sample.image_id))
    predictor.set_image(sample.image)
    frame = predictor.transform.apply_image(sample.image)
    return Scored(sample.image_id, frame, predictor.observation().restrict(coalition))


def visible_psnr(models: Models, attack: Attack, image: Scored, stage: int) -> float:
    """PSNR in dB of what an attack makes of the windows received; NaN where it has no meaning."""
    seen = image.at_stage(stage, models.sam)
    score = Psnr().score(
        image.frame, attack.reconstruct(seen), seen.grid.pixel_mask(image.seen.visible)
    )
    return float("nan") if score is None else score
