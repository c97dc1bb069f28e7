"""The full table of the attack suite: attack × region × metric, by shards and coalition."""

from __future__ import annotations

import pandas as pd

from attacks.controls.matching import prior_of
from bench.report.aggregate.leakage import adaptive, attack_summary, oracle_summary, plain
from bench.report.base import TABLES, ReportTable
from bench.report.data import CELL, FLOOR, RunData
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
from bench.report.words import measure, ordered_metrics, readable

WORST = "worst case"
BEST_FLOOR = "best floor"
REGION_ORDER = ("hidden", "always_hidden", "visible", "full")
KIND_ORDER = (WORST, "inversion", "inpainting", FLOOR, "ceiling")
ROW = [*CELL, "region", "attack", "attack_kind", "against"]


def suite_summary(run: RunData) -> pd.DataFrame:
    """One row per cell, region and attack, worst case first; columns ``metric_value``."""
    leakage = plain(adaptive(run.leakage))
    single = attack_summary(leakage, own=prior_of)
    if single.empty:
        return pd.DataFrame()
    worst = oracle_summary(leakage).assign(attack=WORST, attack_kind=WORST, against=BEST_FLOOR)
    matched = [prior_of(attack) == other for attack, other in single[["attack", "against"]].values]
    single["against"] = single["against"].where(pd.Series(matched, single.index), BEST_FLOOR)
    single.loc[single["attack_kind"].isin([FLOOR, "ceiling"]), "against"] = ""
    long = pd.concat([single, worst], ignore_index=True)
    values = [f"{name}{end}" for name in ("mean", "gain") for end in ("", "_low", "_high")]
    wide = long.pivot(index=ROW, columns="metric", values=values)
    wide.columns = wide.columns.map(lambda pair: f"{pair[1]}_{pair[0]}")
    images = long.groupby(ROW, dropna=False)["images"].max()
    frame = wide.join(images).reset_index()
    frame = frame.merge(_seeds(run), on=[*CELL, "attack"], how="left")
    return _sorted(frame)


@TABLES.register("suite")
class SuiteTable(ReportTable):
    """Every attack in every region, folded by coalition; the worst cases head the report."""

    title = "Every attack, region and metric by number of shards and coalition"
    empty = "This run attacked nothing."
    place = 5

    def build(self, run: RunData) -> Table:
        frame = suite_summary(run)
        metrics = ordered_metrics(
            str(name).removesuffix("_mean") for name in frame if str(name).endswith("_mean")
        )
        settings = [name for name in CELL if name not in ("stage",)]
        if not frame.empty:
            frame["fold"] = _folds(frame)
            frame["head"] = frame["attack"] == WORST
            frame["name"] = frame["attack"].map(readable)
        return self.table(
            frame,
            (
                *setting_columns(frame, settings),
                Column("region", "Region"),
                Column("name", "Attack", parts=("attack", "attack_kind")),
                *[column for metric in metrics for column in _columns(metric)],
                Column("against", "Against"),
                Column("seeds", "Seeds", 0),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "Worst case: per photo the attack that leaks most, then the mean, an oracle "
                "bound, against the floor that leaks most per photo. Gain: paired difference, "
                "positive where the attack leaks more, to the floor named under Against: the "
                "attack's prior, retrained with its observation removed, where it has one; else "
                "the floor that leaks most on average. Seeds: trainings averaged before anything "
                "else. Hidden: windows not received; always hidden: by no coalition of that "
                "number of shards in this run.",
                CAP,
                INTERVALS,
                "SSIM is in the CSV.",
                constant_settings(frame, CELL),
            ),
            fold="fold",
            head="head",
        )


def _columns(metric: str) -> list[Column]:
    words = measure(metric)
    way, gain = direction(metric, words.higher_is_worse), direction(metric, True)
    places = words.decimals
    return [
        Column(
            f"{metric}_mean", words.heading, places, way, True, words.label, detail=words.csv_alone
        ),
        Column(
            f"{metric}_gain",
            f"{words.label} gain",
            places,
            gain,
            True,
            "gain",
            detail=words.csv_alone,
        ),
    ]


def _seeds(run: RunData) -> pd.DataFrame:
    """How many attacker seeds stand behind each mean."""
    rows = adaptive(run.seeded)
    counts = rows.groupby([*CELL, "attack"], dropna=False)["seed"].nunique()
    return counts.rename("seeds").reset_index()


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """By cell, region and kind; within a kind the attack that leaks most first."""
    order = frame.assign(
        region=frame["region"].map({name: i for i, name in enumerate(REGION_ORDER)}),
        kind=frame["attack_kind"].map({name: i for i, name in enumerate(KIND_ORDER)}).fillna(2),
    )
    order["leak"] = -order["psnr_mean"].astype(float) if "psnr_mean" in order else 0.0
    places = order.sort_values([*CELL, "region", "kind", "leak"]).index
    return frame.loc[places].reset_index(drop=True)


def _folds(frame: pd.DataFrame) -> list[str]:
    """A name for each cell, with whatever else tells them apart."""
    others = [
        name
        for name in ("plan", "payload", "policy", "coalition_choice")
        if frame[name].nunique() > 1
    ]
    return [
        ", ".join(
            [
                f"{row['coalition']} of {row['n_shards']} shards",
                *(str(row[name]) for name in others if row[name] != "largest"),
            ]
        )
        for _, row in frame.iterrows()
    ]
