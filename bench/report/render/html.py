"""`report.html`: everything a run found, in one file that opens offline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pandas as pd
import yaml
from markupsafe import Markup

from bench.report.aggregate.families import family
from bench.report.base import FIGURES, TABLES, Undecided, origin_of
from bench.report.contents import drawings_of, tables_of
from bench.report.data import RunData
from bench.report.interactive.commands import Commands
from bench.report.interactive.curve import colours, curve_chart
from bench.report.interactive.libraries import CHART, scripts, styles
from bench.report.interactive.libraries import TABLES as TABLE_LIBRARIES
from bench.report.kept import kept
from bench.report.pictures.gallery import Gallery, gallery
from bench.report.pictures.strips import strips
from bench.report.pictures.tiles import Tile
from bench.report.render.drawing import Drawing
from bench.report.render.page import figure_uri, page_template, photo_uri
from bench.report.render.style import DARK, LIGHT, Theme
from bench.report.render.table import Column, Row, Table, rows_of
from bench.report.summary.headline import headline, title_of
from bench.report.summary.key_figures import key_figures
from bench.report.words import readable, score_words
from bench.runner.folder.records import FAILED

MOST_STRIPS = 12
MOST_ROWS = 2000
LONG_CELL = 60
WAYS = {
    "higher is better for the user": "↑ better",
    "lower is better for the user": "↓ better",
    "higher is worse for privacy": "↑ leaks more",
    "lower is worse for privacy": "↓ leaks more",
}


def render(run: RunData) -> str:
    """The report as HTML."""
    parts = kept(run, "page", lambda: _findings(run))
    libraries = (*TABLE_LIBRARIES, *(CHART if parts["chart"] else ()))
    return page_template("report.html.j2").render(
        run=run,
        dataset=run.fact("dataset"),
        title=parts["title"],
        made=_made(run),
        findings=Markup(parts["findings"]),
        failures=Markup(parts["failures"]),
        commands=Commands(run),
        table_styles=styles(TABLE_LIBRARIES),
        scripts=scripts(libraries),
        colours={theme.name: _colours(theme) for theme in (LIGHT, DARK)},
        facts=list(_flat(_facts(run))),
        config=yaml.safe_dump(run.config, sort_keys=False) if run.config else "",
    )


def _findings(run: RunData) -> tuple[dict[str, Any], bool]:
    """All of the page that its records decide, and whether they would again."""
    tables = {table.name: table for table in tables_of(run)}
    failures = tables.pop("failures")
    try:
        found, no_strips = list(islice(strips(run), MOST_STRIPS + 1)), ""
        shown = gallery(run)
    except Undecided as error:
        found, no_strips, shown = [], f"No pictures are shown: {error}.", None
    chart = _chart(run)
    drawings, commands = drawings_of(run), Commands(run)
    unusable = {"curves": FIGURES.problems(), "tables": TABLES.problems()}
    photographed = run.records.loc[run.records["image_file"].notna(), "image_id"].nunique()
    html = page_template("findings.html.j2").render(
        run=run,
        headline=headline(run),
        key_figures=key_figures(run),
        strips=found[:MOST_STRIPS],
        no_strips=no_strips,
        gallery=shown,
        gallery_pictures=_gallery_pictures(shown) if shown else "",
        chart=chart,
        commands=commands,
        tile_class=_tile_class,
        more_strips=max(0, photographed - MOST_STRIPS) if found else 0,
        plots=[_drawn(drawing) for drawing in drawings],
        tables=tables.values(),
        unusable=unusable,
        readable=readable,
        picture=photo_uri,
        tile_scores=lambda tile: score_words(tile.scores),
        show=html_table,
    )
    failed = any(table.problem for table in tables.values()) or any(d.failed for d in drawings)
    parts = {
        "title": title_of(run),
        "findings": html,
        "failures": html_table(failures, True, commands),
        "chart": chart is not None,
    }
    return parts, not (failed or any(unusable.values()))


def _chart(run: RunData) -> Markup | None:
    try:
        chart = curve_chart(run)
    except Undecided:
        return None
    return None if chart is None else _json({"spec": chart, "colours": colours()})


def _gallery_pictures(found: Gallery) -> Markup:
    """Photos with their coalitions by size, pictures as data URIs and scores in words."""
    photos = [
        {
            "name": photo.image_id,
            "truth": photo_uri(photo.truth),
            "coalitions": {
                each.size: {
                    "seen": None if each.seen is None else photo_uri(each.seen),
                    "attacks": {
                        name: {
                            "picture": photo_uri(picture),
                            "scores": score_words(scores) or "nothing is hidden",
                        }
                        for name, (picture, scores) in each.attacks.items()
                    },
                }
                for each in photo.coalitions
            },
        }
        for photo in found.photos
    ]
    return _json({"of": found.of, "sizes": found.sizes, "photos": photos})


def _json(content: Any) -> Markup:
    """JSON that may stand in a script element."""
    return Markup(json.dumps(content, allow_nan=False).replace("<", "\\u003c"))


@dataclass(frozen=True)
class _Drawn:
    """A figure as data URIs in both themes, or the sentence in its place."""

    light: str | None
    dark: str | None
    narrow: bool
    caption: str
    origin: str
    empty: str


def _drawn(drawing: Drawing) -> _Drawn:
    light, dark = (
        None if png is None else figure_uri(png)
        for png in (drawing.light_on_page, drawing.dark_on_page)
    )
    empty = drawing.empty if light is None else ""
    plot = drawing.plot
    return _Drawn(light, dark, drawing.narrow, plot.caption, origin_of(plot), empty)


def _tile_class(tile: Tile) -> str:
    """The kind of a tile; of a reconstruction its family, as `_colours` names it."""
    return _class_name(family(tile.attack, tile.kind)) if tile.attack else tile.kind


def _colours(theme: Theme) -> dict[str, str]:
    """The colour of each family of attacks, by its class in the page."""
    return {_class_name(name): colour for name, colour in theme.kinds.items()}


def _class_name(words: str) -> str:
    return words.replace(" ", "-")


@dataclass(frozen=True)
class _Cell:
    text: str
    bounds: str
    value: str
    numeric: bool
    long: bool


@dataclass(frozen=True)
class _Row:
    """Cells of a row, its settings for `Commands`, and whether a part of it failed."""

    cells: list[_Cell]
    only: str
    failed: bool


@dataclass(frozen=True)
class _Part:
    """Rows of a table: all of them, those that head it, or those folded away under a label."""

    label: str
    rows: list[_Row]
    left_out: int


def html_table(table: Table, is_open: bool, commands: Commands | None = None) -> Markup:
    """A table that unfolds, with what it folds away by itself in further ones.

    Args:
        commands: give each row the command that measures it again; no row has one without.
    """
    parts = _parts(table, commands)
    return Markup(
        page_template("table.html.j2").render(
            table=table, parts=parts, ways=WAYS, open=is_open, commands=commands is not None
        )
    )


def _parts(table: Table, commands: Commands | None) -> list[_Part]:
    frame = table.frame
    if not table.fold or frame.empty:
        return [_part(table, "", frame, commands)]
    folds = frame.groupby(table.fold, sort=False)
    heads = [_part(table, "", frame[frame[table.head]], commands)]
    return heads + [_part(table, str(label), rows, commands) for label, rows in folds]


def _part(table: Table, label: str, frame: pd.DataFrame, commands: Commands | None) -> _Part:
    shown = frame.head(MOST_ROWS)
    rows = [
        _Row(
            [_cell(column, row) for column in table.shown],
            commands.only(row) if commands else "",
            _failed(row),
        )
        for row in rows_of(shown)
    ]
    return _Part(label, rows, len(frame) - len(shown))


def _failed(row: Row) -> bool:
    return row.get("status") == FAILED or bool(row.get("failed", 0))


def _cell(column: Column, row: Row) -> _Cell:
    text, _, bounds = column.text(row).partition(" [")
    if not column.interval:
        text, bounds = column.text(row), ""
    numeric = column.decimals is not None
    value = "" if not numeric or pd.isna(row[column.key]) else f"{float(row[column.key]):.8g}"
    return _Cell(text, f"[{bounds}" if bounds else "", value, numeric, len(text) > LONG_CELL)


def _made(run: RunData) -> str:
    created = run.environment.get("created")
    return f"Made {created}." if created else ""


def _facts(run: RunData) -> dict[str, Any]:
    known = {name: run.fact(name) for name in ("dataset", "dataset_fingerprint", "weights")}
    if run.random_weights:
        known["weights"] += " (random: for timing only)"
    return run.environment | known


def _flat(facts: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}: ")
        else:
            yield prefix + name.replace("_", " "), str(value)
