"""Decoders that have everything at once, beside completions and themselves without later rounds.

``python -m studies.attacks.joint_decoder --public SPEC... --data SPEC... [--limit N] [--out DIR]``

Each photo goes through ``interleaved`` once. Its windows are then dealt at random to 4, 9 and 25
shards. One shard, or about half of them, pool what they have: the coalition that saw most. Scores
are PSNR of windows not received, mean over ``--seeds`` where an attacker is random, and LPIPS of
some attackers at seed 0. ``joint_decoder.md`` has means, and what ``stacked_decoder`` (in PSNR) and
``joint_decoder_lpips`` (in LPIPS) gain over each attack, paired by photo, with 95 % intervals. A
gain is always more leakage. With ``--out``, trained attackers and the scores of every photo are
kept there: a study that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from attacks.base import ATTACKS, Attack, Knowledge, reconstruction
from attacks.coalition import largest_exposure, padding_only
from attacks.controls.retrained_prior import Blindfold
from attacks.methods.inversion.joint_decoder import JointDecoder, Practised
from attacks.methods.inversion.stacked_decoder import StackedDecoder
from bench.attackers.public_knowledge import PublicPhotos
from bench.attackers.training_setting import TrainingSetting
from bench.datasets import Dataset, open_dataset
from bench.datasets.disjoint import check_disjoint, check_unseen
from bench.metrics import METRICS
from bench.report.statistics import paired_gain
from bench.runner.evaluation.pipelines import seed_of
from bench.runner.models import Models
from framework.split.observation import Observation
from framework.split.policies import POLICIES
from studies.attacks.kept_attackers import kept_attacker
from studies.command import exit_with
from studies.kept import same_settings
from studies.scored import Scored, add_photo_flags, sent
from studies.table import told, write_table

ATTACKERS = (
    "navier_stokes",
    "kriging",
    "gated_inpainting",
    "gated_inpainting_lpips",
    "joint_decoder_prior",
    "joint_decoder_round1",
    "joint_decoder",
    "joint_decoder_lpips",
    "stacked_decoder_prior",
    "stacked_decoder_round1",
    "stacked_decoder",
)
WHOLE = "whole_image_decoder"
"""Scored as it is within `stacked_decoder`."""
RIVALS = {"psnr": "stacked_decoder", "lpips": "joint_decoder_lpips"}
"""Whose gains are told, in each metric."""
TEXTURED = (WHOLE, "gated_inpainting_lpips", "joint_decoder_lpips", "stacked_decoder")
"""Whose LPIPS is scored, at seed 0: it takes as long as all else."""
COALITIONS = ((1, 4), (1, 9), (1, 25), (2, 4), (5, 9), (13, 25))
PADDING = "padding alone"
EVERYWHERE = "all photos"


@dataclass(frozen=True)
class Fitted:
    """An attacker, by name and seed."""

    name: str
    seed: int
    attack: Attack


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    public = [open_dataset(spec) for spec in options.public]
    sets = [open_dataset(spec).limit(options.limit) for spec in options.data]
    for data in sets:
        check_disjoint(public, data)
    same_settings(options.out, model=options.model, public=options.public)
    models = Models(options.model)
    knowledge = PublicPhotos(models, public).knowledge(TrainingSetting(every_round=True))
    attackers = fitted(knowledge, options.attacks, options.seeds, options.out)
    for data in sets:
        check_unseen({each.name: each.attack for each in attackers}, data)
    scores = pd.concat(scored(models, data, attackers, options.out) for data in sets)
    title = f"Hidden windows, {options.model}, {len(knowledge.public)} public photos"
    write_table(pd.DataFrame(gains(scores)), "joint_decoder", title, options.out)
    return 0


def fitted(
    knowledge: Knowledge, names: Sequence[str], seeds: Sequence[int], out: Path | None
) -> list[Fitted]:
    """Every attacker at every seed that makes a difference to it."""
    found = []
    shared = None
    for name in names:
        random = ATTACKS.get(name).random
        for seed in seeds if random else seeds[:1]:
            attack = kept_attacker(name, seed, knowledge, out and out / "attackers")
            blind = isinstance(attack, Blindfold) and attack.since == 0
            if isinstance(attack, JointDecoder) and not blind:
                shared = shared or Practice(attack)
                vars(attack)["practise"] = shared
            found.append(Fitted(name, seed, attack))
            if isinstance(attack, StackedDecoder) and not isinstance(attack, Blindfold):
                found.append(Fitted(WHOLE, seed, attack.whole))
    return found


class Practice:
    """`JointDecoder.practise`, once for all that see the same pixels.

    Saves 0.4 s a coalition and attacker.
    """

    def __init__(self, attack: JointDecoder) -> None:
        self.attack = attack
        self.last: tuple[Sequence[int], list[Practised]] | None = None

    def __call__(self, observation: Observation, held: Sequence[int]) -> list[Practised]:
        if self.last is None or self.last[0] != held:
            self.last = held, JointDecoder.practise(self.attack, observation, held)
        return self.last[1]


def scored(
    models: Models, data: Dataset, attackers: Sequence[Fitted], out: Path | None
) -> pd.DataFrame:
    """One row per photo, coalition, attack and seed; kept in a file of the data set's name."""
    path = out and out / f"{data.name.replace(':', '-').replace('/', '-')}.csv"
    done = pd.read_csv(path, dtype={"image": str}) if path and path.exists() else pd.DataFrame()
    known = (
        set(zip(*(done[k] for k in ("image", "attack", "seed")), strict=True)) if len(done) else ()
    )
    for image in tqdm(data.ids, desc=data.name, unit="photo"):
        left = [each for each in attackers if (image, each.name, each.seed) not in known]
        if not left:
            continue
        photo = sent(models, data.load(image), (0, 1, 2, 3))
        rows = pd.DataFrame(of_photo(photo, left)).assign(data=data.name, image=image)
        done = pd.concat([done, rows]) if len(done) else rows
        if path is not None:
            done.to_csv(path, index=False, float_format="%.4f")
    return done[done["image"].isin(data.ids)]


