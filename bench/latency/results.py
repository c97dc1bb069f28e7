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
    def measured_on(self) -> str:
        """One sentence: model, photos, machine, threads."""
        config, found = self.config, self.environment
        weights = ", random weights" if config.checkpoint == "random" else ""
        return (
            f"Measured with {config.model}{weights}: one photo {config.repeats} times over each "
            f"link, on {found['machine']['processor']}; threads: edge {found['threads']}, each of "
            f"{config.shards} shards {found['threads_per_shard']}, centralized server "
            f"{found['threads']}."
        )

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a reader must know before trusting a figure."""
        return (
            "All servers run on one machine with the edge, so none is faster than the edge.",
            f"{self.environment['connection']}.",
        )

    @property
    def source(self) -> str:
        """What was measured on, and what to beware of."""
        return " ".join([self.measured_on, *self.caveats])


def is_latency_folder(folder: Path) -> bool:
    """Whether a run folder holds latencies instead of records."""
    return (folder / ROWS).exists()
