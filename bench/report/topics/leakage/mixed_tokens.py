"""What tokens that global attention has mixed give away of windows never received."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attacks.controls.matching import first_round_of, prior_of
from bench.report.aggregate.leakage import adaptive, gain_over, higher_is_worse
from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
from bench.report.choice import commonest
from bench.report.data import EARLIEST, RunData
from bench.report.render.style import WIDE, Theme, canvas, legend_below
from bench.report.render.table import Column, Table
from bench.report.topics.columns import CAP, INTERVALS, sentences, source
from bench.report.words import readable, shown_metrics
from bench.spec.cells import PADDING

STRONGEST = "strongest"
"""The attack that leaks most, photo by photo, of those that have a twin on round 1 alone."""
CASE = ["plan", "policy", "n_shards", "coalition", "coalition_choice"]
MEAN, PRIOR, ROUND_1, ALL_ROUNDS = "dataset mean", "prior", "round 1", "all rounds"
ORDER = (MEAN, PRIOR, ROUND_1, "stage", ALL_ROUNDS)
ENDS = ("", "_low", "_high")
WORSE: Final = "higher is worse for privacy"
CASES = ["coalition_choice", *[name for name in CASE if name != "coalition_choice"]]
"""Largest exposure first, padding alone last."""


def mixed_scores(run: RunData) -> pd.DataFrame:
    """One row per case (`CASE`), metric, attack and what was seen, in hidden windows.

    ``attack`` is each that has a twin retrained on round 1, and `STRONGEST` of several. ``seen`` is
    ``dataset mean``, ``prior``, ``round 1``, ``stage k`` (that stage alone) or ``all rounds``;
    ``place`` orders them. ``over_round1`` and ``over_prior`` are paired gains with intervals over
    images, positive where more leaks. Cases without such an attack are left out.
    """
    rows = adaptive(run.leakage)
    rows = rows[(rows["defence"] == "none") & (rows["region"] == "hidden")]
    rows = rows[rows["metric"].isin(shown_metrics(rows["metric"]))]
    attacks = [name for name in rows["attack"].unique() if first_round_of(name) is not None]
    families = {name: _family(name) for name in attacks}
    rows = rows[rows["attack"].isin({name for family in families.values() for name in family})]
    if rows.empty:
        return pd.DataFrame()
    rows = commonest(rows, ["payload", "adapted"], run.config)
    found = []
    for keys, group in rows.groupby([*CASE, "metric"], sort=True):
        case = dict(zip([*CASE, "metric"], keys, strict=True))
        worse = higher_is_worse(str(case["metric"]))
        tables = {name: _by_what_was_seen(group, family) for name, family in families.items()}
        tables = {name: table for name, table in tables.items() if _later(table)}
        if len(tables) > 1:
            tables[STRONGEST] = _strongest(list(tables.values()), worse)
        for name, table in tables.items():
            found += [case | {"attack": name} | row for row in _case(table, worse)]
    return pd.DataFrame(found)


def strongest_of(scores: pd.DataFrame) -> pd.DataFrame:
    """The rows of each case that stand for it: of the strongest attack, or of the only one."""
    several = scores.groupby([*CASE, "metric"])["attack"].transform(lambda a: STRONGEST in set(a))
    return scores[~several | (scores["attack"] == STRONGEST)]


def case_name(row: pd.Series) -> str:
    """A case in words."""
    if row["coalition_choice"] == PADDING:
        return "padding only"
    return f"{row['coalition']} of {row['n_shards']}"


def _family(attack: str) -> dict[str, str]:
    """Records' names of an attack and its controls, and what each has seen."""
    twins = {"dataset_mean": MEAN, prior_of(attack): PRIOR, first_round_of(attack): ROUND_1}
    return {name: seen for name, seen in twins.items() if name} | {attack: ALL_ROUNDS}


def _by_what_was_seen(rows: pd.DataFrame, family: Mapping[str, str]) -> pd.DataFrame:
    """Scores of an attack and its controls: [what was seen, images]."""
    rows = rows[rows["attack"].isin(list(family))]
    seen, whole = rows["attack"].map(family).astype(object), rows["stage"] == EARLIEST
    seen = seen.where(whole, "stage " + rows["stage"].astype(str))
    rows = rows.assign(seen=seen)[whole | (rows["attack"].map(family) == ALL_ROUNDS)]
    return rows.pivot_table(index="seen", columns="image_id", values="value", observed=True)


def _later(table: pd.DataFrame) -> bool:
    """Whether a table has scores of the attack itself, not of its controls alone."""
    return any(name == ALL_ROUNDS or name.startswith("stage ") for name in table.index)


def _strongest(tables: Sequence[pd.DataFrame], worse: bool) -> pd.DataFrame:
    """Photo by photo the score that leaks most, of what several attacks have each seen."""
    whole = pd.concat(table.loc[[s for s in table.index if s in ORDER]] for table in tables)
    return whole.groupby(level=0).agg("max" if worse else "min")


def _case(table: pd.DataFrame, worse: bool) -> Iterator[dict[str, Any]]:
    """Rows of one case, metric and attack from scores [what was seen, images]."""
    known = {
        str(name): values for name, values in zip(table.index, table.to_numpy(float), strict=True)
    }
    first = known.get(ROUND_1, known.get("stage 0"))
    for place, name in enumerate(sorted(known, key=_order)):
        values = known[name]
        row = gain_over(values, first, worse)
        prior = gain_over(values, known.get(PRIOR), worse)
        yield {
            "seen": name,
            "place": place,
            "images": row["images"],
            **{f"score{end}": row[f"mean{end}"] for end in ENDS},
            **{f"over_round1{end}": row[f"gain{end}"] for end in ENDS},
            **{f"over_prior{end}": prior[f"gain{end}"] for end in ENDS},
        }


