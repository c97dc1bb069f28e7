"""All figures of a run."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from bench.report.data import RunData
from bench.report.pictures.figure import strip_plots
from bench.report.render.drawing import Drawing, draw
from bench.report.topics.attackers.knowledge_figure import PHOTOS
from bench.report.topics.attackers.time_figure import TIME
from bench.report.topics.attackers.training_figure import TRAINING
from bench.report.topics.leakage.attacks import ATTACKS_PLOT
from bench.report.topics.leakage.coalition_figure import COALITION
from bench.report.topics.leakage.collusion import COLLUSION
from bench.report.topics.leakage.inpainting_figure import INPAINTING
from bench.report.topics.leakage.mixed_tokens_figure import MIXED
from bench.report.topics.leakage.recognition_figure import RECOGNITION
from bench.report.topics.leakage.stages_figure import STAGES
from bench.report.topics.utility.defence_strength import NOISE_PLOT
from bench.report.topics.utility.privacy_utility_figure import UTILITY
from bench.report.topics.utility.traffic_figure import TRAFFIC

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
