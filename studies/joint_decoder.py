"""The joint decoder beside completions, the whole-image decoder and itself without later rounds.

``python -m studies.joint_decoder --public SPEC... --data SPEC... [--limit N] [--out DIR]``

Each photo goes through ``interleaved`` once. Its windows are then dealt at random to 4, 9 and 25
shards. One shard, or about half of them, pool what they have: the coalition that saw most. Scores
are PSNR and LPIPS of windows not received. ``joint_decoder.md`` has means, and what
``joint_decoder`` (in PSNR) and ``joint_decoder_lpips`` (in LPIPS) gain over each attack, paired by
photo, with 95 % intervals. A gain is always more leakage. Every score is in the file of its set.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm

from attacks.base import ATTACKS, Attack, Knowledge, reconstruction
from attacks.coalition import largest_exposure, padding_only
from bench.attackers.public_knowledge import PublicPhotos
from bench.attackers.training_setting import TrainingSetting
from bench.datasets import Dataset, open_dataset
from bench.datasets.disjoint import check_disjoint, check_unseen
from bench.metrics import METRICS
from bench.report.statistics import mean_interval, paired_gain
from bench.runner.evaluation.pipelines import seed_of
from bench.runner.models import Models
from framework.errors import PedbenchError
from framework.split.observation import Observation
from framework.split.policies import POLICIES
from studies.scored import Scored, add_photo_flags, scored_photos
from studies.table import write_table

ATTACKERS = (
    "navier_stokes",
    "kriging",
    "gated_inpainting",
    "gated_inpainting_lpips",
    "whole_image_decoder",
    "joint_decoder_round1",
    "joint_decoder",
    "joint_decoder_lpips",
)
RIVALS = {"psnr": "joint_decoder", "lpips": "joint_decoder_lpips"}
"""Whose gains are told, in each metric."""
COALITIONS = ((1, 4), (1, 9), (1, 25), (2, 4), (5, 9), (13, 25))
PADDING = "padding alone"
EVERYWHERE = "all photos"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    try:
        public = [open_dataset(spec) for spec in options.public]
        sets = [open_dataset(spec).limit(options.limit) for spec in options.data]
        for data in sets:
            check_disjoint(public, data)
        models = Models(options.model)
        knowledge = PublicPhotos(models, public).knowledge(TrainingSetting(every_round=True))
        attackers = fitted(knowledge, options.seed)
        for data in sets:
            check_unseen(attackers, data)
        scores = pd.concat(scored(models, data, attackers, options.out) for data in sets)
    except PedbenchError as error:
        print(f"studies.joint_decoder: {error}", file=sys.stderr)
        return 2
    title = f"Hidden windows, {options.model}, {len(knowledge.public)} public photos"
    write_table(pd.DataFrame(gains(scores)), "joint_decoder", title, options.out)
    return 0


def fitted(knowledge: Knowledge, seed: int) -> dict[str, Attack]:
    """Every attacker."""
    attackers: dict[str, Attack] = {}
    for name in ATTACKERS:
        start = time.process_time()
        attackers[name] = ATTACKS.get(name)(seed=seed)
        attackers[name].fit(knowledge)
        print(f"{name}: {time.process_time() - start:.0f} s of a processor", file=sys.stderr)
    return attackers


def scored(
    models: Models, data: Dataset, attackers: dict[str, Attack], out: Path | None
) -> pd.DataFrame:
    """One row per photo, coalition and attack, also written to a file of the data set's name."""
    metrics = {name: METRICS.get(name)() for name in RIVALS}
    rows = []
    for photo in tqdm(scored_photos(models, data, (0, 1, 2, 3)), desc=data.name, unit="photo"):
        for coalition, seen in coalitions(photo):
            hidden = ~seen.grid.pixel_mask(seen.visible)
            if not seen.messages or not hidden.any():
                continue
            pictures = [reconstruction(attack, seen) for attack in attackers.values()]
            values = {
                name: [score for (score,) in metric.score_many(photo.frame, pictures, [hidden])]
                for name, metric in metrics.items()
            }
            cell = {"data": data.name, "image": photo.image_id, "coalition": coalition}
            cell["seen"] = 1 - hidden.mean()
            rows.append(pd.DataFrame({**cell, "attack": list(attackers), **values}))
    table = pd.concat(rows)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        table.to_csv(out / f"{data.name.replace(':', '-')}.csv", index=False)
    return table


def coalitions(photo: Scored) -> Iterator[tuple[str, Observation]]:
    """What each coalition has of a photo."""
    for size, shards in COALITIONS:
        dealt = redealt(photo.seen, shards, seed_of(photo.image_id))
        yield f"{size} of {shards}", dealt.restrict(largest_exposure(dealt, size))
    yield PADDING, padding_only(photo.seen)


def redealt(seen: Observation, shards: int, seed: int) -> Observation:
    """The same messages, had their windows been dealt at random to so many shards."""
    owners = POLICIES.get("random")(seed).assign(seen.grid, shards)
    messages = [replace(m, shard=owners[m.window]) for m in seen.messages]
    everyone = tuple(range(shards))
    return replace(seen, n_shards=shards, shards=everyone, messages=tuple(messages))


def gains(scores: pd.DataFrame) -> Iterator[dict[str, object]]:
    """One row per data set, coalition and attack, and the same over all data sets."""
    both = pd.concat([scores, scores.assign(data=EVERYWHERE)])
    for (data, coalition), cell in both.groupby(["data", "coalition"], sort=False):
        wide = cell.pivot(index="image", columns="attack", values=list(RIVALS))
        images = list(wide.index)
        for attack in ATTACKERS:
            row: dict[str, object] = {"data": data, "coalition": coalition, "attack": attack}
            row |= {"photos": len(images), "seen": float(cell["seen"].mean())}
            for metric, rival in RIVALS.items():
                sign = 1 if METRICS.get(metric).higher_is_worse else -1
                own, best = wide[metric][attack], wide[metric][rival]
                row[metric] = mean_interval(own, images).mean
                gain = paired_gain(sign * best, sign * own, images)
                row[f"{metric} gain of {rival}"] = (
                    f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
                )
            yield row


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add_photo_flags(parser, several=True)
    parser.add_argument("--seed", type=int, default=0, help="of the attackers")
    parser.add_argument("--out", type=Path, help="write the tables to this folder")
    return parser


if __name__ == "__main__":
    sys.exit(main())
