"""What a shard has received of a scene after T frames: sticky, fresh and capped assignment.

``python -m studies.defences.exposure_over_time --data coco:FOLDER [--limit N] [--out DIR]``

Exposure is a matter of counting: no model runs. The share is of the scene's pixels that the frames
showed, for each shard, mean over shards and photos. ``formula`` is 1 − (1 − k/N)^T.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from segment_anything.utils.transforms import ResizeLongestSide

from bench.datasets import Sample, open_dataset
from bench.datasets.motion import MOTIONS, Frame, film
from framework.exposure import Caps, Guard, SceneChanges, View
from framework.models.architectures import ARCHITECTURES
from framework.split.policies import POLICIES
from framework.split.windows import WindowGrid
from framework.transport.round import Round
from studies.command import exit_with
from studies.table import write_table

COUNTS = (1, 2, 4, 8, 16, 32)
ARCH = ARCHITECTURES["tiny"]
WAYS: dict[str, tuple[str, Caps]] = {
    "fresh": ("random", Caps()),
    "sticky": ("sticky", Caps()),
    "sticky by detected scene": ("sticky", Caps()),
    "fresh, at most 0.3 of 8 frames": ("random", Caps(per_server=0.3, frames=8)),
    "fresh, at most 0.3 for ever": ("random", Caps(per_server=0.3)),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    data = open_dataset(options.data).limit(options.limit)
    rows = [row for i in data.ids for row in _of(data.load(i), options.shards)]
    table = pd.DataFrame(rows)
    shares = table.groupby(["motion", "assignment", "frames"], sort=False)[["seen", "edge"]].mean()
    wide = shares.unstack("frames")
    flat = pd.DataFrame({f"T = {count}": wide["seen", count] for count in COUNTS})
    flat["on the edge"] = wide["edge", COUNTS[-1]]
    photos = table["image"].nunique()
    title = f"Share of the scene that a shard received, {options.shards} shards, {photos} photos"
    write_table(flat.reset_index(), "exposure_over_time", title, options.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="embedded", help="photos with masks")
    parser.add_argument("--limit", type=int, default=25, help="at most so many photos")
    parser.add_argument("--shards", type=int, default=4, help="number of shards")
    parser.add_argument("--out", type=Path, help="folder for the table")
    return parser


def _of(sample: Sample, shards: int) -> Iterator[dict[str, object]]:
    if not len(sample.masks):
        return
    for motion in MOTIONS:
        frames = film(sample, motion, COUNTS[-1], seed=0)
        first = {"image": sample.image_id, "motion": motion}
        for way in WAYS:
            for row in _shown(frames, way, shards):
                yield first | {"assignment": way} | row
        for count in COUNTS:
            seen = 1 - (1 - 1 / shards) ** count
            yield first | {"assignment": "formula", "frames": count, "seen": seen, "edge": 0.0}


def _shown(frames: Sequence[Frame], way: str, shards: int) -> Iterator[dict[str, object]]:
    """Exposure after each of `COUNTS`, and the share of windows that the edge computed."""
    name, caps = WAYS[way]
    changes, guard, policy = SceneChanges(), Guard(caps=caps), POLICIES.get(name)()
    known, book, shown, asked, sent = Guard(), Guard(), None, 0, 0
    servers = [f"shard-{k}" for k in range(shards)]
    for number, (frame, view) in enumerate(zip(frames, _views(frames), strict=True)):
        small = ResizeLongestSide(ARCH.img_size).apply_image(frame.sample.image)
        grid = WindowGrid.of(ARCH, (small.shape[0], small.shape[1]))
        alone = known.recognise(View.alone(small), tell=False).scene
        scene = changes.name_of(small) if "detected" in way else alone
        dealt = policy.bound(scene, servers, lambda: b"key" * 8) if policy.keyed else policy
        owners = dealt.assign(grid, shards, number)
        wanted = {s: [i for i in grid.content if owners[i] == k] for k, s in enumerate(servers)}
        round_ = Round(grid, 0, number, (0,), "float32", session="study", view=view)
        going = guard.admit(round_, wanted)
        book.admit(round_, going)
        asked, sent = asked + len(grid.content), sent + sum(map(len, going.values()))
        shown = _with(shown, view)
        if number + 1 in COUNTS:
            coverage = book.ledger.coverage(view.scene)
            seen = [float(coverage.of(s)[shown].mean()) for s in servers]
            share = 1 - sent / asked
            yield {"frames": number + 1, "seen": float(np.mean(seen)), "edge": share}


def _views(frames: Sequence[Frame]) -> list[View]:
    """Where each frame lies in the part of the scene that all of them show."""
    height, width = frames[0].sample.image.shape[:2]
    places = [(0, 0) if "moving" in f.places else next(iter(f.places.values())) for f in frames]
    top, left = (max(place[i] for place in places) for i in (0, 1))
    origins = [(top - down, left - right) for down, right in places]
    size = height + max(o[0] for o in origins), width + max(o[1] for o in origins)
    return [View("scene", size, origin, (height, width)) for origin in origins]


def _with(shown: np.ndarray | None, view: View) -> np.ndarray:
    """Which of the scene's pixels were shown, this view included."""
    shown = np.zeros(view.scene_size, bool) if shown is None else shown
    top, left = view.origin
    shown[top : top + view.size[0], left : left + view.size[1]] = True
    return shown


if __name__ == "__main__":
    exit_with(main, "studies.defences.exposure_over_time")
