"""How much of unseen windows comes back from mixed tokens: the suite's own finding."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.base import Plot
from bench.report.choice import commonest
from bench.report.data import RunData
from bench.report.render.style import WIDE, Theme, canvas, legend_below
from bench.report.topics.leakage.mixed_tokens import CASE, ROUND_1, STEADY, case_name, mixed_scores
from bench.spec.cells import PADDING

CASES = ["coalition_choice", *[name for name in CASE if name != "coalition_choice"]]
"""Largest exposure first, padding alone last."""


def draw_mixed(run: RunData, theme: Theme) -> Figure | None:
    """Left: hidden PSNR by what was seen; right: what that gains over round 1 alone."""
    scores = mixed_scores(run)
    if scores.empty:
        return None
    scores = scores[(scores["metric"] == "psnr") & (scores["plan"] == "interleaved")]
    single = (scores["coalition"] == 1) | (scores["coalition_choice"] == PADDING)
    scores = scores[single & (scores["coalition_choice"] != "seeded")]
    if scores.empty:
        return None
    scores = commonest(scores, ["policy"], run.config)
    order = scores.drop_duplicates("seen").sort_values("place")["seen"]
    seen = list(dict.fromkeys(order))
    later = [name for name in seen if name not in STEADY.values()]
    policy = scores["policy"].iloc[0]
    figure = canvas(
        WIDE, 3.0, f"Windows never received, rebuilt from mixed tokens ({policy} assignment)"
    )
    left, right = figure.subplots(1, 2, width_ratios=[len(seen), max(2, len(later))])
    _panel(left, scores, seen, "score", theme)
    left.set_title("PSNR, hidden windows (dB)")
    _panel(right, scores, later, "over_round1", theme)
    right.axhline(0, color=theme.muted, linewidth=0.8)
    right.set_title(f"Gain over {ROUND_1} alone (dB)")
    legend_below(figure, *left.get_legend_handles_labels())
    return figure


def _panel(axes: Axes, scores: pd.DataFrame, seen: list[str], key: str, theme: Theme) -> None:
    cases = list(scores.groupby(CASES))
    for number, (_, rows) in enumerate(cases):
        rows = rows[rows["seen"].isin(seen)].dropna(subset=[key])
        shift = 0.5 * ((number + 0.5) / len(cases) - 0.5)
        x = [seen.index(name) + shift for name in rows["seen"]]
        spread = [rows[key] - rows[f"{key}_low"], rows[f"{key}_high"] - rows[key]]
        colour = theme.series[number % len(theme.series)]
        label = case_name(rows.iloc[0]) if len(rows) else ""
        axes.errorbar(x, rows[key], spread, fmt="o", color=colour, elinewidth=0.9, label=label)
    axes.set_xticks(range(len(seen)), [name.replace(" ", "\n", 1) for name in seen])
    axes.set_xlim(-0.6, len(seen) - 0.4)
    axes.grid(axis="x", visible=False)


MIXED = Plot(
    "mixed_tokens",
    "The whole-image decoder in windows that one shard never received, plan interleaved; higher "
    "is worse for privacy. Round 1: retrained on what arrives before any global block, so that "
    "natural context does not count as leakage. Stage k: retrained on that stage's tokens alone, "
    "which global attention has mixed. All rounds: everything together. Prior: retrained on "
    "nothing. Padding only: a shard that holds no pixel of the picture, so that whatever it "
    "gets came through the mixing. Right: paired gains; an interval above 0 is leakage "
    "of unseen windows. Bars: 95 % intervals over images.",
    draw_mixed,
    "This run did not use the whole-image decoder on the interleaved plan.",
)
