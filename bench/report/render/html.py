"""`report.html`: everything a run found, in one file that opens offline."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

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
from bench.report.render.html_figure import PageFigure
from bench.report.render.html_table import html_table
from bench.report.render.page import flat_facts, page_template, photo_uri
from bench.report.render.style import DARK, LIGHT, Theme
from bench.report.summary.headline import headline, title_of
from bench.report.summary.key_figures import key_figures
from bench.report.words import readable, score_words

MOST_STRIPS = 12


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
        facts=list(flat_facts(_facts(run))),
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
        plots=[_shown(drawing) for drawing in drawings],
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


def _shown(drawing: Drawing) -> PageFigure:
    light, dark, plot = drawing.light_on_page, drawing.dark_on_page, drawing.plot
    if light is None or dark is None:
        return PageFigure(empty=drawing.empty)
    return PageFigure.of(light, dark, drawing.narrow, drawing.caption, origin_of(plot))


def _tile_class(tile: Tile) -> str:
    """The kind of a tile; of a reconstruction its family, as `_colours` names it."""
    return _class_name(family(tile.attack, tile.kind)) if tile.attack else tile.kind


def _colours(theme: Theme) -> dict[str, str]:
    """The colour of each family of attacks, by its class in the page."""
    return {_class_name(name): colour for name, colour in theme.kinds.items()}


def _class_name(words: str) -> str:
    return words.replace(" ", "-")


def _made(run: RunData) -> str:
    created = str(run.environment.get("created", ""))
    day, _, time = created.partition("T")
    if time.endswith("+00:00"):
        return f"Made {day}, {time[:5]} UTC."
    return f"Made {created}." if created else ""


def _facts(run: RunData) -> dict[str, Any]:
    known = {name: run.fact(name) for name in ("dataset", "dataset_fingerprint", "weights")}
    if run.random_weights:
        known["weights"] += " (random: for timing only)"
    return run.environment | known
