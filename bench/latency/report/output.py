"""Tables, figures and report of a latency run, from its folder alone."""

from __future__ import annotations

from pathlib import Path

from bench.latency.report.commands import Commands
from bench.latency.report.figures import CAPTIONS, draw
from bench.latency.report.tables import build_tables
from bench.latency.results import LatencyRun
from bench.report.interactive.libraries import TABLES as TABLE_LIBRARIES
from bench.report.interactive.libraries import scripts, styles
from bench.report.render.drawing import dark_png_of, png_of
from bench.report.render.html_figure import PageFigure
from bench.report.render.html_table import html_table
from bench.report.render.page import few_colours, flat_facts, page_template
from bench.report.render.style import DARK, DPI, LIGHT, NARROW, lay_out, styled
from bench.report.render.table import write_table
from framework.files.writing import make_folder, write_file, writing

TABLES, PLOTS, REPORT = "tables", "plots", "report"
ALL = (TABLES, PLOTS, REPORT)


def write_outputs(folder: Path, wanted: tuple[str, ...] = ALL) -> list[Path]:
    """Write what is wanted of `ALL`; the paths.

    Raises:
        PedbenchError: the folder holds no latency run.
    """
    run = LatencyRun.read(folder)
    paths: list[Path] = []
    if TABLES in wanted:
        for table in build_tables(run):
            paths += write_table(table, folder / "tables")
    if PLOTS in wanted:
        paths += _save_figures(run)
    if REPORT in wanted:
        path = folder / "report.html"
        paths.append(write_file(path, render(run)))
    return paths


def _save_figures(run: LatencyRun) -> list[Path]:
    folder = make_folder(run.folder / "figures")
    paths = []
    with styled(LIGHT):
        for name in CAPTIONS:
            figure = draw(run, name, LIGHT)
            lay_out(figure)
            for suffix in ("png", "pdf"):
                paths.append(folder / f"{name}.{suffix}")
                with writing(paths[-1]):
                    figure.savefig(paths[-1], dpi=DPI)
                figure.set_layout_engine("none")
    return paths


def render(run: LatencyRun) -> str:
    """The report: one HTML file that opens offline."""
    return page_template("latency.html.j2").render(
        run=run,
        tables=build_tables(run),
        plots=[_shown(run, name) for name in CAPTIONS],
        environment=list(flat_facts(run.environment)),
        commands=Commands(run),
        colours={LIGHT.name: {}, DARK.name: {}},
        table_styles=styles(TABLE_LIBRARIES),
        scripts=scripts(TABLE_LIBRARIES),
        show=html_table,
    )


def _shown(run: LatencyRun, name: str) -> PageFigure:
    with styled(LIGHT):
        figure = draw(run, name, LIGHT)
        light, dark = few_colours(png_of(figure)), few_colours(dark_png_of(figure))
    return PageFigure.of(light, dark, figure.get_figwidth() <= NARROW, CAPTIONS[name])
