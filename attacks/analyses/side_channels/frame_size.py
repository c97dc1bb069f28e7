"""The shape of the photo, from where SAM's padding begins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from attacks.analyses.side_channels.base import SIDE_CHANNELS, SideChannel
from attacks.features.patches import from_patches
from attacks.features.visible import MATRIX, MEAN, OFFSET, patch_inverse
from framework.models.build import PIXEL_MEAN
from framework.split.observation import Observation
from framework.split.payload import PIXELS

TOLERANCE = 0.5
"""How far padding may be from SAM's mean colour, in 0..255."""


@SIDE_CHANNELS.register("frame_size")
class FrameSize(SideChannel):
    """Height and width of the photo in the model's input.

    No message states them. But padding has one colour, so that embedded patches of round 1 show
    where it begins; where pixels are sent, it is left out. A coalition that holds no window at the
    border of the photo gets bounds, and takes their middle.
    """

    summary = "height and width of the photo, from where the padding begins"

    def read(self, observation: Observation) -> tuple[float, float]:
        """Height and width in pixels of the model's input."""
        side = observation.img_size
        shows, known = self._seen(replace(observation, frame_size=(side, side)))
        blank = known & ~shows
        down, across = _extent(shows, blank), _extent(shows.T, blank.T)
        shorter = float(max(min(down, across)[-1], observation.patch_size))
        return (shorter, float(side)) if down < across else (float(side), shorter)

    def _seen(self, observation: Observation) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where something other than padding is seen, and where anything is: bool [side, side]."""
        grid, inverse = observation.grid, patch_inverse(self.sam)
        shows = np.zeros((grid.img_size, grid.img_size), dtype=bool)
        known = grid.pixel_mask({m.window for m in observation.messages if m.stage == 0})
        for message in observation.messages:
            if message.stage != 0:
                continue
            window = grid.windows[message.window]
            place = grid.pixel_slice(window)
            if message.sent.codec == PIXELS:
                height, width = message.sent.data.shape[:2]
                shows[place][:height, :width] = True
            else:
                tokens = message.sent.decode() - inverse[OFFSET][window.token_slice]
                patches = inverse[MEAN] + tokens @ inverse[MATRIX]
                pixels = from_patches(patches.astype(np.float32), grid.patch_size)
                shows[place] = (np.abs(pixels - PIXEL_MEAN) > TOLERANCE).any(-1)
        return shows, known


def _extent(shows: NDArray[np.bool_], blank: NDArray[np.bool_]) -> tuple[int, int, float]:
    """How far the photo reaches down, if that is its shorter side.

    Args:
        shows: where something other than padding is seen, [side, side].
        blank: where padding is seen.

    Returns:
        How many pixels speak against it; the least extent; the middle between that and the
        greatest.
    """
    low = int(np.flatnonzero(shows.any(axis=1)).max(initial=-1)) + 1
    padding = np.flatnonzero(blank[low:].any(axis=1))
    high = low + int(padding[0]) if len(padding) else len(shows)
    return int(blank[:low].sum()), low, (low + high) / 2
