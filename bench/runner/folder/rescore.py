"""Scores of more metrics for the reconstructions that a run has kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from bench.metrics import METRICS
from bench.runner.evaluation.pictures import TRUTH, VISIBLE
from bench.runner.evaluation.scorer import Scorer
from bench.runner.folder.journal import JOURNAL, Journal, finished
from bench.runner.folder.lock import locked
from bench.runner.folder.records import Record
from framework.errors import PedbenchError, SampleError
from framework.files.picture_file import open_picture

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]

OF_A_SCORE = ("region", "metric", "value", "status", "error")
"""Fields of a record that the scores of one picture do not share."""
AGAIN = "run it again with --keep-reconstructions"


def rescore(folder: Path, metrics: Sequence[str]) -> int:
    """Score the kept reconstructions of a run with more metrics.

    The journal gets the new records beside the old ones; where a metric was scored before, in
    their place. What the run did not keep stays without them. Windows that are `always_hidden`
    depend on other coalitions of the run: their scores stay as they were.

    Args:
        folder: of a run; nothing else may use it meanwhile.
        metrics: names of registered metrics.

    Returns:
        How many pictures were scored.

    Raises:
        PedbenchError: a metric is unknown or cannot be had here; the folder holds no run, or none
            of its reconstructions; a picture is missing or damaged.
    """
    for name in metrics:
        METRICS.get(name)
    if not (folder / JOURNAL).is_file():
        raise PedbenchError(
            f"{folder} holds no {JOURNAL}: give the folder of a run, as 'pedbench run' left it; "
            "the slim ones of results/reference kept none"
        )
    for name in metrics:
        METRICS.get(name)()
    scorer = Scorer({name: METRICS.get(name) for name in metrics})
    with locked(folder):
        kept = [entry for entry in finished(folder / JOURNAL) if any(map(_file, entry[1]))]
        if not kept:
            raise PedbenchError(f"{folder} kept no reconstruction: {AGAIN}")
        journal = Journal(folder / JOURNAL)
        try:
            total = sum(_pictures_of(records) for _, records, _ in kept)
            with tqdm(total=total, desc="rescore", unit="picture") as bar:
                for units, records, provenance in kept:
                    new = _rescored(folder, records, scorer)
                    replaced = {*map(_place, new)}
                    old = [record for record in records if _place(record) not in replaced]
                    journal.append(units, old + new, provenance)
                    bar.update(_pictures_of(records))
                return total
        finally:
            journal.close()


def _rescored(folder: Path, records: Sequence[Record], scorer: Scorer) -> list[Record]:
    """The new records of one line of the journal."""
    found: list[Record] = []
    kept = sorted(filter(_file, records), key=_file)
    for file, group in groupby(kept, key=_file):
        common = {name: value for name, value in next(group).items() if name not in OF_A_SCORE}
        truth, picture, regions = _pictures(folder / file)
        [scores] = scorer.score(truth, [picture], regions)
        found += [common | score for score in scores]
    return found


def _pictures(path: Path) -> tuple[Image, Image, Mapping[str, Mask]]:
    """The original, the reconstruction and the regions of one kept picture."""
    homes = [home for home in (path.parent, path.parent.parent) if (home / TRUTH).is_file()]
    mask = path.with_name(VISIBLE)
    if not homes or not mask.is_file():
        name = VISIBLE if homes else TRUTH
        raise PedbenchError(f"{path.parent} holds no {name}, as older runs do not: {AGAIN}")
    visible = _read(mask)[..., 0] > 0
    regions = {"visible": visible, "hidden": ~visible, "full": np.ones_like(visible)}
    truth, picture = _read(homes[0] / TRUTH), _read(path)
    if not truth.shape == picture.shape == (*visible.shape, 3):
        raise PedbenchError(f"{path}, its original and its regions differ in size: {AGAIN}")
    return truth, picture, regions


def _read(path: Path) -> Image:
    try:
        return np.asarray(open_picture(path, str(path)).picture.convert("RGB"))
    except SampleError as error:
        raise PedbenchError(f"{path} is missing or damaged: {AGAIN}") from error


def _place(record: Record) -> tuple[str, str, str]:
    """What a record scores, where and by which metric."""
    return _file(record), str(record["metric"]), str(record["region"])


def _pictures_of(records: Sequence[Record]) -> int:
    """How many kept pictures the records of one line of the journal score."""
    return len({*map(_file, records)} - {""})


def _file(record: Record) -> str:
    """The kept reconstruction that a record scores; empty where there is none."""
    return str(record["image_file"]) if record.get("image_file") and record.get("region") else ""
