"""`pedbench compare`: two runs side by side."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from framework.errors import PedbenchError, unknown_name

if TYPE_CHECKING:
    import pandas as pd

    from bench.report.comparison import Comparison


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("compare", help="compare two run folders")
    parser.add_argument("before", type=Path, help="read the first run from this folder")
    parser.add_argument("after", type=Path, help="read the second run from this folder")
    parser.add_argument("--metric", help="compare only this metric, e.g. miou_box or seconds")
    parser.add_argument("--all", action="store_true", help="also print scores that did not change")
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
    """The table, settings that never vary left out, and what it does not show."""
    from bench.report.comparison import SETTINGS
    from bench.words import plural

    rows = found.table if everything else found.changed
    same = len(found.table) - len(found.changed)
    where = f"on the {plural(len(found.photos), 'photo')} that both runs have"
    if rows.empty:
        return f"no difference: {same} scores are the same {where}"
    fixed = [name for name in SETTINGS if rows[name].nunique(dropna=False) == 1]
    shown = rows.drop(columns=[*[name for name in fixed if name != "metric"], "moved"])
    text = shown.to_string(index=False, float_format="{:.4f}".format)
    if everything or not same:
        return text
    return f"{text}\n{same} more scores did not change {where}; --all shows them"


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
