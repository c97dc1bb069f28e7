"""``synthetic``: procedural scenes, endless and the same for everyone."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from bench.datasets.base import DATASETS, Dataset, Sample, fingerprint, unknown_image
from bench.datasets.synthetic_scenes import Word, compose
from framework.errors import PedbenchError

SCENES_VERSION = 1
"""Raised when a change of the generator changes the scenes."""

DEFAULT_COUNT = 64


@dataclass(frozen=True, eq=False)
class SyntheticSample(Sample):
    """A scene with the words that can be read in it."""

    words: tuple[Word, ...] = ()


@DATASETS.register("synthetic")
class Synthetic(Dataset):
    """Textured, shaded, overlapping objects and printed words with exact masks.

    Args:
        count: how many scenes `ids` lists; `scene` makes any other too.
        seed: other seeds give other scenes.
    """

    summary = "procedural scenes with exact masks and printed words"
    usage = "synthetic[:N[@SEED]]"

    def __init__(self, count: int = DEFAULT_COUNT, seed: int = 0) -> None:
        self.count = count
        self.seed = seed
        self.name = f"synthetic:{count}" + (f"@{seed}" if seed else "")

    @classmethod
    def open(cls, argument: str, **options: str) -> Dataset:
        """``N`` scenes, 64 by default, of the seed, 0 by default."""
        match = re.fullmatch(r"([1-9][0-9]{0,5})?(?:@([0-9]{1,18}))?", argument)
        if match is None:
            raise PedbenchError(
                f"synthetic:{argument} is not understood: give {cls.usage}, N from 1 to 999999"
            )
        return cls(int(match[1] or DEFAULT_COUNT), int(match[2] or 0))

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(f"{self.seed}-{index:06d}" for index in range(self.count))

    @property
    def fingerprint(self) -> str:
        return fingerprint("synthetic", SCENES_VERSION, self.count, self.seed)

    def load(self, image_id: str) -> SyntheticSample:
        match = re.fullmatch(rf"{self.seed}-(\d{{6,}})", image_id)
        if match is None:
            raise unknown_image(self, image_id)
        return self.scene(int(match[1]))

    def scene(self, index: int) -> SyntheticSample:
        """Scene ``index``, from 0 and without end; always the same."""
        scene = compose(np.random.default_rng([SCENES_VERSION, self.seed, index]))
        image_id = f"{self.seed}-{index:06d}"
        return SyntheticSample(
            image_id=image_id,
            image=scene.image,
            masks=scene.masks,
            mask_ids=tuple(map(str, range(len(scene.masks)))),
            scene=f"synthetic/{image_id}",
            words=scene.words,
        )
