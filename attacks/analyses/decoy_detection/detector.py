"""Scores windows by how likely they are real: each by itself, and by the company it keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attacks.analyses.decoy_detection.evidence import Evidence, Place, gather, place_of
from attacks.analyses.decoy_detection.practice import Mixture, mixtures
from attacks.base import Knowledge
from attacks.features.tokens import HELD_OUT, learn_position
from attacks.methods.inversion.linear import Ridge
from framework.split.observation import Observation

Values = NDArray[np.float64]
Line = tuple[Values, Values]
"""Weights [features] and bias [1] of a logistic regression."""

STRENGTH = 0.01
"""Inverse regularisation of both regressions."""
COUPLINGS = (0.0, 0.1, 0.3, 1.0, 3.0)
"""Weights tried of what the others say, relative to the number of windows."""
STEPS = 20


class DecoyDetector:
    """Logistic regressions of what is real and of what belongs together, joined by a mean field.

    A window's score is the log-odds of its own looks, plus what the windows that it goes together
    with say about themselves, and less what those say that it does not go with.

    Args:
        learned: what `fit` found, for `scores` in another process.
    """

    def __init__(self, learned: Mapping[str, NDArray[Any]]) -> None:
        self.learned = dict(learned)
        self.ridge = Ridge()
        self.ridge.load_state({k[6:]: v for k, v in learned.items() if k.startswith("ridge.")})

    @classmethod
    def fit(
        cls,
        knowledge: Knowledge,
        photos: Sequence[NDArray[np.uint8]] | None = None,
        seed: int = 0,
    ) -> DecoyDetector:
        """Learn from public photos with decoys beside them.

        Args:
            knowledge: with the weights and with public photos, all rounds of them.
            photos: from which the attacker thinks decoys are cut; those that everybody has when
                ``None``.
        """
        ridge = Ridge(seed)
        ridge.fit(knowledge)
        detector = cls({f"ridge.{k}": v for k, v in ridge.state().items()})
        detector.learned["position"] = learn_position(knowledge)
        practice = [made for _, made in mixtures(knowledge, photos, seed)]
        held_out = practice[::HELD_OUT]
        training = [made for i, made in enumerate(practice) if i % HELD_OUT] or held_out
        detector._regress([labelled for made in training for labelled in detector._labelled(made)])
        tests = [labelled for made in held_out for labelled in detector._labelled(made)]
        detector.learned["coupling"] = np.array([detector._best_coupling(tests)])
        return detector

    def scores(self, observation: Observation) -> dict[Place, float]:
        """Log-odds of being real, of every content window of every server."""
        return self._scored(self._evidence(observation))

    def message_scores(self, observation: Observation) -> Values:
        """The same by message; NaN for padding."""
        scores = self.scores(observation)
        return np.array([scores.get(place_of(m), np.nan) for m in observation.messages])

    def cleaned(self, observation: Observation) -> Observation:
        """The observation without what looks like a decoy.

        Where several servers got something for one place, only what looks most real may stay.
        """
        scores = self.scores(observation)
        best: dict[tuple[int, int], Place] = {}
        for place in sorted(scores, key=scores.__getitem__):
            best[place[0], place[2]] = place
        kept = {place for place in best.values() if scores[place] > 0}
        return observation.keeping(
            m
            for m in observation.messages
            if place_of(m) in kept or not observation.grid.windows[m.window].has_content
        )

    def _evidence(self, observation: Observation) -> Evidence:
        return gather(observation, self.ridge, self.learned["position"])

    def _labelled(self, made: Iterable[Mixture]) -> list[tuple[Evidence, NDArray[np.bool_]]]:
        """Evidence and truth of the windows of each observation that has any."""
        found = []
        for mixture in made:
            pairs = zip(mixture.observation.messages, mixture.real, strict=True)
            real = {place_of(message): bool(label) for message, label in pairs}
            evidence = self._evidence(mixture.observation)
            if evidence.places:
                found.append((evidence, np.array([real[place] for place in evidence.places])))
        return found

    def _regress(self, labelled: Sequence[tuple[Evidence, NDArray[np.bool_]]]) -> None:
        own = np.concatenate([evidence.own for evidence, _ in labelled])
        self._learn("own", own, np.concatenate([real for _, real in labelled]))
        corners = [np.triu_indices(len(real), 1) for _, real in labelled]
        pairs = [e.pairs[corner] for (e, _), corner in zip(labelled, corners, strict=True)]
        same = [
            (real[:, None] == real[None])[corner]
            for (_, real), corner in zip(labelled, corners, strict=True)
        ]
        self._learn("pairs", np.concatenate(pairs), np.concatenate(same))

    def _learn(self, name: str, x: Values, labels: NDArray[np.bool_]) -> None:
        """A regression on standardised features, folded into weights and a bias."""
        # Every command imports this file for its attack; scikit-learn would take 0.5 s of it.
        from sklearn.linear_model import LogisticRegression

        mean, scale = x.mean(0), np.maximum(x.std(0), 1e-6)
        model = LogisticRegression(C=STRENGTH, max_iter=500, class_weight="balanced")
        model.fit((x - mean) / scale, labels)
        weights = model.coef_[0] / scale
        self.learned[f"{name}.weights"] = weights
        self.learned[f"{name}.bias"] = model.intercept_ - mean @ weights

    def _best_coupling(self, tests: Sequence[tuple[Evidence, NDArray[np.bool_]]]) -> float:
        from sklearn.metrics import roc_auc_score  # as in `_learn`

        def auc(coupling: float) -> float:
            found = []
            for evidence, real in tests:
                if 0 < real.sum() < len(real):
                    scores = self._scored(evidence, coupling)
                    found.append(roc_auc_score(real, list(scores.values())))
            return float(np.mean(found)) if found else 0.0

        return max(COUPLINGS, key=auc)

    def _scored(self, evidence: Evidence, coupling: float | None = None) -> dict[Place, float]:
        count = len(evidence.places)
        if count == 0:
            return {}
        weight = float(self.learned["coupling"][0]) if coupling is None else coupling
        own = evidence.own @ self.learned["own.weights"] + self.learned["own.bias"]
        together = evidence.pairs @ self.learned["pairs.weights"] + self.learned["pairs.bias"]
        np.fill_diagonal(together, 0.0)
        field = own
        for _ in range(STEPS):
            field = (field + own + weight / count * together @ np.tanh(field / 2) * 2) / 2
        return dict(zip(evidence.places, field.tolist(), strict=True))
