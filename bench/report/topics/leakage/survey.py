"""What people said of pairs of reconstructions, and which scores agree with them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pandas as pd

from bench.report.aggregate.leakage import higher_is_worse, known_metrics
from bench.report.base import TABLES, ReportTable
from bench.report.data import RunData
from bench.report.render.table import Column, Table
from bench.report.statistics import mean_interval, named
from bench.report.topics.columns import INTERVALS, sentences, source
from bench.report.words import measure
from bench.survey.judgements import LEFT, RIGHT, SAME, read_judgements

REGIONS = ("hidden", "full")
PEOPLE = "another person"


@TABLES.register("survey")
class SurveyTable(ReportTable):
    """Score × region: how often it prefers the picture that people prefer."""

    title = "Which scores agree with people"
    empty = (
        "No person has judged pictures of this run yet: 'pedbench survey RUN' writes a page where "
        "one can."
    )
    place = 15

    def build(self, run: RunData) -> Table:
        judged = read_judgements(run.folder)
        frame = pd.DataFrame(agreements(run, judged))
        if not frame.empty:
            frame = frame.sort_values(["agreement", "score"], ascending=[False, True])
        return self.table(
            frame.reset_index(drop=True),
            (
                Column("score", "Score"),
                Column("region", "Region"),
                Column("agreement", "Agrees with people", 2, interval=True),
                Column("judgements", "Judgements", 0),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                f"{judged['person'].nunique()} people judged {judged['pair'].nunique()} pairs of "
                "reconstructions by the same coalition, blind: which of two shows more of what is "
                "in the original? Agrees: the share of their answers in which the score calls the "
                "same picture closer; answers 'about the same' are left out, and equal scores "
                "count half.",
                "Another person: how often two people who judged one pair agree.",
                INTERVALS,
            ),
        )


def agreements(run: RunData, judged: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """One row per score and region, and one for people among themselves."""
    decided = judged[judged["choice"] != SAME]
    scores = known_metrics(run.every_score.dropna(subset=["image_file"]))
    scores = scores[scores["region"].isin(REGIONS)]
    for (metric, region), rows in scores.groupby(["metric", "region"], sort=True):
        sign = 1 if higher_is_worse(str(metric)) else -1
        values = sign * rows.drop_duplicates("image_file").set_index("image_file")["value"]
        ahead = decided["left"].map(values) - decided["right"].map(values)
        wanted = decided["choice"].map({LEFT: 1.0, RIGHT: -1.0})
        share = ((ahead * wanted > 0) + 0.5 * (ahead == 0)).where(ahead.notna())
        yield from _row(measure(str(metric)).label, str(region), share, decided["image_id"])
    pairs = list(_between_people(decided))
    shares = pd.Series([float(same) for _, same in pairs])
    yield from _row(PEOPLE, "", shares, pd.Series([image for image, _ in pairs], dtype=str))


def _between_people(decided: pd.DataFrame) -> Iterator[tuple[str, bool]]:
    """For every two people who judged one pair: the photo, and whether they agree."""
    for (_, _, image_id), rows in decided.groupby(["survey", "pair", "image_id"], sort=True):
        for one, other in combinations(rows["choice"], 2):
            yield str(image_id), one == other


def _row(score: str, region: str, share: pd.Series, images: pd.Series) -> Iterator[dict[str, Any]]:
    known = share.notna()
    if known.any():
        interval = mean_interval(share[known].to_numpy(float), list(images[known]))
        yield {
            "score": score,
            "region": region,
            **named("agreement", interval),
            "judgements": int(known.sum()),
            "images": images[known].nunique(),
        }
