"""Learned inpainting at reduced size: what the networks are given, and their training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from attacks.base import PublicExample
from attacks.canvas import Canvas, Pixels
from attacks.completion import LONGEST, shrunk
from attacks.public import resized
from attacks.reconstruction.push_pull import pyramid
from attacks.training import train
from attacks.whole import practice, square

Network = Callable[[Tensor], Tensor]

CHANNELS = 8
LEARNING_RATE = 2e-3
BATCH = 16
TESTS = 8
"""Masks tried on each held-out photo."""
UNIT = 64.0
"""Grey levels in which errors count."""


@dataclass(frozen=True)
class Holes:
    """Pictures with holes, shrunk to `LONGEST` and padded to a square of that side.

    Attributes:
        inputs: known pixels and the push-pull filling, both less the mean of the known pixels and
            over their contrast; known; inside: [n, CHANNELS, LONGEST, LONGEST].
        base: the push-pull filling in 0..255, [n, 3, LONGEST, LONGEST].
        contrast: standard deviation of the known pixels, grey levels, [n, 1, 1, 1]; 0 where they
            are flat, and then nothing is added to the base.
    """

    inputs: Tensor
    base: Tensor
    contrast: Tensor

    @classmethod
    def of(cls, canvas: Canvas) -> Holes:
        """Of one canvas of which something is known."""
        small = shrunk(canvas, LONGEST)
        known = small.known[..., None].astype(np.float32)
        base = pyramid(small.pixels, known)
        seen = small.pixels[small.known]
        mean, contrast = seen.mean(axis=0), float(seen.std(axis=0).mean())
        unit = max(contrast, 1.0)
        parts = [
            (small.pixels - mean) / unit * known,
            (base - mean) / unit,
            known,
            np.ones_like(known),
        ]
        inputs = square(np.concatenate(parts, axis=2), LONGEST)
        return cls(inputs, square(base, LONGEST), torch.tensor(contrast).reshape(1, 1, 1, 1))

    @classmethod
    def joined(cls, parts: Sequence[Holes]) -> Holes:
        """Several as one batch."""
        names = ("inputs", "base", "contrast")
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in names))

    def to(self, device: str) -> Holes:
        """The same on another device."""
        return Holes(self.inputs.to(device), self.base.to(device), self.contrast.to(device))

    def filled(self, network: Network) -> Tensor:
        """The base with the network's corrections, 0..255 and beyond, of its shape."""
        return self.base + self.contrast * network(self.inputs)


def fill(network: Network, holes: Holes, canvas: Canvas) -> Pixels:
    """The filling of one canvas at its full size, [h, w, 3] in 0..255."""
    small = shrunk(canvas, LONGEST).known.shape
    with torch.inference_mode():
        picture = holes.filled(network)[0].permute(1, 2, 0).numpy()
    picture = np.ascontiguousarray(picture[: small[0], : small[1]].clip(0, 255))
    return resized(picture, canvas.known.shape)


def train_inpainter(
    network: nn.Module,
    training: Sequence[PublicExample],
    held_out: Sequence[PublicExample],
    steps: int,
    seed: int,
    device: str,
) -> NDArray[np.float32]:
    """Minimise the squared error in the holes, in place.

    Args:
        training, held_out: public photos; of their observations only the grid is used, and the
            holes are the windows that random coalitions lack.

    Returns:
        The curve, as `attacks.training.train` gives it.
    """
    rng = np.random.default_rng([seed, 2])

    def draw(examples: Sequence[PublicExample], count: int) -> tuple[Holes, Tensor]:
        chosen = [examples[i] for i in rng.integers(len(examples), size=count)]
        pairs = [_practised(example, rng) for example in chosen]
        holes = Holes.joined([holes for holes, _ in pairs])
        return holes.to(device), torch.cat([truth for _, truth in pairs]).to(device)

    def error(holes: Holes, truth: Tensor) -> Tensor:
        hidden = holes.inputs[:, -1:] * (1 - holes.inputs[:, -2:-1])
        missed = (holes.filled(network) - truth) / UNIT * hidden
        return missed.square().sum() / (3 * hidden.sum()).clamp(min=1)

    tests = [draw([example], TESTS) for example in held_out]
    return train(
        network,
        lambda _: error(*draw(training, BATCH)),
        lambda: float(np.mean([error(*test).item() for test in tests])),
        steps,
        LEARNING_RATE,
        seed,
    )


def _practised(example: PublicExample, rng: np.random.Generator) -> tuple[Holes, Tensor]:
    """A photo, mirrored or not, as a random coalition has it, and the photo at that size."""
    frame = example.frame[:, ::-1] if rng.random() < 0.5 else example.frame
    pixels = frame.astype(np.float32)
    known = np.zeros(frame.shape[:2], dtype=bool)
    while not known.any():
        known = example.observation.grid.pixel_mask(practice(example.observation.grid, rng))
    holes = Holes.of(Canvas(np.where(known[..., None], pixels, np.float32(0)), known))
    size = shrunk(Canvas(pixels, np.ones_like(known)), LONGEST).known.shape
    return holes, square(resized(pixels, size), LONGEST)
