"""The generative prior beside the attacks it competes with.

``python -m studies.attacks.generative_prior completion --public SPEC... --data SPEC... [--limit
N]``

Each photo goes through ``interleaved`` once; its windows are dealt and pooled as in
`studies.attacks.joint_decoder`. Scores are PSNR and LPIPS of windows not received.
``flow_inpainting``
draws `DRAWS` pictures. The table has one draw, the best, mean and worst of all by the very score
(an oracle), and the mean picture, as ``flow_inpainting_mean`` gives it.

``python -m studies.attacks.generative_prior depth --public SPEC... --data SPEC... [--stages 1 2
4]``

Windows that 2 of 4 shards received, known by their tokens of one stage: ridge, decoder, descent,
``flow_inversion``, and the same with no weight on the prior.

Both say what the prior gains over each attack, in PSNR and LPIPS, paired by photo, with 95 %
intervals over photos; a gain is always more leakage. ``--out`` keeps every score, photo by photo,
and a study that was stopped goes on there.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from attacks.base import ATTACKS, Attack, Knowledge, reconstruction
from attacks.threat_models.base import ThreatModel
from bench.attackers.public_knowledge import PublicPhotos
from bench.attackers.training_setting import TrainingSetting
from bench.datasets import Dataset, open_dataset
from bench.datasets.disjoint import check_disjoint, check_unseen
from bench.metrics import METRICS, Metric
from bench.report.statistics import mean_interval, paired_gain
from bench.runner.models import Models
from framework.split.observation import Observation
from studies.attacks.joint_decoder import coalitions
from studies.command import exit_with
from studies.kept import same_settings
from studies.scored import Scored, add_photo_flags, sent
from studies.table import told, write_table

DRAW, MEAN = "flow_inpainting", "flow_inpainting_mean"
RIVALS = ("kriging", "gated_inpainting", "gated_inpainting_lpips", "joint_decoder")
DEEP = ("ridge", "conv_decoder", "optimise", "flow_inversion")
WITHOUT = "flow_inversion, no prior"
DRAWS = 4
EXTREMES = {"best": ("max", "min"), "mean": ("mean", "mean"), "worst": ("min", "max")}
"""Of the draws of a photo, how PSNR and LPIPS find it."""
KEYS = ["data", "image", "case"]
EVERYWHERE = "all photos"

Picture = NDArray[np.uint8]
Rows = Iterator[dict[str, object]]
Shown = dict[str, tuple[Picture, float]]


class Completion:
    """Hidden windows, by coalition."""

    def __init__(self, known: Knowledge, only: Sequence[str] = ()) -> None:
        self.only = only
        self.rivals = fitted(RIVALS, known)
        self.draws = [ATTACKS.get(DRAW)(seed=seed) for seed in range(DRAWS)]
        for draw in self.draws:
            draw.fit(known)

    def rows(self, photo: Scored) -> Rows:
        """One for each coalition, and attack or draw."""
        for case, seen in coalitions(photo):
            hidden = ~seen.grid.pixel_mask(seen.visible)
            wanted = not self.only or case in self.only
            if wanted and seen.visible and hidden.any():
                shown = {name: timed(attack, seen) for name, attack in self.rivals.items()}
                drawn = [timed(draw, seen) for draw in self.draws]
                mean = np.mean([picture for picture, _ in drawn], axis=0)
                shown[MEAN] = np.rint(mean).astype(np.uint8), sum(each for _, each in drawn)
                shown |= {f"{DRAW} {seed}": each for seed, each in enumerate(drawn)}
                for row in scores(photo.frame, shown, hidden):
                    yield {"case": case, "seen": round(float(1 - hidden.mean()), 3)} | row


class Depth:
    """Received windows, by stage."""

    def __init__(
        self, models: Models, photos: PublicPhotos, stages: Sequence[int], names: Sequence[str]
    ) -> None:
        self.models = models
        self.attackers: dict[int, dict[str, Attack]] = {}
        for stage in stages:
            known = photos.knowledge(TrainingSetting(threat=ThreatModel(stage=stage)))
            self.attackers[stage] = fitted((*names, DEEP[-1]), known)
            guided = self.attackers[stage][DEEP[-1]]
            print(f"stage {stage}: weight", guided.learned.get("weight"), file=sys.stderr)
            self.attackers[stage][WITHOUT] = same = ATTACKS.get(DEEP[-1])()
            same.load_state(guided.state() | {"weight": np.zeros(1)})

    def rows(self, photo: Scored) -> Rows:
        """One for each stage and attack."""
        for stage, attackers in self.attackers.items():
            seen = photo.at_stage(stage, self.models.sam)
            visible = seen.grid.pixel_mask(photo.seen.visible)
            shown = {name: timed(attack, seen) for name, attack in attackers.items()}
            for row in scores(photo.frame, shown, visible):
                yield {"case": f"stage {stage}"} | row


def fitted(names: Sequence[str], known: Knowledge) -> dict[str, Attack]:
    """Attacks by name."""
    attackers: dict[str, Attack] = {}
    for name in names:
        start = time.process_time()
        attackers[name] = ATTACKS.get(name)(seed=0)
        attackers[name].fit(known)
        print(f"{name}: {time.process_time() - start:.0f} s of a processor", file=sys.stderr)
    return attackers


def timed(attack: Attack, seen: Observation) -> tuple[Picture, float]:
    """A picture, and the seconds of a processor that it took."""
    start = time.process_time()
    return reconstruction(attack, seen), time.process_time() - start


def scores(frame: Picture, shown: Shown, region: NDArray[np.bool_]) -> Rows:
    """PSNR and LPIPS of some pictures in a region."""
    pictures = [picture for picture, _ in shown.values()]
    columns = {
        name: [value for (value,) in metric(name).score_many(frame, pictures, [region])]
        for name in ("psnr", "lpips")
    }
    for place, (name, (_, seconds)) in enumerate(shown.items()):
        own = {score: values[place] for score, values in columns.items()}
        yield {"attack": name, **own, "seconds": seconds}


@cache
def metric(name: str) -> Metric:
    """A metric by its name, made once."""
    return METRICS.get(name)()


def with_extremes(table: pd.DataFrame) -> pd.DataFrame:
    """One draw by its name, and best, mean and worst of each photo's draws as attacks."""
    draws = table[table["attack"].str.startswith(DRAW + " ")]
    if draws.empty:
        return table
    parts = [table.drop(draws.index), draws[draws["attack"] == f"{DRAW} 0"].assign(attack=DRAW)]
    for name, (psnr, lpips) in EXTREMES.items():
        found = draws.groupby(KEYS, as_index=False, sort=False).agg(
            {"psnr": psnr, "lpips": lpips, "seconds": "mean"}
        )
        parts.append(found.assign(attack=f"{DRAW}, {name} of {DRAWS}"))
    return pd.concat(parts, ignore_index=True)


