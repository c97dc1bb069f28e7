"""`pedbench compare`: two runs side by side."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

SETTINGS = [
    "model",
    "plan",
    "payload",
    "policy",
    "n_shards",
    "coalition",
    "coalition_choice",
    "stage",
    "defence",
    "strength",
    "attack",
    "adaptive",
    "frames",
    "motion",
    "averaged",
    "positions",
    "weights_known",
    "can_query",
    "public_photos",
    "public_data",
    "region",
    "metric",
]


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("compare", help="compare the scores of two run folders")
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--metric", help="only this metric, e.g. miou_box")
    parser.add_argument("--all", action="store_true", help="also where nothing changed")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from bench.records import read_records

    table = compare(read_records(args.before), read_records(args.after))
    if args.metric:
        table = table[table["metric"] == args.metric]
    if not args.all:
        table = table[table["difference"].abs() > 1e-9]
    if table.empty:
        print("no difference on the images and settings that both runs have")
        return 0
    shown = table.drop(columns=[c for c in SETTINGS if table[c].nunique(dropna=False) == 1])
    print(shown.to_string(index=False, float_format="{:.4f}".format))
    return 0


def compare(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Means over the images that both runs scored, setting by setting.

    Returns:
        The settings with columns ``images``, ``before``, ``after`` and ``difference``.
    """
    keys = [*SETTINGS, "seed", "image_id"]
    both = _scores(before, keys).merge(_scores(after, keys), on=keys, suffixes=("_1", "_2"))
    means = both.groupby(SETTINGS, dropna=False).agg(
        images=("image_id", "nunique"), before=("value_1", "mean"), after=("value_2", "mean")
    )
    means["difference"] = means["after"] - means["before"]
    return means.reset_index()


def _scores(records: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    return records.loc[records["status"] == "ok", [*keys, "value"]]
