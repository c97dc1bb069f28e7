"""Everything at once, with the texture that LPIPS likes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS, Knowledge
from attacks.controls.swapped_twin import register_swapped
from attacks.features.canvas import Pixels, as_uint8
from attacks.features.inpainting_input import fill
from attacks.methods.inpainting.learned import GatedInpaintingLpips
from attacks.methods.inversion.joint_decoder import JointDecoder
from attacks.networks.shipped import PHOTOS, shipped
from attacks.networks.training import load_network
from framework.split.observation import Observation

TEXTURE = "texture."
COARSE = 1 / 32
"""Deviation of the Gaussian that parts colours from texture, in longest sides of the picture."""


@ATTACKS.register("joint_decoder_lpips")
class JointDecoderLpips(JointDecoder):
    """The coarse colours of `JointDecoder`, with the fine texture of `GatedInpaintingLpips`.

    The texture comes from shipped weights, which were trained on the very LPIPS that scores it.
    Where nothing is visible there is none.
    """

    summary = "the joint decoder's colours with the texture of gated_inpainting_lpips, for LPIPS"
    trained_on = PHOTOS

    def fit(self, knowledge: Knowledge) -> None:
        super().fit(knowledge)
        weights = shipped(GatedInpaintingLpips.weights, GatedInpaintingLpips.sha256)
        self.learned |= {TEXTURE + name: value for name, value in weights.items()}

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        picture = super().reconstruct(observation)
        canvas = self._canvas(observation)
        if not canvas.known.any() or canvas.known.all():
            return picture
        network = load_network(GatedInpaintingLpips.network, self.learned, TEXTURE)
        textured = fill(network, canvas)
        mixed = blurred(picture.astype(np.float32)) + textured - blurred(textured)
        return np.where(canvas.known[..., None], picture, as_uint8(mixed))


def blurred(picture: Pixels) -> Pixels:
    """What is left of [h, w, 3] behind a Gaussian, same shape."""
    left = cv2.GaussianBlur(picture, (0, 0), COARSE * max(picture.shape[:2]))
    return left.astype(np.float32, copy=False)


register_swapped(JointDecoderLpips)
