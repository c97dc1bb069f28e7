"""The privacy-utility points as a table."""

from __future__ import annotations

import pandas as pd

from bench.report.aggregate.curves import CURVE, curve_points
from bench.report.data import PIPELINE, RunData
from bench.report.render.table import Column, Table
from bench.report.topics.columns import (
    CAP,
    INTERVALS,
    constant_settings,
    direction,
    sentences,
    setting_columns,
    source,
)
from bench.report.words import IN_CSV_ALONE, measure, ordered_metrics

CELL_KEYS = [*PIPELINE, "coalition", "coalition_choice"]
KEYS = [*CELL_KEYS, "setting", "order"]


def utility_table(run: RunData) -> Table:
    """What a setting costs in segmentation and what it saves in leakage."""
    frame = utility_frame(run)
    scored = (str(name) for name in frame if str(name).startswith("hidden_"))
    metrics = ordered_metrics(name.removeprefix("hidden_") for name in scored)
    names = sorted(frame["attack_names"].unique()) if not frame.empty else []
    return Table(
        name="privacy_utility",
        title="What precision and defences cost in segmentation, and save in leakage",
        source=source(run),
        note=sentences(
            "Leakage: worst case over the attacks that every setting was put to, per image, then "
            f"the mean ({'; '.join(names)}). Learned attacks were retrained through each setting; "
            "in the columns not adaptive they were not.",
            CAP,
            INTERVALS,
            constant_settings(frame, CURVE),
        ),
        frame=frame,
        columns=(
            *setting_columns(frame, CURVE),
            Column("setting", "Payload or defence", parts=("payload", "defence", "strength")),
            Column("miou_box", "mIoU, box", 3, "higher is better for the user", interval=True),
            Column("agreement_box", "agreement, box", 3, "higher is better for the user"),
            *[column for metric in metrics for column in _columns(metric, frame)],
            Column("images", "Images", 0),
        ),
        empty="This run has no setting where both segmentation and leakage were measured.",
    )


def utility_frame(run: RunData) -> pd.DataFrame:
    """One row per setting of each curve."""
    points = curve_points(run)
    if points.empty:
        return points
    own = ["miou_box", "miou_box_low", "miou_box_high", "agreement_box", "images", "attack_names"]
    frame = points.groupby(KEYS, dropna=False, as_index=False)[own].first()
    for end, view in (("", points), ("_plain", curve_points(run, False))):
        if view.empty:
            continue
        named = view.assign(score=view["region"] + "_" + view["metric"] + end)
        wide = named.pivot(index=CELL_KEYS, columns="score", values="mean").reset_index()
        frame = frame.merge(wide, on=CELL_KEYS, how="left")
    return frame.sort_values([*CURVE, "order"], ignore_index=True)


def _columns(metric: str, frame: pd.DataFrame) -> list[Column]:
    of, detail = measure(metric), metric in IN_CSV_ALONE
    way = direction(metric, of.higher_is_worse)
    columns = []
    for region in ("hidden", "visible"):
        for end, words in (("", ""), ("_plain", ", not adaptive")):
            key, heading = f"{region}_{metric}{end}", f"{region.capitalize()} {of.heading}{words}"
            if key in frame:
                columns.append(
                    Column(key, heading, of.decimals, way, measure=of.label, detail=detail)
                )
    return columns
