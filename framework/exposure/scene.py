"""Where a picture lies in its scene, and which of the scene's pixels a window shows.

Exposure is kept in pixels of the scene, so that crops of one photo, frames of one camera and
shifted grids add up instead of starting anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError
from framework.windows import Window, WindowGrid

Box = tuple[int, int, int, int]
"""y0, x0, y1, x1 in scene pixels, ends excluded."""


@dataclass(frozen=True)
class View:
    """A picture as a rectangle of its scene.

    Attributes:
        scene: name of the scene.
        scene_size: height and width of the scene, pixels.
        origin: top and left of the picture in the scene.
        size: height and width of the picture before it is resized to the frame.
    """

    scene: str
    scene_size: tuple[int, int]
    origin: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def alone(cls, picture: NDArray[np.uint8], size: tuple[int, int] | None = None) -> View:
        """A picture that is a scene of its own, named by its content.

        Args:
            picture: uint8 [h, w, 3].
            size: height and width before resizing, where ``picture`` is resized already.
        """
        digest = hashlib.blake2b(np.ascontiguousarray(picture).data, digest_size=8).hexdigest()
        height, width = size or picture.shape[:2]
        return cls(f"photo-{digest}", (height, width), (0, 0), (height, width))

    def box(self, grid: WindowGrid, window: Window) -> Box:
        """The scene pixels that contribute to a window; empty for a window without content.

        The resize is antialiased, so that a frame pixel mixes all source pixels within the
        filter's support: the box is as much wider.
        """
        y0, x0, y1, x1 = grid.pixel_box(window)
        if y0 == y1 or x0 == x1:
            return 0, 0, 0, 0
        top, bottom = source_span(y0, y1, self.size[0], grid.frame_size[0])
        left, right = source_span(x0, x1, self.size[1], grid.frame_size[1])
        oy, ox = self.origin
        return oy + top, ox + left, oy + bottom, ox + right


def source_span(start: int, stop: int, source: int, target: int) -> tuple[int, int]:
    """Source pixels that contribute to target pixels ``start`` to ``stop`` along one axis.

    Pillow's bilinear resize (the one of ``SamPredictor``) reaches one source pixel, or one target
    pixel where that is larger, to either side of a target pixel's centre; an axis whose length
    does not change is copied.

    Args:
        source, target: lengths of the axis before and after.
    """
    if source == target:
        return start, stop
    scale = source / target
    support = max(scale, 1.0)
    first = int((start + 0.5) * scale - support + 0.5)
    last = int((stop - 0.5) * scale + support + 0.5)
    return max(first, 0), min(last, source)


class Scene:
    """One photo or camera, within which pictures are located.

    Args:
        image: the whole scene, uint8 [height, width, 3].
        name: under which exposure adds up over sessions; by content when not given.
    """

    def __init__(self, image: NDArray[np.uint8], name: str | None = None) -> None:
        self.image = image
        whole = View.alone(image)
        self.name = name or whole.scene
        self.size = whole.scene_size

    def locate(self, picture: NDArray[np.uint8], origin: tuple[int, int] | None = None) -> View:
        """Where ``picture`` lies.

        Args:
            picture: uint8 [h, w, 3]: a numpy view of the scene's array, found by its memory
                address; another array of the scene's size; or any array with its ``origin``.
            origin: its top and left in the scene.

        Raises:
            PedbenchError: it cannot be located, or reaches beyond the scene.
        """
        size = (picture.shape[0], picture.shape[1])
        if origin is None:
            origin = self._by_address(picture)
        if origin is None and size == self.size:
            origin = (0, 0)
        if origin is None:
            raise PedbenchError(
                f"a picture of {size[1]}x{size[0]} pixels cannot be located in scene "
                f"'{self.name}': crop the scene's own array, or give origin=(top, left)"
            )
        ends = (origin[0] + size[0], origin[1] + size[1])
        if min(origin) < 0 or ends[0] > self.size[0] or ends[1] > self.size[1]:
            raise PedbenchError(
                f"a picture of {size[1]}x{size[0]} pixels at {tuple(origin)} reaches beyond scene "
                f"'{self.name}' of {self.size[1]}x{self.size[0]}: give its top and left"
            )
        return View(self.name, self.size, (int(origin[0]), int(origin[1])), size)

    def _by_address(self, picture: NDArray[np.uint8]) -> tuple[int, int] | None:
        """Top and left of a numpy view of the scene's array, its channels reversed or not."""
        whole = self.image
        row, column, channel = whole.strides
        in_rows = row >= column * whole.shape[1] and column >= channel * 3 > 0
        if not in_rows or picture.strides[:2] != (row, column):
            return None
        offset = picture.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
        if not 0 <= offset < row * whole.shape[0]:
            return None
        return offset // row, offset % row // column
