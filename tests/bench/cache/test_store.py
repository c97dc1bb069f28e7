"""What runs have computed before is found again, is never stale, and stays below its size."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from bench.cache import fingerprints
from bench.cache.encodings import Encodings
from bench.cache.fingerprints import content_digest, source_fingerprint
from bench.cache.store import Store, open_store, parse_size
from bench.runner.models import Models
from bench.spec.cells import Pipeline
from framework.errors import PedbenchError

PIPELINE = Pipeline(payload="int8", policy="random")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store", 10**9)


def files(store):
    return sorted(path for path in store.folder.rglob("*") if path.is_file())


def test_entries_and_blobs_come_back(store):
    assert store.get("aa") is None
    store.put("aa", {"x": [1, 2.5]})
    digest = store.put_blob(b"some bytes")
    again = Store(store.folder, store.limit)
    assert again.get("aa") == {"x": [1, 2.5]}
    assert bytes(again.blob(digest)) == b"some bytes"
    assert again.blob("0" * 64) is None


def test_what_is_damaged_counts_as_missing(store):
    store.put("aa", {"x": 1})
    digest = store.put_blob(b"some bytes")
    for path in files(store):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    assert store.get("aa") is None
    assert store.blob(digest) is None
    assert not files(store)


def test_the_least_recently_used_goes_first(tmp_path):
    store = Store(tmp_path / "store", 10_000)
    digests = [store.put_blob(bytes([i]) * 1500) for i in range(6)]
    for age, digest in enumerate(digests):
        path = store.folder / "blobs" / digest[:2] / digest
        os.utime(path, (1000 + age, 1000 + age))
    assert store.blob(digests[0]) is not None
    store.put_blob(b"x" * 3000)
    assert store.blob(digests[1]) is None
    assert store.blob(digests[0]) is not None
    assert sum(path.stat().st_size for path in files(store)) <= 10_000


def test_attackers_count_towards_the_same_limit(tmp_path):
    attacker = tmp_path / "attackers" / "ridge.safetensors"
    attacker.parent.mkdir()
    attacker.write_bytes(bytes(8000))
    store = Store(tmp_path / "store", 10_000)
    blobs = [store.put_blob(bytes([i]) * 1500) for i in range(2)]
    assert [store.blob(digest) for digest in blobs] == [None, None]
    assert attacker.exists()
    os.utime(attacker, (1, 1))
    store.put("aa", {"long": "x" * 8000})
    assert not attacker.exists()
    assert store.get("aa") is not None


@pytest.mark.slow
def test_two_processes_may_write_at_once(tmp_path):
    code = """
        import sys
        from pathlib import Path
        from bench.cache.store import Store
        store = Store(Path(sys.argv[1]) / "store", 200_000)
        for i in range(200):
            store.put(f"{i % 20:02d}", {"i": i % 20, "long": "x" * 3000})
            found = store.get(f"{(i + 7) % 20:02d}")
            assert found is None or found["i"] == (i + 7) % 20
            digest = store.put_blob(bytes([i]) * 2000)
            data = store.blob(digest)
            assert data is None or bytes(data) == bytes([i]) * 2000
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]


def test_a_folder_that_cannot_be_written_only_keeps_nothing(tmp_path):
    (tmp_path / "store").write_text("not a folder")
    store = Store(tmp_path / "store", 1000)
    store.put("aa", {})
    assert store.get("aa") is None


def test_sizes():
    assert [parse_size(t) for t in ("0", "1.5 G", "300MB", "12")] == [
        0,
        1_500_000_000,
        3 * 10**8,
        12,
    ]
    assert open_store("0") is None
    with pytest.raises(PedbenchError, match="500MB"):
        parse_size("much")


def test_an_encoding_is_made_once_and_is_the_same(store, monkeypatch):
    image = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    sam = Models("toy", "random").sam
    first = Encodings(store).predictor(sam, image, PIPELINE, 3)
    other = Encodings(store)
    with monkeypatch.context() as patch:
        patch.setattr(type(first), "set_image", None)
        second = other.predictor(sam, image, PIPELINE, 3)
        for changed in ((image[:, ::-1], PIPELINE, 3), (image, PIPELINE, 4)):
            with pytest.raises(TypeError):
                other.predictor(sam, *changed)
        patch.setattr(sam, "weights", type(sam.weights)("random", "other", None))
        with pytest.raises(TypeError):
            other.predictor(sam, image, PIPELINE, 3)
    assert second.traffic == first.traffic
    assert second.observation().to_bytes() == first.observation().to_bytes()
    assert (second.get_image_embedding() == first.get_image_embedding()).all()
    assert (second.original_size, second.input_size) == (first.original_size, first.input_size)


def test_a_damaged_encoding_is_made_again(store):
    image = np.zeros((90, 120, 3), dtype=np.uint8)
    sam = Models("toy", "random").sam
    first = Encodings(store).predictor(sam, image, PIPELINE, 3)
    for path in files(store):
        path.write_bytes(path.read_bytes()[:-1])
    second = Encodings(store).predictor(sam, image, PIPELINE, 3)
    assert second.observation().to_bytes() == first.observation().to_bytes()


def test_an_encoding_remembers_what_were_decoys(store):
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    sam, pipeline = Models("toy", "random").sam, Pipeline("prefix", defence="decoys", strength=1.0)
    made, kept = (Encodings(store).predictor(sam, image, pipeline, 3) for _ in range(2))
    for decoys in (True, False):
        first, second = (p.observation(decoys=decoys).to_bytes() for p in (made, kept))
        assert first == second
    assert len(kept.observation().messages) > len(kept.observation(decoys=False).messages)


def test_source_counts_with_what_it_imports(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "some_plugin"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "attack.py").write_text("from some_plugin import helper\n")
    (package / "helper.py").write_text("X = 1\n")

    def fresh():
        for function in (source_fingerprint, *caches()):
            function.cache_clear()
        return source_fingerprint("some_plugin.attack")

    def caches():

        return (
            fingerprints._closure,
            fingerprints._imports,
            fingerprints._file,
            fingerprints._origin,
        )

    before = fresh()
    assert fresh() == before
    (package / "unrelated.py").write_text("Y = 2\n")
    assert fresh() == before
    (package / "helper.py").write_text("X = 2\n")
    assert fresh() != before


def test_content_digests_tell_things_apart():
    a = np.arange(6, dtype=np.uint8)
    things = [a, a.reshape(2, 3), a.astype(np.int8), [1, 2], [[1], 2], "1", 1, {"a": 1}, {"a": 2}]
    assert len({content_digest(thing) for thing in things}) == len(things)
    assert content_digest(a[::2]) == content_digest(np.array([0, 2, 4], dtype=np.uint8))
