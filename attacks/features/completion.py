"""Attacks that take what stage 0 shows and fill in the rest."""

from __future__ import annotations

from abc import abstractmethod

import cv2
import numpy as np
from numpy.typing import NDArray

from attacks.base import FIRST_STAGE, POSITIONS, WEIGHTS, Attack, Knowledge
from attacks.features.canvas import Canvas, Pixels
from attacks.features.public_examples import mean_colour, resized
from attacks.features.visible import patch_inverse, visible_canvas
from framework.split.observation import Observation

LONGEST = 64
"""Longest side at which inpainters work, pixels: quicker, and by 0.2 to 0.5 dB better, than 256."""
RADIUS = 5.0
"""Of the neighbourhood that OpenCV's inpainters look at, pixels."""


class Completion(Attack):
    """Keeps the visible pixels as they are and fills the hidden ones from them.

    Where nothing is visible, the picture is the mean colour of the public photos.
    """

    setting_independent = True
    needs = frozenset({WEIGHTS, POSITIONS, FIRST_STAGE})

    def fit(self, knowledge: Knowledge) -> None:
        self.learned = {"colour": mean_colour(knowledge.public)} | patch_inverse(knowledge.sam)

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        canvas = visible_canvas(observation, self.learned)
        if canvas.known.any() and not canvas.known.all():
            return canvas.completed(self.fill(canvas))
        return canvas.completed(self.recall("colour"))

    @abstractmethod
    def fill(self, canvas: Canvas) -> Pixels:
        """A filling for the unknown pixels, [h, w, 3] or one colour [3], in 0..255.

        Args:
            canvas: some of it known and some not.
        """


def shrunk(canvas: Canvas, longest: int = LONGEST) -> Canvas:
    """The canvas with its longest side at most ``longest`` pixels.

    A small pixel is the mean of the known pixels under it, and known when there is any.
    """
    height, width = canvas.known.shape
    scale = longest / max(height, width)
    if scale >= 1:
        return canvas
    size = max(1, round(height * scale)), max(1, round(width * scale))
    share = resized(np.repeat(canvas.known[..., None], 3, axis=2), size)[..., :1]
    known = share[..., 0] > 1e-3
    pixels = np.where(known[..., None], resized(canvas.pixels, size) / np.maximum(share, 1e-3), 0)
    return Canvas(np.clip(pixels, 0, 255).astype(np.float32), known)


def inpaint_opencv(canvas: Canvas, method: int) -> Pixels:
    """`cv2.inpaint` at reduced size, enlarged again: [h, w, 3]."""
    small = shrunk(canvas)
    image = np.rint(small.pixels).astype(np.uint8)
    filled = cv2.inpaint(image, (~small.known).astype(np.uint8), RADIUS, method)
    return resized(filled, canvas.known.shape)
