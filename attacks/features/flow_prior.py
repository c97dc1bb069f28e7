"""The shipped generative prior at work: it completes pictures and cleans them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attacks.features.canvas import Canvas, Pixels
from attacks.features.completion import shrunk
from attacks.features.flow_input import GUESS, INSIDE, KNOWN, context, grey_levels, normal, untold
from attacks.features.public_examples import resized
from attacks.methods.inpainting.kriging import calm, kriged
from attacks.networks.flow import FlowNetwork
from attacks.networks.shipped import FOLDER, shipped
from attacks.networks.training import load_network
from attacks.solvers.flow import cleaned, drawn

PHOTOS = FOLDER / "photos_prior.csv"
"""The photos that trained the prior."""
SHA256 = "7c448377fef7b3229961d05bf8afcbf67c348aa2e79f89773f09b97c85492d44"
LONGEST = 256
"""Longest side at which it completes, pixels."""
STEPS = 16
"""Evaluations of the network for a draw."""
NET = "flow."


def prior_weights() -> dict[str, NDArray[np.float32]]:
    """The shipped weights, as an attack keeps them in its state."""
    return {NET + name: value for name, value in shipped("flow_prior", SHA256).items()}


class FlowPrior:
    """A flow over photos.

    Args:
        learned: holds what `prior_weights` returned.
    """

    def __init__(self, learned: Mapping[str, NDArray[Any]]) -> None:
        self.network = load_network(FlowNetwork, learned, NET)
        self.network.to(memory_format=torch.channels_last)

    def fillings(self, canvas: Canvas, count: int, seed: int, steps: int = STEPS) -> list[Pixels]:
        """Independent draws of the hidden part, [h, w, 3] in 0..255 each.

        Args:
            canvas: some of it known and some not. Larger ones are filled at `LONGEST`.
            seed: of the draws.
            steps: evaluations of the network.
        """
        small = shrunk(canvas, LONGEST)
        size = (small.known.shape[0], small.known.shape[1])
        guess = np.where(
            small.known[..., None], small.pixels, resized(kriged(shrunk(small)), size)
        ).astype(np.float32)
        if not calm(canvas):
            return [resized(guess, canvas.known.shape)] * count
        told = context(guess, small.known)
        free = told[:, INSIDE] * (1 - told[:, KNOWN])
        with torch.inference_mode():
            missed = drawn(self._velocity(told), free, count, steps, seed)
        pictures = (
            grey_levels(told[:, GUESS] + calm(canvas) * each[None], size) for each in missed
        )
        return [resized(picture, canvas.known.shape) for picture in pictures]

    def clean(self, picture: Pixels, time: float, rng: np.random.Generator) -> Pixels:
        """A picture [h, w, 3] in 0..255 without what photos do not show.

        At its own size: a picture larger than `LONGEST` has other details than those that trained
        the flow.

        Args:
            time: of the noise that is laid over it first, 0 for none; ``UNIT · time`` grey levels.
        """
        size = (picture.shape[0], picture.shape[1])
        told = untold(context(picture, np.zeros(size, dtype=bool)))
        noise = torch.from_numpy(rng.standard_normal(told[:, GUESS].shape).astype(np.float32))
        noisy = (1 - time) * normal(picture) + time * noise
        with torch.inference_mode():
            found = cleaned(self._velocity(told), noisy, time)
        return grey_levels(found, size)

    def _velocity(self, told: Tensor) -> Any:
        def velocity(noisy: Tensor, time: Tensor) -> Tensor:
            return self.network(noisy, time, told.expand(len(noisy), -1, -1, -1))

        return velocity
