"""What tokens tell of a photo without any picture: linear probes of their mean and spread.

After Alain and Bengio, Understanding intermediate layers using linear classifier probes (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from attacks.features.token_maps import token_map
from framework.errors import PedbenchError
from framework.split.observation import Observation

STRENGTHS = tuple(10.0 ** np.arange(-5, 0.1))
"""Inverse regularisations tried; cross-validation on the public photos chooses."""
FOLDS = 5
SMALLEST = 1e-4
"""Spread of a feature, relative to the mean size of all, below which it counts as constant."""

Array = NDArray[np.float64]


def token_summary(seen: Observation, stages: Sequence[int], position: NDArray[np.float32]) -> Array:
    """Mean and standard deviation of each channel over all tokens held.

    Args:
        seen: of a shard or several; windows in the padding count.
        stages: whose summaries are joined.
        position: taken off the tokens, as in `attacks.features.token_maps.token_map`.

    Returns:
        [2 · channels of all stages].

    Raises:
        PedbenchError: nothing is held at one of the stages.
    """
    parts: list[Array] = []
    for stage in stages:
        values, held = token_map(seen, stage, position)
        if values is None:
            raise PedbenchError(f"no token of stage {stage} was received: choose another stage")
        tokens = values[held].astype(np.float64)
        parts += [tokens.mean(axis=0), tokens.std(axis=0)]
    return np.concatenate(parts)


@dataclass(frozen=True)
class Probe:
    """A logistic regression of standardised features.

    Attributes:
        mean, scale: of the features, [features].
        weight: [features].
    """

    mean: Array
    scale: Array
    weight: Array

    @classmethod
    def fit(cls, features: Array, labels: NDArray[np.bool_]) -> Probe:
        """Learn to tell the photos apart that have an attribute.

        Args:
            features: of public photos, [photos, features].
            labels: which of them have the attribute, [photos].

        Raises:
            PedbenchError: fewer than `FOLDS` photos have it, or have it not.
        """
        fewest = min(int(labels.sum()), int((~labels).sum()))
        if fewest < FOLDS:
            raise PedbenchError(
                f"a probe needs {FOLDS} public photos with an attribute and {FOLDS} without, "
                f"there are {fewest}: give more"
            )
        mean, spread = features.mean(axis=0), features.std(axis=0)
        constant = spread < SMALLEST * np.abs(features).mean()
        scale = np.where(constant, np.inf, spread)
        regression = LogisticRegression(class_weight="balanced", max_iter=2000)
        search = GridSearchCV(regression, {"C": STRENGTHS}, scoring="roc_auc", cv=FOLDS)
        search.fit((features - mean) / scale, labels)
        return cls(mean, scale, search.best_estimator_.coef_[0])

    def scores(self, features: Array) -> Array:
        """How much each photo looks like one with the attribute, [photos]; any scale."""
        scores: Array = (features - self.mean) / self.scale @ self.weight
        return scores
