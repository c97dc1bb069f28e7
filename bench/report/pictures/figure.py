"""One figure per photo: original, owners, what was seen, reconstructions, masks."""

from __future__ import annotations

from functools import partial
from math import ceil
from textwrap import wrap

from matplotlib.figure import Figure

from bench.report.base import Plot
from bench.report.choice import Undecided
from bench.report.data import RunData
from bench.report.pictures.strips import Strip, strips
from bench.report.pictures.tiles import Tile
from bench.report.render.palette import family_colour
from bench.report.render.style import WIDE, Theme, canvas
from bench.report.words import readable, score_words

COLUMNS = 6
LETTERS = 28
"""Of a line above a picture."""


def strip_plots(run: RunData) -> list[Plot]:
    """A figure for every photo whose pictures were kept; none where no setting comes first."""
    try:
        found = list(strips(run))
    except Undecided:
        return []
    return [
        Plot(
            f"strip_{_safe(strip.image_id)}",
            "PSNR (dB) and LPIPS in the part that was not received; lower LPIPS: more leakage.",
            partial(_draw, strip),
            "No pictures of this photo were kept.",
            (strip, run.random_weights),
        )
        for strip in found
    ]


def _draw(strip: Strip, run: RunData, theme: Theme) -> Figure:
    rows = ceil(len(strip.tiles) / COLUMNS)
    height, width = strip.tiles[0].picture.shape[:2]
    tile_height = (WIDE / COLUMNS - 0.06) * height / width
    title = f"{strip.image_id}: {strip.setting}"
    figure = canvas(WIDE, 0.3 + rows * (tile_height + 0.27), title)
    figure.set_layout_engine("constrained", h_pad=0.015, w_pad=0.03, hspace=0, wspace=0)
    grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, tile in zip(grid, strip.tiles, strict=False):
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


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
