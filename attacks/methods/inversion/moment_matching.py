"""Query-free inversion without any model: by the statistics of what strangers sent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS, POSITIONS, STRANGERS, Knowledge, Unlearnable
from attacks.features.patches import to_patches
from attacks.features.public_examples import mean_colour, require_public
from attacks.features.tokens import sends_pixels, stage_of
from attacks.methods.inversion.linear import Ridge
from attacks.solvers.blind_identification import TURNS, Signals, centred, unmixing
from framework.split.observation import Observation

MAX_TOKENS = 80_000
"""Of strangers' photos, and of the attacker's own, held in memory."""


@ATTACKS.register("moment_matching")
class MomentMatching(Ridge):
    """Finds the linear map from tokens to patches that gives strangers' tokens patches' moments.

    Mean, covariance, and covariances of neighbours of the attacker's own photos, and the third
    moments for the sign; see `attacks.solvers.blind_identification`. Needs tokens as wide as a
    patch has values, as ``tiny`` and ViT-B have them. Behind blocks, where a token is no linear map
    of its patch, it does what it can.

    Args:
        seed: of where the search starts.
        turns: of the search, from each start.
    """

    summary = (
        "no model, no query: the linear map that gives strangers' tokens the moments of photos"
    )
    needs = frozenset({STRANGERS, POSITIONS})
    random = True

    def __init__(self, seed: int = 0, turns: int = TURNS) -> None:
        super().__init__(seed)
        self.turns = turns

    def fit(self, knowledge: Knowledge) -> None:
        require_public(knowledge, self.name)
        if not knowledge.overheard:
            raise Unlearnable(
                f"attack '{self.name}' learns from what strangers sent: give it at least one of "
                "their observations"
            )
        seen = knowledge.overheard[0]
        stage, side, grid = stage_of(seen), seen.patch_size, seen.grid
        self.learned = {
            "colour": mean_colour(knowledge.public),
            "stage": np.array([stage]),
            "pixels": np.array([sends_pixels(seen, stage)]),
        }
        most = max(1, MAX_TOKENS // grid.tokens_per_side**2)
        photos = [photo_map(e.frame, side) for e in knowledge.public[:most]]
        mean = np.mean([m.mean(axis=(0, 1)) for m in photos], axis=0)
        size = (grid.tokens_per_side, grid.tokens_per_side)
        position, matrix = np.zeros((*size, len(mean))), np.eye(len(mean))
        if self.learned["pixels"][0]:
            mean = np.zeros_like(mean)
        else:
            theirs, position = centred(token_maps(knowledge.overheard[:most], stage), size)
            if position.shape[-1] != len(mean):
                raise Unlearnable(
                    f"attack '{self.name}' needs tokens as wide as a patch has values, "
                    f"{len(mean)}: here they have {position.shape[-1]} channels"
                )
            mixed = Signals.of(theirs, grid.window_size)
            plain = Signals.of(centred(photos, size)[0], grid.window_size)
            matrix = unmixing(mixed, plain, self.seed, self.turns)
        self.learned |= {
            "position": position.astype(np.float32),
            "matrix": matrix.astype(np.float32),
            "mean_in": np.zeros(len(matrix), dtype=np.float32),
            "mean_out": mean.astype(np.float32),
        }


def photo_map(frame: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """The whole patches of a photo, [rows, columns, side·side·3]."""
    rows, columns = (length // side * side for length in frame.shape[:2])
    return to_patches(frame[:rows, :columns].astype(np.float32), side)


def token_maps(overheard: Sequence[Observation], stage: int) -> list[NDArray[np.float32]]:
    """Tokens of the whole patches of photos seen by all shards, [rows, columns, channels] each.

    Raises:
        Unlearnable: no observation is complete.
    """
    found = []
    for seen in overheard:
        windows, grid = seen.tokens(stage), seen.grid
        if not set(grid.content) <= windows.keys():
            continue
        channels = next(iter(windows.values())).shape[-1]
        whole = np.zeros((grid.tokens_per_side, grid.tokens_per_side, channels), np.float32)
        for index, tokens in windows.items():
            whole[grid.windows[index].token_slice] = tokens
        rows, columns = (length // seen.patch_size for length in seen.frame_size)
        found.append(whole[:rows, :columns])
    if not found:
        raise Unlearnable(
            "no stranger's photo was overheard in all its windows: give observations of all shards"
        )
    return found
