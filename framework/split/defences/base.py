"""The interface of a defence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError
from framework.registry import Registry


class Defence(ABC):
    """Changes a window before it is encoded and sent.

    Attributes:
        summary: one line for lists.
        label: what captions and sentences call it; its registered name where empty.
        axis: what stands at an axis of its strength; the label where empty.

    Args:
        strength: 0 leaves the payload alone; what 1 means is the defence's own.

    Raises:
        PedbenchError: there is no strength, or it is not a finite number of at least 0.
    """

    summary: ClassVar[str] = ""
    label: ClassVar[str] = ""
    axis: ClassVar[str] = ""

    def __init__(self, strength: float | None = None) -> None:
        if strength is None:
            raise PedbenchError(
                f"{type(self).__name__} without a strength changes nothing: give it one above 0"
            )
        if not (isinstance(strength, SupportsFloat) and np.isfinite(strength) and strength >= 0):
            raise PedbenchError(f"defence strength {strength} is not a number of at least 0")
        self.strength = float(strength)

    @abstractmethod
    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """The tokens to send instead of ``tokens``: float32 [height, width, channels]."""

    def decoy_pictures(
        self, frame: NDArray[np.uint8], rng: np.random.Generator
    ) -> Sequence[NDArray[np.uint8]]:
        """Pictures of the frame's size whose windows travel beside its own; none by default.

        ``strength`` is then the number of decoys for each real window.
        """
        return ()

    def protect_pixels(
        self, pixels: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """The same for uint8 pixels [height, width, 3], the window taken as one token."""
        if pixels.size == 0:
            return pixels
        flat = pixels.reshape(1, 1, -1).astype(np.float32)
        protected = self.protect(flat, rng).reshape(pixels.shape)
        return np.clip(np.rint(protected), 0, 255).astype(np.uint8)


DEFENCES: Registry[type[Defence]] = Registry(
    "defence", "framework.split.defences", "pedbench.defences", Defence
)

NO_DEFENCE = "none"


def make_defence(name: str, strength: float | None = None) -> Defence:
    """A registered defence that does what its name says.

    Args:
        name: as registered.
        strength: above 0, except for ``none``; by default the defence's own, if it has one.

    Raises:
        PedbenchError: unknown name; a defence without a strength, which would change nothing, or a
            strength without a defence.
    """
    kind = DEFENCES.get(name)
    defence = kind() if strength is None else kind(strength)
    if name != NO_DEFENCE and not defence.strength:
        raise PedbenchError(
            f"defence '{name}' without a strength changes nothing: give a strength above 0, or "
            f"defence '{NO_DEFENCE}'"
        )
    return defence
