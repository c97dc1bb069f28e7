"""What a mask or a detector marks never leaves the edge."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide

from framework.errors import PedbenchError
from framework.exposure.scene import View
from framework.split.detectors.base import DETECTORS, Detector
from framework.split.policies.base import POLICIES, Policy
from framework.split.policies.sticky import Sticky
from framework.split.windows import WindowGrid

Mask = NDArray[np.bool_]


@POLICIES.register("sensitive_local")
class SensitiveLocal(Sticky):
    """Windows that show any of what is sensitive stay at home; the others are dealt as by sticky.

    By name the detector and the budget follow a colon: ``sensitive_local:skin``,
    ``sensitive_local:faces:0.3``. It plans for one photo, and has no memory: where crops or
    failures come into it, a `Guard` with a protected region is what keeps the promise.

    Args:
        seed: as in `Policy`.
        mask: bool [height, width] of the photo before resizing; all False for nothing. A model
            input of another shape is refused.
        detector: marks each model input, instead of a mask.
        budget: largest share of the windows with content that stay, 0 to 1. Where more are
            marked, those with most marked pixels stay.

    Raises:
        PedbenchError: there is neither a mask nor a detector, the mask is of another form, or the
            budget is no share.
    """

    summary = "windows that show what a detector or a mask marks stay on the edge, others as sticky"
    detects: str = ""
    spends: float = 1.0

    def __init__(
        self,
        seed: int | None = None,
        mask: Mask | None = None,
        detector: Detector | None = None,
        budget: float | None = None,
    ) -> None:
        super().__init__(seed)
        self.budget = self.spends if budget is None else budget
        self.detector = DETECTORS.get(self.detects)() if self.detects else detector
        self.mask = mask
        self.frame: NDArray[np.uint8] | None = None
        if mask is None and self.detector is None:
            names = ", ".join(DETECTORS.names())
            raise PedbenchError(
                "policy 'sensitive_local' needs a mask or a detector: give sensitive_local:NAME "
                f"({names}), SensitiveLocal(mask=…) in Python, or --protect X0,Y0,X1,Y1 with "
                "another policy"
            )
        if mask is not None and (mask.dtype != np.bool_ or mask.ndim != 2):
            found = f"{mask.dtype} {list(mask.shape)}"
            raise PedbenchError(f"mask of sensitive_local is {found}: give bool [height, width]")
        if not 0 <= self.budget <= 1:
            raise PedbenchError(f"budget {self.budget:g} of sensitive_local: give 0 to 1")

    @classmethod
    def with_options(cls, options: Sequence[str]) -> type[Policy]:
        detects, budget = [*options, "1"][:2]
        DETECTORS.get(detects)
        if len(options) > 2:
            raise PedbenchError(
                f"policy 'sensitive_local:{':'.join(options)}': give sensitive_local:DETECTOR or "
                "sensitive_local:DETECTOR:BUDGET"
            )
        try:
            spends = float(budget)
        except ValueError as error:
            raise PedbenchError(
                f"budget '{budget}' of sensitive_local is no number: give 0 to 1"
            ) from error
        body = {"__module__": cls.__module__, "__doc__": cls.__doc__}
        return type(cls.__name__, (cls,), body | {"detects": detects, "spends": spends})

    def seeing(self, frame: NDArray[np.uint8]) -> Policy:
        seeing = copy(self)
        seeing.frame = frame
        return seeing

    def home(self, grid: WindowGrid) -> Collection[int]:
        marked = self._marked(grid)
        ranked = sorted((i for i in marked if marked[i]), key=lambda i: (-marked[i], i))
        return ranked[: int(self.budget * len(grid.content) + 1e-9)]

    def _marked(self, grid: WindowGrid) -> dict[int, int]:
        """How many marked pixels each window shows."""
        if self.mask is not None:
            size = (self.mask.shape[0], self.mask.shape[1])
            resized = ResizeLongestSide.get_preprocess_shape(*size, grid.img_size)
            if tuple(resized) != tuple(grid.frame_size):
                raise PedbenchError(
                    f"mask of sensitive_local is of {size[1]}x{size[0]} pixels, which become "
                    f"{resized[1]}x{resized[0]}, but the model input has "
                    f"{grid.frame_size[1]}x{grid.frame_size[0]}: give the mask of this photo"
                )
            view = View("", size, (0, 0), size)
            boxes = {window.index: view.box(grid, window) for window in grid.windows}
            return {i: int(self.mask[y0:y1, x0:x1].sum()) for i, (y0, x0, y1, x1) in boxes.items()}
        if self.frame is None or self.detector is None:
            return {}
        found = self.detector.find(self.frame)
        return {w.index: int(found[grid.pixel_slice(w)].sum()) for w in grid.windows}
