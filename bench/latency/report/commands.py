"""The command that measures a row of a latency table again."""

from __future__ import annotations

import shlex

from bench.latency.network.links import DIRECT
from bench.latency.results import LatencyRun
from bench.report.render.table import Row


class Commands:
    """Commands of the rows of one latency run.

    Attributes:
        start, end: what all commands have before and after the settings of their row.
    """

    def __init__(self, run: LatencyRun) -> None:
        self.start = f"pedbench run --preset {shlex.quote(str(run.folder / 'config.yaml'))}"
        self.end = "--out results/again"

    def only(self, row: Row) -> str:
        """Link and plan of a row; arithmetic needs what was measured without a link."""
        settings = {"link": row.get("link", DIRECT.name), "plan": row["plan"]}
        return " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
