"""The privacy-utility points as a table."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from itertools import cycle
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.metrics.psnr import CAP_DB
from bench.report.aggregate.curves import CURVE, PRECISION, curve_points
from bench.report.aggregate.segmentation import image_mean, reference_scores
from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
from bench.report.data import PIPELINE, RunData
from bench.report.render.labels import Label, label_points
from bench.report.render.style import (
    DOTTED,
    LABEL_SIZE,
    WIDE,
    Theme,
    canvas,
    lay_out,
    legend_below,
)
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
from bench.report.topics.utility.counted_attacks import counted_attacks
from bench.report.topics.utility.main_curve import MOST, best_defences, chosen_points
from bench.report.words import (
    defence_label,
    measure,
    ordered_metrics,
    protected,
    readable,
    shown_metrics,
)
from bench.words import plural

CELL_KEYS = [*PIPELINE, "coalition", "coalition_choice"]
KEYS = [*CELL_KEYS, "setting", "order"]
ENDS_OF_MEAN = ["mean", "mean_low", "mean_high"]
REGIONS = ("hidden", "visible")
Looks = dict[str, dict[str, Any]]
"""How the curve of each knob is drawn."""
DEFENCE_MARKS = "o^Dv<>PXph*8Hd"
PRECISION_LOOK: dict[str, Any] = {"linestyle": "none", "marker": "s"}
FILL, UNSPLIT = "filling the box", "unsplit model"
ENDS: dict[str, dict[str, Any]] = {
    FILL: {"linestyle": (0, (5, 1.5, 1, 1.5)), "linewidth": 0.9, "zorder": 1},
    UNSPLIT: {"linestyle": (0, (4, 2)), "linewidth": 0.9, "zorder": 1},
}
FLOOR_LINE: dict[str, Any] = {"linestyle": DOTTED, "linewidth": 0.9, "zorder": 1}


@TABLES.register("privacy_utility")
class PrivacyUtilityTable(ReportTable):
    """What a setting costs in segmentation and what it saves in leakage."""

    title = "What precision and defences cost in segmentation, and save in leakage"
    empty = "This run has no setting where both segmentation and leakage were measured."
    place = 2

    def build(self, run: RunData) -> Table:
        frame = utility_frame(run)
        scored = (str(name) for name in frame if str(name).startswith("hidden_"))
        metrics = ordered_metrics(name.removeprefix("hidden_") for name in scored)
        attacks = "" if frame.empty else f" ({'; '.join(sorted(frame['attack_names'].unique()))})"
        return self.table(
            frame,
            (
                *setting_columns(frame, CURVE),
                Column("setting", "Payload or defence", parts=("payload", "defence", "strength")),
                Column("miou_box", "mIoU, box", 3, "higher is better for the user", interval=True),
                Column("agreement_box", "agreement, box", 3, "higher is better for the user"),
                *[column for metric in metrics for column in _columns(metric, frame)],
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "Leakage: worst case over the attacks that every setting was put to and those made "
                f"against its defence, per image, then the mean{attacks}. Learned attacks were "
                "retrained through each setting; in the columns not adaptive they were not.",
                CAP,
                INTERVALS,
                constant_settings(frame, CURVE),
            ),
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
        wide = named.pivot(index=CELL_KEYS, columns="score", values=ENDS_OF_MEAN)
        wide.columns = wide.columns.map(lambda pair: pair[1] + pair[0].removeprefix("mean"))
        frame = frame.merge(wide.reset_index(), on=CELL_KEYS, how="left")
    return frame.sort_values([*CURVE, "order"], ignore_index=True)


def _columns(metric: str, frame: pd.DataFrame) -> list[Column]:
    of = measure(metric)
    way = direction(metric, of.higher_is_worse)
    columns = []
    for region in ("hidden", "visible"):
        for end, words in (("", ""), ("_plain", ", not adaptive")):
            key, heading = f"{region}_{metric}{end}", f"{region.capitalize()} {of.heading}{words}"
            if key in frame:
                folded: dict[str, Any] = {"measure": of.label, "detail": of.csv_alone}
                columns.append(Column(key, heading, of.decimals, way, interval=True, **folded))
    return columns


@FIGURES.register("privacy_utility")
class PrivacyUtilityFigure(ReportFigure):
    """mIoU against hidden and visible leakage, one curve per number of shards and knob."""

    title = "Segmentation against leakage"
    caption = (
        "Each point is one payload precision, or one strength of a defence (of noise relative to "
        "a token's standard deviation). Leakage is the worst case over the attacks that every "
        "point was put to, retrained for it, per image, then averaged: an oracle bound. To the "
        "right is more leakage in every panel; lower LPIPS means more leakage, so its axis is "
        "reversed. Precisions have no line, and points closer than their intervals, which stand "
        "in the table privacy_utility, may differ by chance alone. Dotted: floors, made of public "
        "photos, and the ceiling; dashed: what filling the prompt box and the unsplit model score. "
        "Up and left is better. Colours tell numbers of shards apart; where there is only one, "
        f"defences. Of more than {MOST} defences, those that leak least in the visible part at "
        "equal utility are shown."
    )
    empty = "No setting of this run has both segmentation and leakage, so there is no curve."
    place = 1

    def caption_of(self, run: RunData) -> str:
        return sentences(self.caption, counted_attacks(run, chosen_points(run)))

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        points = _few(chosen_points(run), best_defences(run))
        if points.empty:
            return None
        metrics = shown_metrics(points.loc[points["region"].isin(REGIONS), "metric"])
        first, looks = points.iloc[0], _looks(points, theme)
        unusual = ", adapted weights" if first["adapted"] else ""
        if first["coalition_choice"] != "largest":
            unusual += f", {first['coalition_choice']} coalition"
        figure = canvas(
            WIDE,
            0.5 + 2.35 * len(metrics),
            f"Segmentation against leakage to {_whom(points)} ({readable(first['plan'])}, "
            f"{readable(first['policy'])} assignment{unusual})",
        )
        grid = figure.subplots(len(metrics), len(REGIONS), sharey=True, squeeze=False)
        panels = {
            axes: points[(points["metric"] == metric) & (points["region"] == region)]
            for axes_row, metric in zip(grid, metrics, strict=True)
            for axes, region in zip(axes_row, REGIONS, strict=True)
        }
        for axes, panel in panels.items():
            _panel(axes, panel, looks, theme)
            _references(axes, panel, run, theme)
        for axes in grid[:, 0]:
            axes.set_ylabel("mIoU, box prompt")
        _legend(figure, points, looks, _quality_ends(points, run), theme)
        lay_out(figure)
        for axes, panel in panels.items():
            _labels(axes, panel, looks, theme)
        return figure


def _few(points: pd.DataFrame, best: Sequence[str]) -> pd.DataFrame:
    """The points of precision and of the best defences, where there are many."""
    return points[points["knob"].isin(["", PRECISION, *best])] if best else points


def _whom(points: pd.DataFrame) -> str:
    """Who receives the windows, e.g. ``2 of 4 shards``."""
    coalition, counts = int(points["coalition"].iloc[0]), points["n_shards"].unique()
    if len(counts) == 1:
        return f"{coalition} of {plural(int(counts[0]), 'shard')}"
    return plural(coalition, "shard")


def _panel(axes: Axes, panel: pd.DataFrame, looks: Looks, theme: Theme) -> None:
    if panel.empty:
        return
    metric, region = panel[["metric", "region"]].iloc[0]
    axes.set_title(f"{region.capitalize()} region")
    label, worse = measure(metric).heading, measure(metric).higher_is_worse
    axes.set_xlabel(f"{label}{'' if worse else ', axis reversed'}  →  more leakage")
    if not worse:
        axes.invert_xaxis()
    axes.margins(x=0.22, y=0.2)
    for (_, curves), style in by_shards(panel, theme):
        for knob, look in looks.items():
            curve = curves[curves["knob"].isin(["", knob])].sort_values("order")
            if len(curve) > 1:
                whole = {**style, **look, "markeredgecolor": theme.paper}
                axes.plot(curve["mean"], curve["miou_box"], **whole)


def _labels(axes: Axes, panel: pd.DataFrame, looks: Looks, theme: Theme) -> None:
    """Name each setting once, on the curve that has room; precisions preferably at their left."""
    points: dict[tuple[str, bool], list[tuple[tuple[float, float], str]]] = {}
    for (_, curves), style in by_shards(panel, theme):
        for knob, look in looks.items():
            colour = look.get("color", style["color"])
            for _, point in curves[curves["knob"] == knob].iterrows():
                text = str(point["payload"])
                if point["defence"] != "none":
                    text = protected(point["defence"], point["strength"])
                place = (float(point["mean"]), float(point["miou_box"]))
                points.setdefault((text, knob == PRECISION), []).append((place, colour))
    labels = [Label(text, tuple(places), left) for (text, left), places in points.items()]
    label_points(axes, labels)


def _looks(points: pd.DataFrame, theme: Theme) -> Looks:
    """How the curve of each knob is drawn: precision without a line, defences by their marks.

    They have colours of their own where no colour is needed for numbers of shards.
    """
    found = set(points["knob"]) - {""}
    looks: Looks = {
        knob: {"linestyle": "-", "marker": DEFENCE_MARKS[place % len(DEFENCE_MARKS)]}
        for place, knob in enumerate(sorted(found - {PRECISION}))
    }
    looks |= {PRECISION: PRECISION_LOOK} if PRECISION in found else {}
    if points["n_shards"].nunique() > 1:
        return looks
    defences = zip(looks.items(), cycle(theme.series), strict=False)
    coloured = {knob: {**look, "color": colour} for (knob, look), colour in defences}
    return coloured | {
        knob: {**look, "color": theme.ink} for knob, look in looks.items() if knob == PRECISION
    }


def by_shards(
    points: pd.DataFrame, theme: Theme
) -> Iterator[tuple[tuple[int, pd.DataFrame], dict[str, Any]]]:
    """Points of each number of shards with a line style; later lines are thinner.

    So two curves that coincide can both be seen. One alone is thin.
    """
    groups = points.groupby("n_shards")
    for place, (colour, (shards, rows)) in enumerate(
        zip(cycle(theme.series), groups, strict=False)
    ):
        width = 2.6 - 1.2 * (place / (len(groups) - 1) if len(groups) > 1 else 1)
        style = {"color": colour, "linewidth": width, "markersize": 2.4 + 1.2 * width}
        yield (int(str(shards)), rows), style


def _references(axes: Axes, panel: pd.DataFrame, run: RunData, theme: Theme) -> None:
    """Floors and ceiling of leakage, and the ends of segmentation quality; the legend has all."""
    if panel.empty:
        return
    for colour, (_, curves) in zip(cycle(theme.series), panel.groupby("n_shards"), strict=False):
        floors = curves["floor"].dropna()
        if not floors.empty:
            own = theme.muted if panel["n_shards"].nunique() == 1 else colour
            axes.axvline(float(floors.mean()), color=own, **FLOOR_LINE)
    for name, value in _quality_ends(panel, run).items():
        axes.axhline(value, color=theme.muted, **ENDS[name])
    axes.autoscale_view()
    _possible_ticks(axes, measure(panel["metric"].iloc[0]).higher_is_worse)
    _ceiling(axes, panel, theme)


def _quality_ends(panel: pd.DataFrame, run: RunData) -> dict[str, float]:
    """Box mIoU of filling the prompt and of the unsplit model, as far as they are known."""
    levels = {}
    fill = panel["miou_fill"].dropna()
    if not fill.empty:
        levels[FILL] = float(fill.mean())
    reference = reference_scores(run.segmentation)
    unsplit = None if reference is None else image_mean(reference, "miou_box", True)
    if unsplit is not None:
        levels[UNSPLIT] = unsplit.mean
    return levels


def _possible_ticks(axes: Axes, worse: bool) -> None:
    """No tick where a score cannot lie: above the cap of PSNR, or below an LPIPS of 0."""
    limits = axes.get_xlim()
    ticks = [tick for tick in axes.get_xticks() if (tick <= CAP_DB if worse else tick >= 0)]
    axes.set_xticks([tick for tick in ticks if min(limits) <= tick <= max(limits)])
    axes.set_xlim(limits)


def _ceiling(axes: Axes, panel: pd.DataFrame, theme: Theme) -> None:
    """The centralized plan's leakage: a line, or an arrow where it lies beyond the axis."""
    known = panel["ceiling"].dropna()
    if known.empty:
        return
    value = float(known.mean())
    low, high = sorted(axes.get_xlim())
    if low <= value <= high:
        axes.axvline(value, color=theme.kinds["ceiling"], **FLOOR_LINE)
        return
    axes.annotate(
        f"ceiling {value:.3g} →",
        (1, 1),
        xycoords="axes fraction",
        xytext=(0, 4),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=LABEL_SIZE,
        color=theme.kinds["ceiling"],
    )


def _legend(
    figure: Figure, points: pd.DataFrame, looks: Looks, names: Container[str], theme: Theme
) -> None:
    shards = sorted(points["n_shards"].unique())
    handles = [
        Line2D([], [], color=colour, label=f"{count} shards")
        for colour, count in zip(cycle(theme.series), shards, strict=False)
        if len(shards) > 1
    ]
    handles += [
        Line2D([], [], **{"color": theme.muted, "label": defence_label(knob), **look})
        for knob, look in looks.items()
    ]
    handles += [
        Line2D([], [], color=theme.muted, label=name, **look)
        for name, look in ENDS.items()
        if name in names
    ]
    handles.append(Line2D([], [], color=theme.muted, label="floor", **FLOOR_LINE))
    handles.append(Line2D([], [], color=theme.kinds["ceiling"], label="ceiling", **FLOOR_LINE))
    legend_below(figure, handles, [str(handle.get_label()) for handle in handles])
