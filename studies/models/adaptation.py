"""What adapting to `globals_last` costs, by what is moved and what is trained.

    python -m studies.models.adaptation --train coco:DIR --score coco:DIR --out results/adaptation

Each variant is distilled from the same model for the same number of steps and scored beside it;
``scores.csv`` has one row a variant. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from bench.cli.train import Photos
from bench.datasets import open_dataset
from bench.report.statistics import mean_interval, paired_gain
from framework import build_sam
from framework.models.build import PedSam
from framework.training.adapt import Adaptation, adapt, encode, rearrange
from framework.training.optimisation.checkpoint import load_state
from studies.command import exit_with
from studies.models.model_card import Scored, score

VARIANTS = {
    "moved, untrained": None,
    "moved, globals and neck trained": Adaptation(trained="globals"),
    "moved, all trained": Adaptation(),
    "converted in place, all trained": Adaptation(converted=True),
    "2 global blocks, all trained": Adaptation(remaining=2),
    "1 global block, all trained": Adaptation(remaining=1),
    "position added at the edge, all trained": Adaptation(position="edge"),
}


def student(teacher: PedSam, adaptation: Adaptation | None, state: Path | None) -> PedSam:
    """The adapted model of a variant; the untrained one where there is no state."""
    chosen = adaptation or Adaptation()
    model = rearrange(teacher, chosen)
    if state is not None:
        model.load_state_dict(load_state(state)["average"])
    if chosen.position == "edge":
        model.image_encoder.forward = partial(encode, model, position="edge")
    return model


def row(name: str, steps: int, found: list[Scored], stock: list[Scored]) -> dict[str, object]:
    """Means and losses against the stock order, over the same instances."""
    images = [one.sample.image_id for one in found]
    line: dict[str, object] = {"variant": name, "steps": steps, "masks": len(found)}
    for prompt in ("box", "point"):
        mine, theirs = ([getattr(one, prompt) for one in side] for side in (found, stock))
        mean, loss = mean_interval(mine, images), paired_gain(theirs, mine, images)
        line |= {
            f"miou_{prompt}": mean.mean,
            f"{prompt}_low": mean.low,
            f"{prompt}_high": mean.high,
        }
        line |= {f"{prompt}_loss": loss.mean}
        line |= {f"{prompt}_loss_low": loss.low, f"{prompt}_loss_high": loss.high}
    return line


def main() -> None:
    """Adapt, score and write ``scores.csv``."""
    parser = argparse.ArgumentParser(description="What adapting to globals_last costs.")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--checkpoint")
    parser.add_argument("--train", action="append", required=True)
    parser.add_argument("--score", required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--variant", action="append", choices=list(VARIANTS))
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    teacher = build_sam(args.model, args.checkpoint)
    photos = Photos([open_dataset(spec) for spec in args.train])
    stock = score(teacher, args.score)
    rows = [row("stock order", 0, stock, stock)]
    for name in args.variant or VARIANTS:
        adaptation, state = VARIANTS[name], None
        if adaptation is not None:
            folder = args.out / name.replace(" ", "_").replace(",", "")
            state = adapt(
                teacher,
                photos,
                folder,
                steps=args.steps,
                adaptation=adaptation,
                batch=args.batch,
                lr=args.lr,
            )
        with torch.inference_mode():
            found = score(student(teacher, adaptation, state), args.score)
        rows.append(row(name, args.steps if adaptation else 0, found, stock))
        args.out.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_csv(args.out / "scores.csv", index=False, float_format="%.4f")
        print(pd.DataFrame(rows).to_string(index=False, float_format="%.3f"), flush=True)


if __name__ == "__main__":
    exit_with(main, "studies.models.adaptation")
