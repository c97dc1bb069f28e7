"""What stands out of a picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from framework.split.detectors.base import DETECTORS, Detector

SIDE = 64
"""Width and height at which the spectrum is taken, pixels."""
TIMES_MEAN = 3.0
"""A pixel is salient from this many times the mean saliency on (the paper, section 3.3)."""


@DETECTORS.register("saliency")
class Saliency(Detector):
    """Spectral residual: Hou and Zhang, CVPR 2007."""

    summary = "what stands out of the picture, by its spectral residual"

    def find(self, frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
        spectrum = np.fft.fft2(small)
        amplitude = np.log(np.abs(spectrum) + 1e-9)
        residual = amplitude - cv2.blur(amplitude, (3, 3), borderType=cv2.BORDER_WRAP)
        back = np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))
        saliency = cv2.GaussianBlur(np.abs(back) ** 2, (0, 0), 2.5)
        found = (saliency > TIMES_MEAN * saliency.mean()).astype(np.uint8)
        size = (frame.shape[1], frame.shape[0])
        return np.asarray(cv2.resize(found, size, interpolation=cv2.INTER_NEAREST) > 0)
