"""Gradient descent from the tokens of some windows to a picture that would give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attacks.solvers.forward import Forward

HISTORY = 10


@dataclass(frozen=True)
class Target:
    """Observed tokens as a loss.

    Attributes:
        forward: pixels to tokens.
        windows: indices of the windows that were seen.
        tokens: theirs, [tokens, channels], one window after the other.
        scale: mean square of a token's deviation from the mean token.
    """

    forward: Forward
    windows: tuple[int, ...]
    tokens: Tensor
    scale: float

    @classmethod
    def of(cls, forward: Forward, tokens: Mapping[int, NDArray[np.float32]]) -> Target:
        """Of tokens [height, width, channels] by window."""
        values = torch.cat([torch.as_tensor(t).flatten(0, 1) for t in tokens.values()])
        scale = float((values - values.mean(dim=0)).square().mean())
        return cls(forward, tuple(tokens), values, max(scale, 1e-9))

    def error(self, picture: Tensor) -> Tensor:
        """Mean squared error of the picture's tokens, in units of their variance."""
        parts = self.forward(picture, self.windows)
        tokens = torch.cat([part.flatten(0, 1) for part in parts])
        return (tokens - self.tokens).square().mean() / self.scale


def total_variation(picture: Tensor, inside: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels inside, in units of 255, smoothed at 0."""
    down = (picture[:, 1:] - picture[:, :-1]) * inside[:, 1:] / 255
    right = (picture[:, :, 1:] - picture[:, :, :-1]) * inside[:, :, 1:] / 255
    return ((down.square() + 1e-6).sqrt().sum() + (right.square() + 1e-6).sqrt().sum()) / (
        3 * inside.sum()
    )


def descend(target: Target, start: Tensor, weight: float, steps: int) -> Tensor:
    """L-BFGS on pixels with total variation.

    Args:
        start: picture in 0..255, [3, img_size, img_size].
        weight: of the total variation against `Target.error`.
        steps: iterations.

    Returns:
        The picture found, clipped to 0..255.
    """
    values = (start / 255 - 0.5).clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [values], max_iter=steps, history_size=HISTORY, line_search_fn="strong_wolfe"
    )
    inside = target.forward.inside

    def loss() -> Tensor:
        optimizer.zero_grad()
        picture = (values + 0.5) * 255
        value = target.error(picture) + weight * total_variation(picture, inside)
        value.backward()
        return value

    optimizer.step(loss)
    return ((values.detach() + 0.5) * 255).clamp(0, 255)


def adapt(
    target: Target, picture: Callable[[], Tensor], parameters: list[Tensor], rate: float, steps: int
) -> Tensor:
    """Adam on whatever makes ``picture`` [3, img_size, img_size]; returns the last picture."""
    optimizer = torch.optim.Adam(parameters, lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        target.error(picture()).backward()
        optimizer.step()
    with torch.no_grad():
        return picture().clamp(0, 255)
