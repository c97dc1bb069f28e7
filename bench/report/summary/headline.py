"""The report's headline: its title and sentences, computed from the records."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from bench.report.base import Undecided
from bench.report.data import RunData
from bench.report.render.table import number
from bench.report.summary.findings import (
    Exposure,
    Protection,
    affordable,
    exposures,
    growth,
    shared_row,
)
from bench.report.topics.leakage.mixed_tokens import ALL_ROUNDS, mixed_scores, strongest_of
from bench.report.words import defence_label, measure, shown_metrics
from bench.spec.cells import PADDING
from bench.words import plural

SAME = 0.999
"""Agreement from which masks count as the same."""


def title_of(run: RunData) -> str:
    """The report's title."""
    try:
        cases = exposures(run)
    except Undecided:
        cases = []
    if not cases:
        return f"Shared-out segmentation on {run.fact('dataset')}"
    *others, last = (str(case.shards) for case in cases)
    shards = f"{', '.join(others)} or {last}" if others else last
    return f"What one shard of {shards} gets back of a picture"


def headline(run: RunData) -> list[str]:
    """Hidden leakage against the floor, what visible windows show, and what defences cost.

    What needs one setting where no rule picks one (`bench.report.choice`) is a sentence on that.
    """
    parts: list[Callable[[RunData], list[str]]] = [_exposed, _mixed, _visible, _growth]
    if not run.random_weights:
        parts += [_exactness, _defended]
    sentences: list[str] = []
    for part in parts:
        try:
            sentences += part(run)
        except Undecided as error:
            sentences.append(f"Not stated here: {error}.")
    found = [sentence for sentence in dict.fromkeys(sentences) if sentence]
    return found or ["This run holds no scores yet; the sections below say what is missing."]


def _exposed(run: RunData) -> list[str]:
    return [_hidden(case) for case in exposures(run)]


def _hidden(case: Exposure) -> str:
    share = "" if case.visible is None else f" receives {percent(case.visible)} of the picture"
    start = f"One shard of {case.shards}, {case.policy} assignment,{share or ' was attacked'}."
    start += _which(case)
    psnr = case.hidden.get("psnr")
    if psnr is None or pd.isna(psnr["gain"]):
        return start
    text = (
        f"{start} In the part it never received, the best of {plural(psnr['attacks'], 'attack')}, "
        f"picked photo by photo with hindsight, reaches {number(psnr['mean'], 1)} dB where the "
        f"best of {plural(psnr['floors'], 'floor')} reaches {number(psnr['floor'], 1)} dB: "
        f"{verdict(psnr, 1, ' dB')}."
    )
    for metric in shown_metrics(case.hidden):
        row = case.hidden[metric]
        if metric == "psnr" or pd.isna(row["gain"]):
            continue
        words = measure(metric)
        closer = "higher" if words.higher_is_worse else "lower"
        unit = f" {words.unit}" if words.unit else ""
        text += (
            f" By {words.label} ({closer} is closer) it is {number(row['mean'], words.decimals)} "
            f"against {number(row['floor'], words.decimals)}{unit}: "
            f"{verdict(row, words.decimals, unit)}."
        )
    return text


def _which(case: Exposure) -> str:
    """Which shard that is, and what the average one receives."""
    average = None if case.average is None else percent(case.average)
    if case.choice != "largest":
        return "" if average is None else f" The average shard receives {average}."
    text = " It is the one with the largest share"
    return f"{text}." if average is None else f"{text}; the average shard receives {average}."


def _mixed(run: RunData) -> list[str]:
    """What tokens of later rounds add, where no pixel was received if the run has such a shard."""
    scores = mixed_scores(run)
    if scores.empty:
        return []
    scores = strongest_of(scores)
    rows = scores[(scores["metric"] == "psnr") & (scores["seen"] == ALL_ROUNDS)]
    rows = rows[rows["over_round1_low"].notna()].sort_values("n_shards")
    blind = rows[rows["coalition_choice"] == PADDING]
    if rows.empty:
        return []
    row = (rows if blind.empty else blind).iloc[0]
    subject = "even a shard that holds padding, and no pixel of the photo,"
    if blind.empty:
        subject = f"{row['coalition']} of {row['n_shards']} shards"
    low, high = number(row["over_round1_low"], 1), number(row["over_round1_high"], 1)
    gain = f"{signed(row['over_round1'], 1)} dB [{low}, {high}]"
    start = "Tokens that global attention has mixed tell of windows that were never received"
    if row["over_round1_low"] <= 0:
        start = "Whether mixed tokens tell of windows that were never received is not clear"
    return [f"{start}: {subject} gets {gain} from them beyond what the first round gives."]


