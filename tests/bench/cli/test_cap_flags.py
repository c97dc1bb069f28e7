"""Flags that limit what servers receive."""

import argparse

import pytest

from bench.flags.caps import add_cap_flags, read_caps
from framework import PedbenchError


def caps(*words):
    parser = argparse.ArgumentParser()
    add_cap_flags(parser)
    return read_caps(parser.parse_args(words))


def test_caps_hold_for_ever_or_for_so_many_frames():
    assert caps("--max-per-server", "0.3").frames is None
    assert caps("--max-per-server", "0.3", "--cap-frames", "8").frames == 8


def test_frames_without_a_cap_are_refused():
    with pytest.raises(PedbenchError, match="--cap-frames without a cap"):
        caps("--cap-frames", "8")
