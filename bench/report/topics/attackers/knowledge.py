"""Attackers who lack, or have, something that the usual one does not."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bench.report.data import CELL, REGIONS, RunData
from bench.report.render.table import Column, Table
from bench.report.topics.columns import CAP, INTERVALS, ordered, sentences, setting_columns, source
from bench.report.watched import one_column_each, scene_means
from bench.runner.records import DEFAULTS, VARIANTS

TIME = ("frames", "motion", "averaged")
"""Settings that the table of time shows."""
LABELS = {
    "positions": "Positions",
    "weights_known": "Weights",
    "can_query": "Queries",
    "public_photos": "Photos",
    "public_data": "Kind of photos",
}
KNOWLEDGE = [name for name in VARIANTS if name not in TIME]
ROW = [*CELL, "attack", *KNOWLEDGE]
WORSE: Final = "higher is worse for privacy"


def threat_scores(run: RunData) -> pd.DataFrame:
    """Mean PSNR per attack, attacker and region, where a run asked for more than the usual one."""
    rows = run.every_score
    rows = rows[(rows["frames"] == 1) & (rows["metric"] == "psnr") & rows["region"].isin(REGIONS)]
    rows = rows[rows["adaptive"].fillna(True).astype(bool)]
    unusual = pd.Series(False, index=rows.index)
    for name in KNOWLEDGE:
        unusual |= rows[name] != DEFAULTS[name]
    cells = rows.loc[unusual, CELL].drop_duplicates()
    if cells.empty:
        return pd.DataFrame()
    return scene_means(rows.merge(cells, on=CELL), [*ROW, "region"])


def threats_table(run: RunData) -> Table:
    """Leakage by what the attacker is granted."""
    scores = threat_scores(run)
    frame = pd.DataFrame()
    if not scores.empty:
        frame = ordered(one_column_each(scores, ROW, "region"), ROW)
    return Table(
        name="threats",
        title="Leakage by what the attacker knows",
        source=source(run),
        note=sentences(
            "Attacks that cannot do without what an attacker lacks are in the table of failures, "
            "as unsupported. Positions hidden: windows come unordered and unnamed; tokens may "
            "still tell where they stand. Weights unknown: the attacker sends photos of his own "
            "(black box), or cannot, and learns from a public model (query-free). Photos: how many "
            "of his own he has; half of the run's where he cannot query and all are his.",
            CAP,
            INTERVALS,
        ),
        frame=frame,
        columns=(
            *setting_columns(frame, [*CELL, "attack"]),
            *[Column(name, LABELS.get(name, name)) for name in KNOWLEDGE],
            *[
                Column(region, f"{region.capitalize()} PSNR (dB)", 2, WORSE, interval=True)
                for region in REGIONS
            ],
            Column("images", "Images", 0),
        ),
        empty="This run had the usual attacker only: name others under 'threats' in its preset.",
    )
