"""Where a picture lies in its scene, and which of the scene's pixels a window shows.

Exposure is kept in pixels of the scene, so that crops of one photo, frames of one camera and
shifted grids add up instead of starting anew.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError
from framework.exposure.look import Look
from framework.split.windows import Window, WindowGrid

log = logging.getLogger(__name__)

Box = tuple[int, int, int, int]
"""y0, x0, y1, x1 in scene pixels, ends excluded."""


@dataclass(frozen=True)
class View:
    """A picture as a rectangle of its scene, upright, mirrored or turned.

    Attributes:
        scene: name of the scene.
        scene_size: height and width of the scene, pixels.
        origin: top and left, in the scene, of the rectangle that the picture shows.
        size: height and width of the picture before it is resized to the frame.
        turned: whether the picture's rows run along the scene's columns.
        mirrored: whether the picture runs against the scene's rows, and its columns.
        placed: False where the place is not known: each window counts as the whole scene.
        by_content: whether the name comes of the content; False where a user gave it.
        look: of the whole scene; None where nothing is known of it.
    """

    scene: str
    scene_size: tuple[int, int]
    origin: tuple[int, int]
    size: tuple[int, int]
    turned: bool = False
    mirrored: tuple[bool, bool] = (False, False)
    placed: bool = True
    by_content: bool = field(default=False, compare=False)
    look: Look | None = field(default=None, compare=False, repr=False)

    @classmethod
    def alone(cls, picture: NDArray[np.uint8], size: tuple[int, int] | None = None) -> View:
        """A picture that is a scene of its own, named by its content.

        Args:
            picture: uint8 [h, w, 3], RGB.
            size: height and width before resizing, where ``picture`` is resized already.
        """
        height, width = size or picture.shape[:2]
        return cls(
            f"photo-{_digest(picture)}",
            (height, width),
            (0, 0),
            (height, width),
            by_content=True,
            look=Look(picture),
        )

    def box(self, grid: WindowGrid, window: Window) -> Box:
        """The scene pixels that contribute to a window; empty for a window without content.

        The resize is antialiased, so that a frame pixel mixes all source pixels within the
        filter's support: the box is as much wider.
        """
        y0, x0, y1, x1 = grid.pixel_box(window)
        if y0 == y1 or x0 == x1:
            return 0, 0, 0, 0
        if not self.placed:
            return 0, 0, *self.scene_size
        rows = source_span(y0, y1, self.size[0], grid.frame_size[0])
        columns = source_span(x0, x1, self.size[1], grid.frame_size[1])
        vertical, horizontal = (columns, rows) if self.turned else (rows, columns)
        height, width = self.size[::-1] if self.turned else self.size
        top, bottom = _along(vertical, height, self.mirrored[0])
        left, right = _along(horizontal, width, self.mirrored[1])
        oy, ox = self.origin
        return oy + top, ox + left, oy + bottom, ox + right


def _along(span: tuple[int, int], length: int, backwards: bool) -> tuple[int, int]:
    return (length - span[1], length - span[0]) if backwards else span


def _digest(picture: NDArray[np.uint8]) -> str:
    return hashlib.blake2b(np.ascontiguousarray(picture).data, digest_size=8).hexdigest()


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
        image: the whole scene, uint8 [height, width, 3], RGB.
        name: under which exposure adds up over sessions; by content when not given.

    Raises:
        PedbenchError: the name is blank or has characters that cannot be printed.
    """

    def __init__(self, image: NDArray[np.uint8], name: str | None = None) -> None:
        if name is not None and not (name.strip() and name.isprintable()):
            raise PedbenchError(f"scene name {name!r}: give a name of printable characters")
        self.image = image
        alone = View.alone(image)
        self.whole = alone if name is None else replace(alone, scene=name, by_content=False)
        self.name = self.whole.scene
        self.size = self.whole.scene_size
        self._content = _digest(image)

    def locate(self, picture: NDArray[np.uint8], origin: tuple[int, int] | None = None) -> View:
        """Where ``picture`` lies.

        A numpy view of the scene's array, mirrored and turned ones too, is found by its memory
        address. A copy is found by its content, at ``origin``, or at the top left if it has the
        scene's size. Where the content is another, or the scene's array was changed meanwhile, the
        place cannot be proven: every window counts as the whole scene, with a warning.

        Args:
            picture: uint8 [h, w, 3], RGB or BGR.
            origin: its top and left in the scene.

        Raises:
            PedbenchError: it is a copy of another size without an origin, or reaches beyond the
                scene, or is a view that lies elsewhere than at ``origin``.
        """
        size = (picture.shape[0], picture.shape[1])
        if origin is not None:
            self._check_origin(size, origin)
        view = address_of(picture, self.image)
        if view is not None and origin not in (None, view[0]):
            raise PedbenchError(
                f"the picture is a view of scene '{self.name}' at {view[0]}, not at "
                f"{tuple(origin or ())}: leave the origin out"
            )
        if view is None and origin is None and size != self.size:
            raise PedbenchError(
                f"a picture of {size[1]}x{size[0]} pixels cannot be located in scene "
                f"'{self.name}': crop the scene's own array, or give origin=(top, left)"
            )
        if _digest(self.image) != self._content:
            return self._unplaced(size, "the scene's array was changed since")
        if view is not None:
            place, turned, mirrored = view
            return replace(self.whole, origin=place, size=size, turned=turned, mirrored=mirrored)
        top, left = (0, 0) if origin is None else (int(origin[0]), int(origin[1]))
        if not _same(picture, self.image[top : top + size[0], left : left + size[1]]):
            return self._unplaced(size, "its pixels are others than the scene's at that place")
        return replace(self.whole, origin=(top, left), size=size)

    def locate_frame(self, frame: NDArray[np.uint8], whole: NDArray[np.uint8]) -> View:
        """Where a resized picture lies of which nothing else is known.

        Args:
            frame: uint8 [h, w, 3].
            whole: the scene's image, resized alike: a frame that equals it shows the whole scene.
        """
        if _same(frame, whole):
            return self.whole
        return self._unplaced(self.size, "its pixels are others than those of the resized scene")

    def _check_origin(self, size: tuple[int, int], origin: tuple[int, int]) -> None:
        ends = (origin[0] + size[0], origin[1] + size[1])
        if min(origin) < 0 or ends[0] > self.size[0] or ends[1] > self.size[1]:
            raise PedbenchError(
                f"a picture of {size[1]}x{size[0]} pixels at {tuple(origin)} reaches beyond scene "
                f"'{self.name}' of {self.size[1]}x{self.size[0]}: give its top and left"
            )

    def _unplaced(self, size: tuple[int, int], reason: str) -> View:
        log.warning(
            "warning: a picture's place in scene '%s' is not known (%s): each of its windows "
            "counts as the whole scene; open a scene of its own with each frame, all with one name",
            self.name,
            reason,
        )
        return replace(self.whole, size=size, placed=False)


