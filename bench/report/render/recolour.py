"""A finished figure in the colours of another theme, without drawing it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import to_rgb, to_rgba_array
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.report.render.style import Theme, halo

PROPERTIES = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")

Colours = NDArray[np.float64]


def recolour(figure: Figure, old: Theme, new: Theme) -> None:
    """Exchange every colour of ``old`` for its counterpart; opacity and other colours stay."""
    before, after = (np.array([to_rgb(c) for c in _colours(theme)]) for theme in (old, new))
    for artist in figure.findobj():
        for name in PROPERTIES:
            _exchange(artist, name, before, after)
        if artist.get_path_effects():
            artist.set_path_effects(halo(new.paper))


def _colours(theme: Theme) -> Iterator[str]:
    yield from (theme.paper, theme.ink, theme.muted, theme.faint, *theme.series)
    yield from (theme.kinds[kind] for kind in sorted(theme.kinds))


def _exchange(artist: Artist, name: str, before: Colours, after: Colours) -> None:
    get: Any = getattr(artist, f"get_{name}", None)
    change: Any = getattr(artist, f"set_{name}", None)
    if get is None or change is None:
        return
    try:
        colours = to_rgba_array(get())
    except (ValueError, TypeError):
        return
    same = np.abs(colours[:, None, :3] - before).max(axis=2) < 1e-3
    known = same.any(axis=1) & (colours[:, 3] > 0)
    if known.any():
        colours[known, :3] = after[same.argmax(axis=1)[known]]
        change(colours if len(colours) > 1 else tuple(colours[0]))
