"""Bounds for the tokens of a picture's first round."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attacks.analyses.noise_bounds.capacity import LAPLACE_GAP, bits_at_most, second_moments
from attacks.analyses.noise_bounds.fisher import (
    GAUSSIAN,
    LAPLACE,
    dfil,
    fisher_information,
)
from attacks.features.patches import content_tokens
from framework.models.build import PIXEL_MEAN, PIXEL_STD, PedSam
from framework.split.defences.noise.base import AdditiveNoise
from framework.split.windows import WindowGrid
from framework.transport.stage import WindowStage

Frame = NDArray[np.uint8]
WINDOWS = 8
"""Windows of a picture whose Fisher information is computed, drawn at random."""


class TokenBounds:
    """What tokens of the first round tell at most of the photo, for one model.

    Args:
        sam: the model.
        public: model inputs from which the moments of a stand-in are measured.
    """

    def __init__(self, sam: PedSam, public: Sequence[Frame]) -> None:
        self.sam = sam
        self.public = public
        self._known: dict[type[AdditiveNoise], NDArray[np.float64]] = {}

    def bits(self, defence: AdditiveNoise, frame: Frame) -> float:
        """Bits at most for each pixel value of a patch, mean over the tokens with content."""
        gap = 0.0 if defence.gaussian else LAPLACE_GAP
        moments = self._moments(type(defence)) / defence.strength**2
        bits = bits_at_most(self._relative(defence, frame), moments, gap)
        return bits / (3 * self.sam.arch.patch_size**2)

    def error(
        self,
        defence: AdditiveNoise,
        frame: Frame,
        *,
        side: int = 1,
        blocks: Sequence[int] = (),
        seed: int = 0,
    ) -> float:
        """Least mean squared error of a pixel value for unbiased attackers, by 1 / dFIL.

        Args:
            side: of the windows looked at, tokens.
            blocks: window blocks that the edge would run before it adds the noise.
            seed: of the choice of windows.

        Returns:
            In 0..255 squared, mean over `WINDOWS` windows of the picture.
        """
        length = side * self.sam.arch.patch_size
        rows, columns = (size // length for size in frame.shape[:2])
        rng = np.random.default_rng(seed)
        errors = []
        for place in rng.choice(rows * columns, min(WINDOWS, rows * columns), replace=False):
            row, column = divmod(int(place), columns)
            part = frame[row * length : (row + 1) * length, column * length : (column + 1) * length]
            at = slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)
            position = self.sam.runtime.positions[0][at]
            errors.append(float(1 / dfil(self._information(defence, part, position, blocks))))
        return float(np.mean(errors))

    def _information(
        self, defence: AdditiveNoise, part: Frame, position: Tensor, blocks: Sequence[int]
    ) -> Tensor:
        mean, spread = (torch.tensor(values)[:, None, None] for values in (PIXEL_MEAN, PIXEL_STD))
        stage = WindowStage(self.sam)

        def channel(values: Tensor) -> tuple[Tensor, Tensor]:
            normal = (values.reshape(3, *part.shape[:2]) - mean) / spread
            tokens = self.sam.runtime.patches(normal[None])[0] + position
            if blocks:
                tokens = stage.through(blocks, [tokens])[0]
            return noisy(defence, tokens)

        values = torch.tensor(part).permute(2, 0, 1).flatten().float()
        noise = GAUSSIAN if defence.gaussian else LAPLACE
        return fisher_information(channel, values, noise).detach()

    def _moments(self, kind: type[AdditiveNoise]) -> NDArray[np.float64]:
        """Second moments of public tokens in units of the noise of strength 1."""
        if kind not in self._known:
            tokens = [self._relative(kind(1.0), frame) for frame in self.public]
            self._known[kind] = second_moments(np.concatenate(tokens))
        return self._known[kind]

    @torch.inference_mode()
    def _relative(self, defence: AdditiveNoise, frame: Frame) -> NDArray[np.float32]:
        """Tokens with content less their position, in units of the noise, [n, channels]."""
        image = torch.as_tensor(frame, device=self.sam.device).permute(2, 0, 1)[None]
        tokens = self.sam.runtime.embed(self.sam.preprocess(image).to(self.sam.runtime.dtype))
        values = tokens[0].float().cpu().numpy()
        position = self.sam.runtime.positions[0].float().cpu().numpy()
        signal = defence.signal(values) - position
        grid = WindowGrid.of(self.sam.arch, (frame.shape[0], frame.shape[1]))
        relative = signal / defence.deviation(values)
        parts = [
            relative[window.token_slice][content_tokens(window, self.sam.arch.patch_size)]
            for window in grid.windows
            if window.has_content
        ]
        return np.concatenate(parts)


def noisy(defence: AdditiveNoise, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """What a defence sends of tokens [..., channels]: mean and log deviation of each value."""
    if defence.limit is None:
        deviation = defence.strength * tokens.std(dim=-1, keepdim=True, correction=0)
        return tokens.flatten(), deviation.log().expand_as(tokens).flatten()
    size = tokens.square().mean(dim=-1, keepdim=True).sqrt()
    clipped = tokens * (defence.limit / size).clamp(max=1)
    constant = torch.full_like(tokens, np.log(defence.strength * defence.limit))
    return clipped.flatten(), constant.flatten()
