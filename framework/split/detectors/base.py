"""The interface of a detector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from framework.registry import Registry


class Detector(ABC):
    """Finds what is sensitive in a picture, on the edge.

    Attributes:
        summary: one line for lists.
    """

    summary: ClassVar[str] = ""

    @abstractmethod
    def find(self, frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which pixels are sensitive: bool [height, width] for uint8 [height, width, 3], RGB.

        Raises:
            PedbenchError: a package that the detector needs is not installed.
        """


DETECTORS: Registry[type[Detector]] = Registry(
    "detector", "framework.split.detectors", "pedbench.detectors", Detector
)
