"""Entries of the leaderboard: what a submission found, as one JSON file.

One file a submission, which others can add by hand or by a pull request, as RobustBench does
(Croce et al., NeurIPS 2021, datasets and benchmarks).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attacks.base import ATTACKS
from bench.report.aggregate.leakage import CONTROLS, ImageTable, adaptive, gain_over, image_tables
from bench.report.aggregate.segmentation import summarize
from bench.report.data import EARLIEST, FLOOR, PIPELINE, RunData
from bench.report.statistics import worst_case
from bench.runner.folder.contents import VERIFIED
from bench.runner.folder.records import RECORDS
from bench.submission.card import read_card
from bench.submission.json_file import plain, read_json, schema_faults
from bench.submission.schema import card_schema, record_schema
from bench.submission.validate import faults
from bench.submission.verify import records_digest
from framework.errors import PedbenchError
from framework.files.writing import write_file
from framework.models.named import models
from framework.split.plans import make_plan
from framework.warn import warn

Entry = dict[str, Any]

REGIONS = ("hidden", "visible")
METRICS = ("psnr", "lpips")
RANKED_BY = "psnr"
ATTACKER = ("coalition", "coalition_choice")
SETTING = (*PIPELINE, *ATTACKER)
"""What a score is of; weights and photos are the run's."""
DIGITS = 6

_NUMBER = {"type": "number"}
_MAYBE = {"type": ["number", "null"]}
_TEXT = {"type": "string"}
_SCORE = {
    "type": "object",
    "properties": {
        "setting": {
            "type": "object",
            "properties": {name: record_schema()["properties"][name] for name in SETTING},
            "required": list(SETTING),
        },
        "region": {"enum": list(REGIONS)},
        "metric": {"enum": list(METRICS)},
        **dict.fromkeys(("value", "images", "floors", "trained"), _NUMBER),
        **dict.fromkeys(("low", "high", "floor", "gain", "kept"), _MAYBE),
        "attack": _TEXT,
        **{key: {"type": "array", "items": _TEXT} for key in ("attacks", "kinds")},
    },
    "required": [
        *("setting", "region", "metric", "value", "low", "high", "gain", "kept", "images"),
        *("attack", "attacks", "kinds", "trained"),
    ],
}
_FACTS = ("weights", "dataset", "dataset_fingerprint", "commit", "benchmark_version")
_RUN = {
    "type": "object",
    "properties": {
        **dict.fromkeys(_FACTS, _TEXT),
        "seeds": {"type": "array", "items": {"type": "integer"}},
        "public": {"type": "object", "additionalProperties": _TEXT},
        "images": {"type": "integer"},
    },
    "required": [*_FACTS, "seeds", "public", "images"],
}
_VERIFIED = {
    "type": ["object", "null"],
    "properties": {"cells": {"type": "integer"}, "disagreeing": {"type": "integer"}},
    "required": ["cells", "disagreeing"],
}


def entry_schema() -> dict[str, Any]:
    """The schema of an entry."""
    return {
        "type": "object",
        "properties": {
            "submission": card_schema(),
            "run": _RUN,
            "verified": _VERIFIED,
            "scores": {"type": "array", "items": _SCORE},
        },
        "required": ["submission", "run", "scores"],
        "additionalProperties": False,
    }


def read_entries(folder: Path) -> list[Entry]:
    """The entry of a submission, or those that a folder of JSON files holds.

    Raises:
        PedbenchError: the submission is not valid; a file is no entry; there is neither.
    """
    if (folder / RECORDS).is_file():
        return [entry_of(folder)]
    files = sorted(folder.glob("*.json"))
    if not files:
        raise PedbenchError(f"{folder} holds neither {RECORDS} nor entries (*.json): give either")
    return [_checked(read_json(path), path) for path in files]


def entry_of(folder: Path) -> Entry:
    """What a submission found.

    Raises:
        PedbenchError: it is not valid; names the first fault.
    """
    found = faults(folder)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise PedbenchError(f"{folder} is no valid submission: {found[0]}{more}")
    run = RunData.read(folder)
    environment = run.environment
    card = dataclasses.asdict(read_card(folder))
    return {
        "submission": {**card, "authors": list(card["authors"])},
        "run": {
            **{name: environment[name] for name in _FACTS},
            "seeds": run.seeds,
            "public": environment.get("public", {}),
            "images": len(run.images),
        },
        "verified": _verified(folder),
        "scores": sorted(_scores(run), key=lambda score: json.dumps(score, sort_keys=True)),
    }


