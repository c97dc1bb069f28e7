"""Tables, figures and the report of a run, made from its records alone."""

from __future__ import annotations

from pathlib import Path

from bench.cache.store import Store
from bench.report.data import RunData
from bench.report.render.html import save_report, write_report
from bench.report.topics.figures import save_figures, write_figures
from bench.report.topics.tables import save_tables, write_tables
from bench.runner.phases import phase

__all__ = ["write_all", "write_figures", "write_report", "write_tables"]


def write_all(folder: Path, store: Store | None = None) -> list[Path]:
    """Write the tables, figures and report of a run folder; the paths of what was written.

    Args:
        store: where figures are kept that were drawn of the same records before.

    Raises:
        PedbenchError: the folder holds no records, or they are damaged.
    """
    run = RunData.read(folder, store)
    with phase("tables"):
        tables = save_tables(run)
    with phase("figures"):
        figures = save_figures(run)
    with phase("report"):
        return [*tables, *figures, save_report(run)]
