"""Rows of the report's tables that answer a question of the paper."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from bench.recognition import RECOGNISERS
from bench.report.aggregate.leakage import CONTROLS
from bench.report.data import CEILING, FLOOR
from bench.report.words import readable
from bench.spec.cells import SEEN

MOST_ROWS = 14
RECOGNISED_ROWS = 2 * len(RECOGNISERS.names())
"""What was received, and the worst reconstruction, for each recogniser."""
MOST_ATTACKS = 8
NONE = "–"
UNSPLIT = ("local", "centralized")
"""Plans without shards, and so without a policy."""
SHARED = "interleaved"
PAYLOADS = ("float32", "float16", "int8", "int4")
JOINED = ("policy", "n_shards")
SCORES = ["miou_box", "agreement_box"]


def undefended(frame: pd.DataFrame) -> pd.DataFrame:
    """Segmentation by plan, by payload where it is shared or adapted, else in the first.

    Policies and numbers of shards with the same scores share a row.
    """
    rows = frame[(frame["defence"] == "none") & frame["payload"].isin(PAYLOADS)]
    if rows.empty:
        return rows
    kinds = ["plan", "adapted"]
    first = rows["payload"] == rows.groupby(kinds)["payload"].transform("first")
    rows = rows[first | rows["adapted"].astype(bool) | (rows["plan"] == SHARED)]
    keys = [
        *(rows[name] for name in (*kinds, "payload")),
        *(rows[name].round(4) for name in SCORES),
    ]
    found = []
    for _, group in rows.groupby(keys, sort=False, dropna=False):
        plan, adapted = str(group["plan"].iloc[0]), group["adapted"].iloc[0]
        joined = {name: NONE if plan in UNSPLIT else _listed(group[name]) for name in JOINED}
        named = f"{readable(plan)}, adapted" if adapted else readable(plan)
        found.append(group.iloc[[0]].assign(plan=named, **joined))
    return pd.concat(found)


def strongest_attacks(frame: pd.DataFrame) -> pd.DataFrame:
    """Of one shard of the fewest shards: attacks that leak most, the best floor, the ceiling."""
    one = frame[(frame["coalition"] == 1) & (frame["n_shards"] > 1)]
    one = one[(one["defence"] == "none") & (one["coalition_choice"] == "largest")]
    one = one[(one["payload"] == "float32") & (one["training"] == "")]
    if one.empty:
        return one
    for setting in ("plan", "policy"):
        one = one[one[setting] == _usual(one[setting])]
    one = one[one["n_shards"] == one["n_shards"].min()]
    ranked = one.sort_values("hidden_psnr_mean", ascending=False)
    attacks = ranked[~ranked["attack_kind"].isin(CONTROLS)].head(MOST_ATTACKS)
    floor, ceiling = (ranked[ranked["attack_kind"] == kind].head(1) for kind in (FLOOR, CEILING))
    named = [
        attacks.assign(attack=attacks["attack"].map(readable)),
        floor.assign(attack="floor: " + floor["attack"].map(readable)),
        ceiling,
    ]
    return pd.concat(named)


def largest_coalitions(frame: pd.DataFrame) -> pd.DataFrame:
    """One shard by policy and number of shards; of the usual policy the largest part too."""
    rows = frame[frame["coalition_choice"] == "largest"]
    rows = rows[(rows["coalition"] < rows["n_shards"]) & (rows["plan"] == SHARED)]
    if rows.empty:
        return rows
    most = rows.groupby(["policy", "n_shards"])["coalition"].transform("max")
    usual = rows["policy"] == _usual(rows["policy"])
    rows = rows.assign(usual=usual)[
        (rows["coalition"] == 1) | (usual & (rows["coalition"] == most))
    ]
    return rows.sort_values(
        ["usual", "policy", "n_shards", "coalition"], ascending=[False, True, True, True]
    )


def recognised(frame: pd.DataFrame) -> pd.DataFrame:
    """Each recogniser's telling measure, on what was seen and on the worst reconstruction."""
    telling = [part.metrics[0] for _, part in RECOGNISERS.items()]
    rows = frame[frame["metric"].isin(telling)]
    rows = rows[rows["policy"] == _usual(rows["policy"])]
    alone = [name for name in rows if re.fullmatch(r"1 of \d+", str(name))]
    rows = rows.assign(made=rows["picture"] != SEEN, most=rows[alone].max(axis=1))
    worst = rows.sort_values("most", ascending=False).drop_duplicates(["recogniser", "made"])
    worst = worst.sort_values(["recogniser", "made"])
    return worst.assign(**{key: worst[key].map(readable) for key in ("recogniser", "picture")})


def slow_and_fast_links(frame: pd.DataFrame) -> pd.DataFrame:
    """Every plan over the fastest and the slowest link."""
    rates = frame[frame["link"] != "none"].sort_values("mbps")["link"]
    ends = [rates.iloc[-1], rates.iloc[0]] if len(rates) else ["none"]
    return frame[frame["link"].isin(ends)]


def visible_psnr(frame: pd.DataFrame) -> pd.DataFrame:
    """Leakage of the received windows by PSNR, of the curve with most defences.

    Of several the one in stock order with the weights as they are, then the first.
    """
    rows = frame[(frame["region"] == "visible") & (frame["metric"] == "psnr")]
    rows = rows if len(rows) else frame
    curve = ["plan", "policy", "n_shards", "adapted", "coalition", "coalition_choice"]
    sizes = rows.groupby(curve, sort=False).size().reset_index(name="defences")
    sizes["usual"] = (sizes["plan"] == SHARED) & ~sizes["adapted"].astype(bool)
    best = sizes.sort_values(["defences", "usual"], ascending=False, kind="stable").head(1)
    return rows.merge(best[curve], on=curve)


def frames_of_a_still_scene(frame: pd.DataFrame) -> pd.DataFrame:
    """A scene that keeps still, after the first, some and all frames."""
    rows = frame[(frame["motion"] == "static") & (frame["defence"] == "none")]
    counts = sorted(rows["frames"].unique())
    return rows[rows["frames"].isin({*counts[:1], *counts[len(counts) // 2 :][:1], *counts[-1:]})]


def _usual(values: pd.Series) -> object:
    """The plan or policy that most figures are of, if it was measured; else the commonest."""
    usual = [name for name in (SHARED, "random") if (values == name).any()]
    return usual[0] if usual else values.value_counts().index[0]


def _listed(values: Iterable[object]) -> str:
    """Different values; of more than two words how many they are."""
    found = sorted(set(values), key=lambda value: (str(type(value)), value))
    words = [each for each in found if isinstance(each, str)]
    return f"any of {len(words)}" if len(words) > 2 else ", ".join(map(str, found))
