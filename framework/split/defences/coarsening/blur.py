"""A blurred picture is embedded."""

import cv2
import numpy as np
from numpy.typing import NDArray

from framework.split.defences.base import DEFENCES, Defence


@DEFENCES.register("blur")
class Blur(Defence):
    """Blurs the model input with a Gaussian before it is embedded.

    Args:
        strength: standard deviation of the Gaussian, pixels of the model input.
    """

    label = "blur"
    axis = "blur (σ, pixels)"
    summary = "Gaussian blur of the picture before embedding; strength: σ in pixels"

    def protect_frame(
        self, frame: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        if self.strength == 0:
            return frame
        return np.asarray(cv2.GaussianBlur(frame, (0, 0), self.strength), np.uint8)

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        return tokens
