"""Names beside points, none over another name, a point or a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from bench.report.render.style import LABEL_SIZE, halo

NEAR, FAR = 5.0, 11.0
"""Distances of a name from its point, in points of the page; a far one gets a thin line to it."""
SIDES = (
    (1, -1, "left", "top"),
    (-1, 1, "right", "bottom"),
    (1, 1, "left", "bottom"),
    (-1, -1, "right", "top"),
    (0, 1, "center", "bottom"),
    (0, -1, "center", "top"),
)
"""Directions, and how the name is aligned there."""
CLEARANCE = 4.0
"""Pixels between a name and what it must not touch."""
STEP = 3.0
"""Pixels between the places of a curve that are kept free."""

Boxes = NDArray[np.float64]
"""Rows of x0, y0, x1, y1 in pixels."""
Point = tuple[float, float]


@dataclass(frozen=True)
class Label:
    """A name that one of several points gets.

    Attributes:
        text: the name.
        points: in data coordinates with the colour of the text, the preferred one first.
        left: whether the left above is tried before the right below.
    """

    text: str
    points: tuple[tuple[Point, str], ...]
    left: bool = False


def label_points(axes: Axes, labels: Sequence[Label]) -> None:
    """Name points where there is room, in order; a name for which there is none is left out.

    The figure must be laid out, since the room is measured in pixels.
    """
    taken = np.array([*_marks(axes), *_lines(axes)]).reshape(-1, 4)
    panel = axes.get_window_extent()
    for label in labels:
        box = _write(axes, label, panel, taken)
        if box is not None:
            taken = np.vstack([taken, box.extents])


def _write(axes: Axes, label: Label, panel: Bbox, taken: Boxes) -> Bbox | None:
    """Write a name at the first free place; the box that it takes."""
    sides = (SIDES[1], SIDES[0], *SIDES[2:]) if label.left else SIDES
    for distance, (point, colour), side in product((NEAR, FAR), label.points, sides):
        text = _text(axes, label.text, point, colour, distance, side)
        box = name_box(text)
        if _free(box.padded(CLEARANCE), panel, taken):
            return box
        text.remove()
    return None


def name_box(text: Annotation) -> Bbox:
    """The box around a name in pixels, the line to its point aside."""
    text.get_window_extent()  # puts the text in its place
    return Text.get_window_extent(text)


def _text(
    axes: Axes,
    name: str,
    point: Point,
    colour: str,
    distance: float,
    side: tuple[int, int, str, str],
) -> Annotation:
    across, up, across_from, up_from = side
    leader: dict[str, Any] = {"arrowstyle": "-", "linewidth": 0.5, "color": colour}
    return axes.annotate(
        name,
        point,
        xytext=(0.6 * distance * across, distance * up),
        textcoords="offset points",
        ha=across_from,
        va=up_from,
        fontsize=LABEL_SIZE,
        color=colour,
        path_effects=halo(axes.get_facecolor()),
        arrowprops=leader | {"shrinkA": 0, "shrinkB": 2} if distance == FAR else None,
    )


def _free(box: Bbox, panel: Bbox, taken: Boxes) -> bool:
    inside = box.x0 >= panel.x0 and box.x1 <= panel.x1
    inside = inside and box.y0 >= panel.y0 and box.y1 <= panel.y1
    x0, y0, x1, y1 = taken.T
    return inside and not ((x0 < box.x1) & (x1 > box.x0) & (y0 < box.y1) & (y1 > box.y0)).any()


def _marks(axes: Axes) -> list[Boxes]:
    """The boxes around the marks of all lines."""
    boxes = []
    for line in axes.lines:
        if line.get_marker() not in ("", "None", None):
            half = line.get_markersize() / 2 * axes.figure.dpi / 72
            boxes += _around(axes.transData.transform(line.get_xydata()), half)
    return boxes


def _lines(axes: Axes) -> list[Boxes]:
    """The boxes around all lines: those across the panel whole, curves in short pieces."""
    boxes = []
    for line in axes.lines:
        if _crosses(line, axes):
            boxes.append(np.array(line.get_window_extent().extents))
        elif line.get_linestyle() not in ("", "None"):
            half = line.get_linewidth() / 2 * axes.figure.dpi / 72
            boxes += _around(_along(axes.transData.transform(line.get_xydata())), half)
    return boxes


def _crosses(line: Line2D, axes: Axes) -> bool:
    """Whether a line is an `axhline` or `axvline`."""
    return line.get_transform() in (axes.get_xaxis_transform(), axes.get_yaxis_transform())


def _along(points: Boxes) -> Boxes:
    """Places every `STEP` pixels of a curve, [n, 2]."""
    pieces = [points[:1]]
    for start, end in pairwise(points):
        count = max(2, int(np.hypot(*(end - start)) / STEP) + 1)
        pieces.append(np.linspace(start, end, count))
    return np.concatenate(pieces)


def _around(points: Boxes, half: float) -> list[Boxes]:
    return [np.concatenate([point - half, point + half]) for point in points]