def of_photo(photo: Scored, attackers: Sequence[Fitted]) -> Iterator[dict[str, object]]:
    """One row per coalition that misses something, attack and seed."""
    psnr, lpips = (METRICS.get(name)() for name in RIVALS)
    for coalition, seen in coalitions(photo):
        hidden = ~seen.grid.pixel_mask(seen.visible)
        if not seen.messages or not hidden.any():
            continue
        pictures = [reconstruction(each.attack, seen) for each in attackers]
        looked_at = [each.seed == 0 and each.name in TEXTURED for each in attackers]
        some = [p for p, wanted in zip(pictures, looked_at, strict=True) if wanted]
        values = iter(lpips.score_many(photo.frame, some, [hidden]) if some else [])
        scores = psnr.score_many(photo.frame, pictures, [hidden])
        for each, wanted, (score,) in zip(attackers, looked_at, scores, strict=True):
            yield {
                "coalition": coalition,
                "seen": 1 - hidden.mean(),
                "attack": each.name,
                "seed": each.seed,
                "psnr": score,
                "lpips": next(values)[0] if wanted else np.nan,
            }


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
    scores = scores.assign(image=scores["data"] + "/" + scores["image"])
    both = pd.concat([scores, scores.assign(data=EVERYWHERE)])
    for (data, coalition), cell in both.groupby(["data", "coalition"], sort=False):
        wide = cell.pivot_table(list(RIVALS), "image", "attack")
        for attack in cell["attack"].unique():
            row: dict[str, object] = {"data": data, "coalition": coalition, "attack": attack}
            row |= {"photos": len(wide), "seen": float(cell["seen"].mean())}
            for metric, rival in RIVALS.items():
                sign = 1 if METRICS.get(metric).higher_is_worse else -1
                if (metric, attack) not in wide:
                    continue
                row[metric] = float(wide[metric][attack].mean())
                if (metric, rival) in wide:
                    pair = wide[metric][list({attack, rival})].dropna()
                    gain = paired_gain(sign * pair[rival], sign * pair[attack], list(pair.index))
                    row[f"{metric} gain of {rival}"] = told(gain, sign="+")
            yield row


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add_photo_flags(parser, several=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of attackers")
    parser.add_argument("--attacks", nargs="+", default=list(ATTACKERS), help="scored")
    parser.add_argument("--out", type=Path, help="write the tables to this folder")
    return parser


if __name__ == "__main__":
    exit_with(main, "studies.attacks.joint_decoder")
