"""Whether two runs hold the same records: the same cells, and values equal within a tolerance.

    python -m studies.same_records results/before results/after

For changes that must not move a figure. Trained attackers may differ in their last digits, so they
have a tolerance of their own. Exit code 1 where anything differs by more.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from attacks.base import ATTACKS
from bench.runner.folder.records import COLUMNS, read_records

NOT_COMPARED = {"value", "seconds", "image_file", "from_store", "error"}
TOLERANCES = {"psnr": 1e-3}
"""By metric; all others `TOLERANCE`."""
TOLERANCE = 1e-6
TRAINED_TOLERANCE = 0.05
"""For attacks that train: their decibels may differ by this much after another training."""


def differences(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Both values of every record of either run, and what is allowed between them.

    Returns:
        The key columns, ``before``, ``after``, ``difference`` (absolute; infinite where one run
        lacks the record) and ``allowed``.
    """
    keys = [c for c in COLUMNS if c not in NOT_COMPARED and c in before and c in after]
    sides = [_keyed(run, keys, name) for run, name in ((before, "before"), (after, "after"))]
    table = sides[0].merge(sides[1], on=[*keys, "_double"], how="outer", indicator=True)
    missing = table["_merge"] != "both"
    table["difference"] = (table["before"] - table["after"]).abs().fillna(0.0).astype(float)
    unequal = table["before"].isna() != table["after"].isna()
    table.loc[missing | unequal, "difference"] = float("inf")
    table["allowed"] = [
        _allowed(metric, attack)
        for metric, attack in zip(table["metric"], table["attack"], strict=True)
    ]
    return table.drop(columns=["_double", "_merge"])


def _keyed(run: pd.DataFrame, keys: list[str], name: str) -> pd.DataFrame:
    """Key columns as text, and the values under ``name``."""
    table = run[keys].astype("string").fillna("")
    table["_double"] = table.groupby(keys, dropna=False).cumcount()
    table[name] = run["value"].astype("Float64")
    return table


def _allowed(metric: str, attack: str) -> float:
    trained = attack in ATTACKS.names() and ATTACKS.get(attack).needs_training
    return TRAINED_TOLERANCE if trained else TOLERANCES.get(metric, TOLERANCE)


def main() -> int:
    """Print how far two runs are apart, by metric."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    args = parser.parse_args()
    table = differences(read_records(args.before), read_records(args.after))
    far = table[table["difference"] > table["allowed"]]
    shared = table[table["difference"] < float("inf")]
    print(f"{len(table)} records, {len(table) - len(shared)} of them in one run only")
    largest = shared.groupby("metric")["difference"].max()
    print("largest difference by metric:", largest.to_string(), sep="\n")
    if len(far):
        print(f"{len(far)} records differ by more than is allowed:")
        print(far.head(20).to_string(index=False))
    return int(bool(len(far)))


if __name__ == "__main__":
    sys.exit(main())
