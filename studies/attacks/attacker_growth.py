"""How leakage grows with the attacker's photos and with the steps of its training.

``python -m studies.attacks.attacker_growth --data SPEC [--limit N] [--photos 8 32] [--shares 0.25
1] [--seeds 0 1 2]``

Trains each attacker with every number of photos, share of its usual steps and seed, and with
``--priors`` its prior-only twin alike. Scores what one shard of four makes of photos: PSNR of the
windows that it did not receive for whole-picture decoders, which learn from all rounds, of those
that it received for window decoders. Where the largest numbers still gain over the next smaller
ones, the attacker is not at its ceiling. Writes ``attacker_growth.csv``, ``.md`` and ``.svg`` with
``--out``; a study that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from attacks.base import ATTACKS, Attack, Knowledge
from attacks.threat_models.base import ThreatModel
from bench.attackers.public_knowledge import PublicPhotos
from bench.attackers.training_setting import TrainingSetting
from bench.flags.arguments import add_device_flag
from bench.metrics.psnr import Psnr
from bench.report.statistics import mean_interval, paired_gain
from bench.runner.models import Models
from framework.errors import PedbenchError
from framework.split.observation import Observation
from studies.command import exit_with
from studies.kept import same_settings
from studies.scored import Scored, add_photo_flags, open_photos, scored_photos
from studies.table import told, write_table

ATTACKERS = {
    "conv_decoder": "visible",
    "whole_image_decoder": "hidden",
    "joint_decoder": "hidden",
    "stacked_decoder": "hidden",
}
"""Attackers, and the region that shows what they gain."""
DEPTH = 4
"""The stage that window decoders invert; at stage 0 a linear inverse is exact."""
PRIORS = {
    "conv_decoder": "conv_decoder_prior",
    "whole_image_decoder": "whole_image_prior",
    "joint_decoder": "joint_decoder_prior",
    "stacked_decoder": "stacked_decoder_prior",
}
SHARD = (0,)
NAME = "attacker_growth"

Scores = NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    public, data = open_photos(options)
    same_settings(
        options.out,
        model=options.model,
        public=options.public,
        data=options.data,
        images=list(data.ids),
        priors=options.priors,
    )
    models = Models(options.model, device=options.device)
    photos = PublicPhotos(models, public)
    scored = scored_photos(models, data, SHARD)
    scores = pd.concat(growth(photos, scored, options))
    title = f"Leakage by the attacker's photos and steps, {len(scored)} photos of {data.name}"
    table = summary(scores)
    write_table(table, NAME, title, options.out)
    if options.out is not None:
        drawn(table).savefig(options.out / f"{NAME}.svg", bbox_inches="tight")
    return 0


def growth(
    photos: PublicPhotos, scored: Sequence[Scored], options: argparse.Namespace
) -> Iterator[pd.DataFrame]:
    """For each attacker, number of photos and of steps, and seed, a row per photo scored."""
    seen_at = {
        "hidden": [image.seen for image in scored],
        "visible": [image.at_stage(DEPTH, photos.models.sam) for image in scored],
    }
    for count, name in product(options.photos, options.attacks):
        region = ATTACKERS[name]
        stage = DEPTH if region == "visible" else None
        threat = ThreatModel(public_photos=count or None, stage=stage)
        setting = TrainingSetting(threat=threat, every_round=region == "hidden")
        for steps, seed in product(steps_of(name, options.shares), options.seeds):
            path = options.out and options.out / "parts" / f"{name}-{count}-{steps}-{seed}.csv"
            if path is not None and path.exists():
                yield pd.read_csv(path, dtype={"image": str})
                continue
            knowledge = photos.knowledge(setting)
            start = time.process_time()
            attack = _fitted(name, steps, seed, knowledge)
            seconds = time.process_time() - start
            cell = {"attack": name, "region": region, "photos": len(knowledge.public)}
            cell |= {"steps": steps, "seed": seed, "processor seconds": seconds}
            mine = {"psnr": _scores(attack, scored, seen_at[region], region)}
            if options.priors:
                prior = _fitted(PRIORS[name], steps, seed, knowledge)
                mine["prior"] = _scores(prior, scored, seen_at[region], region)
            rows = pd.DataFrame({"image": [image.image_id for image in scored], **cell, **mine})
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                rows.to_csv(path, index=False)
            print(
                f"{name}, {cell['photos']} photos, {steps} steps, seed {seed} done", file=sys.stderr
            )
            yield rows


def steps_of(name: str, shares: Sequence[float]) -> list[int]:
    """The numbers of steps tried; 0 alone for an attacker that does not train step by step."""
    usual = getattr(ATTACKS.get(name)(), "steps", 0)
    return [round(share * usual) for share in shares] if usual else [0]


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Means over photos and seeds, and paired gains over the prior and fewer photos or steps.

    ``seeds apart``: between the best and the worst seed, means over photos, dB.
    """
    rows = []
    for _, of_seeds in scores.groupby("attack", sort=False):
        by_photo = of_seeds.groupby(["attack", "region", "photos", "steps", "image"])
        of_attack = by_photo.mean(numeric_only=True).drop(columns="seed").reset_index()
        wide = of_attack.pivot(index="image", columns=["photos", "steps"], values="psnr")
        images = list(wide.index)
        tried = set(zip(of_attack["photos"], of_attack["steps"], strict=True))
        for (photos, steps), cell in of_attack.groupby(["photos", "steps"]):
            own, first = wide[photos, steps], cell.iloc[0]
            row = {k: first[k] for k in ("attack", "region", "photos", "steps")}
            row |= {"processor seconds": first["processor seconds"]}
            row["psnr"] = mean_interval(own, images).mean
            alike = of_seeds[(of_seeds["photos"] == photos) & (of_seeds["steps"] == steps)]
            by_seed = alike.groupby("seed")["psnr"].mean()
            row["seeds"] = len(by_seed)
            row["seeds apart"] = by_seed.max() - by_seed.min()
            fewer = [p for p, s in tried if p < photos and s == steps]
            less = [s for p, s in tried if p == photos and s < steps]
            if fewer:
                row["gain over fewer photos"] = _gain(own, wide[max(fewer), steps], images)
            if less:
                row["gain over fewer steps"] = _gain(own, wide[photos, max(less)], images)
            if "prior" in cell:
                priors = cell.set_index("image")["prior"].loc[images]
                row["gain over prior"] = _gain(own, priors, images)
            rows.append(row)
    return pd.DataFrame(rows).fillna("")


