"""Codecs: error bounds, packing, sizes, names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from framework.split.payload import (
    INT_LIMIT,
    TOKEN_CODECS,
    Payload,
    PayloadSpec,
    encode_pixels,
    encode_tokens,
    payload_names,
)
from tests.framework.support import message_of

finite = st.floats(-1e4, 1e4, width=32)
token_maps = arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.sampled_from([2, 8])),
    elements=finite,
)


@given(token_maps)
def test_float32_is_lossless(tokens):
    payload = encode_tokens(tokens, "float32")
    assert np.array_equal(payload.decode(), tokens)


@given(token_maps)
def test_float16_rounds_to_eleven_bits(tokens):
    error = np.abs(encode_tokens(tokens, "float16").decode() - tokens)
    assert (error <= np.maximum(np.abs(tokens) * 2.0**-11, 2.0**-25)).all()


def test_float16_saturates_instead_of_overflowing():
    tokens = np.array([[[1e6, -1e6]]], dtype=np.float32)
    assert encode_tokens(tokens, "float16").decode().ravel().tolist() == [65504, -65504]


@given(arrays(np.float32, array_shapes(min_dims=3, max_dims=3), elements=st.floats(width=32)))
def test_bfloat16_equals_torch(values):
    values = values[:, :, :]
    values[np.isnan(values)] = 0
    found = encode_tokens(values, "bfloat16")
    expected = torch.from_numpy(values.copy()).bfloat16()
    assert found.data.dtype == np.uint16
    assert np.array_equal(found.data.view(np.int16), expected.view(torch.int16).numpy())
    assert np.array_equal(found.decode(), expected.float().numpy())


@pytest.mark.parametrize("codec", list(INT_LIMIT))
@given(tokens=token_maps)
def test_integers_err_by_half_a_step_of_their_token(codec, tokens):
    payload = encode_tokens(tokens, codec)
    assert payload.scale is not None
    assert payload.scale.shape == (*tokens.shape[:2], 1)
    peak = np.abs(tokens).max(axis=-1, keepdims=True)
    step = np.maximum(peak / INT_LIMIT[codec], 1e-37)
    error = np.abs(payload.decode() - tokens)
    assert (error <= step * 0.5 * (1 + 1e-4)).all()


def test_one_large_token_does_not_coarsen_its_neighbour():
    tokens = np.array([[[1000, -1000], [0.1, 0.05]]], dtype=np.float32)
    assert np.abs(encode_tokens(tokens, "int8").decode() - tokens)[0, 1].max() < 1e-3


@pytest.mark.parametrize("codec", TOKEN_CODECS)
def test_zeros_stay_zero(codec):
    tokens = np.zeros((2, 3, 4), dtype=np.float32)
    assert np.array_equal(encode_tokens(tokens, codec).decode(), tokens)


def test_int4_packs_every_pair_of_values():
    pairs = np.array([(a, b) for a in range(-7, 8) for b in range(-7, 8)], dtype=np.float32)
    tokens = np.concatenate([pairs, np.full_like(pairs, 7)], axis=1)[None]
    payload = encode_tokens(tokens, "int4")
    assert payload.data.dtype == np.uint8
    assert payload.data.shape == (1, 225, 2)
    assert np.array_equal(payload.decode(), tokens)


@pytest.mark.parametrize(
    ("codec", "nbytes"),
    [
        ("float32", 28 * 192 * 4),
        ("float16", 28 * 192 * 2),
        ("bfloat16", 28 * 192 * 2),
        ("int8", 28 * (192 + 4)),
        ("int4", 28 * (96 + 4)),
    ],
)
def test_size_on_the_wire(codec, nbytes):
    tokens = np.random.default_rng(0).normal(size=(7, 4, 192)).astype(np.float32)
    payload = encode_tokens(tokens, codec)
    assert payload.nbytes == nbytes
    assert payload.decode().shape == tokens.shape
    assert payload.decode().dtype == np.float32


def test_a_strided_view_is_encoded_as_it_reads():
    tokens = np.arange(2 * 6 * 4, dtype=np.float32).reshape(2, 6, 4)[:, ::2]
    payload = encode_tokens(tokens, "float32")
    assert payload.data.flags.c_contiguous
    assert np.array_equal(payload.decode(), tokens)


def test_decoding_leaves_the_message_alone():
    payload = encode_tokens(np.ones((1, 1, 2), dtype=np.float32), "float32")
    payload.decode()[:] = 7
    assert payload.decode().max() == 1


def test_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 9, 3), dtype=np.uint8)
    payload = encode_pixels(pixels)
    assert np.array_equal(payload.data, pixels)
    assert payload.nbytes == 5 * 9 * 3
    assert "embed it first" in message_of(payload.decode)


@pytest.mark.parametrize("name", payload_names())
def test_names_are_read_and_written(name):
    assert str(PayloadSpec.parse(name)) == name


def test_a_payload_says_in_one_line_what_it_is():
    lines = [PayloadSpec.parse(name).summary for name in payload_names()]
    assert len(set(lines)) == len(lines)
    assert PayloadSpec.parse("pixels+int8").summary == (
        "pixels first, then tokens in 8 bits, with a scale for each"
    )


def test_what_names_mean():
    assert PayloadSpec.parse("pixels") == PayloadSpec("pixels", "float32")
    assert PayloadSpec.parse("pixels+int8") == PayloadSpec("pixels", "int8")
    assert PayloadSpec.parse("int4") == PayloadSpec("int4", "int4")


@pytest.mark.parametrize("name", ["float8", "", "pixels+pixels", "float16+int8", "int8+pixels"])
def test_unknown_payload(name):
    assert "known are" in message_of(lambda: PayloadSpec.parse(name))


def test_unknown_codec():
    tokens = np.zeros((1, 1, 2), dtype=np.float32)
    assert "did you mean 'float16'" in message_of(lambda: encode_tokens(tokens, "float61"))


def test_payloads_compare_without_ambiguity():
    data = np.zeros((1, 1, 2), dtype=np.float32)
    assert Payload("float32", data) != Payload("float32", data)
