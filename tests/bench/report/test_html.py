"""Figures and the report: complete, self-contained, and there for incomplete runs too."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from bench.report.data import RunData
from bench.report.pictures.gallery import gallery
from bench.report.pictures.strips import strips
from bench.report.render.html_table import html_table
from bench.report.render.table import Column, Table
from bench.report.summary.headline import headline
from bench.report.write import write_all
from bench.runner.evaluation.pictures import HIDDEN_GREY
from bench.runner.folder.records import Record
from tests.bench.output_support import exposure, full_run, leak, segmentation, write_run

pytestmark = pytest.mark.slow

MOST_BYTES = 15e6


class _References(HTMLParser):
    """Everything that a page asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")
        ]


def _references(html: str) -> list[str]:
    parser = _References()
    parser.feed(html)
    return parser.found


def test_report_is_self_contained_and_its_pictures_decode(written: list[Path]) -> None:
    html = written[-1].read_text(encoding="utf-8")
    assert len(html) < MOST_BYTES
    html = re.sub(r"<(script|style)>\n/\*!.*?</\1>", "", html, flags=re.DOTALL)
    assert not re.search(r"https?://|url\(|@import|<link|<iframe", html)
    pictures = [reference for reference in _references(html) if not reference.startswith("#")]
    assert len(pictures) > 15
    for reference in pictures:
        head, _, content = reference.partition(";base64,")
        assert head.startswith("data:image/")
        with Pillow.open(io.BytesIO(base64.b64decode(content))) as picture:
            picture.load()
            assert min(picture.size) >= 1
    assert "prefers-color-scheme: dark" in html


def test_write_all_writes_tables_figures_and_report(written: list[Path]) -> None:
    assert all(path.is_file() for path in written)
    figures = {path.stem for path in written if path.suffix == ".pdf"}
    expected = {"privacy_utility", "noise", "coalition", "attacks", "stages", "traffic"}
    assert figures == expected | {
        "collusion",
        "inpainting",
        "relative_utility",
        "strip_one",
        "strongest",
    }


def test_headline_states_gain_and_cost(full: RunData) -> None:
    sentences = headline(full)
    text = " ".join(sentences)
    assert "One shard of 4, random assignment, receives 25\u202f% of the picture." in text
    assert "best of 3 attacks" in text
    assert "a gain of 3.0 dB [3.0, 3.0]" in text
    assert "Noise of strength 0.5 costs 0.010 mIoU [0.010, 0.010]" in text


def test_strip_holds_what_was_kept(full: RunData) -> None:
    [strip] = strips(full)
    assert [tile.kind for tile in strip.tiles[:4]] == ["truth", "owners", "seen", "mask"]
    assert strip.visible_fraction == 0.25
    assert [tile.name for tile in strip.tiles if tile.leaks_most] == ["conv_decoder"]
    scored = {tile.name: tile.scores for tile in strip.tiles if tile.scores}
    assert scored["mean_colour"]["psnr"] == 11.0
    assert [tile.name for tile in strip.defended] == [
        "ridge, noise 0.5",
        "predicted masks, noise 0.5",
    ]
    assert strip.defended[0].scores["psnr"] == 30.0


def test_damaged_and_missing_pictures_are_left_out(tmp_path: Path) -> None:
    run = full_run(tmp_path)
    place = tmp_path / "images" / "one" / "interleaved-float32-random-4-c1"
    (place / "telea.png").write_bytes(b"no picture")
    (place / "ridge.png").unlink()
    (tmp_path / "images" / "one" / "owners_interleaved-float32-random-4.json").write_text("{")
    names = {tile.name for strip in strips(run) for tile in strip.tiles}
    assert not {"telea", "ridge", "which shard has what"} & names
    (tmp_path / "images" / "one" / "truth.png").unlink()
    assert list(strips(run)) == []


def test_what_was_seen_is_made_from_pictures_kept_compactly(tmp_path: Path) -> None:
    run = full_run(tmp_path)
    place = tmp_path / "images" / "one" / "interleaved-float32-random-4-c1"
    (place / "seen.png").unlink()
    [strip] = strips(run)
    assert "seen" not in {tile.kind for tile in strip.tiles}
    visible = np.zeros((24, 32), dtype=bool)
    visible[:12] = True
    Pillow.fromarray(visible).save(place / "visible.png")
    [strip] = strips(run)
    truth, seen = (next(t for t in strip.tiles if t.kind == kind) for kind in ("truth", "seen"))
    assert np.array_equal(seen.picture[visible], truth.picture[visible])
    assert (seen.picture[~visible] == HIDDEN_GREY).all()
    [photo] = gallery(run).photos
    assert np.array_equal(photo.coalitions[0].seen, seen.picture)


PARTS: dict[str, list[Record]] = {
    "segmentation": segmentation("a", {"miou_box": 0.5, "miou_fill": 0.4, "instances": 2}),
    "leakage": leak("a", "ridge", "psnr", 10) + leak("a", "mean_colour", "psnr", 9),
    "exposure": exposure("a", 0.3),
    "floors": leak("a", "mean_colour", "psnr", 9),
    "failure": [{"image_id": "a", "metric": "load", "status": "failed", "error": "a <b> is bad"}],
    "nothing": [],
}


@pytest.mark.parametrize("part", PARTS)
def test_an_incomplete_run_still_gets_everything(tmp_path: Path, part: str) -> None:
    write_run(tmp_path, PARTS[part])
    html = write_all(tmp_path)[-1].read_text(encoding="utf-8")
    assert "This run kept no pictures" in html
    assert "<b> is bad" not in html
    assert "the mean ()" not in html


def test_a_row_that_failed_says_so_in_words() -> None:
    rows = pd.DataFrame([{"attack": "ridge", "failed": 2}, {"attack": "telea", "failed": 0}])
    columns = (Column("attack", "Attack"), Column("failed", "Failed", 0))
    html = html_table(Table("attacks", "Attacks", "", rows, columns, "a run"), True)
    assert re.findall(r"(ridge|telea)( <strong>failed</strong>)?</td>", html) == [
        ("ridge", " <strong>failed</strong>"),
        ("telea", ""),
    ]
