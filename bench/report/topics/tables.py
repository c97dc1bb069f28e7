"""All tables of a run."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from bench.report.data import RunData
from bench.report.render.table import Table, write_table
from bench.report.topics.attackers.knowledge import threats_table
from bench.report.topics.attackers.time import time_table
from bench.report.topics.attackers.training_table import training_table
from bench.report.topics.exposure import exposure_table
from bench.report.topics.failures import failures_table
from bench.report.topics.leakage.coalition import coalition_table
from bench.report.topics.leakage.control import control_table
from bench.report.topics.leakage.inpainting_table import inpainting_table
from bench.report.topics.leakage.mixed_tokens_table import mixed_table
from bench.report.topics.leakage.overview import attacks_table, leakage_table
from bench.report.topics.leakage.recognition import recognition_table
from bench.report.topics.leakage.stages import stages_table
from bench.report.topics.leakage.suite import suite_table
from bench.report.topics.utility.equal_utility import equal_utility_table
from bench.report.topics.utility.privacy_utility import utility_table
from bench.report.topics.utility.segmentation import segmentation_table
from bench.report.topics.utility.traffic import traffic_table

BUILDERS = (
    segmentation_table,
    utility_table,
    equal_utility_table,
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
