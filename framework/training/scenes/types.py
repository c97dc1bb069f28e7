"""What scenes are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Masks = NDArray[np.bool_]


class Photo(Protocol):
    """A photo with masks.

    ``image`` is uint8 [height, width, 3] (RGB), ``masks`` bool [n, height, width].
    """

    @property
    def image(self) -> Image: ...

    @property
    def masks(self) -> Masks: ...


@dataclass(frozen=True)
class Scene:
    """One augmented frame.

    Attributes:
        image: uint8 [height, width, 3], longer side equal to the model's input.
        masks: bool [n, height, width], none of them tiny; ``n`` may be 0.
    """

    image: Image
    masks: Masks
