"""The questions of the paper: which rows and columns of the report's tables answer them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from bench.report.paper import rows as choose
from bench.report.render.table import Column, Table
from bench.report.topics.columns import CAP, INTERVALS
from bench.report.words import readable

HEADINGS = {
    "policy": "Policy",
    "n_shards": "Shards",
    "plan": "Plan",
    "payload": "Payload",
    "coalition": "Coalition",
}
REGIONS = (
    "Hidden, visible: windows that the coalition did not, or did, receive before the first global "
    "block; full: both."
)


@dataclass(frozen=True)
class Question:
    """A table of the paper.

    Attributes:
        label: of the table, e.g. ``T1``.
        table: the registered table, or the latency run's, whose rows answer it.
        title: the caption.
        note: how to read it.
        columns: keys of the columns that are kept, those that the table has.
        rows: picks the rows.
        decimals: of columns that have fewer than in the long table.
        plain: columns without their interval.
        most: rows at most.
        folded: columns that the note names instead, where they have one value.
        fullest: whether of several runs the one with most rows answers, not the first.
    """

    label: str
    table: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: Callable[[pd.DataFrame], pd.DataFrame]
    decimals: Mapping[str, int] = field(default_factory=dict)
    plain: tuple[str, ...] = ()
    most: int = choose.MOST_ROWS
    folded: tuple[str, ...] = ()
    fullest: bool = False

    def answer(self, long: Table) -> Table:
        """The short table; without rows where the long one has none."""
        short = replace(long, name=self.label, title=self.title, note=self.note, fold="", head="")
        if long.frame.empty:
            return short
        frame = self.rows(long.frame).head(self.most).reset_index(drop=True)
        known = {column.key: column for column in long.columns}
        alike = [key for key in self.folded if key in frame and frame[key].nunique() == 1]
        shown = [key for key in self.columns if key in frame and key not in alike]
        columns = tuple(self._column(known, key) for key in shown)
        left_out = len(frame) < len(long.frame)
        count = f"{len(frame)} of {len(long.frame)} rows; all are in the appendix. "
        note = count + self.note if left_out else self.note
        note += "".join(f" {HEADINGS[key]}: {readable(str(frame[key].iloc[0]))}." for key in alike)
        return replace(short, frame=frame, columns=columns, note=note)

    def _column(self, known: Mapping[str, Column], key: str) -> Column:
        column = known.get(key) or Column(key, HEADINGS.get(key, key))
        decimals = self.decimals.get(key, column.decimals)
        interval = column.interval and key not in self.plain
        return replace(column, detail=False, decimals=decimals, interval=interval)


QUESTIONS = (
    Question(
        "T1",
        "segmentation",
        "Segmentation: the unsplit model against plans, policies, shards and payloads",
        "mIoU is the mean over masks, for box prompts. Agreement is the mean IoU with the masks of "
        "the unsplit float32 model. Policies and numbers of shards whose scores agree to four "
        f"decimals share a row. Adapted: with weights trained in that plan's order. {INTERVALS}",
        ("plan", "payload", "policy", "n_shards", "miou_box", "agreement_box"),
        choose.undefended,
        fullest=True,
    ),
    Question(
        "T2",
        "attacks",
        "Reconstruction by one shard: the attacks that come closest in the hidden part",
        f"{REGIONS} Gain: over the floor that leaks most on average. The last rows are the "
        f"strongest floor and the whole picture. {CAP} {INTERVALS}",
        (
            "attack",
            "hidden_psnr_mean",
            "hidden_psnr_gain",
            "hidden_lpips_mean",
            "visible_psnr_mean",
            "full_psnr_mean",
        ),
        choose.strongest_attacks,
        dict.fromkeys(
            ("hidden_psnr_mean", "hidden_psnr_gain", "visible_psnr_mean", "full_psnr_mean"), 1
        ),
        folded=("plan", "policy", "n_shards", "payload"),
    ),
    Question(
        "T2b",
        "leakage",
        "Reconstruction by policy, number of shards and coalition: worst case over attacks",
        f"{REGIONS} Worst case: per image the attack that leaks most, then the mean: an oracle "
        "bound, compared with the floor that leaks most on that image. Coalitions are those that "
        f"received most. {CAP} {INTERVALS}",
        (
            "policy",
            "n_shards",
            "coalition",
            "visible_fraction",
            "hidden_psnr_floor",
            "hidden_psnr_mean",
            "hidden_psnr_gain",
            "visible_psnr_mean",
            "full_psnr_mean",
        ),
        choose.largest_coalitions,
        dict.fromkeys(
            (
                "hidden_psnr_floor",
                "hidden_psnr_mean",
                "hidden_psnr_gain",
                "visible_psnr_mean",
                "full_psnr_mean",
            ),
            1,
        )
        | {"visible_fraction": 2},
        plain=("hidden_psnr_floor", "hidden_psnr_mean", "visible_psnr_mean", "full_psnr_mean"),
        folded=("plan", "payload"),
    ),
    Question(
        "T3",
        "recognition",
        "Recognition: faces, people, text and objects",
        "Share of what is there that the recogniser finds; of identity, that it names. Ceiling: in "
        "the original at the model's resolution. Seen: the windows as received, the rest of one "
        "colour. Below it the reconstruction in which most is recognised. 1 of 4: by one shard of "
        f"four. Photos with nothing to recognise do not count. {INTERVALS}",
        ("recogniser", "picture", "ceiling", "1 of 4", "1 of 25"),
        choose.recognised,
        dict.fromkeys(("ceiling", "1 of 4", "1 of 25"), 2),
        plain=("ceiling",),
        most=choose.RECOGNISED_ROWS,
        folded=("plan", "policy"),
    ),
    Question(
        "T4",
        "latency",
        "Latency, bytes and work left on the edge",
        "Seconds from a photo to one mask, over the fastest and the slowest link, with 95 % "
        "bootstrap intervals of the median over repeats. p95 over few repeats is close to the "
        "slowest. MB are payload, millions of bytes. GFLOP: two per "
        "multiply-accumulate, with the mask decoder.",
        ("link", "plan", "median", "p95", "mb_up", "mb_down", "edge_gflop"),
        choose.slow_and_fast_links,
    ),
    Question(
        "T5",
        "equal_utility",
        "Defences at equal utility, and their hypervolume",
        "PSNR (dB) of the strongest attack on each image in the visible windows, where a defence's "
        "strength costs that share of the undefended mIoU. Hypervolume: share of the square of "
        "kept mIoU and privacy that its strengths dominate; privacy is 0 undefended and 1 at the "
        f"floor. {INTERVALS}",
        ("plan", "n_shards", "defence", "leakage_1", "leakage_2", "leakage_5", "hypervolume"),
        choose.visible_psnr,
        {"leakage_1": 1, "leakage_2": 1, "leakage_5": 1, "hypervolume": 2},
        folded=("plan", "n_shards"),
        fullest=True,
    ),
    Question(
        "T6",
        "time",
        "Exposure over time: a scene that keeps still",
        "Windows seen: share of the windows that the coalition received in any frame. PSNR: of the "
        f"last frame, per scene the attack that leaks most, then the mean. {CAP} Brackets: 95 % "
        "bootstrap intervals, whole scenes resampled.",
        ("policy", "n_shards", "coalition", "frames", "windows_seen", "full_psnr"),
        choose.frames_of_a_still_scene,
        {"windows_seen": 2, "full_psnr": 1},
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
