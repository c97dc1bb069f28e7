"""The key figures at the head of the report."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bench.output.findings import affordable_noise, exposures, shared_row
from bench.output.headline import interval, percent, signed
from bench.output.rundata import RunData, plural
from bench.output.table import number
from bench.output.tables.traffic import traffic_summary


@dataclass(frozen=True)
class KeyFigure:
    """A number with its name and what it must be read with."""

    value: str
    label: str
    note: str


def key_figures(run: RunData) -> list[KeyFigure]:
    """A handful of numbers for the head of the report."""
    found = [_share_figure(run), *_gain_figures(run)]
    if not run.random_weights:
        found += [_quality_figure(run), _noise_figure(run)]
    return [figure for figure in (*found, _traffic_figure(run)) if figure is not None]


def _share_figure(run: RunData) -> KeyFigure | None:
    known = [case for case in exposures(run) if case.visible is not None]
    if not known:
        return None
    value = " / ".join(percent(case.visible or 0.0) for case in known)
    shards = " / ".join(str(case.shards) for case in known)
    return KeyFigure(value, "of the picture reach one shard", f"with {shards} shards, no collusion")


def _gain_figures(run: RunData) -> list[KeyFigure]:
    figures = []
    for case in exposures(run):
        row = case.hidden.get("psnr")
        if row is None or pd.isna(row["gain"]):
            continue
        note = f"worst case over attacks, {case.shards} shards"
        if pd.notna(row["gain_low"]):
            note += f"; 95 % interval {number(row['gain_low'], 1)} to {number(row['gain_high'], 1)}"
        lpips = case.hidden.get("lpips")
        if lpips is not None and pd.notna(lpips["gain"]):
            note += f"; LPIPS gain {signed(lpips['gain'], 3)}"
        value = f"{signed(row['gain'], 1)} dB"
        figures.append(KeyFigure(value, "over the best floor, hidden part", note))
    return figures


def _quality_figure(run: RunData) -> KeyFigure | None:
    row = shared_row(run)
    if row is None:
        return None
    note = f"filling the box scores {number(row['miou_fill'], 3)}"
    if pd.notna(row["agreement_box"]):
        note += f"; agreement with the unshared model {number(row['agreement_box'], 4)}"
    return KeyFigure(number(row["miou_box"], 3), "mIoU, box prompts, shared out", note)


def _noise_figure(run: RunData) -> KeyFigure | None:
    noise = affordable_noise(run)
    if noise is None:
        return None
    note = f"strength {noise.strength:g}; loss{interval(noise.cost.low, noise.cost.high, 3)}"
    if noise.before is not None and noise.after is not None:
        note += f"; windows seen: {number(noise.before, 1)} to {number(noise.after, 1)} dB"
    return KeyFigure(f"{signed(-noise.cost.mean, 3)} mIoU", "is what noise costs", note)


def _traffic_figure(run: RunData) -> KeyFigure | None:
    rows = traffic_summary(run)
    if rows.empty:
        return None
    shared = rows[rows["plan"] == "interleaved"]
    row = (rows if shared.empty else shared).iloc[0]
    note = f"{row['plan']}, {row['payload']}, up and down, {plural(int(row['rounds']), 'round')}"
    half = shared[shared["payload"] == "int8"]
    if not half.empty:
        note += f"; {number(half['megabytes'].iloc[0], 2)} MB in int8"
    return KeyFigure(f"{number(row['megabytes'], 2)} MB", "travel per picture", note)
