"""Inversion by descent through known weights (Mahendran, Vedaldi, CVPR 2015; He et al., 2019)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from attacks.base import ATTACKS, POSITIONS, WEIGHTS, Knowledge, PublicExample
from attacks.controls.swapped_twin import register_swapped
from attacks.features.canvas import Canvas, as_uint8
from attacks.features.token_maps import practice, square
from attacks.features.tokens import sends_pixels, split
from attacks.methods.inversion.linear import Ridge
from attacks.methods.inversion.window_decoders import ROUNDING
from attacks.solvers.descent import Target, descend
from attacks.solvers.forward import Forward, encoder_state
from framework.errors import PedbenchError
from framework.split.observation import Observation

STEPS = 60
TV_WEIGHTS = (1e-4, 1e-3, 1e-2)
"""Tried on a held-out public photo."""
OFF = -1.0
"""Weight that stands for leaving ridge alone, which did best on the held-out photo."""


@ATTACKS.register("optimise")
class Optimise(Ridge):
    """Looks for the pixels whose tokens are those seen at the earliest stage, from ridge onwards.

    Before the first global block only the windows seen are computed and changed. Behind it the
    whole picture is, hidden windows included, so that tokens that mix them may shape them; that
    costs a pass through the encoder and back for each step. The weight of the total variation is
    chosen on a held-out public photo, where ridge itself is a candidate. Where ridge is exact to
    8-bit rounding, nothing is left to do.

    Args:
        seed: changes nothing.
        steps: L-BFGS iterations.
    """

    summary = "pixels found by descent through the known blocks with total variation, from ridge"
    needs = frozenset({WEIGHTS, POSITIONS})

    def __init__(self, seed: int = 0, steps: int = STEPS) -> None:
        super().__init__(seed)
        self.steps = steps

    def fit(self, knowledge: Knowledge) -> None:
        if knowledge.sam is None:
            raise PedbenchError(
                f"attack '{self.name}' needs the model's weights: give it the model"
            )
        super().fit(knowledge)
        observation = knowledge.public[0].observation
        stage = int(self.recall("stage")[0])
        self.learned["steps"] = np.array([self.steps])
        if self.recall("error")[0] < ROUNDING or sends_pixels(observation, stage):
            return
        self.learned |= encoder_state(knowledge.sam, observation.plan, stage)
        self._choose(split(knowledge.public)[1][0])

    def _choose(self, example: PublicExample) -> None:
        """Settle the weight of the total variation on one photo."""
        rng = np.random.default_rng(0)
        windows = practice(example.observation.grid, rng)
        kept = tuple(m for m in example.observation.messages if m.window in windows)
        seen = replace(example.observation, messages=kept)
        canvas = self._canvas(seen)
        errors = {OFF: self._error(canvas.completed(self._colour(canvas)), example, canvas)}
        for weight in TV_WEIGHTS if canvas.known.any() else ():
            picture = self._descended(seen, canvas, weight)
            errors[weight] = self._error(picture, example, canvas)
        self.learned["weight"] = np.array([min(errors, key=errors.__getitem__)])

    @staticmethod
    def _error(picture: NDArray[np.uint8], example: PublicExample, canvas: Canvas) -> float:
        missed = (picture.astype(np.float64) - example.frame)[canvas.known]
        return float(np.square(missed).mean()) if missed.size else 0.0

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        canvas = self._canvas(observation)
        ready = "arch" in self.learned and canvas.known.any()
        if not ready or self.recall("weight")[0] == OFF:
            return canvas.completed(self._colour(canvas))
        return self._descended(observation, canvas, float(self.recall("weight")[0]))

    def _descended(
        self, observation: Observation, canvas: Canvas, weight: float
    ) -> NDArray[np.uint8]:
        target, start = self._problem(observation, canvas)
        picture = frame_of(descend(target, start, weight, int(self.recall("steps")[0])), target)
        if target.forward.local:
            return Canvas(np.where(canvas.known[..., None], picture, 0), canvas.known).completed(
                self._colour(canvas)
            )
        return as_uint8(picture)

    def _problem(self, observation: Observation, canvas: Canvas) -> tuple[Target, Tensor]:
        """What was seen, and ridge's picture [3, img_size, img_size] to start from."""
        stage = int(self.recall("stage")[0])
        grid = observation.grid
        forward = Forward(self.learned, grid)
        tokens = observation.tokens(stage)
        if forward.local:
            tokens = {i: t for i, t in tokens.items() if grid.windows[i].has_content}
        start = np.where(canvas.known[..., None], canvas.pixels, self._colour(canvas))
        return Target.of(forward, tokens), square(start, grid.img_size)[0]

    def _canvas(self, observation: Observation) -> Canvas:
        windows = self.windows(self.features(observation), observation.patch_size)
        return Canvas.paint(observation.grid, windows)

    def _colour(self, canvas: Canvas) -> NDArray[np.float32]:
        return canvas.colour(self.recall("colour"))


def frame_of(picture: Tensor, target: Target) -> NDArray[np.float32]:
    """The part of a square picture that is the photo, [h, w, 3]."""
    height, width = target.forward.grid.frame_size
    return np.ascontiguousarray(picture[:, :height, :width].permute(1, 2, 0).numpy())


register_swapped(Optimise)
