"""What is seen, and what leaks, over frames of a scene."""

from __future__ import annotations

from itertools import cycle
from typing import Any, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.report.aggregate.leakage import CONTROLS, higher_is_worse
from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
from bench.report.choice import Config, commonest
from bench.report.data import PIPELINE, REGIONS, RunData
from bench.report.render.style import WIDE, Theme, canvas, legend_below
from bench.report.render.table import Column, Table
from bench.report.statistics import one_column_each, scene_means, worst_rows
from bench.report.topics.columns import CAP, ordered, sentences, setting_columns, source
from bench.report.words import defence_label, protected, readable
from bench.spec.cells import EXPOSURE

SETTING = [*PIPELINE, "coalition", "coalition_choice", "motion", "averaged"]
KEYS = [*SETTING, "frames"]
SEEN = ("windows_seen", "windows_if_fresh", "object_max_fraction", "objects_seen_90")
WORSE: Final = "higher is worse for privacy"
MOTION_LINES: dict[str, Any] = {"static": "-", "object": (0, (4, 1.5)), "pan": (0, (1, 1.5))}
PANELS = {"windows_seen": "Windows seen (share)", "full_psnr": "PSNR, full image (dB)"}
NOISY = "visible_psnr"


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
    several = rows.loc[rows["frames"] > 1, SETTING].drop_duplicates()
    if several.empty:
        return pd.DataFrame()
    first = [name for name in SETTING if name != "averaged"]
    single = rows[rows["frames"] == 1].drop(columns="averaged").merge(several, on=first)
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


@TABLES.register("time")
class TimeTable(ReportTable):
    """Exposure and leakage after T frames."""

    title = "What a coalition sees and rebuilds after T frames of a scene"
    empty = "This run had attackers of single frames only."
    place = 14

    def build(self, run: RunData) -> Table:
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
        return self.table(
            frame,
            (
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
            source=source(run),
            note=sentences(
                "The last frame is scored. Windows seen: share of the windows with content that "
                "were received in any frame. If fresh: 1 − (1 − k/N)^T with the k of N seen in "
                "the first. Object: the largest share of any object seen, its pixels followed "
                "over the frames. PSNR: per photo the attack that leaks most, then the mean; "
                "stale windows of a scene that moved stand where they were seen. Estimate: "
                "averaged is the mean over frames of what was sent for a window, latest the last "
                "of it. Brackets: 95 % bootstrap intervals, whole scenes resampled.",
                CAP,
            ),
        )


@FIGURES.register("time")
class TimeFigure(ReportFigure):
    """Windows seen and full PSNR by policy and motion; visible PSNR with and without averaging."""

    title = "What a coalition sees over frames"
    caption = (
        "A coalition that receives T frames of a scene: fresh random assignment shows it more of "
        "a still scene with every frame, as 1 − (1 − k/N)^T says; a sticky one does not. Where "
        "camera or object move, windows seen earlier are stale, and a sticky assignment leaks too "
        "as the picture wanders over the windows. Where noise was measured, the last panel: the "
        "mean over frames of what was sent for a window cancels noise drawn anew. Bars: 95 % "
        "intervals over scenes."
    )
    empty = "This run had attackers of single frames only."
    place = 11

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        scores = time_scores(run)
        if scores.empty:
            return None
        plain = _deployed(scores[(scores["defence"] == "none") & ~scores["averaged"]], run.config)
        noisy = scores[(scores["defence"] != "none") & (scores["score"] == NOISY)]
        panels = [name for name in PANELS if name in set(plain["score"])]
        count = len(panels) + (not noisy.empty)
        if not count:
            return None
        figure = canvas(WIDE, 2.7, "What a coalition sees over frames of a scene")
        axes_row = figure.subplots(1, count, squeeze=False)[0]
        for axes, name in zip(axes_row, panels, strict=False):
            _by_policy(axes, plain, name, theme)
            axes.set_title(PANELS[name])
        if not noisy.empty:
            noisy = _deployed(noisy, run.config)
            _by_estimate(axes_row[-1], noisy, theme)
        counts = sorted(scores["frames"].astype(int).unique())
        for axes in axes_row:
            axes.set_xlabel("frames")
            axes.set_xscale("log", base=2)
            axes.set_xticks(counts, [str(count) for count in counts])
            axes.minorticks_off()
        _legend(figure, plain, not noisy.empty, theme)
        return figure


def _deployed(rows: pd.DataFrame, config: Config) -> pd.DataFrame:
    """The rows of one deployment, whatever the assignment, the scene and the strength."""
    varied = ("policy", "motion", "averaged", "strength")
    return commonest(rows, [key for key in SETTING if key not in varied], config)


def _by_policy(axes: Axes, rows: pd.DataFrame, name: str, theme: Theme) -> None:
    policies = sorted(rows["policy"].unique())
    for colour, policy in zip(cycle(theme.series), policies, strict=False):
        for motion, style in MOTION_LINES.items():
            here = rows[(rows["policy"] == policy) & (rows["motion"] == motion)]
            line = here[here["score"] == name].sort_values("frames")
            if line.empty:
                continue
            x = line["frames"].astype(float)
            spread = [line["mean"] - line["mean_low"], line["mean_high"] - line["mean"]]
            axes.errorbar(
                x, line["mean"], spread, color=colour, linestyle=style, marker="o", elinewidth=0.7
            )
    if name == "windows_seen":
        fresh = rows[rows["score"] == "windows_if_fresh"].groupby("frames")["mean"].mean()
        axes.plot(fresh.index.astype(float), fresh, color=theme.muted, linewidth=0.9, linestyle=":")
        axes.set_ylim(0, 1.05)


def _by_estimate(axes: Axes, rows: pd.DataFrame, theme: Theme) -> None:
    name = defence_label(str(rows["defence"].iloc[0])).capitalize()
    axes.set_title(f"{name}: PSNR, visible (dB)")
    for colour, (averaged, curve) in zip(
        cycle(theme.series[2:]), rows.groupby("averaged"), strict=False
    ):
        for (_, strength), line in curve.groupby(["policy", "strength"]):
            line = line.sort_values("frames")
            x = line["frames"].astype(float)
            axes.plot(x, line["mean"], color=colour, marker="o")
            if averaged:
                axes.annotate(
                    protected(str(rows["defence"].iloc[0]), float(str(strength))),
                    (x.iloc[-1], line["mean"].iloc[-1]),
                    xytext=(5, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=6,
                )
    axes.margins(x=0.3)


def _legend(figure: Figure, rows: pd.DataFrame, noisy: bool, theme: Theme) -> None:
    policies = sorted(rows["policy"].unique())
    handles = [
        Line2D([], [], color=colour, marker="o", label=readable(policy))
        for colour, policy in zip(cycle(theme.series), policies, strict=False)
    ]
    handles += [
        Line2D([], [], color=theme.ink, linestyle=style, label=motion)
        for motion, style in MOTION_LINES.items()
        if motion in set(rows["motion"])
    ]
    handles.append(
        Line2D([], [], color=theme.muted, linestyle=":", linewidth=0.9, label="1 − (1 − k/N)^T")
    )
    if noisy:
        for colour, label in zip(cycle(theme.series[2:]), ("latest", "averaged"), strict=False):
            handles.append(Line2D([], [], color=colour, label=label))
    legend_below(figure, handles, [str(handle.get_label()) for handle in handles])
