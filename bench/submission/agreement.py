"""How far the records of two runs are apart, and how far they may be."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from attacks.base import ATTACKS
from bench.runner.folder.records import COLUMNS

NOT_COMPARED = {"value", "seconds", "image_file", "from_store", "error"}
NETWORKS = ("lpips", "dists", "dreamsim", "dino", "class_cosine")
STRUCTURE = ("ssim", "ms_ssim", "haarpsi", "vif")
TOLERANCES = {"psnr": 1e-3} | dict.fromkeys(NETWORKS, 1e-4) | dict.fromkeys(STRUCTURE, 1e-5)
"""By metric; all others `TOLERANCE`.

On another processor sums differ in their last bit, so that a few pixels round to a neighbour: on
`quick-embedded` (20 cells) LPIPS then differed by 3e-5, SSIM by 2e-6.
"""
TOLERANCE = 1e-6
TRAINED_TOLERANCES = {"psnr": 0.05}
"""The same for attacks that train, which may come out a little otherwise the next time."""
TRAINED_TOLERANCE = 0.005
"""For all other metrics of theirs, which go from 0 to 1."""


def differences(
    before: pd.DataFrame, after: pd.DataFrame, added: Collection[str] = ()
) -> pd.DataFrame:
    """Both values of every record of either run, and what is allowed between them.

    Args:
        added: metrics that came to ``before`` by `pedbench rescore`, which scores no picture that
            was not kept. What it lacks of them is not compared.

    Returns:
        The key columns, ``before``, ``after``, ``difference`` (absolute; infinite where one run
        lacks the record) and ``allowed``.
    """
    keys = [c for c in COLUMNS if c not in NOT_COMPARED and c in before and c in after]
    sides = [_keyed(run, keys, name) for run, name in ((before, "before"), (after, "after"))]
    table = sides[0].merge(sides[1], on=[*keys, "_double"], how="outer", indicator=True)
    table = table[(table["_merge"] != "right_only") | ~table["metric"].isin(added)]
    missing = table["_merge"] != "both"
    table["difference"] = (table["before"] - table["after"]).abs().fillna(0.0).astype(float)
    unequal = table["before"].isna() != table["after"].isna()
    table.loc[missing | unequal, "difference"] = float("inf")
    table["allowed"] = [
        _allowed(metric, attack)
        for metric, attack in zip(table["metric"], table["attack"], strict=True)
    ]
    return table.drop(columns=["_double", "_merge"])


def summary(table: pd.DataFrame) -> list[str]:
    """Lines that tell how many records `differences` compared, and how far they are apart."""
    shared = table[table["difference"] < float("inf")]
    lines = [f"{len(table)} records, {len(table) - len(shared)} of them in one run only"]
    for metric, rows in shared.groupby("metric"):
        least, most = rows["allowed"].min(), rows["allowed"].max()
        allowed = f"{most:g}" if least == most else f"{least:g}, {most:g} after training"
        lines.append(
            f"  {metric:<20} largest difference {rows['difference'].max():.3g} (allowed: {allowed})"
        )
    return lines


def too_far(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `differences` that differ by more than is allowed."""
    return table[table["difference"] > table["allowed"]]


def _keyed(run: pd.DataFrame, keys: list[str], name: str) -> pd.DataFrame:
    """Key columns as text, and the values under ``name``."""
    table = run[keys].astype("string").fillna("")
    table["_double"] = table.groupby(keys, dropna=False).cumcount()
    table[name] = run["value"].astype("Float64")
    return table


def _allowed(metric: str, attack: str) -> float:
    trained = attack in ATTACKS.names() and ATTACKS.get(attack).needs_training
    if trained:
        return TRAINED_TOLERANCES.get(metric, TRAINED_TOLERANCE)
    return TOLERANCES.get(metric, TOLERANCE)
