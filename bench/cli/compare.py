"""`pedbench compare`: two runs side by side."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from framework.errors import PedbenchError, unknown_name

if TYPE_CHECKING:
    import pandas as pd

    from bench.report.comparison import Comparison

DIGITS = 4
"""Decimals of a score."""


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("compare", help="compare two run folders")
    parser.add_argument("before", type=Path, help="read the first run from this folder")
    parser.add_argument("after", type=Path, help="read the second run from this folder")
    parser.add_argument("--metric", help="compare only this metric, e.g. miou_box or seconds")
    parser.add_argument(
        "--all", action="store_true", help="also print scores that do not differ clearly"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from bench.latency.results import is_latency_folder
    from bench.report.comparison import compare_runs
    from bench.runner.folder.records import read_records
    from bench.words import plural

    kinds = [is_latency_folder(folder) for folder in (args.before, args.after)]
    if all(kinds):
        return _latencies(args)
    if any(kinds):
        timed, other = sorted((args.before, args.after), key=is_latency_folder, reverse=True)
        read_records(other)
        raise PedbenchError(
            f"{timed} is a latency run, which has seconds instead of the scores of {other}: "
            "compare runs of one kind"
        )
    before, after = (read_records(folder) for folder in (args.before, args.after))
    if args.metric:
        before, after = _only(args.metric, args, before, after)
    found = compare_runs(before, after)
    if not found.photos:
        raise PedbenchError(
            f"{args.before} and {args.after} share no photo: compare runs of one data set"
        )
    if found.table.empty:
        raise PedbenchError(
            f"{args.before} and {args.after} share {plural(len(found.photos), 'photo')}, but no "
            "setting was scored there in both: compare runs with a plan, policy or attack in common"
        )
    print(_text(found, everything=args.all))
    for note in _notes(found, before, after):
        print(note)
    return 0


def _latencies(args: argparse.Namespace) -> int:
    """Compare two latency runs."""
    from bench.latency.report.comparison import compare_latencies
    from bench.latency.results import LatencyRun

    before, after = LatencyRun.read(args.before), LatencyRun.read(args.after)
    table = compare_latencies(before, after, args.metric)
    rows = table if args.all else table[table["changed"]]
    same = len(table) - int(table["changed"].sum())
    if rows.empty:
        print(f"no difference: {same} medians differ by no more than repeats do")
        return 0
    shown = rows.drop(columns="changed")
    print(shown.to_string(index=False, float_format="{:.6g}".format))
    if same and not args.all:
        print(f"{same} more medians differ by no more than repeats do; --all shows them")
    for name in ("payload", "shards"):
        if getattr(before.config, name) != getattr(after.config, name):
            print(f"the runs have other {name}: compare with care")
    return 0


def _only(
    metric: str, args: argparse.Namespace, before: pd.DataFrame, after: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The records of one metric, and the numbers of masks that weigh them."""
    from bench.report.comparison import MASKS

    known = [set(records["metric"].dropna()) - {""} for records in (before, after)]
    if metric not in known[0] | known[1]:
        raise unknown_name("metric", metric, known[0] | known[1])
    for folder, metrics in zip((args.before, args.after), known, strict=True):
        if metric not in metrics:
            raise PedbenchError(f"{folder} has no score '{metric}': the other run alone has it")
    kept = (metric, MASKS)
    return before[before["metric"].isin(kept)], after[after["metric"].isin(kept)]


def _text(found: Comparison, everything: bool) -> str:
    """How many scores differ, those that do, settings that never vary left out, and the rest."""
    from bench.report.comparison import SETTINGS
    from bench.words import plural

    clear = found.table[_differs(found.table)]
    rows = found.table if everything else clear
    rest, same = len(found.table) - len(clear), len(found.table) - len(found.changed)
    bounds = clear["difference_low"]
    why = "no interval, as there is one photo" if bounds.isna().all() else "95 % interval without 0"
    lines = [
        f"{plural(len(found.table), 'score')} compared on the {plural(len(found.photos), 'photo')} "
        f"that both runs have, {len(clear)} differ clearly{f' ({why})' if len(clear) else ''}"
    ]
    if len(rows):
        fixed = [n for n in SETTINGS if rows[n].nunique(dropna=False) == 1 and n != "metric"]
        lines.append(
            rows.drop(columns=[*fixed, "moved"]).to_string(index=False, float_format=_shown)
        )
    if rest and not everything:
        lines.append(f"{rest} do not ({same} the same on every photo); --all shows them")
    return "\n".join(lines)


def _differs(table: pd.DataFrame) -> pd.Series[bool]:
    """Which means differ in the digits shown, and by more than photos do where there are several.

    Their interval leaves out 0.
    """
    low, high = table["difference_low"], table["difference_high"]
    return (table["difference"].round(DIGITS) != 0) & ~((low <= 0) & (high >= 0))


def _shown(value: float) -> str:
    """A number as the table has it, never a zero with a sign."""
    return f"{round(value, DIGITS) + 0.0:.{DIGITS}f}"


def _notes(found: Comparison, before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """What a reader of the table must know."""
    from bench.words import plural

    notes = []
    for name in ("only_before", "only_after"):
        count = getattr(found, name)
        if count:
            which = "first" if name == "only_before" else "second"
            notes.append(f"in the {which} run alone: {plural(count, 'score')}")
    if found.other_masks:
        notes.append(
            "left out of means over masks, whose number differs in the second run: "
            f"{plural(len(found.other_masks), 'photo')}"
        )
    name = "dataset_fingerprint"
    prints = [set(run[name].dropna()) if name in run else set() for run in (before, after)]
    if all(prints) and prints[0] != prints[1]:
        notes.append("the runs scored different data sets: photos are matched by their names")
    return notes
