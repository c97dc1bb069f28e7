"""What honest but curious servers learn beside the content of windows.

``python -m studies.attacks.side_channels --data coco:FOLDER [--limit N] [--out DIR]``

absence: with `sensitive_local`, which windows stay at home (all true masks are sensitive), scored
on content windows against the same number of windows nearest the middle, and at random.
frame size: the ratio of the photo's sides. prompts: whether messages change with the prompt, and
what the box gives away where it is sent along, as a cloud that also decodes gets it. message sizes:
how many different totals photos of one shape have.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide

from attacks.analyses.side_channels.absence import Absence, centrality
from attacks.analyses.side_channels.frame_size import FrameSize
from attacks.coalition import seeded
from bench.datasets import Sample, open_dataset
from bench.metrics.miou import frozen_prompts
from framework import DistributedSamPredictor, LocalShards
from framework.errors import PedbenchError
from framework.models.build import PedSam, build_sam
from framework.split.defences import DEFENCES
from framework.split.observation import Observation
from framework.split.policies.sensitive_local import SensitiveLocal
from framework.split.policies.sticky import Sticky
from framework.split.windows import WindowGrid
from studies.command import exit_with
from studies.table import write_table

Row = dict[str, object]
Windows = frozenset[int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    data = open_dataset(options.data).limit(options.limit)
    sam = build_sam(options.model)
    samples = [sample for i in data.ids if len((sample := data.load(i)).masks)]
    if not samples:
        raise PedbenchError(f"no photo of {options.data} has a mask: give one with masks")
    rows = [row for s in samples for row in _of(sam, s, options)]
    rows += _message_sizes(sam, samples, options)
    table = pd.DataFrame(rows)
    groups = table.groupby(["channel", "setting", "coalition", "metric"], sort=False)["value"]
    summary = groups.agg(["mean", "count"]).reset_index()
    title = f"Side channels, {options.model}, {options.shards} shards, {len(samples)} photos"
    write_table(summary, "side_channels", title, options.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="embedded", help="photos with masks")
    parser.add_argument("--limit", type=int, help="at most so many photos")
    parser.add_argument("--model", default="tiny", help="name of the model")
    parser.add_argument("--shards", type=int, default=4, help="number of shards")
    parser.add_argument("--coalitions", type=int, nargs="+", default=[1, 2, 4], help="sizes")
    parser.add_argument("--out", type=Path, help="folder for side_channels.csv and .md")
    return parser


def _of(sam: PedSam, sample: Sample, options: argparse.Namespace) -> Iterator[Row]:
    for ratio in (0.0, 1.0):
        predictor = _predictor(sam, sample, options.shards, ratio)
        predictor.set_image(sample.image)
        whole = predictor.observation()
        setting = f"decoys {ratio:g}" if ratio else "no decoys"
        home = _home(predictor)
        for size in options.coalitions:
            seen = whole.restrict(seeded(whole, size, 0))
            yield from _rows("absence", setting, size, _absence(sam, seen, home, ratio))
    for payload in ("float32", "pixels"):
        predictor = DistributedSamPredictor(
            sam,
            LocalShards(options.shards),
            plan="prefix",
            policy=Sticky(0),
            payload=payload,
        )
        predictor.set_image(sample.image)
        whole = predictor.observation()
        for size in options.coalitions:
            seen = whole.restrict(seeded(whole, size, 0))
            yield from _rows("frame size", payload, size, _frame_size(sam, seen))
    yield from _rows("prompts", "distributed", options.shards, _prompt_change(predictor, sample))
    yield from _rows("prompts", "sent along", 1, _prompt_sent(sample))


def _predictor(sam: PedSam, sample: Sample, shards: int, decoys: float) -> DistributedSamPredictor:
    return DistributedSamPredictor(
        sam,
        LocalShards(shards),
        plan="prefix",
        policy=SensitiveLocal(0, np.asarray(sample.masks.any(0))),
        defence=DEFENCES.get("decoys")(decoys),
        seed=0,
    )


def _home(predictor: DistributedSamPredictor) -> Windows:
    """Content windows that stayed at home."""
    real = predictor.observation(decoys=False)
    return frozenset(real.grid.content) - set(real.visible)


def _absence(
    sam: PedSam, seen: Observation, home: Windows, ratio: float
) -> Iterator[tuple[str, float]]:
    guess = Absence(sam, ratio).read(seen)
    central = centrality(seen.grid)
    nearest = frozenset(sorted(central, key=central.__getitem__, reverse=True)[: len(home)])
    drawn = np.random.default_rng(0).permutation(seen.grid.content)[: len(home)]
    floors = (("middle", nearest), ("random", frozenset(drawn.tolist())))
    for name, windows in (("guess", guess), *floors):
        for metric, value in _agreement(windows, home, seen.grid):
            yield f"{name} {metric}", value
    yield "error of the number at home", float(abs(len(guess) - len(home)))


def _agreement(guess: Windows, truth: Windows, grid: WindowGrid) -> Iterator[tuple[str, float]]:
    rest = frozenset(grid.content) - truth
    if truth:
        yield "IoU", len(guess & truth) / len(guess | truth)
    if truth and rest:
        hits, passes = len(guess & truth) / len(truth), len(rest - guess) / len(rest)
        yield "balanced accuracy", (hits + passes) / 2


def _frame_size(sam: PedSam, seen: Observation) -> Iterator[tuple[str, float]]:
    height, width = FrameSize(sam).read(seen)
    truth = seen.frame_size[1] / seen.frame_size[0]
    yield "error of log2(width / height)", abs(np.log2(width / height / truth))
    yield "floor: taken for a square", abs(np.log2(1 / truth))


def _prompt_change(
    predictor: DistributedSamPredictor, sample: Sample
) -> Iterator[tuple[str, float]]:
    """1 where prompting makes a message differ, or makes one more."""
    before = predictor.observation().to_bytes()
    for mask in sample.masks:
        predictor.predict(box=np.array(frozen_prompts(mask).box))
    yield "messages change with the prompt", float(predictor.observation().to_bytes() != before)


def _prompt_sent(sample: Sample) -> Iterator[tuple[str, float]]:
    """What the box says where it is sent along, against a box in the middle of equal area."""
    for mask in sample.masks:
        x0, y0, x1, y1 = (int(v) for v in frozen_prompts(mask).box)
        box, middle = np.zeros_like(mask), np.zeros_like(mask)
        box[y0 : y1 + 1, x0 : x1 + 1] = True
        scale = np.sqrt(box.mean())
        height, width = (round(side * scale) for side in mask.shape)
        top, left = (mask.shape[0] - height) // 2, (mask.shape[1] - width) // 2
        middle[top : top + height, left : left + width] = True
        yield "IoU of the box with the object", _iou(box, mask)
        yield "floor: a box in the middle", _iou(middle, mask)


def _iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


def _message_sizes(
    sam: PedSam, samples: Sequence[Sample], options: argparse.Namespace
) -> Iterator[Row]:
    """Different sizes of one window's message among photos of one shape, the most of any window."""
    resize = ResizeLongestSide(sam.arch.img_size)
    sizes: dict[tuple, set[int]] = {}
    for sample in samples:
        shape = resize.get_preprocess_shape(*sample.image.shape[:2], sam.arch.img_size)
        for payload in ("float32", "int8", "pixels"):
            predictor = DistributedSamPredictor(
                sam, LocalShards(options.shards), plan="prefix", payload=payload
            )
            predictor.set_image(sample.image)
            for m in predictor.observation().messages:
                sizes.setdefault((payload, shape, m.round, m.window), set()).add(m.sent.nbytes)
    for payload in ("float32", "int8", "pixels"):
        most = max(len(found) for key, found in sizes.items() if key[0] == payload)
        name = "different sizes of one window's message, photos of one shape"
        yield from _rows("message sizes", payload, options.shards, [(name, float(most))])


def _rows(
    channel: str, setting: str, coalition: int, values: Iterator[tuple[str, float]] | list
) -> Iterator[Row]:
    for metric, value in values:
        yield {
            "channel": channel,
            "setting": setting,
            "coalition": coalition,
            "metric": metric,
            "value": value,
        }


if __name__ == "__main__":
    exit_with(main, "studies.attacks.side_channels")
