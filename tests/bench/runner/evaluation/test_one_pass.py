"""One pass per photo: nothing is decoded, read or expanded twice."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.cache.photos import UNREADABLE, Photos
from bench.cli import main
from bench.datasets import SampleError
from bench.datasets.synthetic import Synthetic
from bench.spec.config import RunConfig
from tests.bench.datasets.test_datasets_disjoint import Shown

pytestmark = pytest.mark.slow

PRESET = """
model: toy
checkpoint: random
data: synthetic:2
public: ["synthetic:2@1"]
seeds: [0]
groups:
  - policy: random
    n_shards: [4]
    coalitions: {4: [1, 2]}
    attacks: [mean_colour, ridge]
"""


def counting(patch, calls, owner, name):
    """Count the calls of ``owner.name``."""
    original = getattr(owner, name)

    def counted(*args, **kwargs):
        calls[name] += 1
        return original(*args, **kwargs)

    patch.setattr(owner, name, counted)


def test_a_run_decodes_reads_and_expands_once(tmp_path, monkeypatch):
    preset = tmp_path / "small.yaml"
    preset.write_text(PRESET)
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))
    decoded, calls = Counter(), Counter()
    load = Synthetic.load

    def counted(self, image_id):
        decoded[self.name, image_id] += 1
        return load(self, image_id)

    monkeypatch.setattr(Synthetic, "load", counted)
    counting(monkeypatch, calls, pd, "read_parquet")
    read_text, read = Path.read_text, Counter()

    def reading(self, *args, **kwargs):
        read[self] += self.suffix == ".yaml"
        return read_text(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", reading)
    expanded = RunConfig.__dict__["_expanded"]
    counting(monkeypatch, calls, expanded, "func")
    folder = tmp_path / "out"
    command = ["run", "--preset", str(preset), "--out", str(folder), "--workers", "1"]
    assert main([*command, "--no-store", "--no-pictures"]) == 0
    assert set(decoded.values()) == {1}
    assert len(decoded) == 4
    assert calls["read_parquet"] == 1
    assert read[preset] == 1
    assert set(read.values()) == {0, 1}
    assert calls["func"] == 1


PICTURES = {name: np.full((8, 8, 3), shade, np.uint8) for name, shade in (("a", 1), ("b", 2))}


class TestPhotos:
    def test_without_room_only_the_last_one_stays_and_digests_stay(self):
        photos = Photos(Shown("two", **PICTURES), room=1)
        first = photos.load("a")
        assert photos.load("a") is first
        digests = [photos.digest("a"), photos.digest("b")]
        assert photos.load("a") is not first
        assert [photos.digest("a"), photos.digest("b")] == digests
        assert digests[0] != digests[1]

    def test_one_that_cannot_be_read_says_so_each_time(self):
        photos = Photos(Shown("two", bad=None, **PICTURES))
        for _ in range(2):
            with pytest.raises(SampleError):
                photos.load("bad")
        assert photos.digest("bad") == UNREADABLE
        assert photos.load("a") is photos.load("a")
