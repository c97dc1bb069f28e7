"""Checks of what comes back from servers that nobody trusts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from framework.split.payload import INT_LIMIT, Payload
from framework.transport.faults import BadAnswer

LARGEST = 65504.0
"""No honest value is larger: float16, in which tokens may travel, ends there."""

DTYPES = {"float32": "f4", "float16": "f2", "bfloat16": "u2", "int8": "i1", "int4": "u1"}
BITS = {
    "float32": (np.uint32, 0x7FFFFFFF, 0x477FE000),
    "float16": (np.uint16, 0x7FFF, 0x7BFF),
    "bfloat16": (np.uint16, 0x7FFF, 0x477F),
}
"""Per codec: the bits as integers, the mask of the magnitude, the largest honest magnitude.

Magnitudes of floating-point numbers sort as integers, NaN and infinity above all others.
"""
TOLERANCE = {"float32": 1e-3, "float16": 2e-3, "bfloat16": 2e-2, "int8": 2e-2, "int4": 0.3}
"""How far an honest answer may be from the edge's own, relative to the token's largest value.

Matrix products differ in the last bits between machines; in a coarse codec that may tip a value
over to the next step, and two steps are allowed for.
"""


class Unbounded(BadAnswer):
    """An answer that is sound in form holds NaN, infinity or absurdly large values.

    Attributes:
        windows: whose; empty for a whole embedding.
    """

    def __init__(self, shard: int, message: str, windows: Sequence[int] = ()) -> None:
        super().__init__(shard, message)
        self.windows = tuple(windows)


def check_windows(
    shard: int,
    answers: Mapping[int, Payload],
    shapes: Mapping[int, tuple[int, int, int]],
    codec: str,
) -> None:
    """Check a server's answers to a round.

    Args:
        answers: by window.
        shapes: height, width and channels of the tokens of each window that was asked for.
        codec: in which answers were asked for.

    Raises:
        Unbounded: all are sound in form, and some hold values that are not finite or too large.
        BadAnswer: another window's, or an unsound one.
    """
    if set(answers) != set(shapes):
        raise BadAnswer(
            shard, f"server {shard} answered windows {_few(answers)}, asked for {_few(shapes)}"
        )
    unbounded = []
    for window, answer in answers.items():
        try:
            check_payload(shard, answer, shapes[window], codec, f"window {window}")
        except Unbounded:
            unbounded.append(window)
    if unbounded:
        raise _unbounded(shard, f"windows {_few(unbounded)}", unbounded)


def check_form(
    shard: int, answer: Payload, shape: tuple[int, int, int], codec: str, what: str
) -> None:
    """Check the codec, dtype and shape of one answer, and that its scales are positive.

    Raises:
        BadAnswer: any of them is wrong.
    """
    wrong = _wrong(answer, shape, codec)
    if wrong:
        raise BadAnswer(shard, f"server {shard} returned {what} with {wrong}")


def check_payload(
    shard: int, answer: Payload, shape: tuple[int, int, int], codec: str, what: str
) -> None:
    """As `check_form`, and check the values.

    Raises:
        Unbounded: it is sound in form, and its values are not finite or too large.
        BadAnswer: anything else is wrong.
    """
    check_form(shard, answer, shape, codec, what)
    if not bounded(answer):
        raise _unbounded(shard, what)


def finite(payload: Payload) -> bool:
    """Whether every value is a number and none infinite."""
    return bool(np.isfinite(payload.decode()).all())


def bounded(payload: Payload) -> bool:
    """Whether every value is finite and no larger than `LARGEST`."""
    if payload.codec in BITS:
        return _bounded(payload.data, payload.codec)
    assert payload.scale is not None
    with np.errstate(over="ignore"):
        largest = payload.scale * np.float32(INT_LIMIT[payload.codec])
    return _bounded(largest, "float32")


def differs(found: Payload, expected: Payload) -> bool:
    """Whether an answer is further from the edge's own than rounding explains."""
    own = expected.decode()
    peak = np.abs(own).max(axis=-1, keepdims=True)
    return bool((np.abs(found.decode() - own) > TOLERANCE[expected.codec] * peak + 1e-6).any())


def _wrong(answer: Payload, shape: tuple[int, int, int], codec: str) -> str | None:
    """What is wrong with a payload, in words."""
    height, width, channels = shape
    if answer.codec != codec:
        return f"codec {answer.codec} instead of {codec}"
    stored = (height, width, channels // 2 if codec == "int4" else channels)
    if answer.data.shape != stored or answer.data.dtype.str.lstrip("<>|=") != DTYPES[codec]:
        return f"{answer.data.dtype} {answer.data.shape} instead of {DTYPES[codec]} {stored}"
    if codec in BITS:
        return None
    scale = answer.scale
    if scale is None or scale.shape != (height, width, 1) or scale.dtype != np.float32:
        return "no scale for each token"
    if (scale <= 0).any():
        return "scales that are not positive"
    if codec == "int8" and (answer.data == -128).any():
        return "a value that the codec does not have"
    return None


def _bounded(values: NDArray[np.generic], codec: str) -> bool:
    kind, mask, largest = BITS[codec]
    bits = np.ascontiguousarray(values).view(kind) & kind(mask)
    return bool(bits.max(initial=0) <= largest)


def _unbounded(shard: int, what: str, windows: Sequence[int] = ()) -> Unbounded:
    text = f"server {shard} returned {what} with values that are not finite or too large"
    return Unbounded(shard, text, windows)


def _few(windows: Iterable[int]) -> str:
    numbers = sorted(windows)
    return f"{numbers[:6]}{' and more' if len(numbers) > 6 else ''}"
