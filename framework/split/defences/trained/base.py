"""Defences with weights of their own, trained on the edge for one model and plan."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from framework.errors import PedbenchError
from framework.files.cache import cache_dir
from framework.files.download import sha256_of
from framework.files.writing import write_file
from framework.models.build import PedSam
from framework.models.fingerprint import encoder_hash
from framework.split.defences.base import TokensOnly

Arrays = Mapping[str, NDArray[np.float32]]


class TrainedDefence(TokensOnly):
    """A defence whose weights `pedbench defend` trains and keeps in the cache.

    Shards keep the stock weights: whatever is trained runs on the edge.

    Attributes:
        for_each_strength: whether another strength needs other weights.
        for_each_plan: whether another plan does.
    """

    for_each_strength: ClassVar[bool] = True
    for_each_plan: ClassVar[bool] = False

    @abstractmethod
    def fit(
        self, sam: PedSam, plan: str, frames: Iterable[NDArray[np.uint8]], steps: int, seed: int
    ) -> Arrays:
        """Train.

        Args:
            sam: the model; it is not changed.
            plan: name of the split plan.
            frames: model inputs, uint8 [height, width, 3].
            steps: of training, for defences that learn in steps.
            seed: of all random draws.

        Returns:
            What `load` takes: float32 arrays by name.
        """

    @abstractmethod
    def load(self, arrays: Arrays) -> None:
        """Take over weights."""

    def bind(self, sam: PedSam, plan: str) -> None:
        """Load the weights for this model and plan.

        Raises:
            PedbenchError: they are not trained yet, or their file is damaged; the encoder has a
                lower precision than float32.
        """
        if self.strength == 0:
            return
        self.check_precision(sam)
        path = self.path(sam, plan)
        command = self.command(sam, plan)
        if not path.is_file():
            raise PedbenchError(
                f"defence '{self.name}' is not trained for this model at strength "
                f"{self.strength:g}: {command}"
            )
        try:
            self.load(load_file(path))
        except (SafetensorError, KeyError, OSError, RuntimeError, ValueError) as error:
            raise PedbenchError(
                f"{path} is no weights of defence '{self.name}': delete it, then {command}"
            ) from error

    def check_precision(self, sam: PedSam) -> None:
        """Refuse an encoder of lower precision, whose weights have another hash.

        Raises:
            PedbenchError: the encoder is not in float32.
        """
        if sam.precision != "float32":
            raise PedbenchError(
                f"defence '{self.name}' is trained for float32: leave --precision {sam.precision} "
                "out, or take a defence without weights"
            )

    def weights(self, sam: PedSam, plan: str) -> str:
        path = self.path(sam, plan)
        return sha256_of(path) if path.is_file() else "not trained"

    def train(
        self, sam: PedSam, plan: str, frames: Iterable[NDArray[np.uint8]], steps: int, seed: int
    ) -> Path:
        """`fit`, and keep the weights where `bind` finds them."""
        arrays = self.fit(sam, plan, frames, steps, seed)
        return write_file(self.path(sam, plan), save(dict(arrays)))

    def path(self, sam: PedSam, plan: str) -> Path:
        """File of the weights, in the cache."""
        words = [self.name]
        words += [f"{self.strength:g}"] if self.for_each_strength else []
        words += [plan] if self.for_each_plan else []
        words.append(encoder_hash(sam).hex()[:16])
        return cache_dir() / "defences" / f"{'-'.join(words)}.safetensors"

    def command(self, sam: PedSam, plan: str) -> str:
        """What to run for weights, in words."""
        return (
            f"run pedbench defend {self.name} --strength {self.strength:g} --plan {plan} "
            f"--model {sam.arch.name}"
        )
