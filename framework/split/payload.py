"""What leaves the edge: a window's pixels or tokens, in a stated precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError, unknown_name

PIXELS = "pixels"
FORMS = {
    "float32": "float32, as computed",
    "float16": "float16",
    "bfloat16": "bfloat16",
    "int8": "8 bits, with a scale for each",
    "int4": "4 bits, with a scale for each",
}
"""Token codecs, in words."""
TOKEN_CODECS = tuple(FORMS)
INT_LIMIT = {"int8": 127, "int4": 7}


@dataclass(frozen=True)
class PayloadSpec:
    """How windows are sent: ``first`` in round 1, ``tokens`` in every later round and back.

    Written as one word: a token codec (``"float16"``), ``"pixels"`` (then float32 tokens), or
    ``"pixels+float16"``.
    """

    first: str
    tokens: str

    @classmethod
    def parse(cls, text: str) -> PayloadSpec:
        """Read a payload's name.

        Raises:
            PedbenchError: unknown codec.
        """
        if text not in payload_names():
            raise unknown_name("payload", text, payload_names())
        first, _, rest = text.partition("+")
        tokens = rest or ("float32" if first == PIXELS else first)
        return cls(first, tokens)

    @property
    def summary(self) -> str:
        """One line for lists."""
        tokens = f"tokens in {FORMS[self.tokens]}"
        return f"pixels first, then {tokens}" if self.first == PIXELS else tokens

    def __str__(self) -> str:
        if self.first != PIXELS:
            return self.tokens
        return PIXELS if self.tokens == "float32" else f"{PIXELS}+{self.tokens}"


def payload_names() -> list[str]:
    """Every payload that can be asked for."""
    mixed = [f"{PIXELS}+{codec}" for codec in TOKEN_CODECS[1:]]
    return [PIXELS, *TOKEN_CODECS, *mixed]


@dataclass(frozen=True, eq=False)
class Payload:
    """One encoded array, as it crosses to a shard or back; compared by identity.

    Attributes:
        codec: ``pixels`` or one of `TOKEN_CODECS`.
        data: pixels: uint8 [height, width, 3]; tokens [height, width, channels] as float32,
            float16, the upper halves of float32 as uint16 (bfloat16), int8, or uint8 with two
            values a byte (int4).
        scale: float32 [height, width, 1] for the integer codecs: one step of the token's grid.
    """

    codec: str
    data: NDArray[np.generic]
    scale: NDArray[np.float32] | None = None

    @property
    def nbytes(self) -> int:
        """Bytes that cross the wire, without framing."""
        return self.data.nbytes + (0 if self.scale is None else self.scale.nbytes)

    def decode(self) -> NDArray[np.float32]:
        """The tokens, float32 [height, width, channels].

        Raises:
            PedbenchError: the payload holds pixels.
        """
        if self.codec == "bfloat16":
            return (self.data.astype(np.uint32) << 16).view(np.float32)
        if self.codec in INT_LIMIT:
            assert self.scale is not None
            values = self.data if self.codec == "int8" else _unpack_int4(self.data)
            return values.astype(np.float32) * self.scale
        if self.codec == PIXELS:
            raise PedbenchError("a pixel payload holds no tokens: embed it first")
        return self.data.astype(np.float32)


def encode_tokens(tokens: NDArray[np.float32], codec: str) -> Payload:
    """Encode tokens [height, width, channels]; integers take one scale a token.

    Finite values beyond float16 are cut to its largest. Floating codecs keep NaN and infinity; an
    integer codec makes NaN of a token that has either.

    Raises:
        PedbenchError: unknown codec.
    """
    tokens = np.ascontiguousarray(tokens, dtype=np.float32)
    if codec == "float32":
        return Payload(codec, tokens)
    if codec == "float16":
        return Payload(codec, _to_float16(tokens))
    if codec == "bfloat16":
        return Payload(codec, _round_to_bfloat16(tokens))
    if codec in INT_LIMIT:
        limit = INT_LIMIT[codec]
        peak = np.abs(tokens).max(axis=-1, keepdims=True)
        scale = np.maximum(peak / limit, np.finfo(np.float32).tiny).astype(np.float32)
        values = np.clip(np.rint(tokens / scale), -limit, limit).astype(np.int8)
        return Payload(codec, values if codec == "int8" else _pack_int4(values), scale)
    raise unknown_name("token codec", codec, TOKEN_CODECS)


def encode_pixels(pixels: NDArray[np.uint8]) -> Payload:
    """Wrap uint8 pixels [height, width, 3] of a frame."""
    assert pixels.dtype == np.uint8
    return Payload(PIXELS, np.ascontiguousarray(pixels))


def _to_float16(values: NDArray[np.float32]) -> NDArray[np.float16]:
    largest = np.finfo(np.float16).max
    cut = np.clip(values, -largest, largest)
    return np.where(np.isinf(values), values, cut).astype(np.float16)


def _round_to_bfloat16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Round to nearest, ties to even, and keep the upper 16 bits."""
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def _pack_int4(values: NDArray[np.int8]) -> NDArray[np.uint8]:
    assert values.shape[-1] % 2 == 0
    nibbles = values.view(np.uint8) & np.uint8(0x0F)
    return nibbles[..., 0::2] | (nibbles[..., 1::2] << np.uint8(4))


def _unpack_int4(packed: NDArray[np.generic]) -> NDArray[np.int8]:
    low = packed.astype(np.uint8) & 0x0F
    high = packed.astype(np.uint8) >> 4
    values = np.stack([low, high], axis=-1).reshape(*packed.shape[:-1], -1).astype(np.int8)
    return np.where(values > 7, values - 16, values).astype(np.int8)
