"""Completion by draws from a flow over photos that ships with the package."""

from __future__ import annotations

import zlib
from typing import ClassVar

import numpy as np

from attacks.base import ATTACKS, Knowledge
from attacks.controls.swapped_twin import register_swapped
from attacks.features.canvas import Canvas, Pixels
from attacks.features.completion import Completion
from attacks.features.flow_prior import LONGEST, PHOTOS, STEPS, FlowPrior, prior_weights

STEP = 2.0
"""Grey levels by which the mean colours of two photos must differ to count as different."""
AVERAGED = 4
"""Draws of which `FlowInpaintingMean` takes the mean."""


@ATTACKS.register("flow_inpainting")
class FlowInpainting(Completion):
    """One draw of what may be hidden, given kriging's guess and the pixels seen.

    The seed is the draw: a run of several seeds has as many draws of each photo, and the table
    ``draws`` says what the best and the worst of them give away. The weights come with the
    package; ``python -m studies.inpainting.train_prior`` made them.

    Args:
        seed: of the draw.
        steps: evaluations of the network.
        draws: of which the mean is taken.

    Completion by a rectified flow (Lipman et al., ICLR 2023), what is seen being put back in each
    step (Lugmayr et al., RePaint, CVPR 2022; Wang et al., DDNM, ICLR 2023).
    """

    summary = f"visible windows inverted, hidden ones drawn from a flow over photos at {LONGEST} px"
    kind = "inpainting"
    setting_independent = True
    trained_on = PHOTOS
    random = True
    sampled: ClassVar[bool] = True

    def __init__(self, seed: int = 0, steps: int = STEPS, draws: int = 1) -> None:
        super().__init__(seed)
        self.steps, self.draws = steps, draws

    def fit(self, knowledge: Knowledge) -> None:
        super().fit(knowledge)
        settings = np.array([self.seed, self.steps, self.draws])
        self.learned |= prior_weights() | {"settings": settings}

    def fill(self, canvas: Canvas) -> Pixels:
        seed, steps, draws = self.recall("settings").tolist()
        prior = FlowPrior(self.learned)
        pictures = prior.fillings(canvas, draws, draw_seed(seed, canvas), steps)
        return np.mean(pictures, axis=0, dtype=np.float32)


register_swapped(FlowInpainting)


@ATTACKS.register("flow_inpainting_mean")
class FlowInpaintingMean(FlowInpainting):
    """The mean of several draws: it errs less than one of them, and shows less.

    Completion by the mean of draws from a flow, which is the guess of least squared error.
    """

    summary = f"the mean of {AVERAGED} draws of flow_inpainting, for PSNR"
    sampled = False

    def __init__(self, seed: int = 0, steps: int = STEPS, draws: int = AVERAGED) -> None:
        super().__init__(seed, steps, draws)


register_swapped(FlowInpaintingMean)


def draw_seed(seed: int, canvas: Canvas) -> int:
    """A seed for what is seen here, so that draws of two photos have different noise.

    Colours count in steps of `STEP`, so that another machine's rounding makes no other draw.
    """
    seen = canvas.pixels[canvas.known]
    colour = (seen.mean(axis=0) // STEP if len(seen) else np.zeros(3)).astype(np.int64)
    return zlib.crc32(np.packbits(canvas.known).tobytes() + colour.tobytes(), seed)
