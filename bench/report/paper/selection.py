"""Which rows and columns of the report's tables answer the paper's questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from bench.report.render.table import Column, Table

MOST_ROWS = 12
JOINED = {"policy": "Policies", "n_shards": "Shards"}


@dataclass(frozen=True)
class Question:
    """A table of the paper.

    Attributes:
        label: of the table, e.g. ``T1``.
        table: the registered table, or the latency run's, whose rows answer it.
        title: the caption.
        columns: keys of the columns that are kept, those that the table has.
        rows: picks the rows.
    """

    label: str
    table: str
    title: str
    columns: tuple[str, ...]
    rows: Callable[[pd.DataFrame], pd.DataFrame]

    def answer(self, long: Table) -> Table:
        """The short table; without rows where the long one has none."""
        if long.frame.empty:
            return replace(long, name=self.label, title=self.title)
        frame = self.rows(long.frame).head(MOST_ROWS).reset_index(drop=True)
        known = {column.key: column for column in long.columns}
        shown = [_column(known, key) for key in self.columns if key in frame]
        note = f"{len(frame)} of {len(long.frame)} rows; all in the appendix. {long.note}"
        return replace(
            long,
            name=self.label,
            title=self.title,
            frame=frame,
            columns=tuple(shown),
            note=note if len(frame) < len(long.frame) else long.note,
            fold="",
            head="",
        )


def _column(known: dict[str, Column], key: str) -> Column:
    return replace(known[key], detail=False) if key in known else Column(key, _heading(key))


def _heading(key: str) -> str:
    return JOINED.get(key, key.replace("_", " ").capitalize())


def undefended(frame: pd.DataFrame) -> pd.DataFrame:
    """Segmentation without a defence; policies and shards with the same scores share a row."""
    rows = frame[frame["defence"] == "none"]
    same = ["plan", "payload", "adapted", "miou_box", "agreement_box"]
    keys = [rows[name].round(4) if name in same[3:] else rows[name] for name in same]
    found = []
    for _, group in rows.groupby(keys, sort=False, dropna=False):
        joined = {name: _listed(group[name]) for name in JOINED}
        found.append(group.iloc[[0]].assign(**joined))
    return pd.concat(found) if found else rows


def largest_coalitions(frame: pd.DataFrame) -> pd.DataFrame:
    """One shard and the largest part of all shards, for each policy and number of shards."""
    rows = frame[frame["coalition_choice"] == "largest"]
    rows = rows[(rows["coalition"] < rows["n_shards"]) & (rows["plan"] == "interleaved")]
    ends = rows.groupby(["policy", "n_shards"])["coalition"]
    kept = rows[rows["coalition"].isin([1]) | (rows["coalition"] == ends.transform("max"))]
    common = kept["policy"].value_counts()
    return kept.assign(often=-kept["policy"].map(common)).sort_values(
        ["often", "policy", "n_shards", "coalition"]
    )


def strongest_attacks(frame: pd.DataFrame) -> pd.DataFrame:
    """Of one shard of the fewest shards: floors' best, the attacks that leak most, the ceiling."""
    one = frame[(frame["coalition"] == 1) & (frame["n_shards"] > 1)]
    one = one[(one["defence"] == "none") & (one["coalition_choice"] == "largest")]
    one = one[(one["payload"] == "float32") & (one["training"] == "")]
    if one.empty:
        return one
    one = one[one["n_shards"] == one["n_shards"].min()]
    one = one[one["policy"] == one["policy"].value_counts().index[0]]
    ranked = one.sort_values("hidden_psnr_mean", ascending=False)
    floors = ranked[ranked["attack_kind"] == "floor"].head(1)
    ceilings = ranked[ranked["attack_kind"] == "ceiling"].head(1)
    real = ranked[~ranked["attack_kind"].isin(["floor", "ceiling"])].head(MOST_ROWS - 2)
    return pd.concat([real, floors, ceilings])


