"""A metric: how close reconstructions come to the frame, region by region."""

import numpy as np

from pedbench import Metric


class MeanError(Metric):
    """Mean absolute difference in grey levels; None in an empty region."""

    summary = "mean absolute difference, grey levels"
    label = "mean error"
    unit = "grey levels"
    decimals = 1
    higher_is_worse = False

    def _score_many(self, truth, reconstructions, regions):
        errors = [np.abs(truth.astype(int) - picture) for picture in reconstructions]
        return [
            [float(error[region].mean()) if region.any() else None for region in regions]
            for error in errors
        ]
