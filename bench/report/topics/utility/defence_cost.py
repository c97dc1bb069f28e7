"""What each defence costs in traffic and in work of the edge."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bench.latency.report.arithmetic import payload_bytes, work
from bench.report.base import TABLES, ReportTable
from bench.report.data import RunData
from bench.report.render.table import Column, Table
from bench.report.topics.columns import sentences, setting_columns, source
from bench.report.topics.utility.traffic import traffic_summary
from bench.report.words import defence_label
from framework.models.architectures import Architecture
from framework.models.named import models
from framework.split.defences import make_defence

LESS: Final = "lower is better for the user"
GIGA: Final = 2e-9
"""GFLOP of one multiply-accumulate."""
SECONDS: Final = Path(__file__).with_name("defence_seconds.csv")
"""What `studies.defences.defence_seconds` measured, milliseconds, for one model."""
MEASURED_MODEL: Final = "tiny"
KEYS = ["plan", "payload", "policy", "n_shards", "defence"]


@TABLES.register("defence_cost")
class DefenceCostTable(ReportTable):
    """Bytes, rounds, edge FLOPs and processor time of each defence at its largest strength.

    Policies that keep windows at home cost the edge their share of the servers' work.
    """

    title = "What defences and partitionings cost"
    empty = "This run counted no bytes of a defence or of a second policy."
    place = 17

    def applies(self, run: RunData) -> bool:
        if "bytes_up" not in run.segmentation:
            return False
        defended = run.segmentation["defence"] != "none"
        return bool(defended.any()) or run.segmentation["policy"].nunique() > 1

    def build(self, run: RunData) -> Table:
        frame = _costs(run)
        return self.table(
            frame,
            (
                *setting_columns(frame, KEYS[:-1]),
                Column("what", "Defence"),
                Column("strength", "Strength", 3),
                Column("rounds", "Rounds", 0, LESS),
                Column("megabytes_up", "Up (MB)", 3, LESS),
                Column("megabytes_down", "Down (MB)", 3, LESS),
                Column("edge_gflop", "Edge GFLOP", 2, LESS),
                Column("added_gflop", "of them, the defence", 3, LESS),
                Column("home_gflop", "of them, windows kept at home", 3, LESS),
                Column("milliseconds", "CPU of the defence (ms)", 1, LESS),
                Column("images", "Images", 0),
            ),
            source=source(run),
            note=sentences(
                "At the largest strength that was run. MB are 10^6 bytes of payload. GFLOP count "
                "two for each multiply-accumulate of a matrix product, mask decoder included; "
                "noise, rounding, dropping and blurring have none. Windows kept at home: the share "
                "of the answers that no server gave, times the servers' work; beside decoys it "
                "is not counted. The encoding of decoys comes on top.",
                f"CPU: of one picture of {MEASURED_MODEL} in one thread, measured once by "
                "studies.defences.defence_seconds, not in this run.",
            ),
        )


def _architecture(run: RunData) -> Architecture:
    """Of the run's own model, where an adapted one was run beside it."""
    names = run.records.sort_values("adapted")["model"].dropna()
    return models()[str(names.iloc[0])][0]


def _costs(run: RunData) -> pd.DataFrame:
    """One row per plan, payload, policy, number of shards and defence."""
    sent = traffic_summary(run, together=False).sort_values("strength")
    rows = sent.groupby(KEYS, dropna=False).tail(1).sort_values(KEYS, ignore_index=True)
    arch = _architecture(run)
    tokens = arch.grid_size**2
    taken = pd.read_csv(SECONDS, index_col="defence")
    added, home, edge, milliseconds = [], [], [], []
    for _, row in rows.iterrows():
        defence = make_defence(row["defence"], float(row["strength"]) or None)
        parts = work(arch, row["plan"])
        _, all_down, rounds = payload_bytes(arch, row["plan"], row["payload"])
        kept = max(0.0, 1 - row["bytes_down"] / all_down) if rounds else 0.0
        added.append(GIGA * defence.macs(tokens, arch.width, rounds))
        home.append(GIGA * kept * parts.servers)
        edge.append(GIGA * parts.edge + added[-1] + home[-1])
        known = arch.name == MEASURED_MODEL and row["defence"] in taken.index and rounds
        milliseconds.append(_milliseconds(taken.loc[row["defence"]], rounds) if known else None)
    names = [defence_label(name) for name in rows["defence"]]
    return rows.assign(
        what=names,
        edge_gflop=edge,
        added_gflop=added,
        home_gflop=home,
        milliseconds=np.array(milliseconds, float),
    )


def _milliseconds(taken: pd.Series, rounds: int) -> float:
    """Processor time of a picture, from that of its first and of each later round."""
    return float(taken["first_round_ms"] + (rounds - 1) * taken["later_round_ms"])
