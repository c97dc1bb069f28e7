"""A latency run that was never measured."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bench.latency.config import LatencyConfig
from bench.latency.network.links import Link
from bench.latency.report.summary import modelled

WAN = Link("wan", 20, 100)
CONFIG = LatencyConfig("latency", checkpoint="random", plans=("local", "prefix"), links=(WAN,))
FACTS = (
    '{"machine": {"processor": "none"}, "threads": 2, "threads_per_shard": 1, '
    '"connection": "gRPC", "benchmark_version": "0"}'
)


def measured() -> pd.DataFrame:
    """Alone 2 s; with 1 MB and a round trip 1.5 s, of them 0.5 s away."""
    common = {"link": "none", "how": "no link", "peak_bytes": 1e8, "bare_bytes": 4e7}
    alone = common | {"plan": "local", "seconds": 2.0, "away_seconds": 0.0, "rounds": 0}
    prefix = common | {"plan": "prefix", "seconds": 1.5, "away_seconds": 0.5, "rounds": 1}
    traffic = {"local": 0, "prefix": 500_000}
    return pd.DataFrame(
        {**row, "repeat": i, "bytes_up": traffic[row["plan"]], "bytes_down": traffic[row["plan"]]}
        for i in range(3)
        for row in (alone, prefix)
    )


def latency_folder(folder: Path) -> Path:
    """The run's folder, over one link by the link model."""
    (folder / "config.yaml").write_text(CONFIG.to_yaml())
    (folder / "environment.json").write_text(FACTS)
    modelled(measured(), CONFIG.links).to_csv(folder / "latency.csv", index=False)
    return folder
