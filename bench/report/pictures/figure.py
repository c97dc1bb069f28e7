"""One figure per photo: original, owners, what was seen, reconstructions, masks."""

from __future__ import annotations

from math import ceil
from textwrap import wrap

from matplotlib.figure import Figure

from bench.file_names import file_name
from bench.report.base import ReportFigure, Undecided
from bench.report.data import RunData
from bench.report.pictures.strips import Strip, strips
from bench.report.pictures.tiles import Tile
from bench.report.render.palette import family_colour
from bench.report.render.style import WIDE, Theme, canvas
from bench.report.words import readable, score_words

COLUMNS = 6
LETTERS = 28
"""Of a line above a picture."""


def strip_figures(run: RunData) -> list[StripFigure]:
    """A figure for every photo whose pictures were kept; none where no setting comes first."""
    try:
        return [StripFigure(strip, run) for strip in strips(run)]
    except Undecided:
        return []


class StripFigure(ReportFigure):
    """The pictures of one photo; not registered, since a run has one for each."""

    title = "Pictures of one photo"
    caption = "PSNR (dB) and LPIPS in the part that was not received; lower LPIPS: more leakage."
    empty = "No pictures of this photo were kept."

    def __init__(self, strip: Strip, run: RunData) -> None:
        self.strip = strip
        self.name = f"strip_{file_name(strip.image_id)}"
        self.shows = (strip, run.random_weights)

    def draw(self, run: RunData, theme: Theme) -> Figure:
        rows = ceil(len(self.strip.tiles) / COLUMNS)
        height, width = self.strip.tiles[0].picture.shape[:2]
        tile_height = (WIDE / COLUMNS - 0.06) * height / width
        title = f"{self.strip.image_id}: {self.strip.setting}"
        figure = canvas(WIDE, 0.3 + rows * (tile_height + 0.27), title)
        figure.set_layout_engine("constrained", h_pad=0.015, w_pad=0.03, hspace=0, wspace=0)
        grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for axes in grid:
            axes.axis("off")
        for axes, tile in zip(grid, self.strip.tiles, strict=False):
            axes.imshow(tile.picture, interpolation="nearest", aspect="equal")
            colour = family_colour(tile.attack, tile.kind, theme)
            weight = "bold" if tile.leaks_most else "normal"
            axes.set_title(
                _words(tile), fontsize=6.2, color=colour, loc="left", pad=2, fontweight=weight
            )
        return figure


def _words(tile: Tile) -> str:
    name = "\n".join(wrap(readable(tile.name), LETTERS))
    return f"{name}\n{score_words(tile.scores)}".rstrip("\n")
