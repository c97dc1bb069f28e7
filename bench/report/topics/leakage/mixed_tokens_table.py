"""Unseen windows from mixed tokens, as a table."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bench.report.data import RunData
from bench.report.render.table import Column, Table
from bench.report.topics.columns import CAP, INTERVALS, sentences, source
from bench.report.topics.leakage.mixed_tokens import CASE, case_name, mixed_scores

WORSE: Final = "higher is worse for privacy"


def mixed_table(run: RunData) -> Table:
    """What comes back of windows never received, by what of the rounds was seen."""
    scores = mixed_scores(run)
    frame = pd.DataFrame()
    if not scores.empty:
        frame = scores.assign(case=[case_name(row) for _, row in scores.iterrows()])
        frame = frame.sort_values(["metric", *CASE, "place"], ascending=[False, *[True] * 6])
    return Table(
        name="mixed_tokens",
        title="Windows never received, rebuilt from tokens that global attention has mixed",
        source=source(run),
        note=sentences(
            "Hidden windows only, whole-image decoder. Round 1: the same decoder retrained on the "
            "tokens before any global block, so that natural context does not count. Stage k: "
            "retrained on the tokens of that stage alone. Prior: retrained on nothing. Padding "
            "only: a shard whose windows hold nothing of the picture. Over: paired gain, positive "
            "where more leaks. LPIPS: lower means more leakage.",
            CAP,
            INTERVALS,
        ),
        frame=frame,
        columns=(
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
        empty="This run did not use the whole-image decoder.",
    )
