"""A folder of a latency run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bench.latency.config import LatencyConfig, read_latency
from bench.latency.report.summary import crossover, edge_speed, summarise
from framework.errors import PedbenchError

ROWS = "latency.csv"


@dataclass(frozen=True, eq=False)
class LatencyRun:
    """What was measured, and how.

    Attributes:
        rows: one per link, plan and repeat: ``link``, ``plan``, ``repeat``, ``how``, ``seconds``,
            ``away_seconds`` (in round trips), ``bytes_up``, ``bytes_down``, ``rounds``,
            ``peak_bytes`` (of the edge's process), ``bare_bytes`` (before it held a model).
        environment: the content of ``environment.json``.
    """

    folder: Path
    config: LatencyConfig
    rows: pd.DataFrame
    environment: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> LatencyRun:
        """Read ``folder``.

        Raises:
            PedbenchError: it holds no finished latency run.
        """
        try:
            rows = pd.read_csv(folder / ROWS)
            environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise PedbenchError(
                f"{folder} holds no latency run: make one with 'pedbench run --preset latency'"
            ) from error
        return cls(folder, read_latency(folder / "config.yaml"), rows, environment)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One line per link and plan, as `summarise` gives them."""
        return summarise(self.rows, self.config)

    @cached_property
    def crossover(self) -> pd.DataFrame:
        """As `bench.latency.report.summary.crossover` gives it."""
        return crossover(self.speed, self.config)

    @cached_property
    def speed(self) -> float:
        """GMAC a second of the edge."""
        return edge_speed(self.rows, self.config)

    @property
    def source(self) -> str:
        """What was measured on, and what to beware of."""
        config, processor = self.config, self.environment["machine"]["processor"]
        weights = ", random weights" if config.checkpoint == "random" else ""
        threads, each = self.environment["threads"], self.environment["threads_per_shard"]
        return (
            f"{config.model}{weights}, {processor}; threads: edge {threads}, "
            f"each of {config.shards} shards {each}, centralized server {threads}, all on one "
            "machine, so servers are no faster than the edge and what faster ones would gain is in "
            f"the last columns; repeats: {config.repeats}. {self.environment['connection']}."
        )


def is_latency_folder(folder: Path) -> bool:
    """Whether a run folder holds latencies instead of records."""
    return (folder / ROWS).exists()
