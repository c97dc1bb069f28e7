"""The interface of a defence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError
from framework.models.build import PedSam
from framework.registry import Registry
from framework.split.windows import Window, WindowGrid


@dataclass(frozen=True)
class Context:
    """Where and when a window is sent.

    Attributes:
        window: the window.
        round: 0 for the first round of a picture.
        grid: all windows of the picture.
        memory: what the defence keeps on the edge from `Defence.protect_window` to
            `Defence.restore_window` of the same window and round.
    """

    window: Window
    round: int
    grid: WindowGrid
    memory: dict[str, Any] = field(default_factory=dict)


class Defence(ABC):
    """Changes a window before it is encoded and sent.

    The edge calls `protect_window` or, where a payload is pixels, `protect_window_pixels`. By
    default these leave the context aside and call `protect` and `protect_pixels`.

    Attributes:
        name: as registered.
        summary: one line for lists.
        label: what captions and sentences call it; its registered name where empty.
        axis: what stands at an axis of its strength; the label where empty.
        strongest: the largest strength that has a meaning.

    Args:
        strength: 0 leaves the payload alone; what 1 means is the defence's own.

    Raises:
        PedbenchError: there is no strength, or it is not a number from 0 to ``strongest``.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    label: ClassVar[str] = ""
    axis: ClassVar[str] = ""
    strongest: ClassVar[float] = np.inf

    def __init__(self, strength: float | None = None) -> None:
        if strength is None:
            raise PedbenchError(
                f"{type(self).__name__} without a strength changes nothing: give it one above 0"
            )
        if not (isinstance(strength, SupportsFloat) and np.isfinite(strength) and strength >= 0):
            raise PedbenchError(f"defence strength {strength} is not a number of at least 0")
        if strength > self.strongest:
            raise PedbenchError(
                f"defence strength {strength:g} of {type(self).__name__}: "
                f"give at most {self.strongest:g}"
            )
        self.strength = float(strength)

    def bind(self, sam: PedSam, plan: str) -> None:  # noqa: B027
        """Make ready for a model and a plan; nothing to do for most defences."""

    def weights(self, sam: PedSam, plan: str) -> str:
        """A hash of the weights that `bind` loads; empty for a defence without any."""
        return ""

    def macs(self, tokens: int, channels: int, rounds: int) -> int:
        """Multiply-accumulates of matrix products that it costs the edge for one picture.

        Nothing unless overridden: noise, rounding and dropping multiply no matrices.

        Args:
            tokens: of the model input.
            rounds: of the plan.
        """
        return 0

    def protect_frame(
        self, frame: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """The picture to embed instead of ``frame``, uint8 [height, width, 3] both.

        It replaces the model input for the whole pipeline: the edge too sees nothing else.
        """
        return frame

    @abstractmethod
    def protect(self, tokens: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """The tokens to send instead of ``tokens``: float32 [height, width, channels]."""

    def protect_window(
        self, tokens: NDArray[np.float32], rng: np.random.Generator, context: Context
    ) -> NDArray[np.float32]:
        """`protect` for a window of which place and round are known."""
        return self.protect(tokens, rng)

    def restore_window(self, tokens: NDArray[np.float32], context: Context) -> NDArray[np.float32]:
        """What the edge takes for a shard's answer ``tokens``: float32 [height, width, channels].

        It undoes at home what `protect_window` did to the window and kept in ``context.memory``.
        """
        return tokens

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
        return _through_token(pixels, lambda token: self.protect(token, rng))

    def protect_window_pixels(
        self, pixels: NDArray[np.uint8], rng: np.random.Generator, context: Context
    ) -> NDArray[np.uint8]:
        """`protect_pixels` for a window of which place and round are known.

        Where that is not overridden, `protect_window` gets the window as one token.
        """
        if type(self).protect_pixels is not Defence.protect_pixels:
            return self.protect_pixels(pixels, rng)
        return _through_token(pixels, lambda token: self.protect_window(token, rng, context))


class TokensOnly(Defence):
    """A defence that has no meaning for pixels: they pass at strength 0 and are refused otherwise.

    Raises:
        PedbenchError: from `protect_pixels`, where the payload is pixels.
    """

    def protect_pixels(
        self, pixels: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        if self.strength == 0:
            return pixels
        raise PedbenchError(
            f"defence {type(self).__name__} changes tokens, not pixels: give a token payload, "
            "such as float32"
        )


def _through_token(
    pixels: NDArray[np.uint8], change: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> NDArray[np.uint8]:
    """``change`` applied to pixels [height, width, 3] taken as one token [1, 1, channels]."""
    if pixels.size == 0:
        return pixels
    flat = pixels.reshape(1, 1, -1).astype(np.float32)
    return np.clip(np.rint(change(flat).reshape(pixels.shape)), 0, 255).astype(np.uint8)


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
