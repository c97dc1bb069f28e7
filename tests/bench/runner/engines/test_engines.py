"""Engines give the records of the serial run, whatever is killed."""

from __future__ import annotations

import dataclasses
import os
import resource
import signal
import threading
import time
import warnings

import distributed
import pandas as pd
import pytest
import torch

from bench.cache.claims import claimed
from bench.runner.engines import DaskCluster, Processes, open_engine
from bench.runner.folder.journal import JOURNAL
from bench.runner.folder.records import FAILED, read_records
from bench.runner.run import run
from bench.spec.config import load_preset
from framework.errors import PedbenchError
from tests.bench.runner.engines.cluster import running_cluster

pytestmark = pytest.mark.slow

PRESET = """
model: tiny
checkpoint: random
data: synthetic:2
public: ["synthetic:2@1"]
seeds: [0]
groups:
  - plan: local
    segmentation: true
  - policy: [random, strided]
    n_shards: [4]
    coalitions: {4: [1]}
    attacks: [mean_colour, dataset_mean]
pictures:
  - {policy: random, n_shards: 4, coalition: 1}
"""
WORKERS = ("a", "b", "c")
VARYING = ["seconds", "commit", "device", "error"]
"""Errors name the cache where LPIPS is not to be had."""
FEW = 100
"""Pages of memory; 40 MB are 10,000."""
ORDER = ["image_id", "plan", "policy", "attack", "region", "metric"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    preset = tmp_path_factory.mktemp("preset") / "small.yaml"
    preset.write_text(PRESET)
    return load_preset(str(preset))


@pytest.fixture(scope="module")
def serial(small, tmp_path_factory):
    """The folder of the serial run."""
    home = tmp_path_factory.mktemp("serial")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEDBENCH_CACHE", str(home / "cache"))
        run(small, home / "run", device="cpu", workers=1)
    return home / "run"


def same(folder, other):
    """Whether two runs hold the same records and pictures."""
    left, right = (
        read_records(each).drop(columns=VARYING).sort_values(ORDER) for each in (folder, other)
    )
    pd.testing.assert_frame_equal(left.reset_index(drop=True), right.reset_index(drop=True))
    pictures = [
        {p.relative_to(each): p.read_bytes() for p in each.rglob("*.png") if "images" in p.parts}
        for each in (folder, other)
    ]
    assert pictures[0]
    assert pictures[0] == pictures[1]


def kill_in_each_wave(workers, caches, journal, killed):
    """Kill a worker once an attacker is being fitted, and another one once a cell is done."""
    waves = (
        lambda: any(any((cache / "attackers").glob("*")) for cache in caches),
        lambda: journal.stat().st_size > 0,
    )
    for under_way in waves:
        while not (journal.exists() and under_way() and set(workers()) - set(killed)):
            time.sleep(0.005)
        killed.append(min(set(workers()) - set(killed)))
        os.kill(killed[-1], signal.SIGKILL)


def start_killer(workers, caches, journal):
    """The numbers of the workers that it kills, as they are killed."""
    killed: list[int] = []
    arguments = workers, caches, journal, killed
    threading.Thread(target=kill_in_each_wave, args=arguments, daemon=True).start()
    return killed


class Watched(Processes):
    """Processes whose numbers a test can see."""

    def numbers(self):
        return [worker.pid for worker in list(self._workers) if worker.is_alive()]


def test_local_workers_killed_in_each_wave_leave_the_records_of_the_serial_run(
    small, serial, tmp_path, monkeypatch
):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))
    engine = Watched(2)
    monkeypatch.setattr("bench.runner.run.open_engine", lambda *_: engine)
    killed = start_killer(engine.numbers, [tmp_path / "cache"], tmp_path / "run" / JOURNAL)
    run(small, tmp_path / "run", device="cpu")
    assert len(killed) == 2
    same(tmp_path / "run", serial)


def die(recipe, unit, needs, parcels):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_unit_that_kills_its_worker_twice_is_a_failed_record(small, tmp_path, monkeypatch):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("bench.runner.units.waves.compute_cells", die)
    monkeypatch.setattr("bench.runner.run.open_engine", lambda *_: Processes(1))
    one = dataclasses.replace(small, limit=1, groups=small.groups[1:], pictures=())
    result = run(one, tmp_path / "run", device="cpu")
    records = result.records
    assert set(records["status"]) == {FAILED}
    assert len(records) == result.new_units
    assert records["error"].str.contains("SIGKILL").all()
    assert records["error"].str.contains("MiB").all()


@pytest.fixture
def cluster(tmp_path):
    """The address of a scheduler, and three workers with a folder and a cache of their own."""
    with running_cluster(tmp_path, WORKERS) as found:
        yield found


def faults_of_freed_memory():
    """Pages that this process gets from the system for a tensor as large as one that it freed.

    The least of several tries: other threads of the worker get memory too.
    """

    def taken():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.empty(10_000_000).fill_(1)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    return min(taken() for _ in range(5))


def test_dask_workers_killed_in_each_wave_leave_the_records_of_the_serial_run(
    small, serial, cluster, tmp_path, monkeypatch
):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))
    address, workers = cluster
    caches = [tmp_path / name / "cache" for name in WORKERS]
    numbers = [worker.pid for worker in workers]
    killed = start_killer(lambda: numbers, caches, tmp_path / "run" / JOURNAL)
    run(small, tmp_path / "run", device="cpu", executor=f"dask://{address}")
    assert len(killed) == 2
    same(tmp_path / "run", serial)
    assert any((cache / "shipped").is_dir() for cache in caches)
    with distributed.Client(address, set_as_default=False) as client:
        faults = client.run(faults_of_freed_memory)
    assert min(faults.values()) < FEW
    with DaskCluster(address) as engine, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert engine.submit(len, bytes(12_000_000)).result() == 12_000_000


@pytest.mark.parametrize(
    ("name", "words"),
    [("dask://127.0.0.1:9", "no Dask scheduler answers"), ("spark", "executor 'spark'")],
)
def test_an_engine_that_is_not_there_is_one_clear_line(name, words, monkeypatch):
    monkeypatch.setattr("bench.runner.engines.dask_cluster.CONNECT_S", 1)
    with pytest.raises(PedbenchError, match=words):
        open_engine(name, 2)


def test_what_one_process_claims_another_waits_for(tmp_path):
    path, order = tmp_path / "attackers" / "ridge", []

    def second():
        with claimed(path):
            order.append("second")

    with claimed(path):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
