"""The page of a survey: pairs of pictures without names, answers saved as a file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from bench.report.data import RunData
from bench.report.pictures.tiles import read_picture
from bench.report.render.page import page_template, photo_uri
from bench.runner.evaluation.pictures import TRUTH
from bench.submission.json_file import read_json
from bench.survey import KEY, PAGE
from bench.survey.pairs import Pair, chosen_pairs, survey_id
from framework.errors import PedbenchError
from framework.files.writing import write_file


def write_survey(folder: Path, count: int, seed: int) -> Path:
    """Write `PAGE` and `KEY` of a run folder; the page's path.

    Args:
        count: of pairs.
        seed: of their choice and order.

    Raises:
        PedbenchError: the run kept no two reconstructions of one photo; a picture is damaged; the
            folder has another survey.
    """
    run = RunData.read(folder)
    pairs = chosen_pairs(run, count, seed)
    name = survey_id(run, pairs)
    key = {"survey": name, "seed": seed, "pairs": [dataclasses.asdict(pair) for pair in pairs]}
    content = page_template("survey.html.j2").render(
        survey=name,
        count=len(pairs),
        shown=json.dumps(_shown(folder, pairs)),
        colours={"light": {}, "dark": {}},
    )
    if (folder / KEY).is_file() and read_json(folder / KEY).get("survey") != name:
        raise PedbenchError(
            f"{folder / KEY} is the key of another survey, whose answers need it: give the --pairs "
            "and --seed of that one, or move it elsewhere"
        )
    write_file(folder / KEY, json.dumps(key, indent=1))
    return write_file(folder / PAGE, content)


def _shown(folder: Path, pairs: list[Pair]) -> dict[str, Any]:
    """Pictures as data URIs, by number, and the numbers that each pair shows."""
    numbers: dict[Path, int] = {}

    def number(path: Path) -> int:
        return numbers.setdefault(path, len(numbers))

    triples = [
        [number(_truth(folder / pair.left)), *(number(folder / f) for f in (pair.left, pair.right))]
        for pair in pairs
    ]
    return {"pictures": [_uri(path) for path in numbers], "pairs": triples}


def _truth(picture: Path) -> Path:
    """The original of a kept reconstruction, which lies beside it or a folder above."""
    beside = picture.with_name(TRUTH)
    return beside if beside.is_file() else picture.parent.parent / TRUTH


def _uri(path: Path) -> str:
    picture = read_picture(path)
    if picture is None:
        raise PedbenchError(f"{path} is missing or damaged: run again with --save-images")
    return photo_uri(picture, lossless=True)
