"""A small network on the edge that changes tokens before the first round."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from framework.models.build import PedSam
from framework.split.defences.base import Context
from framework.split.defences.trained.base import Arrays, TrainedDefence

HIDDEN = 128
BATCH = 2
"""Photos a step."""


class Adapter(nn.Module):
    """A residual perceptron on each token, [..., channels]; at first it changes nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.inner = nn.Linear(channels, HIDDEN)
        self.outer = nn.Linear(HIDDEN, channels)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        changed: Tensor = self.outer(nn.functional.gelu(self.inner(self.norm(tokens))))
        return tokens + changed


class PrivacyTerm(nn.Module):
    """What tokens tell of their pixels, as a loss for the adapter."""

    @abstractmethod
    def forward(self, tokens: Tensor, pixels: Tensor) -> Tensor:
        """Share of the pixels that is told, 0 to 1: a scalar.

        Args:
            tokens: [n, channels].
            pixels: of their patches, standardised, [n, values].
        """

    def learn(self, tokens: Tensor, pixels: Tensor) -> None:
        """One step of a simulated attacker, where there is one."""


class AdapterDefence(TrainedDefence):
    """Trains an adapter on two aims: the model's embedding stays, pixels become hard to read.

    The loss is the squared error of the image embedding relative to its variance, plus `weight`
    times `privacy`. All blocks keep their weights, so that shards need nothing new. Only
    the first round is changed, since later rounds are computed from its answers.

    Attributes:
        learning_rate: of Adam, before it falls by a cosine.
        sampled: tokens a step from which the privacy term is computed, at most.

    Args:
        strength: weight of the privacy term.
    """

    learning_rate: ClassVar[float] = 2e-3
    sampled: ClassVar[int] = 512

    def __init__(self, strength: float | None = None) -> None:
        super().__init__(strength)
        self.adapter: nn.Module | None = None

    @property
    def weight(self) -> float:
        """Of the privacy term."""
        return self.strength

    def network(self, channels: int) -> nn.Module:
        """What is trained: it maps tokens [..., channels] to tokens of the same shape."""
        return Adapter(channels)

    @abstractmethod
    def privacy(self, channels: int, values: int) -> PrivacyTerm:
        """The privacy term for tokens of ``channels`` and patches of ``values`` numbers."""

    def load(self, arrays: Arrays) -> None:
        self.adapter = self.network(len(arrays["norm.weight"])).eval()
        self.adapter.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()})

    def macs(self, tokens: int, channels: int, rounds: int) -> int:
        return 2 * tokens * channels * HIDDEN

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        if self.adapter is None:
            return tokens
        with torch.inference_mode():
            return np.asarray(self.adapter(torch.from_numpy(tokens)).numpy())

    def protect_window(
        self, tokens: NDArray[np.float32], rng: np.random.Generator, context: Context
    ) -> NDArray[np.float32]:
        return self.protect(tokens, rng) if context.round == 0 else tokens

    def fit(
        self, sam: PedSam, plan: str, frames: Iterable[NDArray[np.uint8]], steps: int, seed: int
    ) -> Arrays:
        """Train the adapter for ``steps`` steps; the plan does not matter."""
        torch.manual_seed(seed)
        pictures, rng = list(frames), np.random.default_rng(seed)
        adapter = self.network(sam.arch.width).to(sam.device)
        term = self.privacy(sam.arch.width, 3 * sam.arch.patch_size**2).to(sam.device)
        optimiser = torch.optim.Adam(adapter.parameters(), lr=self.learning_rate)
        rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        with tqdm(range(steps), desc=f"train {self.name} {self.strength:g}", unit="step") as bar:
            for _ in bar:
                chosen = rng.choice(len(pictures), min(BATCH, len(pictures)), replace=False)
                batch = _images(sam, [pictures[i] for i in chosen])
                error, told = self._losses(sam, adapter, term, batch)
                optimiser.zero_grad()
                (error + self.weight * told).backward()
                optimiser.step()
                rate.step()
                bar.set_postfix(embedding=f"{error.item():.3f}", told=f"{told.item():.3f}")
        return {k: v.detach().cpu().numpy() for k, v in adapter.state_dict().items()}

    def _losses(
        self, sam: PedSam, adapter: nn.Module, term: PrivacyTerm, images: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Relative error of the embedding, and the share of the pixels that is told."""
        with torch.no_grad():
            tokens = sam.runtime.embed(images)
            wanted = _finish(sam, tokens)
        changed = adapter(tokens)
        pixels = _patches(images, sam.arch.patch_size)
        shown = pixels.abs().sum(dim=1) > 0
        drawn = torch.randperm(int(shown.sum()), device=images.device)[: self.sampled]
        seen, truth = changed.flatten(0, 2)[shown][drawn], pixels[shown][drawn]
        term.learn(seen.detach(), truth)
        error = (_finish(sam, changed) - wanted).square().mean() / wanted.var()
        return error, term(seen, truth)


def _images(sam: PedSam, frames: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Model inputs, padded and normalised: [n, 3, side, side]."""
    tensors = [torch.as_tensor(f, device=sam.device).permute(2, 0, 1)[None] for f in frames]
    return torch.cat([sam.preprocess(tensor) for tensor in tensors])


def _finish(sam: PedSam, tokens: Tensor) -> Tensor:
    return sam.runtime.neck(sam.runtime.maps(range(sam.arch.depth), tokens))


def _patches(images: Tensor, side: int) -> Tensor:
    """Pixels of each patch in the order of the tokens, [batch · rows · columns, 3 · side²]."""
    found = nn.functional.unfold(images, side, stride=side)
    return found.transpose(1, 2).flatten(0, 1)
