"""How often a face is recognised at a stated rate of false matches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.metrics.base import Score

Distances = NDArray[np.float64]


def threshold_at_far(impostors: Distances, far: float) -> Score:
    """The largest threshold below which at most a share ``far`` of the impostors' distances lie.

    A pair is accepted when its distance is smaller than the threshold.

    Args:
        impostors: distances of pairs that show two persons, [n].
        far: false accept rate in (0, 1).

    Returns:
        None when there are fewer than 1 / far pairs, so that the rate cannot be told.
    """
    accepted = int(far * len(impostors) + 1e-9)
    return float(np.partition(impostors, accepted)[accepted]) if accepted else None


def share_below(distances: Distances, threshold: float) -> Score:
    """The share of distances, of any shape, that are accepted; None when there are none."""
    return float((distances < threshold).mean()) if distances.size else None
