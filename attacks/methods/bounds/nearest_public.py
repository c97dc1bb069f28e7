"""Floor: the public photo that looks most like what was seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS, POSITIONS, Attack, Knowledge
from attacks.features.canvas import as_uint8
from attacks.features.completion import shrunk
from attacks.features.public_examples import require_public, resized
from attacks.features.visible import patch_inverse, visible_canvas
from framework.split.observation import Observation

LONGEST = 32


@ATTACKS.register("nearest_public")
class NearestPublic(Attack):
    """The public photo, stretched to the frame, nearest in the visible windows.

    Nearest by squared difference at 32 pixels along the longest side, over the pixels that stage 0
    shows (copied, or by pseudo-inverse). Where it shows nothing, the photo nearest to the mean of
    them all.
    """

    summary = "the public photo nearest to what was seen, compared at 32 px in the same windows"
    kind = "floor"
    setting_independent = True
    needs = frozenset({POSITIONS})

    def fit(self, knowledge: Knowledge) -> None:
        require_public(knowledge, self.name)
        frames = {f"frame.{i:05d}": e.frame for i, e in enumerate(knowledge.public)}
        self.learned = frames | patch_inverse(knowledge.sam)

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        self.recall("frame.00000")
        names = sorted(name for name in self.learned if name.startswith("frame."))
        seen = shrunk(visible_canvas(observation, self.learned), LONGEST)
        photos = np.stack([resized(self.learned[n], seen.known.shape) for n in names])
        target, known = seen.pixels, seen.known
        if not known.any():
            target, known = photos.mean(axis=0), np.ones_like(known)
        distance = ((photos[:, known] - target[known]) ** 2).mean(axis=(1, 2))
        nearest = self.learned[names[int(distance.argmin())]]
        return as_uint8(resized(nearest, observation.frame_size))
