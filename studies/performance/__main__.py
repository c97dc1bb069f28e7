"""Measure everything, or one part, and write the tables.

    python -m studies.performance --out results/reference/performance
    python -m studies.performance --part encode --models vit_b --repeats 5 --out DIR

Parts that were measured before stay in the folder. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from time import perf_counter

import torch

from bench.parts import installed_parts
from bench.runner.folder.provenance import describe
from framework import build_sam
from studies.command import exit_with
from studies.performance import encode, traffic
from studies.performance.figure import draw
from studies.performance.report import text
from studies.performance.results import Results, Row
from studies.performance.runs import runs

PARTS = ("encode", "int8", "miou", "onnx", "shards", "bytes", "runs")
THREADS = 2


def main() -> int:
    """Read the command line, measure, write; 1 if a part failed."""
    args = arguments()
    torch.set_num_threads(THREADS)
    results = Results(args.out)
    failed = False
    for part, model, measure in plan(args):
        print(f"{part} {model}", flush=True)
        start = perf_counter()
        rows: list[Row] = []
        try:
            rows.extend(measure())
        except Exception as error:  # the other parts, and the rows so far, are worth having
            failed = True
            print(f"  FAILED: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        if rows:
            results.replace(part, model, rows)
        print(f"  done in {perf_counter() - start:.0f} s", flush=True)
        write(results, args.out)
    return int(failed)


Measure = Callable[[], Iterable[Row]]


def plan(args: argparse.Namespace) -> list[tuple[str, str, Measure]]:
    """What is measured, in order: part, model, how."""
    chosen: list[tuple[str, str, Measure]] = []
    models, n = args.models, args.repeats
    for model in models:
        fewer = max(1, n - 1) if model in ("vit_l", "vit_h") else n
        chosen.append(("encode", model, partial(encode.encode, model, fewer)))
    small = [model for model in models if model in ("tiny", "vit_b")]
    chosen += [("int8", model, partial(encode.int8, model, n)) for model in small]
    if Path(args.data.partition(":")[2]).is_dir():
        chosen.append(("miou", "tiny", partial(traffic.miou, "tiny", args.data, args.photos)))
    else:
        print(f"no mIoU of int8: {args.data} is not here, give --data", flush=True)
    chosen += [("onnx", model, partial(encode.onnx, model, n)) for model in small]
    chosen += [("shards", model, partial(encode.shards, model, n)) for model in small]
    chosen += [("bytes", model, partial(traffic.bytes_on_wire, model)) for model in models]
    chosen.append(("runs", "tiny", partial(runs, args.quick_photos, THREADS)))
    return [entry for entry in chosen if not args.part or entry[0] in args.part]


def write(results: Results, folder: Path) -> None:
    """Tables, figure and machine, from all that the folder holds."""
    environment = describe(build_sam("tiny"), installed_parts())
    del environment["model"], environment["weights"]
    (folder / "environment.json").write_text(json.dumps(environment, indent=2) + "\n")
    machine = environment["machine"]
    sentence = (
        f"Measured on {machine['processor']}, {machine['cores']} cores, {THREADS} threads, "
        f"{machine['system']}, PyTorch {environment['packages']['torch']}, with seeded random "
        "weights that leave no table of positions at zero. Each side runs in its own process; "
        "they take turns. Made by `python -m studies.performance`."
    )
    (folder / "performance.md").write_text(text(results, sentence))
    draw(results, folder / "performance.png")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--part", action="append", choices=PARTS, help="only this; may be repeated")
    parser.add_argument("--models", nargs="+", default=["tiny", "vit_b", "vit_l"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data", default="coco:../shared/data/bsds500_val", help="of mIoU")
    parser.add_argument("--photos", type=int, help="of mIoU; all by default")
    parser.add_argument("--quick-photos", type=int, default=3, help="of preset quick")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    if args.repeats < 1 or args.quick_photos < 1 or (args.photos or 1) < 1:
        parser.error("give at least 1")
    return args


if __name__ == "__main__":
    exit_with(main, "studies.performance")