Address = tuple[tuple[int, int], bool, tuple[bool, bool]]
"""Top and left in the scene, turned, mirrored: as in `View`."""


def address_of(picture: NDArray[np.uint8], whole: NDArray[np.uint8]) -> Address | None:
    """Where a numpy view of ``whole`` lies, its channels reversed or not; None if it is none.

    Steps in memory tell rows from columns, and their signs tell whether they run backwards.
    """
    steps = [abs(step) for step in whole.strides]
    taken = [abs(step) for step in picture.strides]
    major, minor = (0, 1) if steps[0] > steps[1] else (1, 0)
    dense = steps[major] >= steps[minor] * whole.shape[minor] and steps[minor] >= 3 * steps[2] > 0
    turned = taken[:2] != steps[:2]
    if not dense or taken[2] != steps[2] or sorted(taken[:2]) != sorted(steps[:2]):
        return None
    offset = _first_byte(picture) - _first_byte(whole)
    place, shape = [0, 0], picture.shape[1::-1] if turned else picture.shape[:2]
    place[major], rest = divmod(offset, steps[major])
    place[minor], rest = divmod(rest, steps[minor])
    fits = all(0 <= place[i] <= whole.shape[i] - shape[i] for i in (0, 1))
    if rest or not fits:
        return None
    signs = picture.strides[1::-1] if turned else picture.strides[:2]
    mirrored = [sign * step < 0 for sign, step in zip(signs, whole.strides, strict=False)]
    for i in (0, 1):
        if whole.strides[i] < 0:
            place[i] = whole.shape[i] - place[i] - shape[i]
    return (place[0], place[1]), turned, (mirrored[0], mirrored[1])


def _first_byte(array: NDArray[np.uint8]) -> int:
    """The lowest address of an array's memory."""
    backwards = (step * (n - 1) for step, n in zip(array.strides, array.shape, strict=True))
    address: int = array.__array_interface__["data"][0]
    return address + sum(min(0, reach) for reach in backwards)


def _same(picture: NDArray[np.uint8], place: NDArray[np.uint8]) -> bool:
    """Whether the pixels are equal, the channels reversed or not."""
    return any(np.array_equal(picture, other) for other in (place, place[..., ::-1]))
