"""Attackers that come with the package, so that a first run need not train them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.attackers.trained import Trained, load, save

FOLDER = Path(__file__).parent / "weights"
LIMIT = 6_000_000
"""Bytes that all shipped attackers together may have."""


def load_shipped(path: Path) -> Trained | None:
    """A shipped attacker, in float32 again; ``None`` where there is none."""
    kept = load(path)
    return None if kept is None else Trained(_in(kept.state, np.float16, np.float32), kept.card)


def save_shipped(path: Path, made: Trained, packages: str) -> int:
    """Write an attacker to be shipped, in float16; its card tells what it was made with.

    Args:
        packages: versions of those that it was fitted with.

    Returns:
        The bytes of the file.
    """
    card = {**made.card, "shipped": "float16", "packages": packages}
    save(path, Trained(_in(made.state, np.float32, np.float16), card))
    return path.stat().st_size


def _in(
    state: Mapping[str, NDArray[np.generic]], old: type[np.floating], new: type[np.floating]
) -> dict[str, NDArray[np.generic]]:
    """The state with all arrays of one floating type in another, where they stay finite."""
    return {name: _cast(array, old, new) for name, array in state.items()}


def _cast(
    array: NDArray[np.generic], old: type[np.floating], new: type[np.floating]
) -> NDArray[np.generic]:
    if array.dtype != old:
        return array
    with np.errstate(over="ignore"):
        cast = array.astype(new)
    return cast if np.isfinite(cast).all() else array