def verdict(row: pd.Series, decimals: int, unit: str = "") -> str:
    """A gain in words, with its interval."""
    gain, low, high = row["gain"], row["gain_low"], row["gain_high"]
    if pd.isna(low):
        return f"a gain of {signed(gain, decimals)}{unit} on a single photo"
    bounds = f"[{number(low, decimals)}, {number(high, decimals)}]"
    if low > 0:
        return f"a gain of {number(gain, decimals)}{unit} {bounds}"
    if high < 0:
        bounds = f"[{number(-high, decimals)}, {number(-low, decimals)}]"
        return f"{number(-gain, decimals)}{unit} short of the floors {bounds}"
    return f"{signed(gain, decimals)}{unit} {bounds}, no clear difference"


def percent(share: float) -> str:
    """A share in percent, a decimal where it is small."""
    return f"{number(100 * share, 0 if share >= 0.095 else 1)}\u202f%"


def signed(value: float, decimals: int) -> str:
    """A number with its sign, also when positive."""
    return ("+" if value > 0 else "") + number(value, decimals)


def interval(low: float, high: float, decimals: int) -> str:
    """Bounds in brackets after a space; nothing where a single photo has none."""
    return "" if pd.isna(low) else f" [{number(low, decimals)}, {number(high, decimals)}]"


def _visible(run: RunData) -> list[str]:
    seen = [case.seen["psnr"] for case in exposures(run) if "psnr" in case.seen]
    if not seen:
        return []
    value = min(row["mean"] for row in seen)
    cap = " (the cap: pixel for pixel)" if value >= 59.995 else ""
    return [
        "The windows that a shard does receive can be read unless they are defended: "
        f"attackers get them back at {number(value, 1)} dB{cap}."
    ]


def _growth(run: RunData) -> list[str]:
    found = growth(run)
    if found is None:
        return []
    one, many = found.one, found.many
    apart = number(max(0.01, abs(found.deviation)), 2)
    fits = (
        f"explain the full-image score to within {apart} dB"
        if abs(found.deviation) < 0.1
        else f"miss the full-image score by up to {apart} dB, because the windows seen come back "
        "with errors"
    )
    return [
        f"When {many['coalition']} of {many['n_shards']} shards collude instead of "
        f"{one['coalition']}, full-image PSNR ({one['attack'].replace('_', ' ')}) goes from "
        f"{number(one['full'], 1)} to {number(many['full'], 1)} dB, but in the windows still "
        f"hidden only from {number(one['hidden'], 1)} to {number(many['hidden'], 1)} dB. The "
        f"hidden score and the share handed over {fits}."
    ]


def _exactness(run: RunData) -> list[str]:
    row = shared_row(run)
    if row is None or pd.isna(row["agreement_box"]):
        return []
    agreement = number(row["agreement_box"], 4)
    if row["agreement_box"] < SAME:
        return [
            f"Split ({row['plan']}, {row['payload']}), masks agree with the unsplit model's "
            f"only to {agreement}."
        ]
    return [
        f"Splitting costs nothing by itself: {row['plan']} in {row['payload']} scores "
        f"{number(row['miou_box'], 3)} mIoU with box prompts, and its masks agree with the "
        f"unsplit model's to {agreement}; filling the box would score "
        f"{number(row['miou_fill'], 3)}."
    ]


def _defended(run: RunData) -> list[str]:
    return [_protection(found) for found in affordable(run)]


def _protection(found: Protection) -> str:
    cost, label = found.cost, defence_label(found.defence)
    name = f"{label[:1].upper()}{label[1:]}"
    text = f"{name} of strength {found.strength:g} costs {number(cost.mean, 3)} mIoU"
    text += interval(cost.low, cost.high, 3)
    if found.before is not None and found.after is not None:
        text += (
            f" and lowers what one shard reads in its own windows from {number(found.before, 1)} "
            f"to {number(found.after, 1)} dB, for attackers trained through it"
        )
    return text + "."
