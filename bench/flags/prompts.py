"""The prompt of one photo, read from text and held against the photo's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from framework.errors import PedbenchError

BOX, POINT = "box", "point"
LENGTHS = {BOX: 4, POINT: 2}
FARTHEST = 2.0**31
BEYOND = (-0.5, 1.5)
"""Between these lie the fractions of a box about the photo."""


@dataclass(frozen=True)
class Prompt:
    """A box or a foreground point, in pixels of the photo.

    Attributes:
        kind: ``"box"`` or ``"point"``.
        values: x0, y0, x1, y1 or x, y.
        text: as it was given.
    """

    kind: str
    values: tuple[float, ...]
    text: str

    def check(self, width: int, height: int) -> None:
        """Refuse a prompt that cannot be meant for a photo of this size, pixels.

        Raises:
            PedbenchError: it lies wholly outside, or is in fractions instead of pixels.
        """
        if self._in_fractions:
            scaled = np.multiply(self.values, (width, height) * (len(self.values) // 2))
            pixels = ",".join(f"{value:.0f}" for value in scaled)
            raise PedbenchError(
                f"{self.kind} '{self.text}' lies within the first pixels: it seems to be in "
                f"fractions: give pixels, here {pixels}"
            )
        x0, y0, x1, y1 = self.values if self.kind == BOX else (*self.values, 0, 0)
        beyond = x0 >= width or y0 >= height
        before = (x1 <= 0 or y1 <= 0) if self.kind == BOX else (x0 < 0 or y0 < 0)
        if beyond or before:
            raise PedbenchError(
                f"{self.kind} '{self.text}' lies outside the photo of {width}x{height} pixels: "
                "give one inside"
            )

    @property
    def arguments(self) -> dict[str, Any]:
        """As `SamPredictor.predict` takes them."""
        numbers = np.array(self.values, dtype=np.float32)
        if self.kind == BOX:
            return {"box": numbers, "multimask_output": False}
        return {"point_coords": numbers[None], "point_labels": np.ones(1, dtype=np.int32)}

    @property
    def _in_fractions(self) -> bool:
        """A point on the first pixels may be meant, a box of one pixel may not.

        A detector's box in fractions may reach a little beyond the photo.
        """
        whole = all(value.is_integer() for value in self.values)
        if self.kind == BOX and not whole:
            return all(BEYOND[0] < value < BEYOND[1] for value in self.values)
        return all(0 <= value <= 1 for value in self.values) and (self.kind == BOX or not whole)


def read_prompt(box: str | None, point: str | None) -> Prompt:
    """The prompt that was given.

    Raises:
        PedbenchError: none or two were given, or one that is not numbers or an empty box.
    """
    if (box is None) == (point is None):
        raise PedbenchError("give one prompt: --box x0,y0,x1,y1 or --point x,y")
    kind, text = (BOX, box) if box is not None else (POINT, point or "")
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != LENGTHS[kind] or not all(abs(v) < FARTHEST for v in values):
        raise PedbenchError(
            f"'{text}' is not a {kind}: give {LENGTHS[kind]} numbers with commas between"
        )
    if kind == BOX and (values[2] <= values[0] or values[3] <= values[1]):
        raise PedbenchError(f"box '{text}' is empty: give x0 < x1 and y0 < y1")
    return Prompt(kind, values, text)
