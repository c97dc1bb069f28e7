"""All figures of a run."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from bench.report.figures.attacks import ATTACKS_PLOT
from bench.report.figures.coalition import COALITION
from bench.report.figures.collusion import COLLUSION
from bench.report.figures.drawing import Drawing, draw
from bench.report.figures.inpainting import INPAINTING
from bench.report.figures.mixed import MIXED
from bench.report.figures.noise import NOISE_PLOT
from bench.report.figures.photos import PHOTOS
from bench.report.figures.recognition import RECOGNITION
from bench.report.figures.stages import STAGES
from bench.report.figures.strips import strip_plots
from bench.report.figures.time import TIME
from bench.report.figures.traffic import TRAFFIC
from bench.report.figures.training import TRAINING
from bench.report.figures.utility import UTILITY
from bench.report.rundata import RunData

PLOTS = (
    UTILITY,
    NOISE_PLOT,
    COALITION,
    COLLUSION,
    ATTACKS_PLOT,
    STAGES,
    PHOTOS,
    MIXED,
    INPAINTING,
    RECOGNITION,
    TIME,
    TRAFFIC,
    TRAINING,
)

__all__ = ["PLOTS", "draw", "drawings", "save_figures", "write_figures"]


def write_figures(folder: Path) -> list[Path]:
    """Write ``figures/*.{png,pdf}`` of a run folder; the paths of what was written.

    Figures for which the run has no records are left out; the report says which.
    """
    return save_figures(RunData.read(folder))


def save_figures(run: RunData) -> list[Path]:
    """`write_figures` of a run already read."""
    drawn = [*drawings(run), *(Drawing(plot, run) for plot in strip_plots(run))]
    return [path for drawing in drawn for path in drawing.save(run.folder / "figures")]


@lru_cache(maxsize=1)
def drawings(run: RunData) -> tuple[Drawing, ...]:
    """Every plot of a run but the strips of photos, for files and report alike."""
    return tuple(Drawing(plot, run) for plot in PLOTS)
