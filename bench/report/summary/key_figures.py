"""The key figures at the head of the report."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pandas as pd

from bench.report.base import Undecided
from bench.report.data import RunData
from bench.report.render.table import number
from bench.report.summary.findings import Protection, affordable, exposures, shared_row
from bench.report.summary.headline import interval, percent, signed
from bench.report.topics.utility.traffic import traffic_summary
from bench.report.words import defence_label, measure, shown_metrics
from bench.words import plural


@dataclass(frozen=True)
class KeyFigure:
    """A number with its name and what it must be read with."""

    value: str
    label: str
    note: str


def key_figures(run: RunData) -> list[KeyFigure]:
    """A handful of numbers for the head of the report."""
    parts: list[Callable[[RunData], list[KeyFigure]]] = [_share_figure, _gain_figures]
    if not run.random_weights:
        parts += [_quality_figure, _defence_figures]
    found: list[KeyFigure] = []
    for part in (*parts, _traffic_figure):
        with suppress(Undecided):  # the headline says so
            found += part(run)
    return found


def _share_figure(run: RunData) -> list[KeyFigure]:
    known = [case for case in exposures(run) if case.visible is not None]
    if not known:
        return []
    value = " / ".join(percent(case.visible or 0.0) for case in known)
    shards = " / ".join(str(case.shards) for case in known)
    note = f"with {shards} shards, no collusion"
    averages = [case.average for case in known if case.average is not None]
    if len(averages) == len(known):
        note += f"; the average shard gets {' / '.join(map(percent, averages))}"
    largest = all(case.choice == "largest" for case in known)
    which = "the shard with the largest share" if largest else "one shard"
    return [KeyFigure(value, f"of the picture reach {which}", note)]


def _gain_figures(run: RunData) -> list[KeyFigure]:
    figures = []
    for case in exposures(run):
        row = case.hidden.get("psnr")
        if row is None or pd.isna(row["gain"]):
            continue
        note = f"worst case over attacks, {case.shards} shards"
        if pd.notna(row["gain_low"]):
            note += f"; 95 % interval {number(row['gain_low'], 1)} to {number(row['gain_high'], 1)}"
        for metric in shown_metrics(case.hidden):
            gain, words = case.hidden[metric]["gain"], measure(metric)
            if metric != "psnr" and pd.notna(gain):
                note += f"; {words.label} gain {signed(gain, words.decimals)}"
        value = f"{signed(row['gain'], 1)} dB"
        figures.append(KeyFigure(value, "over the best floor, hidden part", note))
    return figures


def _quality_figure(run: RunData) -> list[KeyFigure]:
    row = shared_row(run)
    if row is None:
        return []
    notes = []
    if pd.notna(row["miou_fill"]):
        notes.append(f"filling the box scores {number(row['miou_fill'], 3)}")
    if pd.notna(row["agreement_box"]):
        notes.append(f"agreement with the unsplit model {number(row['agreement_box'], 4)}")
    value = number(row["miou_box"], 3)
    return [KeyFigure(value, "mIoU, box prompts, split", "; ".join(notes))]


def _defence_figures(run: RunData) -> list[KeyFigure]:
    return [_protection(found) for found in affordable(run)]


def _protection(found: Protection) -> KeyFigure:
    note = f"strength {found.strength:g}; loss{interval(found.cost.low, found.cost.high, 3)}"
    if found.before is not None and found.after is not None:
        note += f"; windows seen: {number(found.before, 1)} to {number(found.after, 1)} dB"
    return KeyFigure(
        f"{signed(-found.cost.mean, 3)} mIoU", f"is what {defence_label(found.defence)} costs", note
    )


def _traffic_figure(run: RunData) -> list[KeyFigure]:
    rows = traffic_summary(run)
    if rows.empty:
        return []
    shared = rows[rows["plan"] == "interleaved"]
    row = (rows if shared.empty else shared).iloc[0]
    note = f"{row['plan']}, {row['payload']}, up and down, {plural(int(row['rounds']), 'round')}"
    half = shared[shared["payload"] == "int8"]
    if not half.empty:
        note += f"; {number(half['megabytes'].iloc[0], 2)} MB in int8"
    return [KeyFigure(f"{number(row['megabytes'], 2)} MB", "travel per picture", note)]
