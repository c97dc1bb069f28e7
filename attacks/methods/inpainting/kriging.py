"""Inpainting by simple kriging: the best linear guess for pictures of known covariance.

After Cressie, Statistics for Spatial Data (1993), sections 3.2 and 3.4; a Gaussian process's mean.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from attacks.base import ATTACKS
from attacks.controls.swapped_twin import register_swapped
from attacks.features.canvas import Canvas, Pixels
from attacks.features.completion import LONGEST, Completion, shrunk
from attacks.features.public_examples import resized
from framework.models.build import PIXEL_MEAN

LEVEL = 1500.0
"""Variance of a photo's own mean about SAM's mean colour, squared grey levels."""
COVARIANCE = ((2000.0, 0.625), (1000.0, 0.117))
"""Sum of variance · exp(−distance / range); ranges in longest sides of the picture."""
NUGGET = 5.0
"""Variance of what is independent in each pixel."""
FLAT = 2.0
"""Contrast of the known pixels, grey levels, below which a photo counts as flatter than others."""


@ATTACKS.register("kriging")
class Kriging(Completion):
    """Each hidden pixel is the weighted sum of known ones that errs least over natural photos.

    Level, covariance and nugget were chosen on public photos,
    `studies.inpainting.train_inpainting`'s.
    """

    summary = f"visible windows inverted, hidden ones by simple kriging at {LONGEST} px"
    kind = "inpainting"

    def fill(self, canvas: Canvas) -> Pixels:
        return resized(kriged(shrunk(canvas)), canvas.known.shape)


def calm(canvas: Canvas) -> float:
    """1 for a usual picture, less where the known pixels are nearly flat, 0 where they are flat."""
    contrast = float(canvas.pixels[canvas.known].std(axis=0).mean())
    return min(1.0, contrast / FLAT)


def kriged(canvas: Canvas) -> Pixels:
    """The filling of a small canvas, of which something is known, [h, w, 3] in 0..255.

    A photo's deviations from its own mean have covariance `COVARIANCE`; its mean is a prior guess
    of variance `LEVEL`, corrected by what is known.
    """
    known = canvas.known
    shift = np.array(PIXEL_MEAN)
    values = canvas.pixels[known] - shift
    factor, across = _weights(known.tobytes(), (known.shape[0], known.shape[1]))
    ones = cho_solve(factor, np.ones(len(values)))
    mean = ones @ values / (ones.sum() + calm(canvas) ** 2 / LEVEL)
    filled = canvas.pixels.copy()
    filled[~known] = shift + mean + across @ cho_solve(factor, values - mean)
    return filled.clip(0, 255)


@lru_cache(maxsize=2)
def _weights(
    known: bytes, size: tuple[int, int]
) -> tuple[tuple[NDArray[np.float64], bool], NDArray[np.float64]]:
    """Factor of the covariance of known pixels, and covariance of unknown with known ones."""
    seen = np.frombuffer(known, dtype=bool).reshape(size)
    table = _table(size)
    among = _between(table, seen, seen)
    among[np.diag_indices_from(among)] += NUGGET
    return cho_factor(among, overwrite_a=True), _between(table, ~seen, seen)


def _between(
    table: NDArray[np.float64], these: NDArray[np.bool_], those: NDArray[np.bool_]
) -> NDArray[np.float64]:
    rows, columns = (
        np.abs(a[:, None] - b) for a, b in zip(these.nonzero(), those.nonzero(), strict=True)
    )
    return table[rows, columns]


@lru_cache(maxsize=8)
def _table(size: tuple[int, int]) -> NDArray[np.float64]:
    """Covariance by distance in rows and columns, [h, w]."""
    distance = np.hypot(*np.ogrid[: size[0], : size[1]]) / max(size)
    parts = [variance * np.exp(-distance / reach) for variance, reach in COVARIANCE]
    return np.sum(parts, axis=0)


register_swapped(Kriging)
