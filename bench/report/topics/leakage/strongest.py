"""Photos with the strongest attack of each family."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import islice

import pandas as pd
from matplotlib.figure import Figure

from bench.report.aggregate.families import FAMILIES, family
from bench.report.base import FIGURES, ReportFigure
from bench.report.data import CEILING, RunData
from bench.report.pictures.strips import Strip, strips
from bench.report.pictures.tiles import Tile
from bench.report.render.palette import family_colour
from bench.report.render.style import WIDE, Theme, canvas
from bench.report.words import readable, score_words

MOST_PHOTOS = 4
LINES, TITLE = 0.38, 0.4
"""Inches for the words over a picture, and for the figure's title."""
NAME = 17
"""Letters of an attack's name in a line over its picture."""
BARE = {"truth": "original", "seen": "seen"}


@FIGURES.register("strongest")
class StrongestFigure(ReportFigure):
    """A row a photo: original, what was seen, and the strongest attack of each family."""

    title = "The strongest attacks"
    caption = (
        "What the coalition saw of each photo, and the attack of each family that comes closest "
        "on average in the part that was not received, by PSNR where it was scored: LPIPS is also "
        "won by dots that please its network and no eye. Over each picture its scores in that "
        "part: lower LPIPS means more leakage."
    )
    empty = "This run kept no pictures."
    place = 4

    def applies(self, run: RunData) -> bool:
        return bool(run.records["image_file"].notna().any())

    def draw(self, run: RunData, theme: Theme) -> Figure | None:
        shown = list(islice(strips(run), MOST_PHOTOS))
        attacks = strongest(shown)
        if not attacks:
            return None
        columns = len(BARE) + len(attacks)
        shapes = [strip.tiles[0].picture.shape for strip in shown]
        heights = [WIDE / columns * shape[0] / shape[1] + LINES for shape in shapes]
        figure = canvas(WIDE, TITLE + sum(heights), f"Strongest attacks: {shown[0].setting}")
        grid = figure.subplots(len(shown), columns, squeeze=False, height_ratios=heights)
        for line, strip in zip(grid, shown, strict=True):
            for axes, tile in zip(line, _row(strip, attacks), strict=True):
                axes.axis("off")
                if tile is None:
                    continue
                axes.imshow(tile.picture, interpolation="nearest")
                colour = family_colour(tile.attack, tile.kind, theme)
                axes.set_title(_words(tile), fontsize=5.6, color=colour, loc="left", pad=2)
        return figure


def strongest(shown: Sequence[Strip]) -> dict[str, str]:
    """Of each family the attack that comes closest on average over the photos."""
    scores = pd.DataFrame(
        [
            {"family": family(tile.attack, tile.kind), "attack": tile.attack, **tile.scores}
            for strip in shown
            for tile in strip.tiles
            if tile.attack and tile.kind != CEILING
        ]
    )
    metric = next((name for name in ("psnr", "lpips") if name in scores), None)
    if metric is None:
        return {}
    closeness = -scores[metric] if metric == "lpips" else scores[metric]
    means = closeness.groupby([scores["family"], scores["attack"]]).mean().dropna()
    best = means.groupby(level="family").idxmax()
    return {name: str(best[name][1]) for name in FAMILIES if name in best.index}


def _row(strip: Strip, attacks: dict[str, str]) -> list[Tile | None]:
    bare = {tile.kind: tile for tile in strip.tiles if not tile.attack}
    made = {tile.attack: tile for tile in strip.tiles if tile.attack}
    return [*map(bare.get, BARE), *map(made.get, attacks.values())]


def _words(tile: Tile) -> str:
    if not tile.attack:
        return BARE[tile.kind]
    scores = score_words(tile.scores).replace(", ", "\n")
    return "\n".join([*textwrap.wrap(readable(tile.attack), NAME), scores])
