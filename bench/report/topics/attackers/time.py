"""What is seen, and what leaks, over frames of a scene."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bench.report.aggregate.leakage import CONTROLS, higher_is_worse
from bench.report.data import PIPELINE, REGIONS, RunData
from bench.report.render.table import Column, Table
from bench.report.topics.columns import CAP, ordered, sentences, setting_columns, source
from bench.report.watched import one_column_each, scene_means, worst_rows
from bench.spec.cells import EXPOSURE

WATCHED = [*PIPELINE, "coalition", "coalition_choice", "motion", "averaged"]
KEYS = [*WATCHED, "frames"]
SEEN = ("windows_seen", "windows_if_fresh", "object_max_fraction", "objects_seen_90")
WORSE: Final = "higher is worse for privacy"


def time_scores(run: RunData) -> pd.DataFrame:
    """One row per situation, number of frames and score, with its interval over scenes.

    ``score`` is one of `SEEN`, or ``REGION_psnr`` of the worst case over attacks. The mean over a
    single frame is that frame.
    """
    rows = run.every_score
    rows = rows[
        (rows["positions"] == "known") & rows["weights_known"] & (rows["stage"] == "earliest")
    ]
    rows = rows[(rows["public_data"] == "in-domain") & (rows["public_photos"] == "all")]
    watched = rows.loc[rows["frames"] > 1, WATCHED].drop_duplicates()
    if watched.empty:
        return pd.DataFrame()
    first = [name for name in WATCHED if name != "averaged"]
    single = rows[rows["frames"] == 1].drop(columns="averaged").merge(watched, on=first)
    rows = pd.concat([rows[rows["frames"] > 1], single[rows.columns]], ignore_index=True)
    seen = rows[(rows["attack"] == EXPOSURE) & rows["metric"].isin(SEEN)]
    parts = [scene_means(seen.assign(score=seen["metric"]), [*KEYS, "score"])]
    leaks = rows[(rows["metric"] == "psnr") & ~rows["attack_kind"].isin(CONTROLS)]
    leaks = leaks[leaks["region"].isin(REGIONS)]
    if not leaks.empty:
        leaks = leaks.assign(score=leaks["region"] + "_psnr")
        worst = worst_rows(leaks, [*KEYS, "score"], higher_is_worse("psnr"))
        parts.append(scene_means(worst, [*KEYS, "score"]))
    return pd.concat(parts, ignore_index=True)


def time_table(run: RunData) -> Table:
    """Exposure and leakage after T frames."""
    scores = time_scores(run)
    frame = pd.DataFrame()
    if not scores.empty:
        frame = ordered(one_column_each(scores, KEYS, "score"), KEYS)
        frame["estimate"] = frame["averaged"].map({True: "averaged", False: "latest"})
    settings = [*PIPELINE, "coalition", "coalition_choice"]
    regions = [
        Column(f"{region}_psnr", f"{region.capitalize()} PSNR (dB)", 2, WORSE, interval=True)
        for region in REGIONS
    ]
    return Table(
        name="time",
        title="What a coalition sees and rebuilds after T frames of a scene",
        source=source(run),
        note=sentences(
            "The last frame is scored. Windows seen: share of the windows with content that were "
            "received in any frame. If fresh: 1 − (1 − k/N)^T with the k of N seen in the first. "
            "Object: the largest share of any object seen, its pixels followed over the frames. "
            "PSNR: per photo the attack that leaks most, then the mean; stale windows of a scene "
            "that moved stand where they were seen. Estimate: averaged is the mean over frames of "
            "what was sent for a window, latest the last of it. Brackets: 95 % bootstrap "
            "intervals, whole scenes resampled.",
            CAP,
        ),
        frame=frame,
        columns=(
            *setting_columns(frame, settings),
            Column("motion", "Scene"),
            Column("estimate", "Estimate"),
            Column("frames", "Frames"),
            Column("windows_seen", "Windows seen", 3, WORSE, interval=True),
            Column("windows_if_fresh", "If fresh", 3),
            Column("object_max_fraction", "Object", 3, WORSE),
            Column("objects_seen_90", "Objects seen to 90 %", 3, WORSE),
            *regions,
            Column("images", "Images", 0),
        ),
        empty="This run watched single frames only.",
    )
