"""Contracts of defences and policies: what they may see, and what they must give back."""

from __future__ import annotations

import numpy as np
import pytest

from framework import DistributedEncoder, LocalShards, build_sam
from framework.split.defences.base import Defence
from framework.split.policies.base import Policy
from tests.framework.support import frame_of, message_of


class Nothing(Defence):
    def protect(self, tokens, rng):
        return tokens


class Watching(Nothing):
    """Blanks what it sees of the first row of windows."""

    def __init__(self):
        super().__init__(1.0)
        self.seen = []

    def protect_window(self, tokens, rng, context):
        self.seen.append((context.round, context.window.index, len(context.grid.windows)))
        return tokens * np.float32(context.window.row > 0)


class Narrow(Nothing):
    def protect(self, tokens, rng):
        return tokens[..., :-1]


class Double(Nothing):
    def protect(self, tokens, rng):
        return tokens.astype(np.float64)


class Loses(Policy):
    def order(self, windows, n_shards, rng):
        return windows[1:]


class Repeats(Policy):
    def order(self, windows, n_shards, rng):
        return [*windows[1:], *windows[-1:]]


@pytest.fixture(scope="module")
def sam():
    return build_sam("tiny", "random")


def encoder(sam, payload="float32", **options):
    return DistributedEncoder(
        sam, LocalShards(2), plan="prefix", payload=payload, seed=0, **options
    )


@pytest.mark.parametrize("payload", ["float32", "pixels"])
def test_a_defence_sees_window_round_and_grid(sam, payload):
    defence = Watching()
    session = encoder(sam, payload, defence=defence)
    session(frame_of(200, 256))
    windows = session.last.grid.windows
    assert [(r, i) for r, i, _ in defence.seen] == [
        (0, w.index) for w in windows if w.has_content or payload == "float32"
    ]
    assert {count for _, _, count in defence.seen} == {len(windows)}
    sent = {m.window: m.sent.data for m in session.observation().messages if m.round == 0}
    assert not sent[0].any()
    assert sent[6].any()


@pytest.mark.parametrize(
    ("defence", "found"),
    [(Narrow, "into float32 [7, 7, 191]"), (Double, "into float64 [7, 7, 192]")],
)
def test_a_defence_that_changes_the_form_is_refused_with_file_and_line(sam, defence, found):
    told = message_of(lambda: encoder(sam, defence=defence(1.0))(frame_of(200, 256)))
    line = defence.protect.__code__.co_firstlineno
    assert f"defence {defence.__name__} (split/test_part_contracts.py, line {line}) turns" in told
    assert f"{found}: keep dtype and shape" in told


@pytest.mark.parametrize("policy", [Loses, Repeats])
def test_a_policy_that_loses_a_window_is_refused_with_file_and_line(sam, policy):
    told = message_of(lambda: encoder(sam, policy=policy(0))(frame_of(200, 256)))
    line = policy.order.__code__.co_firstlineno
    assert f"policy {policy.__name__} (split/test_part_contracts.py, line {line})" in told
