"""Inversion of tokens at depth, guided by a flow over photos that ships with the package."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attacks.base import ATTACKS, Knowledge, PublicExample
from attacks.controls.swapped_twin import register_swapped
from attacks.features.canvas import Canvas, Pixels, as_uint8
from attacks.features.flow_input import UNIT
from attacks.features.flow_prior import PHOTOS, FlowPrior, prior_weights
from attacks.features.token_maps import practice, square
from attacks.methods.generative.flow_inpainting import draw_seed
from attacks.methods.inversion.optimise import OFF, Optimise, frame_of
from attacks.solvers.descent import HISTORY, Target
from framework.split.observation import Observation

TURNS = 2
"""How often the flow is asked, at half of the noise each time."""
STEPS = 60
"""Iterations of L-BFGS after each: a few turns of many do better than many of few."""
SMALLEST = 1e-14
"""Of a gradient or step that counts: the loss is a mean over all pixels, so that both are small."""
NOISE = 0.1
"""Time at which the flow is first asked: noise in units of 58 grey levels."""
WEIGHTS = (1e-3, 1e-2, 1e-1)
"""Of the distance to the flow's picture, tried on a held-out public photo."""


@ATTACKS.register("flow_inversion")
class FlowInversion(Optimise):
    """`Optimise` with a flow over photos in place of the total variation.

    It starts from ridge's picture, its hidden windows drawn by `FlowInpainting`'s flow. In turn,
    the flow takes noise off the picture, less each time, and descent goes on towards the tokens
    that were seen without straying far from what the flow gave. The weight of straying is chosen
    on a held-out public photo, where ridge's own picture is a candidate. Needs no training but
    ridge's.

    Args:
        seed: of the draw.
        steps: L-BFGS iterations after each of `TURNS`.

    Inversion by posterior sampling in the manner of DiffPIR (Zhu et al., CVPR workshops 2023) and
    DRAG (ICML 2025), which guide a diffusion model by the distance of features.
    """

    summary = "ridge's picture, moved in turn towards photos by a flow and towards the tokens seen"
    trained_on = PHOTOS
    random = True

    def __init__(self, seed: int = 0, steps: int = STEPS) -> None:
        super().__init__(seed, steps)

    def fit(self, knowledge: Knowledge) -> None:
        self._prior = prior_weights()
        super().fit(knowledge)
        self.learned |= self._prior | {"seed": np.array([self.seed])}

    def _choose(self, example: PublicExample) -> None:
        """Settle the weight on one photo."""
        self.learned |= self._prior | {"seed": np.array([self.seed])}
        windows = practice(example.observation.grid, np.random.default_rng(0))
        kept = tuple(m for m in example.observation.messages if m.window in windows)
        seen = replace(example.observation, messages=kept)
        canvas = self._canvas(seen)
        start = self._start(canvas)
        errors = {OFF: self._error(as_uint8(start), example, canvas)}
        for weight in WEIGHTS if canvas.known.any() else ():
            picture = self._guided(seen, canvas, start, weight)
            errors[weight] = self._error(picture, example, canvas)
        self.learned["weight"] = np.array([min(errors, key=errors.__getitem__)])

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        canvas = self._canvas(observation)
        start = self._start(canvas)
        weight = float(self.learned.get("weight", np.array([OFF]))[0])
        if weight == OFF or not canvas.known.any():
            return as_uint8(start)
        return self._guided(observation, canvas, start, weight)

    def _start(self, canvas: Canvas) -> Pixels:
        """Ridge's picture, its hidden windows drawn."""
        if canvas.known.all() or not canvas.known.any():
            return canvas.completed(self._colour(canvas)).astype(np.float32)
        seed = draw_seed(int(self.recall("seed")[0]), canvas)
        filling = FlowPrior(self.learned).fillings(canvas, 1, seed)[0]
        return np.where(canvas.known[..., None], canvas.pixels, filling)

    def _guided(
        self, observation: Observation, canvas: Canvas, start: Pixels, weight: float
    ) -> NDArray[np.uint8]:
        target, _ = self._problem(observation, canvas)
        rng = np.random.default_rng(draw_seed(int(self.recall("seed")[0]), canvas))
        found = guided(target, FlowPrior(self.learned), start, weight, self._steps(), rng)
        if target.forward.local:
            found = np.where(canvas.known[..., None], found, start)
        return as_uint8(found)

    def _steps(self) -> int:
        return int(self.recall("steps")[0])


def guided(
    target: Target,
    prior: FlowPrior,
    picture: Pixels,
    weight: float,
    steps: int,
    rng: np.random.Generator,
) -> Pixels:
    """The picture [h, w, 3] in 0..255 that both the flow and the tokens accept.

    Args:
        picture: to start from.
        weight: of the squared distance to the flow's picture, in `UNIT`, against `Target.error`.
    """
    for turn in range(TURNS):
        likely = prior.clean(picture, NOISE / 2**turn, rng)
        picture = _nearest(target, picture, likely, weight, steps)
    return picture


def _nearest(target: Target, picture: Pixels, likely: Pixels, weight: float, steps: int) -> Pixels:
    """From ``picture`` on, towards one near ``likely`` whose tokens are nearest to those seen."""
    values, centre = (
        square(each, target.forward.grid.img_size)[0] / UNIT for each in (picture, likely)
    )
    values.requires_grad_()
    optimizer = torch.optim.LBFGS(
        [values],
        max_iter=steps,
        history_size=HISTORY,
        line_search_fn="strong_wolfe",
        tolerance_grad=SMALLEST,
        tolerance_change=SMALLEST,
    )
    inside = target.forward.inside

    def loss() -> Tensor:
        optimizer.zero_grad()
        strayed = ((values - centre).square() * inside).sum() / (3 * inside.sum())
        value = target.error(values * UNIT) + weight * strayed
        value.backward()
        return value

    optimizer.step(loss)
    return frame_of((values.detach() * UNIT).clamp(0, 255), target)


register_swapped(FlowInversion)
