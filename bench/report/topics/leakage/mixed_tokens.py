"""What tokens that global attention has mixed give away of windows never received."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.aggregate.leakage import adaptive, gain_over, higher_is_worse
from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
from bench.report.choice import commonest
from bench.report.data import EARLIEST, RunData
from bench.report.render.style import WIDE, Theme, canvas, legend_below
from bench.report.render.table import Column, Table
from bench.report.topics.columns import CAP, INTERVALS, sentences, source
from bench.report.words import shown_metrics
from bench.spec.cells import PADDING

WHOLE, FIRST, PRIOR = "whole_image_decoder", "whole_image_decoder_round1", "whole_image_prior"
MEAN = "dataset_mean"
CASE = ["plan", "policy", "n_shards", "coalition", "coalition_choice"]
ALL_ROUNDS, ROUND_1 = "all rounds", "round 1"
STEADY = {MEAN: "dataset mean", PRIOR: "prior", FIRST: ROUND_1}
ENDS = ("", "_low", "_high")
WORSE: Final = "higher is worse for privacy"
CASES = ["coalition_choice", *[name for name in CASE if name != "coalition_choice"]]
"""Largest exposure first, padding alone last."""


def mixed_scores(run: RunData) -> pd.DataFrame:
    """One row per case (`CASE`), metric and what was seen, in hidden windows.

    ``seen`` is ``dataset mean``, ``prior``, ``round 1``, ``stage k`` (that stage alone) or
    ``all rounds``; ``place`` orders them. ``over_round1`` and ``over_prior`` are paired gains with
    intervals over images, positive where more leaks. Cases without the whole-image decoder are
    left out.
    """
    rows = adaptive(run.leakage)
    rows = rows[(rows["defence"] == "none") & (rows["region"] == "hidden")]
    rows = rows[
        rows["attack"].isin([WHOLE, *STEADY]) & rows["metric"].isin(shown_metrics(rows["metric"]))
    ]
    if not (rows["attack"] == WHOLE).any():
        return pd.DataFrame()
    rows = commonest(rows, ["payload", "adapted"], run.config)
    names: list[Any] = [_seen(*pair) for pair in rows[["attack", "stage"]].to_numpy().tolist()]
    rows = rows.assign(seen=names)
    rows = rows.dropna(subset=["seen"])
    found = []
    for keys, group in rows.groupby([*CASE, "metric"], sort=True):
        case = dict(zip([*CASE, "metric"], keys, strict=True))
        table = group.pivot_table(index="seen", columns="image_id", values="value", observed=True)
        found += [case | row for row in _case(table, higher_is_worse(str(case["metric"])))]
    return pd.DataFrame(found)


def case_name(row: pd.Series) -> str:
    """A case in words."""
    if row["coalition_choice"] == PADDING:
        return "padding only"
    return f"{row['coalition']} of {row['n_shards']}"


def _seen(attack: str, stage: str) -> str | None:
    if attack == WHOLE:
        return ALL_ROUNDS if stage == EARLIEST else f"stage {stage}"
    return STEADY[attack] if stage == EARLIEST else None


def _case(table: pd.DataFrame, worse: bool) -> Iterator[dict[str, Any]]:
    """Rows of one case and metric from values [what was seen, images]."""
    known = {
        str(name): values for name, values in zip(table.index, table.to_numpy(float), strict=True)
    }
    if not any(name not in STEADY.values() for name in known):
        return
    first = known.get(ROUND_1, known.get("stage 0"))
    for place, name in enumerate(sorted(known, key=_order)):
        values = known[name]
        row = {"seen": name, "place": place} | gain_over(values, first, worse)
        prior = gain_over(values, known.get(STEADY[PRIOR]), worse)
        yield {
            "seen": name,
            "place": place,
            "images": int((~np.isnan(values)).sum()),
            **{f"score{end}": row[f"mean{end}"] for end in ENDS},
            **{f"over_round1{end}": row[f"gain{end}"] for end in ENDS},
            **{f"over_prior{end}": prior[f"gain{end}"] for end in ENDS},
        }


def _order(name: str) -> tuple[int, int]:
    fixed = [*STEADY.values(), "stage", ALL_ROUNDS]
    if name.startswith("stage "):
        return fixed.index("stage"), int(name.split()[1])
    return fixed.index(name), 0


@TABLES.register("mixed_tokens")
class MixedTokensTable(ReportTable):
    """What comes back of windows never received, by what of the rounds was seen."""

    title = "Windows never received, rebuilt from tokens that global attention has mixed"
    empty = "This run did not use the whole-image decoder."
    place = 10

    def build(self, run: RunData) -> Table:
        scores = mixed_scores(run)
        frame = pd.DataFrame()
        if not scores.empty:
            frame = scores.assign(case=[case_name(row) for _, row in scores.iterrows()])
            frame = frame.sort_values(["metric", *CASE, "place"], ascending=[False, *[True] * 6])
        return self.table(
            frame,
            (
                Column("plan", "Plan", detail=True),
                Column("policy", "Policy"),
                Column("case", "Shards seen", parts=("n_shards", "coalition", "coalition_choice")),
                Column("metric", "Metric"),
                Column("seen", "Seen"),
                Column("score", "Hidden", 3, interval=True),
                Column("over_round1", "Over round 1", 3, WORSE, True),
                Column("over_prior", "Over the prior", 3, WORSE, True),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "Hidden windows only, whole-image decoder. Round 1: the same decoder retrained on "
                "the tokens before any global block, so that natural context does not count. "
                "Stage k: retrained on the tokens of that stage alone. Prior: retrained on "
                "nothing. Padding only: a shard whose windows hold nothing of the picture. Over: "
                "paired gain, positive where more leaks. LPIPS: lower means more leakage.",
                CAP,
                INTERVALS,
            ),
        )


@FIGURES.register("mixed_tokens")
class MixedTokensFigure(ReportFigure):
    """Left: hidden PSNR by what was seen; right: what that gains over round 1 alone."""

    title = "Unseen windows from mixed tokens"
    caption = (
        "The whole-image decoder in windows that one shard never received, plan interleaved; "
        "higher is worse for privacy. Round 1: retrained on what arrives before any global block, "
        "so that natural context does not count as leakage. Stage k: retrained on that stage's "
        "tokens alone, which global attention has mixed. All rounds: everything together. Prior: "
        "retrained on nothing. Padding only: a shard that holds no pixel of the picture, so that "
        "whatever it gets came through the mixing. Right: paired gains; an interval above 0 is "
        "leakage of unseen windows. Bars: 95 % intervals over images."
    )
    empty = "This run did not use the whole-image decoder on the interleaved plan."
    place = 8

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
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
