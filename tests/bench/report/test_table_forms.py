"""CSV, Markdown and LaTeX forms of tables."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from bench.report.render.table import (
    LONG_TABLE,
    WIDE_TABLE,
    Column,
    Table,
    escape_latex,
    escape_markdown,
    number,
)
from framework.errors import PedbenchError
from tests.bench.output_support import leak, segmentation, write_run

NASTY = r"50 % of a_b & c | d {x} $y #1 ~ ^ \ <i>"


def _table(frame: pd.DataFrame) -> Table:
    columns = (
        Column("name", "Name | of_it"),
        Column("score", "Score", 2, "higher is worse for privacy", interval=True),
    )
    return Table("t", "A title & more", "Note.", frame, columns, "Measured on x.", "Nothing here.")


def _frame(rows: int = 1) -> pd.DataFrame:
    row = {"name": NASTY, "score": -0.001, "score_low": -1.25, "score_high": 1234.5}
    return pd.DataFrame([row] * rows)


def test_markdown_keeps_cells_apart() -> None:
    text = _table(_frame()).to_markdown()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 3
    assert {line.replace("\\\\", "").replace("\\|", "").count("|") for line in lines} == {3}
    assert "Higher is worse for privacy: Score." in text
    assert "&lt;i>" in text


def test_latex_is_escaped_and_balanced() -> None:
    text = _table(_frame()).to_latex()
    assert r"50 \% of a\_b \& c | d \{x\} \$y \#1" in text
    assert r"\textbackslash{} \textless{}i\textgreater{}" in text
    assert r"A title \& more" in text
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    assert body.replace(r"\&", "").count("&") == 1
    assert text.count("{") == text.count("}")
    assert "longtable" not in text
    assert "longtable" in _table(_frame(LONG_TABLE + 1)).to_latex()


def test_a_table_wider_than_a_page_has_intervals_below_their_numbers() -> None:
    frame = _frame(LONG_TABLE + 1)
    assert "[r]" not in _table(frame).to_latex()
    text = _table(frame.assign(name="x" * WIDE_TABLE)).to_latex()
    stack = r"\begin{tabular}[t]{@{}r@{}}0.00\\{}[$-$1.25, 1\,234.50]\end{tabular}"
    assert rf"& {stack} \\ \addlinespace" in text
    assert r"\begin{longtable}{@{}>{\raggedright\arraybackslash}p{38mm}r@{}}" in text


def test_csv_reads_back_with_the_bounds_of_intervals() -> None:
    back = pd.read_csv(io.StringIO(_table(_frame()).to_csv()))
    assert list(back.columns) == ["name", "score", "score_low", "score_high"]
    assert back.iloc[0].tolist() == [NASTY, -0.001, -1.25, 1234.5]


def test_intervals_and_missing_values_as_text() -> None:
    rows = _table(pd.concat([_frame(), pd.DataFrame([{"name": "b"}])])).rows
    assert rows[0][1] == "0.00 [−1.25, 1\u202f234.50]"
    assert rows[1] == ["b", "–"]


def test_an_empty_table_says_why() -> None:
    table = _table(pd.DataFrame())
    assert "Nothing here." in table.to_markdown()
    assert "Nothing here." in table.to_latex()
    assert table.to_csv().strip() == "name,score,score_low,score_high"


def test_numbers_have_a_true_minus_and_no_negative_zero() -> None:
    assert number(-0.0004, 3) == "0.000"
    assert number(-1.5, 1) == "−1.5"


def test_escapes_leave_plain_text_alone() -> None:
    assert escape_markdown("plain text 1.5") == escape_latex("plain text 1.5") == "plain text 1.5"


@pytest.mark.slow
def test_every_table_is_written_in_three_forms(written: list[Path]) -> None:
    paths = [path for path in written if path.parent.name == "tables"]
    assert {path.suffix for path in paths} == {".csv", ".md", ".tex"}
    assert len(paths) == 3 * len({path.stem for path in paths})
    for path in paths:
        assert path.stat().st_size > 0
    [leakage] = [path.read_text() for path in paths if path.name == "leakage.md"]
    assert "2 images with 5 masks" in leakage
    assert "lower is worse for privacy: LPIPS" in leakage


def test_a_column_that_the_frame_lacks_is_named() -> None:
    with pytest.raises(PedbenchError, match="table 't' lacks score_high, score_low"):
        _table(_frame().drop(columns=["score_low", "score_high"]))


def test_tables_of_embedded_photos_call_themselves_an_illustration(tmp_path: Path) -> None:
    run = write_run(tmp_path, segmentation("a", {"miou_box": 0.5, "instances": 2}))
    run.records["dataset"] = "embedded"
    run.records["weights"] = "random:random-seed0"
    assert any("an illustration, not statistics" in caveat for caveat in run.caveats)
    assert any("random weights" in caveat for caveat in run.caveats)


def test_a_run_without_lpips_says_where_to_get_it(tmp_path: Path) -> None:
    run = write_run(tmp_path, leak("a", "ridge", "psnr", 10))
    [caveat] = [text for text in run.caveats if "LPIPS" in text]
    assert "pedbench weights lpips" in caveat
    assert "recogni" not in caveat
