"""A linear map and shaped noise, trained to leave a linear attacker a large error."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from framework.split.defences.base import DEFENCES
from framework.split.defences.trained.adapter import AdapterDefence, PrivacyTerm
from framework.split.defences.trained.base import Arrays

FIRST_NOISE = 0.6
"""Standard deviation of the noise before training: about half that of a token's values."""
RIDGE = 1e-3
"""Penalty of the linear attacker, in the square of token values."""
FLOOR = 1e-3
"""Share of the pixels' variance below which the attacker's error does not count: 30 dB under it."""


@DEFENCES.register("learned_noise")
class LearnedNoise(AdapterDefence):
    """Sends ``tokens · map + shift + noise · shape``, with fresh Gaussian noise for each picture.

    Noise goes where it hides pixels and where the model does not need the token. Shredder
    (Mireshghallah et al., ASPLOS 2020) learns whole tensors of noise, Cloak (Mireshghallah et al.,
    WWW 2021) one deviation for each feature; here it is a covariance of channels. Later rounds are
    computed from noisy answers and sent as they are, with what `GaussianOnce` says of that.
    """

    label = "learned noise"
    axis = "weight of the linear attacker, learned noise"
    learning_rate = 1e-2
    sampled = 4096
    summary = "a linear map and noise on the edge, trained against the best linear attacker"

    def network(self, channels: int) -> nn.Module:
        return NoisyChannel(channels)

    def privacy(self, channels: int, values: int) -> PrivacyTerm:
        return LinearAttacker()

    def macs(self, tokens: int, channels: int, rounds: int) -> int:
        return 2 * tokens * channels**2

    def load(self, arrays: Arrays) -> None:
        self.adapter = NoisyChannel(len(arrays["shift"])).eval()
        self.adapter.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()})

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        if not isinstance(self.adapter, NoisyChannel):
            return tokens
        drawn = torch.from_numpy(rng.standard_normal(tokens.shape, dtype=np.float32))
        with torch.inference_mode():
            return np.asarray(self.adapter.send(torch.from_numpy(tokens), drawn).numpy())


class NoisyChannel(nn.Module):
    """A linear Gaussian channel on each token, [..., channels]; at first it adds plain noise."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.map = nn.Parameter(torch.eye(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        self.shape = nn.Parameter(FIRST_NOISE * torch.eye(channels))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.send(tokens, torch.randn_like(tokens))

    def send(self, tokens: Tensor, drawn: Tensor) -> Tensor:
        """``drawn``: standard normal values, of the same shape as ``tokens``."""
        return tokens @ self.map + self.shift + drawn @ self.shape


class LinearAttacker(PrivacyTerm):
    """Decibels by which the best linear attacker beats the mean, as a share of 30 dB, 0 to 1."""

    def forward(self, tokens: Tensor, pixels: Tensor) -> Tensor:
        seen, truth = tokens - tokens.mean(dim=0), pixels - pixels.mean(dim=0)
        inner = seen.T @ seen / len(seen)
        inner = inner + RIDGE * torch.eye(len(inner), device=inner.device)
        cross = truth.T @ seen / len(seen)
        explained = (cross * torch.linalg.solve(inner, cross.T).T).sum() / truth.shape[1]
        left = (1 - explained / truth.square().mean()).clamp(min=FLOOR)
        return torch.log(left) / float(np.log(FLOOR))
