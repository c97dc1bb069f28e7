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


def tar_at_far(genuine: Distances, impostors: Distances, far: float) -> Score:
    """True accept rate at a false accept rate, both over pairs of one kind of picture.

    Args:
        genuine: distances of pairs that show one person, [n].
        impostors: distances of pairs that show two, [m].
        far: false accept rate in (0, 1).

    Returns:
        A share in [0, 1]; None without genuine pairs or with too few impostors.
    """
    threshold = threshold_at_far(impostors, far)
    return None if threshold is None else share_below(genuine, threshold)


def share_below(distances: Distances, threshold: float) -> Score:
    """The share of distances, of any shape, that are accepted; None when there are none."""
    return float((distances < threshold).mean()) if distances.size else None
