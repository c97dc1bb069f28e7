"""The paper of a run: short tables that answer its questions, in a document that compiles."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.latency.results import LatencyRun
from bench.recognition import RECOGNISERS
from bench.report.data import RunData
from bench.report.paper.document import write_paper
from bench.report.paper.rows import MOST_ROWS, RECOGNISED_ROWS
from bench.report.paper.sources import Source
from bench.report.render.drawing import Drawing
from bench.runner.forecast.forecast import trained_from_nothing
from bench.spec.cells import AttackCell, Pipeline, SegmentationCell
from bench.spec.config import load_preset

pytestmark = pytest.mark.slow

REFERENCE = Path(__file__).parents[3] / "results" / "reference"


@pytest.fixture(scope="module")
def paper(
    full: RunData, full_drawings: dict[str, Drawing], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder with the paper of a complete run, and of runs of what it did not measure."""
    out = tmp_path_factory.mktemp("paper")
    people, frames = (
        RunData.read(REFERENCE / name) for name in ("attacks-people_dev", "time-bsds500_val")
    )
    found = {metric for _, part in RECOGNISERS.items() for metric in part.metrics}
    people = replace(people, records=people.records[people.records["metric"].isin(found)])
    latency = LatencyRun.read(REFERENCE / "latency-tiny")
    write_paper([Source.of(run) for run in (full, latency, people, frames)], out)
    return out


def test_each_question_is_answered_in_a_few_rows(paper: Path) -> None:
    sizes = {path.stem: pd.read_csv(path).shape for path in paper.glob("T*.csv")}
    assert set(sizes) == {"T1", "T2", "T2b", "T3", "T4", "T5", "T6"}
    assert 0 < sizes.pop("T3")[0] <= RECOGNISED_ROWS
    assert all(0 < rows <= MOST_ROWS for rows, _ in sizes.values())
    text = paper.joinpath("paper.tex").read_text(encoding="utf-8")
    assert "Not measured by these runs" not in text


def test_what_no_run_measured_is_said(full: RunData, tmp_path: Path) -> None:
    write_paper([replace(Source.of(full), tables={})], tmp_path)
    text = (tmp_path / "paper.tex").read_text(encoding="utf-8")
    assert "Not measured by these runs: T1 (segmentation); T2 (attacks);" in text


def test_every_table_and_figure_says_what_it_was_made_with(paper: Path) -> None:
    text = paper.joinpath("paper.tex").read_text(encoding="utf-8")
    figures = sorted(path.stem for path in paper.glob("F*.pdf"))
    assert figures == ["F1", "F2", "F3", "F4", "F5", "F6"]
    assert text.count("Command: pedbench run -{}-preset") == len(figures)
    for table in paper.glob("T*.tex"):
        legend = table.read_text(encoding="utf-8")
        assert "Command: pedbench run -{}-preset" in legend
        assert r"\toprule" in legend


def test_what_stock_vit_b_takes_is_counted_from_the_preset() -> None:
    said = (REFERENCE.parents[1] / "docs" / "paper.md").read_text(encoding="utf-8")
    cells = list(load_preset("paper").cells())
    pipelines = len({cell.pipeline for cell in cells})
    masks = sum(isinstance(cell, SegmentationCell) for cell in cells)
    for words in (
        f"The preset has {pipelines} pipelines. Each photo is encoded {pipelines + 2} times",
        f"{len(cells):,} a photo, {masks} of them segmentations",
        f"About {len(cells) - masks:,} ×",
        f"{len(trained_from_nothing(cells))} attackers",
    ):
        assert words in said


@pytest.mark.parametrize("preset", ["paper", "privacy_utility"])
def test_every_setting_of_a_curve_meets_the_same_decoder(preset: str) -> None:
    cells = list(load_preset(preset).cells())
    scored = {cell.pipeline for cell in cells if isinstance(cell, SegmentationCell)}
    curves: dict[tuple[Any, ...], dict[Pipeline, set[str]]] = defaultdict(lambda: defaultdict(set))
    for cell in cells:
        if isinstance(cell, AttackCell) and cell.pipeline in scored and cell.threat.stage is None:
            pipeline, threat = cell.pipeline, cell.threat
            curve = (pipeline.plan, pipeline.policy, pipeline.n_shards, pipeline.adapted)
            curves[(*curve, threat.coalition, threat.choice)][pipeline].add(cell.attack)
    drawn = [attacks for attacks in curves.values() if len(attacks) > 1]
    assert drawn
    for attacks in drawn:
        common = set.intersection(*attacks.values())
        assert common & {"conv_decoder", "conv_decoder_brief"}


@pytest.mark.tex
def test_the_paper_compiles(paper: Path) -> None:
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(
        command, cwd=paper, capture_output=True, text=True, errors="replace", timeout=120
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "in alignment" not in done.stdout, "a table is wider than its page"
    assert paper.joinpath("paper.pdf").stat().st_size > 20_000
