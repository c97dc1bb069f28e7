"""Weights that come with the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from framework.errors import PedbenchError
from framework.models.download import sha256_of

FOLDER = Path(__file__).parent / "weights"


def shipped(name: str, sha256: str) -> dict[str, NDArray[np.float32]]:
    """The weights of attack ``name``: named arrays, float32.

    Args:
        sha256: of the file, so that a change of weights is a change of the source.

    Raises:
        PedbenchError: the file is missing, or is not the one meant.
    """
    path = FOLDER / f"{name}.safetensors"
    if not path.is_file():
        raise PedbenchError(f"attack '{name}' has no weights at {path}: install pedbench again")
    found = sha256_of(path)
    if found != sha256:
        raise PedbenchError(
            f"{path} is damaged or another file: its SHA-256 is {found[:12]}…, "
            f"not {sha256[:12]}…: install pedbench again"
        )
    return {key: value.astype(np.float32) for key, value in load_file(path).items()}
