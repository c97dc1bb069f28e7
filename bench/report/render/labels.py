"""Names beside points, none over another, a point or a line that runs across the panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from bench.report.render.style import LABEL_SIZE, halo

DISTANCES = (5.0, 10.0)
"""Of a name from its point, in points of the page, in the order in which they are tried."""
SIDES = (
    (1, -1, "left", "top"),
    (-1, 1, "right", "bottom"),
    (1, 1, "left", "bottom"),
    (-1, -1, "right", "top"),
    (0, 1, "center", "bottom"),
    (0, -1, "center", "top"),
)
"""Directions, and how the name is aligned there."""
CLEARANCE = 1.0
"""Pixels between a name and what it must not touch."""


@dataclass(frozen=True)
class Label:
    """The name of a point.

    Attributes:
        text: the name.
        point: in data coordinates.
        colour: of the text.
        left: whether the left above is tried before the right below.
    """

    text: str
    point: tuple[float, float]
    colour: str
    left: bool = False


def label_points(axes: Axes, labels: Sequence[Label]) -> None:
    """Name points where there is room, in order; a name for which there is none is left out.

    The figure must be laid out, since the room is measured in pixels.
    """
    taken = [*_marks(axes), *_crossing_lines(axes)]
    panel = axes.get_window_extent()
    for label in labels:
        text = axes.annotate(
            label.text,
            label.point,
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=LABEL_SIZE,
            color=label.colour,
            path_effects=halo(axes.get_facecolor()),
        )
        sides = (SIDES[1], SIDES[0], *SIDES[2:]) if label.left else SIDES
        for distance, side in product(DISTANCES, sides):
            box = _put(text, distance, side)
            if _free(box, panel, taken):
                taken.append(box)
                break
        else:
            text.remove()


def _put(text: Annotation, distance: float, side: tuple[int, int, str, str]) -> Bbox:
    across, up, text_ha, text_va = side
    text.xyann = (0.6 * distance * across, distance * up)
    text.set(ha=text_ha, va=text_va)
    return text.get_window_extent()


def _free(box: Bbox, panel: Bbox, taken: Sequence[Bbox]) -> bool:
    roomy = box.padded(CLEARANCE)
    inside = roomy.x0 >= panel.x0 and roomy.x1 <= panel.x1
    inside = inside and roomy.y0 >= panel.y0 and roomy.y1 <= panel.y1
    return inside and not any(roomy.overlaps(other) for other in taken)


def _marks(axes: Axes) -> list[Bbox]:
    """The boxes around the marks of all lines."""
    boxes = []
    for line in axes.lines:
        if line.get_marker() in ("", "None", None):
            continue
        half = line.get_markersize() / 2 * axes.figure.dpi / 72
        for x, y in axes.transData.transform(line.get_xydata()):
            boxes.append(Bbox.from_extents(x - half, y - half, x + half, y + half))
    return boxes


def _crossing_lines(axes: Axes) -> list[Bbox]:
    """The boxes around lines across the panel, `axhline` and `axvline`."""
    return [line.get_window_extent() for line in axes.lines if _crosses(line, axes)]


def _crosses(line: Line2D, axes: Axes) -> bool:
    return line.get_transform() in (axes.get_xaxis_transform(), axes.get_yaxis_transform())
