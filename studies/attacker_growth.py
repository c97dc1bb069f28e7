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
from bench.datasets import open_dataset
from bench.datasets.disjoint import check_disjoint
from bench.flags.arguments import add_device_flag
from bench.metrics.psnr import Psnr
from bench.report.statistics import mean_interval, paired_gain
from bench.runner.models import Models
from framework.errors import PedbenchError
from framework.split.observation import Observation
from studies.scored import Scored, add_photo_flags, scored_photos
from studies.table import write_table

ATTACKERS = {"conv_decoder": "visible", "whole_image_decoder": "hidden"}
"""Attackers that train step by step, and the region that shows what they gain."""
DEPTH = 4
"""The stage that window decoders invert; at stage 0 a linear inverse is exact."""
PRIORS = {"conv_decoder": "conv_decoder_prior", "whole_image_decoder": "whole_image_prior"}
SHARD = (0,)

Scores = NDArray[np.float64]


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
        scored = scored_photos(models, data, SHARD)
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
    seen_at = {
        0: [image.seen for image in scored],
        DEPTH: [image.at_stage(DEPTH, photos.models.sam) for image in scored],
    }
    for name, count, steps in product(options.attacks, options.photos, options.steps):
        region = ATTACKERS[name]
        stage = DEPTH if region == "visible" else 0
        threat = ThreatModel(public_photos=count or None, stage=stage)
        knowledge = photos.knowledge(TrainingSetting(threat=threat))
        start = time.process_time()
        mine = _scores(_fitted(name, steps, knowledge), scored, seen_at[stage], region)
        seconds = time.process_time() - start
        prior = _scores(_fitted(PRIORS[name], steps, knowledge), scored, seen_at[stage], region)
        psnr, gain = mean_interval(mine, names), paired_gain(mine, prior, names)
        yield {
            "attack": name,
            "region": region,
            "stage": stage,
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


def _scores(
    attack: Attack, scored: Sequence[Scored], seen: Sequence[Observation], region: str
) -> Scores:
    pairs = zip(scored, seen, strict=True)
    return np.array([_score(attack, image, own, region) for image, own in pairs])


def _score(attack: Attack, image: Scored, seen: Observation, region: str) -> float:
    visible = image.seen.grid.pixel_mask(image.seen.visible)
    wanted = visible if region == "visible" else ~visible
    score = Psnr().score(image.frame, attack.reconstruct(seen), wanted)
    if score is None:
        raise PedbenchError(f"{image.image_id} has no {region} window: leave it out")
    return score


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add_photo_flags(parser)
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
