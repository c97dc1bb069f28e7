"""All tables of a run."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from bench.report.rundata import RunData
from bench.report.table import Table, write_table
from bench.report.tables.coalition import coalition_table
from bench.report.tables.control import control_table
from bench.report.tables.exposure import exposure_table
from bench.report.tables.failures import failures_table
from bench.report.tables.inpainting import inpainting_table
from bench.report.tables.leakage import attacks_table, leakage_table
from bench.report.tables.mixed import mixed_table
from bench.report.tables.recognition import recognition_table
from bench.report.tables.segmentation import segmentation_table
from bench.report.tables.stages import stages_table
from bench.report.tables.suite import suite_table
from bench.report.tables.threats import threats_table
from bench.report.tables.time import time_table
from bench.report.tables.traffic import traffic_table
from bench.report.tables.training import training_table
from bench.report.tables.utility import utility_table

BUILDERS = (
    segmentation_table,
    utility_table,
    leakage_table,
    suite_table,
    attacks_table,
    exposure_table,
    coalition_table,
    stages_table,
    mixed_table,
    inpainting_table,
    threats_table,
    recognition_table,
    time_table,
    control_table,
    traffic_table,
    training_table,
    failures_table,
)


@lru_cache(maxsize=1)
def build_tables(run: RunData) -> list[Table]:
    """Every table, in reading order; those without rows say why."""
    return [build(run) for build in BUILDERS]


def write_tables(folder: Path) -> list[Path]:
    """Write ``tables/*.{csv,md,tex}`` of a run folder; the paths of what was written."""
    return save_tables(RunData.read(folder))


def save_tables(run: RunData) -> list[Path]:
    """`write_tables` of a run already read."""
    folder = run.folder / "tables"
    return [path for table in build_tables(run) for path in write_table(table, folder)]
