"""A data set of another package may raise anything; that costs one photo."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from bench.cache.photos import UNREADABLE, Photos
from bench.datasets import Sample, SampleError
from bench.datasets.synthetic import Synthetic


def raises():
    raise ValueError("no such column")


LOADS = {
    "raises": (raises, "ValueError: no such column"),
    "exits": (lambda: sys.exit(0), "SystemExit: 0"),
    "nothing": (lambda: None, "as NoneType: return a Sample"),
    "grey": (
        lambda: Sample("a", np.zeros((4, 4), np.uint8), np.zeros((0, 4, 4), bool), (), "a"),
        "image is uint8 (4, 4)",
    ),
}


@pytest.mark.parametrize("name", LOADS)
def test_a_photo_that_does_not_load_is_named(name, monkeypatch):
    load, words = LOADS[name]
    source = Synthetic.open("1")
    monkeypatch.setattr(source, "load", lambda image_id: load())
    photos = Photos(source)
    with pytest.raises(SampleError) as caught:
        photos.load(photos.ids[0])
    assert photos.ids[0] in str(caught.value)
    assert words in str(caught.value)
    assert photos.digest(photos.ids[0]) == UNREADABLE
