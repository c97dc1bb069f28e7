"""What `sensitive_local` keeps at home, what servers still find, and what its pattern tells.

``python -m studies.defences.sensitive_local --data coco:FOLDER [coco:FOLDER …] [--limit N] [--out
DIR]``

No model is needed: the policy sees the model input, and what leaves is a set of windows. Faces are
looked for by dlib in what every coalition of shards received, and in that with its gaps filled by
`push_pull` (``filled``: found in one of the two). ``pattern`` predicts whether
the photo shows a face from nothing but which windows stayed, leave-one-out, against the more
frequent answer.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from attacks.features.canvas import Canvas
from attacks.methods.inpainting.classic import PushPull
from bench.datasets import Sample, open_dataset
from bench.recognition.boxes import box_ious
from bench.recognition.detectors.detection import Detections
from bench.recognition.detectors.faces import Faces
from bench.runner.evaluation.recognition import as_received
from framework.models.named import architecture
from framework.split.policies import POLICIES
from framework.split.windows import WindowGrid
from framework.transport.round import HOME
from studies.command import exit_with
from studies.table import write_table

POLICIES_TRIED = (
    "sticky",
    "sensitive_local:faces",
    "sensitive_local:persons",
    "sensitive_local:skin:0.4",
    "sensitive_local:saliency:0.4",
)
Finds = Callable[[NDArray[np.uint8]], NDArray[np.bool_]]
"""Which faces of the original are found again in a picture."""

FOUND_AGAIN = 0.3
"""IoU with a face of the original from which a detection counts as that face."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    rows = [row for data in options.data for row in _of(data, options)]
    table = pd.DataFrame(rows)
    photos = f"at most {options.limit} photos a set"
    title = f"sensitive_local, {options.model}, {options.shards} shards, {photos}"
    write_table(_summary(table), "sensitive_local", title, options.out)
    patterns = pd.DataFrame(
        [_pattern(str(policy), part) for policy, part in table.groupby("policy")]
    )
    write_table(patterns, "sensitive_local_pattern", "What the pattern tells", options.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", default=["embedded"], help="data sets")
    parser.add_argument("--limit", type=int, default=25, help="photos of each data set")
    parser.add_argument("--model", default="tiny", help="whose input size and windows count")
    parser.add_argument("--policies", nargs="+", default=POLICIES_TRIED, help="policies to try")
    parser.add_argument("--shards", type=int, default=4, help="number of shards")
    parser.add_argument("--out", type=Path, help="folder for the tables")
    return parser


def _of(data: str, options: argparse.Namespace) -> Iterator[dict[str, object]]:
    dataset = open_dataset(data).limit(options.limit)
    for image_id in dataset.ids:
        print(data, image_id, file=sys.stderr)
        for row in _rows(dataset.load(image_id), options):
            yield {"data": Path(data).name} | row


def _rows(sample: Sample, options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """One row a policy."""
    arch, finder = architecture(options.model), Faces()
    frame = ResizeLongestSide(arch.img_size).apply_image(sample.image)
    grid = WindowGrid.of(arch, frame.shape[:2])
    faces = finder.detect(frame, grid.frame_size)
    for policy in options.policies:
        yield {"policy": policy} | _row(policy, frame, grid, faces, options.shards)


def _row(
    policy: str, frame: NDArray[np.uint8], grid: WindowGrid, faces: Detections, shards: int
) -> dict[str, object]:
    finds = _finder(faces, grid)
    start = time.process_time()
    owners = POLICIES.get(policy)(seed=0).seeing(frame).assign(grid, shards)
    seconds = time.process_time() - start
    home = grid.pixel_mask(i for i in grid.content if owners[i] == HOME)
    on_edge = np.array([_covered(box, home) for box in faces.boxes], bool)
    held = [{i for i in grid.content if owners[i] == shard} for shard in range(shards)]
    found, filled = {}, {}
    for size in range(1, shards + 1):
        seen = [
            _seen(finds, len(faces), frame, grid, set().union(*coalition))
            for coalition in combinations(held, size)
        ]
        found[size], filled[size] = np.any(seen, axis=0)
    return {
        "kept": home.mean(),
        "seconds": seconds,
        "faces": len(faces),
        "kept_faces": int(on_edge.sum()),
        **{f"found_by_{size}": int(of_some.sum()) for size, of_some in found.items()},
        **{f"filled_by_{size}": int(of_some.sum()) for size, of_some in filled.items()},
        "kept_and_found": int((on_edge & np.any(list(filled.values()), axis=0)).sum()),
        "pattern": [float(owners[i] == HOME) for i in range(len(owners))],
    }


def _covered(box: NDArray[np.float32], home: NDArray[np.bool_]) -> bool:
    """Whether the part of a face's box inside the frame stays at home."""
    x0, y0, x1, y1 = np.clip(np.rint(box).astype(int), 0, None)
    return bool(home[y0:y1, x0:x1].all())


def _finder(faces: Detections, grid: WindowGrid) -> Finds:
    finder = Faces()

    def finds(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
        seen = finder.detect(picture, grid.frame_size)
        if not len(seen):
            return np.zeros(len(faces), bool)
        return np.asarray(box_ious(faces.boxes, seen.boxes).max(axis=1) >= FOUND_AGAIN)

    return finds


def _seen(
    finds: Finds, faces: int, frame: NDArray[np.uint8], grid: WindowGrid, windows: set[int]
) -> NDArray[np.bool_]:
    """Which faces are found in the windows that were sent; in these or with gaps filled: [2, n]."""
    if not faces or not windows:
        return np.zeros((2, faces), bool)
    known = grid.pixel_mask(windows)
    found = finds(as_received(frame, known))
    if known.all():
        return np.stack([found, found])
    canvas = Canvas(np.where(known[..., None], frame, 0).astype(np.float32), known)
    return np.stack([found, found | finds(canvas.completed(PushPull(0).fill(canvas)))])


def _summary(table: pd.DataFrame) -> pd.DataFrame:
    groups = table.groupby(["data", "policy"], sort=False)
    found = [name for name in table if str(name).startswith(("found_by_", "filled_by_"))]
    counts = ["faces", "kept_faces", *found, "kept_and_found"]
    summary = groups[counts].sum()
    summary.insert(0, "kept", groups["kept"].mean())
    summary.insert(1, "seconds", groups["seconds"].median())
    summary.insert(0, "photos", groups.size())
    return summary.reset_index()


def _pattern(policy: str, part: pd.DataFrame) -> dict[str, object]:
    """How well a logistic regression tells from the pattern whether there is a face."""
    kept = np.array(part["pattern"].tolist())
    truth = (part["faces"] > 0).to_numpy()
    prior = max(truth.mean(), 1 - truth.mean())
    features = np.column_stack([kept, kept.sum(axis=1)])
    told = prior
    if 1 < truth.sum() < len(truth) - 1:
        model = LogisticRegression(max_iter=1000)
        told = (cross_val_predict(model, features, truth, cv=LeaveOneOut()) == truth).mean()
    return {"policy": policy, "photos": len(part), "prior": prior, "told": told}


if __name__ == "__main__":
    exit_with(main, "studies.defences.sensitive_local")
