"""Bounds from above for pipelines whose defence adds noise, one image at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide

from attacks.analyses.noise_bounds.tokens import TokenBounds
from bench.datasets import Dataset
from bench.runner.models import Models
from bench.spec.cells import Pipeline
from framework.split.defences import make_defence
from framework.split.defences.noise.base import AdditiveNoise
from framework.split.payload import PIXELS, PayloadSpec
from framework.split.plans import Place, make_plan

BITS, ERROR = "noise_bits", "noise_psnr"
"""Metrics: bits at most a pixel value; PSNR that no unbiased attacker exceeds on average."""
PUBLIC = 16
"""Public photos from which second moments are measured, at most."""


class NoiseBounds:
    """Gives the bounds as scores of a pipeline.

    Args:
        models: of the run.
        public: data sets, whose first photos serve.
    """

    def __init__(self, models: Models, public: Sequence[Dataset]) -> None:
        self.models = models
        self.public = public
        self._bounds: dict[bool, TokenBounds] = {}

    def scores(self, pipeline: Pipeline, model_input: NDArray[np.uint8]) -> dict[str, float]:
        """`BITS` and `ERROR` of one photo; nothing for a pipeline without noise on tokens."""
        defence = make_defence(pipeline.defence, pipeline.strength)
        if not isinstance(defence, AdditiveNoise) or not self._sends_tokens(pipeline):
            return {}
        bounds = self._of(pipeline.adapted)
        error = bounds.error(defence, model_input)
        found = {ERROR: float(10 * np.log10(255**2 / error))}
        return found | ({BITS: bounds.bits(defence, model_input)} if bounds.public else {})

    def _sends_tokens(self, pipeline: Pipeline) -> bool:
        plan = make_plan(pipeline.plan, self.models.sam.arch)
        sends = any(step.place is Place.SHARDS for step in plan.steps)
        return sends and PayloadSpec.parse(pipeline.payload).first != PIXELS

    def _of(self, adapted: bool) -> TokenBounds:
        if adapted not in self._bounds:
            sam = self.models.get(adapted)
            resize = ResizeLongestSide(sam.arch.img_size)
            photos = islice(((data, i) for data in self.public for i in data.ids), PUBLIC)
            frames = [resize.apply_image(data.load(i).image) for data, i in photos]
            self._bounds[adapted] = TokenBounds(sam, frames)
        return self._bounds[adapted]
