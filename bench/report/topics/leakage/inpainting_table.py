"""Learned inpainting by visible share, as a table."""

from __future__ import annotations

from typing import Final

from bench.report.data import RunData
from bench.report.render.table import Column, Table
from bench.report.topics.columns import CAP, INTERVALS, sentences, setting_columns, source
from bench.report.topics.leakage.inpainting import CASE, inpainting_gains

WORSE: Final = "higher is worse for privacy"


def inpainting_table(run: RunData) -> Table:
    """What each learned inpainter gains, most visible last."""
    frame = inpainting_gains(run)
    if not frame.empty:
        order = ["metric", "attack", "visible_fraction", *CASE]
        frame = frame.sort_values(order, ascending=[False, *[True] * (len(order) - 1)])
    return Table(
        name="inpainting",
        title="Learned inpainting against classic methods and the mean colour, by visible share",
        source=source(run),
        note=sentences(
            "Hidden windows only. Gains are paired, positive where the learned inpainter is closer "
            "to the photo (more leakage), over the classic method that is best on average in that "
            "cell and over the mean colour. Verdict: beats both, or loses to one, where the "
            "interval lies on one side of 0; else level. Inpainters trained for PSNR and for LPIPS "
            "are two operating points: judge each by its own measure. LPIPS: lower is closer.",
            CAP,
            INTERVALS,
        ),
        frame=frame,
        columns=(
            Column("visible_fraction", "Visible share", 3),
            *setting_columns(frame, CASE),
            Column("metric", "Metric"),
            Column("attack", "Inpainter"),
            Column("score", "Score", 3, interval=True),
            Column("best_classic", "Best classic"),
            Column("classic", "Its score", 3),
            Column("over_classic", "Gain over it", 3, WORSE, True),
            Column("colour", "Mean colour", 3),
            Column("over_colour", "Gain over it", 3, WORSE, True),
            Column("verdict", "Verdict"),
            Column("images", "Images", 0),
        ),
        empty="This run used no learned inpainting.",
    )
