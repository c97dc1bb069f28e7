"""Later rounds without the directions that tell where things are in the picture."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from framework.errors import PedbenchError
from framework.models.build import PedSam
from framework.split.defences.base import DEFENCES, Context
from framework.split.defences.trained.base import Arrays, TrainedDefence
from framework.split.plans import Place, make_plan

THUMBNAIL = 5
"""Side of the picture that tokens must not tell, in windows of the input."""


@DEFENCES.register("hide_layout")
class HideLayout(TrainedDefence):
    """Removes the subspace of mixed tokens that carries the picture's layout, and adds it back.

    After a global block every token tells of the whole picture. Covariances between tokens and a
    thumbnail of the picture, over public photos, give the directions that a linear attacker uses:
    their leading left singular vectors. From the second round on, what is sent is projected onto
    the other directions. The edge adds what it took away to what returns, as the blocks' own
    residual path would have. Without any covariance left, no linear regression gains anything
    (Belrose et al., LEACE, NeurIPS 2023, theorem 3.1).

    Args:
        strength: number of directions removed, at most 3 · 25 and the token's channels.
    """

    label = "layout removed"
    axis = "directions removed"
    summary = "directions of mixed tokens that tell the picture's layout stay on the edge"
    strongest = 3.0 * THUMBNAIL**2
    for_each_strength = False
    for_each_plan = True

    def __init__(self, strength: float | None = None) -> None:
        super().__init__(strength)
        self.bases: NDArray[np.float32] | None = None
        self.means: NDArray[np.float32] | None = None

    def load(self, arrays: Arrays) -> None:
        self.bases, self.means = arrays["bases"], arrays["means"]

    def macs(self, tokens: int, channels: int, rounds: int) -> int:
        return 2 * (rounds - 1) * tokens * channels * round(self.strength)

    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        return tokens

    def protect_window(
        self, tokens: NDArray[np.float32], rng: np.random.Generator, context: Context
    ) -> NDArray[np.float32]:
        if self.bases is None or self.means is None or context.round == 0:
            return tokens
        basis = self.bases[context.round - 1][:, : round(self.strength)]
        kept = (tokens - self.means[context.round - 1]) @ basis @ basis.T
        context.memory["layout"] = kept
        return np.asarray(tokens - kept, np.float32)

    def restore_window(self, tokens: NDArray[np.float32], context: Context) -> NDArray[np.float32]:
        return tokens + context.memory["layout"] if "layout" in context.memory else tokens

    def fit(
        self, sam: PedSam, plan: str, frames: Iterable[NDArray[np.uint8]], steps: int, seed: int
    ) -> Arrays:
        """One pass over ``frames``; neither ``steps`` nor ``seed`` matter.

        Raises:
            PedbenchError: the plan has no later round.
        """
        later = make_plan(plan, sam.arch).rounds - 1
        if later < 1:
            raise PedbenchError(
                f"defence '{self.name}' changes later rounds, and plan '{plan}' has none: "
                "give --plan interleaved"
            )
        sums = [_Covariance() for _ in range(later)]
        for frame in tqdm(frames, desc=f"train {self.name}", unit="photo"):
            thumbnail = _thumbnail(frame, sam.arch.img_size)
            for covariance, tokens in zip(sums, _mixed(sam, plan, frame), strict=True):
                covariance.add(tokens, thumbnail)
        return {
            "bases": np.stack([covariance.directions() for covariance in sums]),
            "means": np.stack([covariance.mean() for covariance in sums]),
        }


class _Covariance:
    """Covariance of tokens with the thumbnail of their picture, summed photo by photo."""

    def __init__(self) -> None:
        self.tokens: list[NDArray[np.float64]] = []
        self.thumbnails: list[NDArray[np.float64]] = []

    def add(self, tokens: NDArray[np.float32], thumbnail: NDArray[np.float64]) -> None:
        self.tokens.append(tokens.mean(axis=0, dtype=np.float64))
        self.thumbnails.append(thumbnail)

    def mean(self) -> NDArray[np.float32]:
        return np.mean(self.tokens, axis=0).astype(np.float32)

    def directions(self) -> NDArray[np.float32]:
        tokens = np.stack(self.tokens) - np.mean(self.tokens, axis=0)
        thumbnails = np.stack(self.thumbnails) - np.mean(self.thumbnails, axis=0)
        left, _, _ = np.linalg.svd(tokens.T @ thumbnails, full_matrices=False)
        return left.astype(np.float32)


@torch.inference_mode()
def _mixed(sam: PedSam, plan: str, frame: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Tokens as sent in the second and later rounds, [tokens, channels] each."""
    image = torch.as_tensor(frame, device=sam.device).permute(2, 0, 1)[None]
    tokens = sam.runtime.embed(sam.preprocess(image).to(sam.runtime.dtype))
    sent = []
    for step in make_plan(plan, sam.arch).steps:
        if step.place is Place.SHARDS:
            sent.append(tokens[0].flatten(0, 1).float().cpu().numpy())
        tokens = sam.runtime.maps(step.blocks, tokens)
    return sent[1:]


def _thumbnail(frame: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    """The padded model input at `THUMBNAIL` pixels a side, flat, 0 to 1."""
    padded = np.zeros((side, side, 3))
    padded[: frame.shape[0], : frame.shape[1]] = frame / 255
    small = cv2.resize(padded, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float64).ravel()
