"""How leakage grows with the attacker's photos and with the steps of its training.

``python -m studies.attacker_growth --data SPEC [--limit N] [--photos 8 32] [--steps 75 300]``

Trains each attacker with every number of photos and of steps, and its prior-only twin alike.
Scores what one shard of four makes of photos: PSNR of the windows that it did not receive for
whole-picture decoders, of those that it received for window decoders. Where the largest numbers
still gain over the next smaller ones, the attacker is not at its ceiling. Writes
``attacker_growth.csv`` and ``.md`` with ``--out``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from attacks.base import ATTACKS, Attack, Knowledge
from attacks.threat_models.base import ThreatModel
from bench.attackers.public_knowledge import PublicPhotos
from bench.attackers.training_setting import TrainingSetting
from bench.datasets import Sample, open_dataset
from bench.datasets.disjoint import check_disjoint
from bench.flags.arguments import add_device_flag
from bench.metrics.psnr import Psnr
from bench.report.statistics import mean_interval, paired_gain
from bench.runner.evaluation.pipelines import build_predictor, seed_of
from bench.runner.models import Models
from bench.spec.cells import Pipeline
from bench.spec.config import load_preset
from framework.errors import PedbenchError
from framework.split.observation import Observation
from studies.table import write_table

ATTACKERS = {"conv_decoder": "visible", "whole_image_decoder": "hidden"}
"""Attackers that train step by step, and the region that shows what they gain."""
PRIORS = {"conv_decoder": "conv_decoder_prior", "whole_image_decoder": "whole_image_prior"}
SHARD = (0,)

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """A photo, resized to the model's input, and what the shard saw of it."""

    image_id: str
    frame: NDArray[np.uint8]
    seen: Observation

    @classmethod
    def of(cls, models: Models, sample: Sample) -> Scored:
        """A photo sent through four shards, windows assigned at random."""
        pipeline = Pipeline(policy="random")
        predictor = build_predictor(models.sam, pipeline, seed_of(sample.image_id))
        predictor.set_image(sample.image)
        frame = predictor.transform.apply_image(sample.image)
        return cls(sample.image_id, frame, predictor.observation().restrict(SHARD))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    try:
        public = [open_dataset(spec) for spec in options.public]
        data = open_dataset(options.data).limit(options.limit)
        check_disjoint(public, data)
        models = Models(options.model, device=options.device)
        photos = PublicPhotos(models, public)
        scored = [Scored.of(models, data.load(image_id)) for image_id in data.ids]
        table = pd.DataFrame(growth(photos, scored, options))
    except PedbenchError as error:
        print(f"studies.attacker_growth: {error}", file=sys.stderr)
        return 2
    title = f"Leakage by the attacker's photos and steps, {len(scored)} photos of {data.name}"
    write_table(table, "attacker_growth", title, options.out)
    return 0


def growth(
    photos: PublicPhotos, scored: Sequence[Scored], options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """One row per attacker, number of photos and number of steps."""
    names = [image.image_id for image in scored]
    for name, count, steps in product(options.attacks, options.photos, options.steps):
        threat = ThreatModel(public_photos=count or None)
        knowledge = photos.knowledge(TrainingSetting(threat=threat))
        start = time.process_time()
        mine = _scores(_fitted(name, steps, knowledge), scored, ATTACKERS[name])
        seconds = time.process_time() - start
        prior = _scores(_fitted(PRIORS[name], steps, knowledge), scored, ATTACKERS[name])
        psnr, gain = mean_interval(mine, names), paired_gain(mine, prior, names)
        yield {
            "attack": name,
            "region": ATTACKERS[name],
            "photos": len(knowledge.public),
            "steps": steps,
            "psnr": psnr.mean,
            "gain over prior": gain.mean,
            "low": gain.low,
            "high": gain.high,
            "processor seconds": seconds,
        }
        print(f"{name}, {len(knowledge.public)} photos, {steps} steps done", file=sys.stderr)


def _fitted(name: str, steps: int, knowledge: Knowledge) -> Attack:
    attack = ATTACKS.get(name)(seed=0, **{"steps": steps})
    attack.fit(knowledge)
    return attack


def _scores(attack: Attack, scored: Sequence[Scored], region: str) -> Scores:
    return np.array([_score(attack, image, region) for image in scored])


def _score(attack: Attack, image: Scored, region: str) -> float:
    visible = image.seen.grid.pixel_mask(image.seen.visible)
    wanted = visible if region == "visible" else ~visible
    score = Psnr().score(image.frame, attack.reconstruct(image.seen), wanted)
    if score is None:
        raise PedbenchError(f"{image.image_id} has no {region} window: leave it out")
    return score


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="embedded", help="photos scored")
    parser.add_argument("--limit", type=int, help="at most so many photos scored")
    parser.add_argument(
        "--public", nargs="+", default=load_preset("attacks").public, help="the attackers' photos"
    )
    parser.add_argument("--model", default="tiny", help="name of the model")
    parser.add_argument(
        "--attacks", nargs="+", choices=ATTACKERS, default=list(ATTACKERS), help="train these"
    )
    parser.add_argument(
        "--photos", type=int, nargs="+", default=[8, 32, 0], help="how many; 0 stands for all"
    )
    parser.add_argument(
        "--steps", type=int, nargs="+", default=[75, 300, 1200], help="of training at most"
    )
    parser.add_argument("--out", type=Path, help="write the table to this folder")
    add_device_flag(parser, default="cpu")
    return parser


if __name__ == "__main__":
    sys.exit(main())
