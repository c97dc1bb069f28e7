"""What the paper is made of: tables and figures of runs and of latency runs, alike."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from bench.latency.report.figures import CAPTIONS, draw
from bench.latency.report.tables import build_tables
from bench.latency.results import LatencyRun, is_latency_folder
from bench.report.contents import drawings_of, tables_of
from bench.report.data import RunData
from bench.report.render.drawing import pdf_of
from bench.report.render.style import LIGHT, lay_out, styled
from bench.report.render.table import Table


@dataclass(frozen=True)
class Source:
    """A run folder as the paper sees it.

    Attributes:
        folder: of the run.
        tables: by name; those without rows too.
        measured: a sentence on model, data and images.
        caveats: what a reader must know before trusting a figure of the run.
    """

    folder: Path
    tables: dict[str, Table]
    measured: str
    caveats: tuple[str, ...]
    run: RunData | LatencyRun

    @classmethod
    def read(cls, folder: Path) -> Source:
        """Read a run folder of either kind.

        Raises:
            PedbenchError: it is none, or a file is damaged.
        """
        return cls.of(
            LatencyRun.read(folder) if is_latency_folder(folder) else RunData.read(folder)
        )

    @classmethod
    def of(cls, run: RunData | LatencyRun) -> Source:
        """A run already read."""
        if isinstance(run, LatencyRun):
            found = {table.name: table for table in build_tables(run)}
            return cls(run.folder, found, run.measured_on, run.caveats, run)
        found = {table.name: table for table in tables_of(run) if not table.problem}
        return cls(run.folder, found, run.measured_on, tuple(run.caveats), run)

    @property
    def command(self) -> str:
        """Makes the run again."""
        config = shlex.quote(str(self.folder / "config.yaml"))
        return f"pedbench run --preset {config} --out results/again"

    def figure(self, name: str) -> tuple[bytes, str] | None:
        """A figure as PDF with its caption; ``None`` where the run has none of that name."""
        if isinstance(self.run, LatencyRun):
            if name not in CAPTIONS:
                return None
            with styled(LIGHT):
                figure = draw(self.run, name, LIGHT)
                lay_out(figure)
            return pdf_of(figure), CAPTIONS[name]
        for drawing in drawings_of(self.run):
            if drawing.plot.name == name and drawing.pdf is not None:
                return drawing.pdf, drawing.caption
        return None
