"""All figures of a run."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from bench.output.figures.attacks import ATTACKS_PLOT
from bench.output.figures.coalition import COALITION
from bench.output.figures.noise import NOISE_PLOT
from bench.output.figures.photos import PHOTOS
from bench.output.figures.plot import Plot
from bench.output.figures.recognition import RECOGNITION
from bench.output.figures.stages import STAGES
from bench.output.figures.strips import strip_plots
from bench.output.figures.style import LIGHT, Theme, styled
from bench.output.figures.time import TIME
from bench.output.figures.traffic import TRAFFIC
from bench.output.figures.utility import UTILITY
from bench.output.rundata import RunData

PLOTS = (
    UTILITY,
    NOISE_PLOT,
    COALITION,
    ATTACKS_PLOT,
    STAGES,
    PHOTOS,
    RECOGNITION,
    TIME,
    TRAFFIC,
)
DPI = 200


def write_figures(folder: Path) -> list[Path]:
    """Write ``figures/*.{png,pdf}`` of a run folder; the paths of what was written.

    Figures for which the run has no records are left out; the report says which.
    """
    return save_figures(RunData.read(folder))


def save_figures(run: RunData) -> list[Path]:
    """`write_figures` of a run already read."""
    paths = []
    for plot in (*PLOTS, *strip_plots(run)):
        with styled(LIGHT):
            figure = draw(plot, run, LIGHT)
            if figure is not None:
                paths += _save(figure, plot, run.folder / "figures")
    return paths


def draw(plot: Plot, run: RunData, theme: Theme) -> Figure | None:
    """Draw a plot within `styled`; the figure says so where the model's weights are random."""
    figure = plot.draw(run, theme)
    if figure is not None and run.random_weights:
        figure.suptitle(f"{figure.get_suptitle()} · random weights", x=0.008, ha="left")
    return figure


def _save(figure: Figure, plot: Plot, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{plot.name}.{suffix}" for suffix in ("png", "pdf")]
    for path in paths:
        figure.savefig(path, dpi=DPI)
        figure.set_layout_engine("none")
    return paths