def gains(table: pd.DataFrame, subjects: Sequence[str]) -> Rows:
    """One row per data set, case and attack, and the same over all data sets."""
    table = table.assign(image=table["data"] + "/" + table["image"])
    both = pd.concat([table, table.assign(data=EVERYWHERE)])
    for (data, case), cell in both.groupby(["data", "case"], sort=False):
        wide = cell.pivot(index="image", columns="attack", values=["psnr", "lpips", "seconds"])
        images = list(wide.index)
        for attack in cell["attack"].unique():
            row: dict[str, object] = {"data": data, "case": case, "attack": attack}
            row |= {"photos": len(images), "seconds": float(wide["seconds"][attack].mean())}
            for score, sign in (("psnr", 1), ("lpips", -1)):
                row[score] = told(mean_interval(wide[score][attack], images))
                for name in subjects:
                    ours, theirs = (sign * wide[score][each] for each in (name, attack))
                    gain = paired_gain(ours, theirs, images)
                    row[f"{score}: gain of {name}"] = told(gain, sign="+")
            yield row


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    table = measured(options)
    deep = options.what == "depth"
    subjects = DEEP[-1:] if deep else (DRAW, MEAN)
    title = f"{'Received' if deep else 'Hidden'} windows, {options.model}"
    result = pd.DataFrame(gains(with_extremes(table), subjects))
    write_table(result, f"generative_prior_{options.what}", title, options.out)
    return 0


def measured(options: argparse.Namespace) -> pd.DataFrame:
    """Every score; photos of the sets in turn, so that what is there is even at any time."""
    public = [open_dataset(spec) for spec in options.public]
    sets = [open_dataset(spec).limit(options.limit) for spec in options.data]
    for data in sets:
        check_disjoint(public, data)
        check_unseen(DEEP if options.what == "depth" else (*RIVALS, DRAW), data)
    same_settings(
        options.out,
        what=options.what,
        model=options.model,
        public=options.public,
        stages=options.stages,
        rivals=options.rivals,
        only=options.only,
    )
    kept = options.out / f"generative_prior_{options.what}_scores.csv" if options.out else None
    done = pd.read_csv(kept, dtype={"image": str}) if kept and kept.exists() else pd.DataFrame()
    models = Models(options.model)
    photos = PublicPhotos(models, public)
    study: Completion | Depth
    if options.what == "depth":
        study = Depth(models, photos, options.stages, options.rivals)
    else:
        study = Completion(photos.knowledge(TrainingSetting(every_round=True)), options.only)
    for data, image_id in in_turn(sets):
        if len(done) and ((done["data"] == data.name) & (done["image"] == image_id)).any():
            continue
        shards = (0, 1) if options.what == "depth" else (0, 1, 2, 3)
        rows = pd.DataFrame(study.rows(sent(models, data.load(image_id), shards)))
        done = pd.concat([done, rows.assign(data=data.name, image=image_id)], ignore_index=True)
        print(data.name, image_id, file=sys.stderr, flush=True)
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            done.to_csv(kept, index=False)
    wanted = {(data.name, image_id) for data, image_id in in_turn(sets)}
    return done[[pair in wanted for pair in zip(done["data"], done["image"], strict=True)]]


def in_turn(sets: Sequence[Dataset]) -> Iterator[tuple[Dataset, str]]:
    """The first photo of each set, the second of each, and so on."""
    for place in range(max(len(data.ids) for data in sets)):
        for data in sets:
            if place < len(data.ids):
                yield data, data.ids[place]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what", metavar="STUDY", choices=("completion", "depth"), help="completion or depth"
    )
    add_photo_flags(parser, several=True)
    parser.add_argument("--stages", type=int, nargs="+", default=[1, 2, 4], help="of `depth`")
    parser.add_argument("--rivals", nargs="*", default=DEEP[:-1], help="attacks beside, of `depth`")
    parser.add_argument("--only", nargs="*", default=[], help="coalitions, such as '1 of 4'")
    parser.add_argument("--out", type=Path, help="keep scores and tables in this folder")
    return parser


if __name__ == "__main__":
    exit_with(main, "studies.attacks.generative_prior")
