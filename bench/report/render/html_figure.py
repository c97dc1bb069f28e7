"""A figure of a page, in the colours of both themes."""

from __future__ import annotations

from dataclasses import dataclass

from bench.report.render.page import figure_uri


@dataclass(frozen=True)
class PageFigure:
    """A figure as data URIs in both themes, or the sentence in its place.

    Attributes:
        narrow: whether it takes one column of two.
        origin: package and version of the part that drew it; empty for a built-in one.
    """

    light: str = ""
    dark: str = ""
    narrow: bool = False
    caption: str = ""
    origin: str = ""
    empty: str = ""

    @classmethod
    def of(
        cls, light: bytes, dark: bytes, narrow: bool, caption: str, origin: str = ""
    ) -> PageFigure:
        """A figure from its PNG in both themes."""
        return cls(figure_uri(light), figure_uri(dark), narrow, caption, origin)
