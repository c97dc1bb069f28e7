"""The leaderboard as one HTML file that opens offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.report.interactive.libraries import TABLES, scripts, styles
from bench.report.render.html_table import html_table
from bench.report.render.page import page_template
from bench.submission.admission import RULES, refusals, unranked
from bench.submission.board import boards
from bench.submission.entry import Entry, read_entries, write_entries
from framework.files.writing import write_file

INDEX = "index.html"


def write_leaderboard(folders: Sequence[Path], out: Path) -> list[Path]:
    """Write ``index.html`` and one JSON file an entry; the same files for the same entries.

    Args:
        folders: of submissions, or of entries.

    Raises:
        PedbenchError: a folder holds neither, or entries do not fit together.
    """
    entries = [entry for folder in folders for entry in read_entries(folder)]
    page = render(entries)
    return [*write_entries(entries, out / "entries"), write_file(out / INDEX, page)]


def render(entries: Sequence[Entry]) -> str:
    """The page.

    Raises:
        PedbenchError: entries do not fit together, see `boards`.
    """
    ordered = sorted(entries, key=lambda entry: entry["submission"]["name"])
    return page_template("leaderboard.html.j2").render(
        entries=ordered,
        boards=boards(ordered),
        refused=[(e["submission"], unranked(e)) for e in ordered if refusals(e)],
        rules=RULES,
        colours={"light": {}, "dark": {}},
        table_styles=styles(TABLES),
        scripts=scripts(TABLES),
        show=html_table,
    )
