"""Pictures and figures of the page, as HTML and SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from bench.report.render.page import photo_uri

Image = NDArray[np.uint8]

LONGEST = 640
"""Longest side of the photo that a box is drawn on, pixels."""


def reduced(photo: Image) -> tuple[Image, float]:
    """A photo of at most `LONGEST` pixels a side, and how many pixels of it one of these is."""
    scale = max(1.0, max(photo.shape[:2]) / LONGEST)
    size = max(1, round(photo.shape[1] / scale)), max(1, round(photo.shape[0] / scale))
    return np.asarray(Pillow.fromarray(photo).resize(size, Pillow.Resampling.LANCZOS)), scale


def rectangle(box: Sequence[float], scale: float) -> str:
    """A box x0, y0, x1, y1 of the photo as SVG on its reduced picture."""
    x0, y0, x1, y1 = (value / scale for value in box)
    place = f'x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}"'
    line = 'fill="none" vector-effect="non-scaling-stroke"'
    return (
        f'<rect {place} {line} stroke="black" stroke-width="4"/>'
        f'<rect {place} {line} stroke="white" stroke-width="2"/>'
    )


def figure(picture: Image, title: str, facts: str, marked: bool = False) -> str:
    """A picture uint8 [h, w, 3] with a title and a line of facts; marked for a colluding shard."""
    kind = ' class="colludes"' if marked else ""
    return (
        f'<figure{kind}><img src="{photo_uri(picture)}" alt="{escape(title)}">'
        f"<figcaption><b>{escape(title)}</b><br>{escape(facts)}</figcaption></figure>"
    )


def gallery(figures: Sequence[str]) -> str:
    """Figures beside each other."""
    return f'<div class="gallery">{"".join(figures)}</div>'


def folded(title: str, reasons: Mapping[str, str]) -> str:
    """Names with a reason each, shown on demand; nothing where there are none."""
    if not reasons:
        return ""
    rows = "".join(f"<li><b>{escape(k)}</b>: {escape(v)}</li>" for k, v in reasons.items())
    return f"<details><summary>{escape(title)}</summary><ul>{rows}</ul></details>"
