"""Models and photos shared by the framework's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray
from segment_anything import SamPredictor
from torch import Tensor

from framework import DistributedSamPredictor, LocalShards, build_sam
from framework.models.build import PedSam

Photo = NDArray[np.uint8]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small gain nothing from more threads, and lose much where cores are shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def sam() -> PedSam:
    """``tiny`` with random weights, none of them zero."""
    return build_sam("tiny", "random")


@pytest.fixture(scope="session")
def stock_sam() -> PedSam:
    """The same weights under `segment_anything`'s own attention."""
    return build_sam("tiny", "random", attention="stock")


@pytest.fixture(scope="session")
def photos() -> dict[str, Photo]:
    """Photos of four shapes; the odd one ends in the middle of a patch."""
    astronaut, coffee = skimage.data.astronaut(), skimage.data.coffee()
    return {
        "landscape": coffee,
        "portrait": np.ascontiguousarray(astronaut[:, 120:400]),
        "square": astronaut,
        "odd": np.ascontiguousarray(skimage.data.chelsea()[3:130, 5:402]),
    }


@pytest.fixture(scope="session")
def stock_embedding(stock_sam: PedSam, photos: dict[str, Photo]) -> Callable[[str], Tensor]:
    """The embedding that stock ``SamPredictor`` computes for a named photo, computed once."""
    known: dict[str, Tensor] = {}

    def embedding(name: str) -> Tensor:
        if name not in known:
            predictor = SamPredictor(stock_sam)
            predictor.set_image(photos[name])
            known[name] = predictor.features
        return known[name]

    return embedding


@pytest.fixture(scope="session")
def observed(sam: PedSam, photos: dict[str, Photo]) -> DistributedSamPredictor:
    """A predictor with four shards after one landscape photo; read its observation, no more."""
    predictor = DistributedSamPredictor(sam, LocalShards(4), policy="strided")
    predictor.set_image(photos["landscape"])
    return predictor
