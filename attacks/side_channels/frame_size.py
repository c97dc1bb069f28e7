"""The shape of the photo, from where SAM's padding begins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from attacks.patches import from_patches
from attacks.side_channels.base import SIDE_CHANNELS, SideChannel
from attacks.visible import MATRIX, MEAN, OFFSET, patch_inverse
from framework.models.build import PIXEL_MEAN
from framework.observation import Observation
from framework.payload import PIXELS

TOLERANCE = 0.5
"""How far padding may be from SAM's mean colour, in 0..255."""


@SIDE_CHANNELS.register("frame_size")
class FrameSize(SideChannel):
    """Height and width of the photo in the model's input.

    No message states them. But padding has one colour, so that embedded patches of round 1 show
    where it begins; where pixels are sent, it is left out. A coalition that holds no window at the
    border of the photo gets bounds, and takes their middle.
    """

    name = "frame_size"
    summary = "height and width of the photo, from where the padding begins"

    def read(self, observation: Observation) -> tuple[float, float]:
        """Height and width in pixels of the model's input."""
        side = observation.img_size
        shows, known = self._seen(replace(observation, frame_size=(side, side)))
        bounds = [_bounds(np.any(shows, axis), np.any(known, axis)) for axis in (1, 0)]
        longer = int(np.argmax([low for low, _ in bounds]))
        found = [float(side)] * 2
        low, high = bounds[1 - longer]
        found[1 - longer] = (low + high) / 2
        return found[0], found[1]

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


def _bounds(shows: NDArray[np.bool_], known: NDArray[np.bool_]) -> tuple[int, int]:
    """The least and the greatest extent along one axis.

    Args:
        shows: where something other than padding is seen, [side].
        known: where anything is seen.
    """
    low = int(np.flatnonzero(shows).max(initial=-1)) + 1
    padding = np.flatnonzero(known[low:])
    return low, low + int(padding[0]) if len(padding) else len(shows)
