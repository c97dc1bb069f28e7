"""Tables, figures and report of a latency run, from its folder alone."""

from __future__ import annotations

from pathlib import Path

from bench.latency.report.figures import CAPTIONS, draw
from bench.latency.report.tables import build_tables
from bench.latency.results import LatencyRun
from bench.report.render.drawing import png_of
from bench.report.render.page import few_colours, figure_uri, page_template
from bench.report.render.style import DPI, LIGHT, lay_out, styled
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
        paths.append(write_file(path, _report(run)))
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


def _report(run: LatencyRun) -> str:
    """One HTML file that opens offline."""
    with styled(LIGHT):
        pictures = [
            (figure_uri(few_colours(png_of(draw(run, name, LIGHT)))), text)
            for name, text in CAPTIONS.items()
        ]
    return page_template("latency.html.j2").render(
        run=run, tables=build_tables(run), pictures=pictures, environment=run.environment.items()
    )
