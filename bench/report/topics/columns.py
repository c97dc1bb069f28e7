"""What several tables share: the columns that name a setting, and notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bench.report.aggregate.curves import PAYLOADS
from bench.report.aggregate.segmentation import REFERENCE_PLANS
from bench.report.data import RunData
from bench.report.render.table import Column, Direction, Row

SETTING_LABELS = {
    "plan": "Plan",
    "payload": "Payload",
    "policy": "Policy",
    "n_shards": "Shards",
    "defence": "Defence",
    "coalition": "Coalition",
    "coalition_choice": "Chosen",
    "stage": "Stage",
    "attack": "Attack",
    "attack_kind": "Kind",
    "training": "Trained",
    "adapted": "Adapted",
}
ALWAYS = ("policy", "n_shards", "coalition", "attack")
SHARED = ("policy", "n_shards")
ORDERS = {
    "plan": ("local", "centralized", "interleaved", "prefix", "globals_last"),
    "payload": PAYLOADS,
    "defence": ("none",),
    "attack_kind": ("floor", "inpainting", "inversion", "ceiling"),
}
INTERVALS = "Brackets: 95 % bootstrap intervals, whole images resampled."
CAP = "PSNR is capped at 60 dB per image."


@dataclass(frozen=True)
class SharedSetting(Column):
    """A setting of how windows are shared out; a dash for plans that share none."""

    def text(self, row: Row) -> str:
        return "–" if row.get("plan") in REFERENCE_PLANS else super().text(row)


def setting_columns(frame: pd.DataFrame, names: Sequence[str]) -> list[Column]:
    """Columns for the settings; those that never vary are left to CSV, unless they always matter.

    Where the strength varies, it shares a column with the defence, which is added to ``frame``.
    """
    columns = []
    for name in names:
        varies = name in frame and frame[name].nunique(dropna=False) > 1
        if name == "strength":
            if varies:
                frame["protection"] = protection(frame)
                columns.append(Column("protection", "Defence", parts=("defence", "strength")))
            else:
                columns.append(
                    Column("defence", "Defence", parts=("defence", "strength"), detail=True)
                )
        elif name != "defence":
            shown = varies or name in ALWAYS
            kind = SharedSetting if name in SHARED else Column
            columns.append(kind(name, SETTING_LABELS[name], detail=not shown))
    return columns


def protection(frame: pd.DataFrame) -> list[str]:
    """Defence and strength as one word for each row, e.g. ``gaussian 0.5``."""
    pairs = zip(frame["defence"], frame["strength"], strict=True)
    return [str(name) if name == "none" else f"{name} {strength:g}" for name, strength in pairs]


def constant_settings(frame: pd.DataFrame, names: Sequence[str]) -> str:
    """A sentence on the settings that `setting_columns` leaves to CSV."""
    fixed = [
        f"{SETTING_LABELS[name].lower()} {frame[name].iloc[0]}"
        for name in names
        if name not in ALWAYS
        and name in SETTING_LABELS
        and name in frame
        and frame[name].nunique(dropna=False) == 1
    ]
    return f"Everywhere: {', '.join(fixed)}." if fixed else ""


def ordered(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Rows sorted by settings, plans and payloads in their natural order."""
    if frame.empty:
        return frame

    def place(column: pd.Series) -> pd.Series:
        if column.name == "public_photos":
            return pd.to_numeric(column, errors="coerce").fillna(float("inf"))
        order = ORDERS.get(str(column.name))
        if order is None:
            return column
        others = sorted(set(column.dropna()) - set(order))
        return column.map({value: i for i, value in enumerate((*order, *others))})

    return frame.sort_values(list(names), key=place, ignore_index=True)


def direction(metric: str, worse: bool) -> Direction:
    """The direction of a leakage metric."""
    return "higher is worse for privacy" if worse else "lower is worse for privacy"


def sentences(*parts: str) -> str:
    """What is not empty, in one paragraph."""
    return " ".join(part for part in parts if part)


def source(run: RunData) -> str:
    """What a table was measured on, and what to beware of."""
    return sentences(run.measured_on, *run.caveats)
