"""What patience buys: windows seen, hidden windows rebuilt, and noise averaged out."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.report.base import Plot
from bench.report.choice import Config, commonest
from bench.report.data import RunData
from bench.report.render.style import WIDE, Theme, canvas, legend_below
from bench.report.topics.attackers.time import WATCHED, time_scores
from bench.report.words import defence_label, protected, readable

MOTION_LINES: dict[str, Any] = {"static": "-", "object": (0, (4, 1.5)), "pan": (0, (1, 1.5))}
PANELS = {"windows_seen": "Windows seen (share)", "full_psnr": "PSNR, full image (dB)"}
NOISY = "visible_psnr"


def draw_time(run: RunData, theme: Theme) -> Figure | None:
    """Windows seen and full PSNR by policy and motion; visible PSNR with and without averaging."""
    scores = time_scores(run)
    if scores.empty:
        return None
    plain = _deployed(scores[(scores["defence"] == "none") & ~scores["averaged"]], run.config)
    noisy = scores[(scores["defence"] != "none") & (scores["score"] == NOISY)]
    panels = [name for name in PANELS if name in set(plain["score"])]
    count = len(panels) + (not noisy.empty)
    if not count:
        return None
    figure = canvas(WIDE, 2.7, "What a patient coalition sees")
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
    return commonest(rows, [key for key in WATCHED if key not in varied], config)


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


TIME = Plot(
    "time",
    "A coalition that watches a scene for T frames: fresh random assignment shows it more of a "
    "still scene with every frame, as 1 − (1 − k/N)^T says; a sticky one does not. Where camera or "
    "object move, windows seen earlier are stale, and a sticky assignment leaks too as the picture "
    "wanders over the windows. Right: the mean over frames of what was sent for a window cancels "
    "noise that is drawn anew for each picture. Bars: 95 % intervals over scenes.",
    draw_time,
    "This run watched single frames only.",
)