def recognised(frame: pd.DataFrame) -> pd.DataFrame:
    """The first measure of each recogniser, on what was seen and on reconstructions."""
    first = frame.groupby("recogniser")["metric"].transform(
        lambda names: next((n for n in names if n.endswith(("recall", "rank1"))), names.iloc[0])
    )
    policy = frame["policy"].value_counts().index[0]
    return frame[(frame["metric"] == first) & (frame["policy"] == policy)]


def slow_and_fast_links(frame: pd.DataFrame) -> pd.DataFrame:
    """Every plan over the fastest and the slowest link."""
    rates = frame[frame["link"] != "none"].sort_values("mbps")["link"]
    ends = [rates.iloc[-1], rates.iloc[0]] if len(rates) else ["none"]
    return frame[frame["link"].isin(ends)]


def visible_psnr(frame: pd.DataFrame) -> pd.DataFrame:
    """Leakage of the received windows by PSNR, of the first curve."""
    rows = frame[(frame["region"] == "visible") & (frame["metric"] == "psnr")]
    rows = rows if len(rows) else frame
    curve = ["plan", "policy", "n_shards", "coalition", "coalition_choice"]
    return rows.merge(rows[curve].head(1), on=curve)


def frames_of_a_still_scene(frame: pd.DataFrame) -> pd.DataFrame:
    """A scene that keeps still, after the first, some and all frames."""
    rows = frame[(frame["motion"] == "static") & (frame["defence"] == "none")]
    counts = sorted(rows["frames"].unique())
    return rows[rows["frames"].isin({*counts[:1], *counts[len(counts) // 2 :][:1], *counts[-1:]})]


def _listed(values: Sequence[object] | pd.Series) -> str:
    return ", ".join(map(str, sorted(set(values), key=lambda value: (str(type(value)), value))))


QUESTIONS = (
    Question(
        "T1",
        "segmentation",
        "Segmentation: the unshared model against plans, policies, shards and payloads",
        ("plan", "payload", "adapted", "policy", "n_shards", "miou_box", "agreement_box"),
        undefended,
    ),
    Question(
        "T2",
        "attacks",
        "Reconstruction by one shard: the attacks that come closest in the hidden part",
        (
            "attack",
            "hidden_psnr_mean",
            "hidden_psnr_gain",
            "hidden_lpips_mean",
            "visible_psnr_mean",
            "full_psnr_mean",
        ),
        strongest_attacks,
    ),
    Question(
        "T2b",
        "leakage",
        "Reconstruction by policy, number of shards and coalition: worst case over attacks",
        (
            "policy",
            "n_shards",
            "coalition",
            "visible_fraction",
            "hidden_psnr_floor",
            "hidden_psnr_mean",
            "hidden_psnr_gain",
            "full_psnr_mean",
        ),
        largest_coalitions,
    ),
    Question(
        "T3",
        "recognition",
        "Recognition: faces, people, text and objects",
        ("recogniser", "metric", "picture", "ceiling", "1 of 4", "1 of 9", "1 of 25"),
        recognised,
    ),
    Question(
        "T4",
        "latency",
        "Latency, bytes and work left on the edge",
        ("link", "plan", "median", "p95", "mb_up", "mb_down", "edge_gflop"),
        slow_and_fast_links,
    ),
    Question(
        "T5",
        "equal_utility",
        "Defences at equal utility, and their hypervolume",
        ("defence", "leakage_1", "leakage_2", "leakage_5", "hypervolume"),
        visible_psnr,
    ),
    Question(
        "T6",
        "time",
        "Exposure over time",
        ("policy", "n_shards", "coalition", "frames", "windows_seen", "full_psnr"),
        frames_of_a_still_scene,
    ),
)
"""The tables of the paper, in order."""

FIGURES = {
    "F1": "privacy_utility",
    "F2": "stages",
    "F3": "strongest",
    "F4": "collusion",
    "F5": "time",
    "F6": "crossover",
}
"""The figures of the paper, with the names of those of reports and latency runs."""
