"""Learned inpainting: what the networks are given, and how their answer becomes a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from attacks.features.canvas import Canvas, Pixels
from attacks.features.completion import inpaint_opencv, shrunk
from attacks.features.public_examples import resized
from attacks.methods.inpainting.kriging import calm, kriged
from framework.models.build import PIXEL_MEAN

Network = Callable[[Tensor], Tensor]

LONGEST = 256
"""Longest side at which the networks work, pixels."""
STEP = 16
"""Sides are padded to a multiple of this, pixels."""
CHANNELS = 10
KNOWN = 6
"""Channel of the inputs that says what is known."""
UNIT = 58.0
"""Grey levels that an input or a correction of 1 stands for."""


@dataclass(frozen=True)
class Holes:
    """Pictures with holes, at most `LONGEST` px a side, padded to multiples of `STEP`.

    Attributes:
        inputs: the base and Telea's filling less the base, in `UNIT`; known; inside; row and
            column in -1..1: [n, CHANNELS, h, w].
        base: the known pixels, elsewhere kriging's filling, 0..255, [n, 3, h, w].
        unit: grey levels that a correction of 1 stands for, [n, 1, 1, 1]: `UNIT`, less where the
            known pixels are nearly flat, 0 where they are flat.
    """

    inputs: Tensor
    base: Tensor
    unit: Tensor

    @classmethod
    def of(cls, canvas: Canvas) -> Holes:
        """Of one canvas of which something is known."""
        canvas = shrunk(canvas, LONGEST)
        size, known = canvas.known.shape, canvas.known[..., None]
        base = np.where(known, canvas.pixels, resized(kriged(shrunk(canvas)), size))
        marched = np.where(known, canvas.pixels, inpaint_opencv(canvas, cv2.INPAINT_TELEA))
        rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in size)
        parts = [
            (base - np.array(PIXEL_MEAN, dtype=np.float32)) / UNIT,
            (marched - base) / UNIT,
            known,
            np.ones_like(known),
            *(place[..., None] for place in np.meshgrid(rows, columns, indexing="ij")),
        ]
        inputs = padded(np.concatenate(parts, axis=2))
        unit = torch.tensor(UNIT * calm(canvas)).reshape(1, 1, 1, 1)
        return cls(inputs, padded(base), unit)

    @classmethod
    def joined(cls, parts: Sequence[Holes]) -> Holes:
        """Several of one size as one batch."""
        names = ("inputs", "base", "unit")
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in names))

    def filled(self, network: Network) -> Tensor:
        """The base with the network's corrections, 0..255 and beyond, of its shape."""
        return self.base + self.unit * network(self.inputs)


def fill(network: Network, canvas: Canvas) -> Pixels:
    """The filling of one canvas, of which something is known, at its full size: [h, w, 3]."""
    holes = Holes.of(canvas)
    if not holes.unit.any():
        return _picture(holes.base, canvas)
    with torch.inference_mode():
        return _picture(holes.filled(network), canvas)


def padded(image: Pixels) -> Tensor:
    """An image [h, w, channels], with zeros to multiples of `STEP`: [1, channels, h, w] float32."""
    height, width = (-side % STEP for side in image.shape[:2])
    whole = np.pad(image.astype(np.float32), ((0, height), (0, width), (0, 0)))
    return torch.from_numpy(whole).permute(2, 0, 1)[None].contiguous()


def _picture(filled: Tensor, canvas: Canvas) -> Pixels:
    height, width = shrunk(canvas, LONGEST).known.shape
    picture = filled[0, :, :height, :width].permute(1, 2, 0).numpy().clip(0, 255)
    return resized(np.ascontiguousarray(picture), canvas.known.shape)
