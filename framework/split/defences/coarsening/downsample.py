"""A picture of lower resolution is embedded."""

import cv2
import numpy as np
from numpy.typing import NDArray

from framework.split.defences.base import DEFENCES, Defence


@DEFENCES.register("downsample")
class Downsample(Defence):
    """Averages the model input to fewer pixels and enlarges it again before it is embedded.

    Args:
        strength: how many times smaller each side becomes, less 1: strength 1 halves both sides,
            3 leaves a quarter of each.
    """

    label = "lower resolution"
    axis = "lower resolution (times smaller, less 1)"
    summary = "the picture at lower resolution; strength 1 halves both sides, 3 quarters them"

    def protect_frame(
        self, frame: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        if self.strength == 0:
            return frame
        height, width = frame.shape[:2]
        factor = 1 + self.strength
        size = (max(1, round(width / factor)), max(1, round(height / factor)))
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        return np.asarray(
            cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8
        )

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        return tokens