def _order(name: str) -> tuple[int, int]:
    if name.startswith("stage "):
        return ORDER.index("stage"), int(name.split()[1])
    return ORDER.index(name), 0


@TABLES.register("mixed_tokens")
class MixedTokensTable(ReportTable):
    """What comes back of windows never received, by what of the rounds was seen."""

    title = "Windows never received, rebuilt from tokens that global attention has mixed"
    empty = "This run used no attack that has a twin on round 1 alone."
    place = 10

    def build(self, run: RunData) -> Table:
        scores = mixed_scores(run)
        frame = pd.DataFrame()
        if not scores.empty:
            frame = scores.assign(
                case=[case_name(row) for _, row in scores.iterrows()],
                name=scores["attack"].map(readable),
            )
            keys = ["metric", *CASE, "attack", "place"]
            frame = frame.sort_values(keys, ascending=[False, *[True] * (len(keys) - 1)])
        return self.table(
            frame,
            (
                Column("plan", "Plan", detail=True),
                Column("policy", "Policy"),
                Column("case", "Shards seen", parts=("n_shards", "coalition", "coalition_choice")),
                Column("name", "Attack", parts=("attack",)),
                Column("metric", "Metric"),
                Column("seen", "Seen"),
                Column("score", "Hidden", 3, interval=True),
                Column("over_round1", "Over round 1", 3, WORSE, True),
                Column("over_prior", "Over the prior", 3, WORSE, True),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "Hidden windows only. Round 1: the same attack retrained on the tokens before any "
                "global block, so that natural context does not count. Stage k: retrained on the "
                "tokens of that stage alone. Prior: retrained on nothing. Strongest: the attack of "
                "this table that leaks most, picked photo by photo, on either side. Padding only: "
                "a shard whose windows hold nothing of the picture. Over: paired gain, positive "
                "where more leaks. LPIPS: lower means more leakage.",
                CAP,
                INTERVALS,
            ),
        )


@FIGURES.register("mixed_tokens")
class MixedTokensFigure(ReportFigure):
    """Left: hidden PSNR by what was seen; right: what that gains over round 1, by attack."""

    title = "Unseen windows from mixed tokens"
    caption = (
        "Windows that one shard never received, plan interleaved; higher is worse for privacy. "
        "Left: the strongest attack, photo by photo, of those that have twins with less. Round 1: "
        "retrained on what arrives before any global block, so that natural context does not "
        "count as leakage. All rounds: later tokens too, which global attention has mixed. Prior: "
        "retrained on nothing. Right: what later rounds add, by attack, paired; an interval above "
        "0 is leakage of unseen windows. Padding only: a shard that holds no pixel of the picture, "
        "so that whatever it gets came through the mixing. Bars: 95 % intervals over images."
    )
    empty = "This run used no attack with a twin on round 1 alone on the interleaved plan."
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
        gains = scores[scores["seen"] == ALL_ROUNDS].dropna(subset=["over_round1"])
        if gains.empty:
            return None
        policy = scores["policy"].iloc[0]
        figure = canvas(
            WIDE, 3.0, f"Windows never received, rebuilt from mixed tokens ({policy} assignment)"
        )
        chosen = strongest_of(scores)
        seen = [name for name in ORDER if name in set(chosen["seen"])]
        attacks = sorted(gains["attack"].unique(), key=lambda name: (name == STRONGEST, name))
        left, right = figure.subplots(1, 2, width_ratios=[len(seen), max(2, len(attacks))])
        _panel(left, chosen, "seen", seen, "score", theme)
        left.set_title(f"{_shown_attack(chosen)}: PSNR, hidden windows (dB)")
        _panel(right, gains, "attack", attacks, "over_round1", theme)
        right.axhline(0, color=theme.muted, linewidth=0.8)
        right.set_title(f"Gain over {ROUND_1} alone (dB)")
        legend_below(figure, *left.get_legend_handles_labels())
        return figure


def _shown_attack(rows: pd.DataFrame) -> str:
    """Whose scores the left panel shows."""
    names = rows["attack"].unique()
    name = readable(names[0]) if len(names) == 1 else STRONGEST
    return "Strongest attack" if name == STRONGEST else name.capitalize()


def _panel(
    axes: Axes, scores: pd.DataFrame, along: str, names: list[str], key: str, theme: Theme
) -> None:
    cases = list(scores.groupby(CASES))
    for number, (_, rows) in enumerate(cases):
        rows = rows[rows[along].isin(names)].dropna(subset=[key])
        shift = 0.5 * ((number + 0.5) / len(cases) - 0.5)
        x = [names.index(name) + shift for name in rows[along]]
        spread = [rows[key] - rows[f"{key}_low"], rows[f"{key}_high"] - rows[key]]
        colour = theme.series[number % len(theme.series)]
        label = case_name(rows.iloc[0]) if len(rows) else ""
        axes.errorbar(x, rows[key], spread, fmt="o", color=colour, elinewidth=0.9, label=label)
    words = [readable(name).replace(" ", "\n", 1) for name in names]
    axes.set_xticks(range(len(names)), words)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.grid(axis="x", visible=False)
