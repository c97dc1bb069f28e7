"""Which of several reconstructions leaks most."""

from __future__ import annotations

import pandas as pd


def leaks_most(scores: pd.DataFrame) -> set[str]:
    """All that come closest, by LPIPS where there is one, since blur earns PSNR.

    Args:
        scores: of the hidden part, a row for each attack, a column for each metric.
    """
    for metric, best in (("lpips", "min"), ("psnr", "max")):
        if metric in scores and scores[metric].notna().any():
            most = scores[metric] == getattr(scores[metric], best)()
            return set(scores.index[most.fillna(False)])
    return set()
