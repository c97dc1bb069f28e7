"""Devices are chosen and refused before any work; none is given float64."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from framework import DistributedSamPredictor, LocalShards
from framework.compute.devices import usable_device
from tests.framework.support import NoFloat64, message_of


@pytest.fixture
def machine(monkeypatch):
    """A machine with so many CUDA devices, and with or without Apple's GPU."""

    def has(cuda: int = 0, mps: bool = False) -> None:
        monkeypatch.setattr("torch.cuda.is_available", lambda: cuda > 0)
        monkeypatch.setattr("torch.cuda.device_count", lambda: cuda)
        monkeypatch.setattr("torch.backends.mps.is_available", lambda: mps)

    return has


@pytest.mark.parametrize(
    ("cuda", "mps", "fastest"), [(0, False, "cpu"), (0, True, "mps"), (2, False, "cuda")]
)
def test_auto_takes_the_fastest_device_that_is_there(machine, cuda, mps, fastest):
    machine(cuda, mps)
    assert usable_device() == usable_device("auto") == fastest
    assert usable_device("cpu") == "cpu"
    assert usable_device(fastest) == fastest


def test_a_device_that_is_not_there_is_refused(machine):
    machine()
    assert "no CUDA device or driver here" in message_of(lambda: usable_device("cuda"))
    assert "no Apple GPU here" in message_of(lambda: usable_device("mps"))
    machine(cuda=2)
    assert usable_device("cuda:1") == "cuda:1"
    assert "there are 2" in message_of(lambda: usable_device("cuda:2"))


@pytest.mark.parametrize("name", ["", "tpu", "meta", "cuda:", "cuda:-1", "mps:0"])
def test_an_unknown_device_is_refused(name):
    assert "mps" in message_of(lambda: usable_device(name))


def test_the_reason_of_a_broken_driver_is_told(monkeypatch):
    def unusable() -> bool:
        warnings.warn("CUDA initialization: the driver is too old\nupdate it", stacklevel=2)
        return False

    monkeypatch.setattr("torch.cuda.is_available", unusable)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert "driver is too old" in message_of(lambda: usable_device("cuda"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert usable_device() == "cpu"


@pytest.mark.parametrize("payload", ["float32", "pixels"])
def test_no_device_is_given_float64(sam, photos, payload):
    predictor = DistributedSamPredictor(sam, LocalShards(4), payload=payload)
    points, size = np.array([[10.0, 10], [40, 60]]), photos["square"].shape[:2]
    with NoFloat64():
        predictor.set_image(photos["square"])
        predictor.predict(box=np.array([10.0, 10, 100, 120]))
        predictor.predict(points, np.array([1, 0]))
        here = torch.as_tensor(predictor.transform.apply_coords(points, size))
        predictor.predict_torch(here[:, None], torch.ones(2, 1))


def test_what_stands_for_a_gpu_without_float64_refuses_it():
    with pytest.raises(TypeError), NoFloat64():
        torch.zeros(2, dtype=torch.float64)
