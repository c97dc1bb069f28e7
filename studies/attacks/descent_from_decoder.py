"""Descent through the known blocks, from a decoder's picture, where a coalition has all windows.

``python -m studies.attacks.descent_from_decoder --public SPEC... --data SPEC [--limit 5]
[--stages 2 4] [--out DIR]``

All four shards pool the tokens of one stage, so that nothing is hidden. A picture by ridge and one
by a decoder, trained on that stage, are where `descend` starts, with each weight of the total
variation. One row per stage, start and weight: PSNR before, its paired gain with its 95 % interval
over photos, and the error of the picture's tokens before and after, in units of their variance.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from attacks.base import ATTACKS, Attack
from attacks.features.token_maps import square
from attacks.methods.inversion.optimise import STEPS, TV_WEIGHTS, frame_of
from attacks.solvers.descent import Target, descend
from attacks.solvers.forward import Forward, encoder_state
from attacks.threat_models.base import ThreatModel
from bench.attackers.public_knowledge import PublicPhotos
from bench.attackers.training_setting import TrainingSetting
from bench.metrics.psnr import Psnr
from bench.report.statistics import paired_gain
from bench.runner.models import Models
from studies.command import exit_with
from studies.scored import Scored, add_photo_flags, open_photos, scored_photos
from studies.table import told, write_table

EVERYONE = (0, 1, 2, 3)
STARTS = ("ridge", "conv_decoder_brief")
ROW = ["stage", "start", "weight"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    public, data = open_photos(options)
    models = Models(options.model)
    photos, known = scored_photos(models, data, EVERYONE), PublicPhotos(models, public)
    rows: list[dict[str, object]] = []
    for stage in options.stages:
        knowledge = known.knowledge(TrainingSetting(threat=ThreatModel(stage=stage)))
        attacks = [ATTACKS.get(name)(seed=0) for name in STARTS]
        for attack in attacks:
            attack.fit(knowledge)
        for photo in tqdm(photos, desc=f"stage {stage}", unit="photo"):
            rows += descents(models, photo, stage, attacks)
    title = f"Descent from ridge and from a decoder, {options.model}, {len(photos)} photos"
    write_table(summary(pd.DataFrame(rows)), "descent_from_decoder", title, options.out)
    return 0


def descents(
    models: Models, photo: Scored, stage: int, attacks: Sequence[Attack]
) -> Iterator[dict[str, object]]:
    """One row per start and weight of one photo."""
    seen = photo.at_stage(stage, models.sam)
    forward = Forward(encoder_state(models.sam, seen.plan, stage), seen.grid)
    target = Target.of(forward, seen.tokens(stage))
    for attack in attacks:
        picture = attack.reconstruct(seen)
        start = square(picture, seen.grid.img_size)[0]
        before = {"before": _psnr(photo, picture), "error_before": _error(target, start)}
        for weight in TV_WEIGHTS:
            found = descend(target, start, weight, STEPS)
            yield {
                "image": photo.image_id,
                "stage": stage,
                "start": attack.name,
                "weight": weight,
                **before,
                "after": _psnr(photo, np.rint(frame_of(found, target)).astype(np.uint8)),
                "error_after": _error(target, found),
            }


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over photos, and the gain of descent, paired."""
    table = rows.groupby(ROW, sort=False)[["before", "error_before", "error_after"]].mean()
    for column in ("error_before", "error_after"):
        table[column] = table[column].map("{:.1e}".format)
    gains = [
        told(paired_gain(part["after"], part["before"], list(part["image"])), 2, "+")
        for _, part in rows.groupby(ROW, sort=False)
    ]
    return table.assign(gain=gains).reset_index()


def _psnr(photo: Scored, picture: NDArray[np.uint8]) -> float:
    everything = np.ones(picture.shape[:2], bool)
    return float(Psnr().score(photo.frame, picture, everything) or np.nan)


@torch.inference_mode()
def _error(target: Target, picture: torch.Tensor) -> float:
    return float(target.error(picture))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add_photo_flags(parser)
    parser.set_defaults(limit=5)
    parser.add_argument("--stages", type=int, nargs="+", default=[2, 4], help="blocks run before")
    parser.add_argument("--out", type=Path, help="write the table to this folder")
    return parser


if __name__ == "__main__":
    exit_with(main, "studies.attacks.descent_from_decoder")
