"""Descent on the weights of an untrained generator (Ulyanov, Vedaldi, Lempitsky, CVPR 2018)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from attacks.base import ATTACKS, PublicExample
from attacks.features.canvas import as_uint8
from attacks.methods.inversion.optimise import Optimise, frame_of
from attacks.solvers.descent import adapt
from framework.split.observation import Observation

STEPS = 300
RATE = 1e-2
CODE = 16
WIDTH = 48
COARSEST = 8
"""Side of the random code, of which the generator makes a picture, pixels."""


class Generator(nn.Module):
    """From noise to a picture, by convolutions and bilinear enlargement.

    Args:
        side: of the picture, pixels.
    """

    code: Tensor

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        self.register_buffer("code", torch.randn(1, CODE, COARSEST, COARSEST))
        scales = range((side // COARSEST - 1).bit_length() + 1)
        self.convs = nn.ModuleList(
            nn.Conv2d(WIDTH if i else CODE, WIDTH, 3, padding=1, padding_mode="reflect")
            for i in scales
        )
        self.norms = nn.ModuleList(nn.GroupNorm(8, WIDTH) for _ in scales)
        self.leave = nn.Conv2d(WIDTH, 3, 1)

    def forward(self) -> Tensor:
        """The picture, 0..255, [3, side, side]."""
        x = self.code
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            if i:
                size = min(COARSEST * 2**i, self.side)
                x = F.interpolate(x, (size, size), mode="bilinear", align_corners=False)
            x = F.leaky_relu(norm(conv(x)), 0.1)
        return 255 * self.leave(x).sigmoid()[0]


@ATTACKS.register("deep_image_prior")
class DeepImagePrior(Optimise):
    """`Optimise` with the picture made by a small generator, fitted to each picture anew.

    The generator fills hidden windows as well. Needs no weight and starts from noise.

    Args:
        seed: of the generator.
        steps: of Adam.
    """

    summary = "an untrained generator fitted until its picture gives the tokens that were seen"
    random = True

    def __init__(self, seed: int = 0, steps: int = STEPS) -> None:
        super().__init__(seed, steps)

    def _choose(self, example: PublicExample) -> None:
        self.learned["seed"] = np.array([self.seed])

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        canvas = self._canvas(observation)
        if "arch" not in self.learned or not canvas.known.any():
            return canvas.completed(self._colour(canvas))
        target, _ = self._problem(observation, canvas)
        with torch.random.fork_rng():
            torch.manual_seed(int(self.recall("seed")[0]))
            generator = Generator(observation.img_size)
            steps = int(self.recall("steps")[0])
            picture = adapt(target, generator, list(generator.parameters()), RATE, steps)
        return as_uint8(frame_of(picture, target))