def _gain(own: pd.Series, other: pd.Series, images: Sequence[str]) -> str:
    return told(paired_gain(own.to_numpy(), other.to_numpy(), images), 2, "+")


def drawn(table: pd.DataFrame) -> Figure:
    """PSNR by the attacker's photos, a panel for each attacker and a line for each length."""
    names = list(table["attack"].unique())
    figure = Figure(figsize=(3.2 * len(names), 2.8))
    for place, name in enumerate(names, 1):
        axes = figure.add_subplot(1, len(names), place)
        own = table[table["attack"] == name]
        for steps, line in own.groupby("steps"):
            label = f"{steps} steps" if steps else None
            axes.plot(line["photos"], line["psnr"], marker="o", markersize=4, label=label)
        axes.set_xscale("log")
        counts = sorted(own["photos"].unique())
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.minorticks_off()
        axes.set_title(f"{name}, {own['region'].iloc[0]} windows", fontsize=9)
        axes.set_xlabel("attacker's photos")
        if place == 1:
            axes.set_ylabel("PSNR, dB")
        if len(own["steps"].unique()) > 1:
            axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    return figure


def _fitted(name: str, steps: int, seed: int, knowledge: Knowledge) -> Attack:
    attack = ATTACKS.get(name)(seed=seed, **({"steps": steps} if steps else {}))
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
        "--shares", type=float, nargs="+", default=[0.25, 1.0], help="of an attacker's usual steps"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the training")
    parser.add_argument("--priors", action="store_true", help="train prior-only twins as well")
    parser.add_argument("--out", type=Path, help="write the table to this folder")
    add_device_flag(parser, default="cpu")
    return parser


if __name__ == "__main__":
    exit_with(main, "studies.attacks.attacker_growth")
