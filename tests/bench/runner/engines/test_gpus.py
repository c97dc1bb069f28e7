"""One process a GPU."""

from __future__ import annotations

import multiprocessing
import os

import pytest

from bench.runner.checks import checked
from bench.runner.engines import open_engine
from bench.runner.engines.processes import take_gpu
from bench.spec.config import load_preset
from framework.errors import PedbenchError


@pytest.fixture(params=["", "4,6,7"])
def visible(request, monkeypatch):
    """The names of three GPUs that this machine pretends to have."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", request.param)
    return request.param.split(",") if request.param else ["0", "1", "2"]


def test_there_are_as_many_processes_and_each_sees_another_gpu(visible):
    device, workers = checked(load_preset("quick"), "auto", None)
    engine = open_engine(None, workers, device)
    assert (device, workers, engine.gpus) == ("cuda", 3, visible)
    started = multiprocessing.Value("i", 0)
    seen = []
    for _ in range(workers):
        take_gpu(started, engine.gpus)
        seen.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert seen == visible


def test_more_processes_than_gpus_are_refused(visible):
    with pytest.raises(PedbenchError, match="one process a GPU: give --workers 3 or less"):
        checked(load_preset("quick"), "cuda", 4)
    assert checked(load_preset("quick"), "cuda:1", None) == ("cuda:1", 1)


def test_processes_on_cpus_keep_what_they_see(visible):
    before = os.environ["CUDA_VISIBLE_DEVICES"]
    take_gpu(multiprocessing.Value("i", 0), open_engine(None, 2, "cpu").gpus)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == before
