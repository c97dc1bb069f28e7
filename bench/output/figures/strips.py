"""One figure per photo: original, owners, what was seen, reconstructions, masks."""

from __future__ import annotations

from functools import partial
from math import ceil

from matplotlib.figure import Figure

from bench.output.figures.plot import Plot
from bench.output.figures.style import WIDE, Theme, canvas, readable
from bench.output.rundata import RunData
from bench.output.strips import Strip, strips
from bench.output.tiles import Tile

COLUMNS = 6


def strip_plots(run: RunData) -> list[Plot]:
    """A figure for every photo whose pictures were kept."""
    return [
        Plot(
            f"strip_{_safe(strip.image_id)}",
            "PSNR (dB) and LPIPS in the part that was not received; lower LPIPS: more leakage.",
            partial(_draw, strip),
            "No pictures of this photo were kept.",
            (strip, run.random_weights),
        )
        for strip in strips(run)
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
        colour = theme.kinds.get(tile.kind, theme.ink)
        weight = "bold" if tile.leaks_most else "normal"
        axes.set_title(
            _words(tile), fontsize=6.2, color=colour, loc="left", pad=2, fontweight=weight
        )
    return figure


def _words(tile: Tile) -> str:
    scores = []
    if "psnr" in tile.scores:
        scores.append(f"{tile.scores['psnr']:.1f} dB")
    if "lpips" in tile.scores:
        scores.append(f"LPIPS {tile.scores['lpips']:.2f}")
    return f"{readable(tile.name)}\n{', '.join(scores)}".rstrip("\n")


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
