"""What a mask marks never leaves the edge."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError
from framework.exposure.scene import View
from framework.split.policies.base import POLICIES
from framework.split.policies.sticky import Sticky
from framework.split.windows import WindowGrid


@POLICIES.register("sensitive_local")
class SensitiveLocal(Sticky):
    """Windows that show any of a mask stay at home; the others are dealt as by ``sticky``.

    It plans for one photo, and has no memory: where crops or failures come into it, a `Guard` with
    a protected region is what keeps the promise.

    Args:
        seed: as in `Policy`.
        mask: bool [height, width] of the photo before resizing; all False for nothing.

    Raises:
        PedbenchError: there is no mask.
    """

    summary = "windows that show a given mask stay on the edge, the others as by sticky"

    def __init__(self, seed: int | None = None, mask: NDArray[np.bool_] | None = None) -> None:
        super().__init__(seed)
        if mask is None:
            raise PedbenchError(
                "policy 'sensitive_local' needs a mask: give SensitiveLocal(mask=…) in Python, or "
                "--protect X0,Y0,X1,Y1 with another policy"
            )
        self.mask = mask

    def home(self, grid: WindowGrid) -> Collection[int]:
        size = (self.mask.shape[0], self.mask.shape[1])
        view = View("", size, (0, 0), size)
        boxes = {window.index: view.box(grid, window) for window in grid.windows}
        return [index for index, (y0, x0, y1, x1) in boxes.items() if self.mask[y0:y1, x0:x1].any()]