def _verified(folder: Path) -> dict[str, Any] | None:
    """What came of the last verification; ``None`` where there was none of these records."""
    path = folder / VERIFIED
    if not path.is_file():
        return None
    content = read_json(path)
    fault = next(schema_faults(content, _VERIFIED, str(path)), None)
    if fault is not None:
        raise PedbenchError(f"{fault}: delete it, or run 'pedbench verify {folder}'")
    if content.get("records_sha256") != records_digest(folder):
        warn(f"{path} is of other records: run 'pedbench verify {folder}' again")
        return None
    return content


def write_entries(entries: Sequence[Entry], folder: Path) -> list[Path]:
    """Write each entry to a file with the name of its submission."""
    return [
        write_file(
            folder / f"{entry['submission']['name']}.json",
            json.dumps(entry, indent=1, sort_keys=True) + "\n",
        )
        for entry in entries
    ]


def _checked(content: Entry, path: Path) -> Entry:
    fault = next(schema_faults(content, entry_schema(), str(path)), None)
    if fault is not None:
        raise PedbenchError(f"{fault}: make entries with 'pedbench leaderboard'")
    return content


def _scores(run: RunData) -> Iterator[dict[str, Any]]:
    leakage = run.leakage[run.leakage["stage"] == EARLIEST]
    leakage = leakage[leakage["region"].isin(REGIONS) & leakage["metric"].isin(METRICS)]
    kept = _kept(run)
    seeds = adaptive(run.seeded).groupby([*SETTING, "attack"])["seed"].nunique().to_dict()
    for table in image_tables(adaptive(leakage)):
        if len(table.of(CONTROLS, False)):
            score = _score(table, kept)
            attack = score["attack"]
            if attack in ATTACKS.names() and ATTACKS.get(attack).random:
                score["seeds"] = seeds[(*score["setting"].values(), attack)]
            yield score


def _score(table: ImageTable, kept: dict[tuple[Any, ...], float]) -> dict[str, Any]:
    """The worst case over attacks in one setting, against the worst over floors."""
    real, floors = table.of(CONTROLS, False), table.of((FLOOR,))
    names = [n for n, k in zip(table.attacks, table.kinds, strict=True) if k not in CONTROLS]
    kinds = sorted({kind for kind in table.kinds if kind not in CONTROLS})
    means = np.nanmean(real, axis=1)
    strongest = int(np.argmax(means) if table.worse else np.argmin(means))
    floor = worst_case(floors, table.worse) if len(floors) else None
    row = gain_over(worst_case(real, table.worse), floor, table.worse)
    setting = {name: plain(table.keys[name]) for name in SETTING}
    numbers = {
        "value": row["mean"],
        "low": row["mean_low"],
        "high": row["mean_high"],
        "floor": row["floor"],
        "gain": row["gain"],
        "kept": kept.get(tuple(setting[name] for name in PIPELINE)),
    }
    return {
        "setting": setting,
        "region": table.keys["region"],
        "metric": table.keys["metric"],
        "attack": names[strongest],
        "kinds": kinds,
        "attacks": sorted(set(names)),
        "floors": len(floors),
        "trained": len({name for name in names if _trained(name)}),
        "images": row["images"],
        **{name: _rounded(value) for name, value in numbers.items()},
    }


def _kept(run: RunData) -> dict[tuple[Any, ...], float]:
    """Share of the best undefended mIoU that each pipeline keeps; 1 where it is exact."""
    kept = {}
    known = run.records[PIPELINE].drop_duplicates()
    for values in known.itertuples(index=False):
        setting = dict(zip(PIPELINE, map(plain, values), strict=True))
        if _exact(setting, run.fact("model")):
            kept[tuple(setting.values())] = 1.0
    table = summarize(run)
    if "miou_box" not in table:
        return kept
    exact = (table["defence"] == "none") & table["payload"].isin(["float32", "pixels"])
    best = table.loc[exact, "miou_box"].max()
    if pd.notna(best) and best > 0:
        for _, row in table.dropna(subset=["miou_box"]).iterrows():
            key = tuple(plain(row[name]) for name in PIPELINE)
            kept.setdefault(key, float(row["miou_box"] / best))
    return kept


def _exact(setting: dict[str, Any], model: str) -> bool:
    """Whether the pipeline gives the masks of the unsplit model by construction."""
    named = models()
    stock = model in named and make_plan(setting["plan"], named[model][0]).stock_order
    precise = setting["payload"] in ("float32", "pixels")
    return bool(stock and precise and setting["defence"] == "none" and not setting["adapted"])


def _trained(name: str) -> bool:
    return name in ATTACKS.names() and ATTACKS.get(name).needs_training


def _rounded(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), DIGITS)
