"""Linear probes of tokens: they find what is there, and nothing where nothing is."""

import numpy as np
import pytest

from attacks.analyses.attributes import Probe, token_summary
from framework import PedbenchError
from tests.attacks.toy import TOY, seen

NO_POSITION = np.zeros(1, dtype=np.float32)


def test_a_summary_is_the_mean_and_spread_of_the_tokens_held():
    target = seen("chelsea")
    stage = target.stages[-1]
    summary = token_summary(target, [stage], NO_POSITION)
    tokens = np.concatenate([t.reshape(-1, TOY.width) for t in target.tokens(stage).values()])
    assert np.allclose(summary, [*tokens.mean(axis=0), *tokens.std(axis=0)], atol=1e-4)
    assert token_summary(target, target.stages, NO_POSITION).size == 4 * TOY.width
    with pytest.raises(PedbenchError, match="stage 7"):
        token_summary(target, [7], NO_POSITION)


def test_a_probe_finds_the_feature_that_tells():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 5)) * [1, 100, 1, 1, 1]
    probe = Probe.fit(features, features[:, 2] > 0)
    fresh = rng.normal(size=(60, 5)) * [1, 100, 1, 1, 1]
    scores = probe.scores(fresh)
    assert scores[fresh[:, 2] > 0.5].min() > scores[fresh[:, 2] < -0.5].max()


def test_features_that_only_round_differently_tell_nothing():
    labels = np.arange(20) % 2 == 0
    constant = np.column_stack([np.ones(20), 5 + 1e-6 * labels])
    assert not Probe.fit(constant, labels).scores(constant).any()


def test_too_few_photos_are_refused():
    with pytest.raises(PedbenchError, match="there are 2"):
        Probe.fit(np.ones((20, 1)), np.arange(20) < 2)
