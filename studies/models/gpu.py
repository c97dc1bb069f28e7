"""Encoders on a GPU: `segment-anything` as it is against ours, in each precision.

``python -m studies.models.gpu [--models vit_b vit_l] [--sides "ours, bfloat16"] [--out FILE.csv]``

Encodes photos again and again, the sides taking turns, and prints for each side the median of
milliseconds a photo, from the photo to its embedding on the GPU, and what PyTorch's allocator held
at most beyond the weights; both also as ratios to stock in float32 and to stock in the same
precision. ``difference`` is the largest one to stock's embedding in float32, relative to its
largest value. Sides named after a kernel take that one instead of the one chosen
(`framework.models.kernels`). Weights are seeded random ones; products are in full float32 unless a
side says otherwise. Repeats end after ``--seconds`` a model, so that the default takes less than
four minutes.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Literal
from unittest import mock

import pandas as pd
import skimage.data
import torch
from segment_anything.utils.transforms import ResizeLongestSide

from bench.flags.arguments import add_device_flag
from framework import DistributedEncoder, LocalShards, build_sam
from framework.compute.devices import usable_device
from framework.models import attention
from framework.models.build import PedSam
from framework.models.kernels import Kernel
from studies.command import exit_with

Way = Literal["folded", "stock"]
STOCK = "stock"
WARM_UP = 2


@dataclass(frozen=True)
class Side:
    """One way to encode.

    Attributes:
        precision: of the encoder.
        attention: ``stock`` or ``folded``, as `build_sam` takes it.
        kernel: taken instead of the one chosen.
        shards: in this process; 0 for the encoder in one piece.
        photos: in one batch.
        compile: whether blocks are compiled.
    """

    precision: str = "float32"
    attention: Way = "folded"
    kernel: Kernel | None = None
    shards: int = 0
    photos: int = 1
    compile: bool = False


SIDES: Mapping[str, Side] = {
    STOCK: Side(attention="stock"),
    "stock, bfloat16": Side("bfloat16", "stock"),
    "stock, float16": Side("float16", "stock"),
    "ours": Side(),
    "ours, bfloat16": Side("bfloat16"),
    "ours, float16": Side("float16"),
    "ours, 4 shards": Side(shards=4),
    "ours, 25 shards": Side(shards=25),
    "ours, 4 photos": Side(photos=4),
    "ours, bfloat16, 4 photos": Side("bfloat16", photos=4),
    "fused": Side(kernel=Kernel.FUSED),
    "chunked": Side(kernel=Kernel.CHUNKED),
    "plain, bfloat16": Side("bfloat16", kernel=Kernel.PLAIN),
    "fused, bfloat16": Side("bfloat16", kernel=Kernel.FUSED),
    "ours, compiled": Side(compile=True),
}
TIMED = [name for name, side in SIDES.items() if not side.compile]
"""Without compiling, which takes minutes."""


def main() -> int:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=["vit_b", "vit_l", "tiny"])
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=TIMED)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=45.0, help="of repeats, a model")
    parser.add_argument("--out", type=Path, help="table as CSV")
    add_device_flag(parser, default="cuda")
    options = parser.parse_args()
    device = torch.device(usable_device(options.device))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    print(f"{name}, PyTorch {torch.__version__}")
    tables = []
    for model in options.models:
        names = list(dict.fromkeys([STOCK, *options.sides]))
        found = race(model, names, device, options.repeats, options.seconds)
        tables.append(pd.DataFrame(found))
        print(tables[-1].round(4).to_string(index=False), flush=True)
    if options.out:
        pd.concat(tables).to_csv(options.out, index=False)
    return 0


class Runner:
    """One side, ready to encode."""

    def __init__(self, side: Side, models: Mapping[Way, PedSam], device: torch.device) -> None:
        sam = copy.deepcopy(models[side.attention]) if not side.compile else None
        if sam is None:
            sam = build_sam(models["folded"].arch.name, "random", compile=True).to(device)
        sam.image_encoder.to(getattr(torch, side.precision))
        sam.precision = side.precision
        plan = "interleaved" if side.shards else "local"
        shards = LocalShards(max(1, side.shards))
        frame = ResizeLongestSide(sam.arch.img_size).apply_image(skimage.data.astronaut())
        self.side, self.device = side, device
        self.encoder = DistributedEncoder(sam, shards, plan=plan, policy="strided")
        self.frames = [frame] * side.photos
        self.seconds: list[float] = []

    def encode(self) -> torch.Tensor:
        """The embeddings; the time a photo is noted."""
        with forced(self.side.kernel):
            synchronise(self.device)
            start = perf_counter()
            embeddings = self.encoder.encode_batch(self.frames)
            synchronise(self.device)
        self.seconds.append((perf_counter() - start) / len(self.frames))
        return embeddings


def race(
    model: str, names: Sequence[str], device: torch.device, repeats: int, seconds: float
) -> Iterator[dict[str, object]]:
    """One row a side."""
    models = {way: build_sam(model, "random", attention=way).to(device) for way in WAYS}
    runners = {name: Runner(SIDES[name], models, device) for name in names}
    for runner in runners.values():
        for _ in range(WARM_UP):
            runner.encode()
        runner.seconds.clear()
    start = perf_counter()
    for _ in range(repeats):
        for runner in runners.values():
            runner.encode()
        if perf_counter() - start > seconds:
            break
    truth = runners[STOCK].encode()[:1]
    peaks = {name: peak(runner) for name, runner in runners.items()}
    times = {name: 1e3 * median(runner.seconds) for name, runner in runners.items()}
    for name, runner in runners.items():
        precision = SIDES[name].precision
        same = STOCK if precision == "float32" else f"{STOCK}, {precision}"
        found = runner.encode()[:1]
        yield {
            "model": model,
            "side": name,
            "ms": times[name],
            "of_stock": times[name] / times[STOCK],
            "of_stock_same": times[name] / times[same] if same in times else None,
            "peak_mb": peaks[name],
            "peak_of_stock": peaks[name] / peaks[STOCK] if peaks[STOCK] else None,
            "difference": float((found - truth).abs().max() / truth.abs().max()),
        }


WAYS: tuple[Way, ...] = ("stock", "folded")


def peak(runner: Runner) -> float:
    """MB held at most while encoding, beyond what is held anyway; 0 where nothing tells."""
    if runner.device.type != "cuda":
        return 0.0
    torch.cuda.reset_peak_memory_stats(runner.device)
    before = torch.cuda.memory_allocated(runner.device)
    runner.encode()
    return (torch.cuda.max_memory_allocated(runner.device) - before) / 1e6


@contextmanager
def forced(kernel: Kernel | None) -> Iterator[None]:
    """Within it attention takes ``kernel``, whatever would be chosen."""
    if kernel is None:
        yield
        return
    with mock.patch.object(attention, "choose", return_value=kernel):
        yield


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    exit_with(main, "studies.models.gpu")
