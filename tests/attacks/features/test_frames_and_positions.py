"""Frames merged and averaged, positions hidden, and what attackers are handed."""

import json

import numpy as np
import pytest
import torch

from attacks import ATTACKS
from attacks.base import FRAMES
from attacks.features.several_frames import averaged, merged
from attacks.features.shard_outputs import with_stage
from attacks.threat_models.base import THREATS, ThreatModel, unsupported_reason
from framework import DistributedEncoder, LocalShards, PedbenchError
from framework.split.observation import Observation, WindowMessage
from framework.split.payload import PIXELS, Payload, encode_tokens
from framework.transport.stage import WindowStage

FRAME = (256, 192)


def observation(windows, frame=0, noise=0.0, seed=0):
    """Two rounds of tokens that tell which window they are of."""
    rng = np.random.default_rng([seed, frame])
    messages = []
    for round_, stage in enumerate((0, 2)):
        for window in windows:
            tokens = np.full((7, 7, 4), 100 * stage + window, np.float32)
            tokens += noise * rng.standard_normal(tokens.shape)
            sent = encode_tokens(tokens, "float32")
            messages.append(WindowMessage(frame, round_, stage, 0, window, sent, sent, True))
    return Observation(256, 8, 7, FRAME, 4, (0,), "interleaved", "float32", tuple(messages))


def value(message):
    return int(message.sent.decode()[0, 0, 0]) % 100


def test_no_message_tells_its_place():
    seen = observation([0, 3, 7, 12])
    hidden = Observation.from_bytes(seen.without_positions(5).to_bytes())
    assert not hidden.positions_known
    blob = hidden.to_bytes()
    header = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])["__metadata__"]
    entries = json.loads(header["observation"])["messages"]
    assert all(entry["window"] >= len(seen.grid.windows) for entry in entries)
    labels = {(m.window, value(m)) for m in hidden.messages}
    assert len(labels) == 4, "a label is the same in every round"
    with pytest.raises(IndexError):
        hidden.grid.pixel_mask(hidden.visible)


def test_labels_and_order_say_nothing_of_the_place():
    seen = observation([0, 3, 7, 12]).at_stages([0])
    found = np.zeros((4, 4), int)
    for seed in range(200):
        hidden = seen.without_positions(seed)
        assert [m.window for m in hidden.messages] == sorted(m.window for m in hidden.messages)
        for place, message in enumerate(hidden.messages):
            found[[0, 3, 7, 12].index(value(message)), place] += 1
    assert found.min() > 25, "each window comes at each place about as often: 50 of 200"


def test_labels_do_not_join_frames():
    seen = merged([observation([0, 3]), observation([0, 3], frame=1)])
    hidden = seen.without_positions(1)
    assert len({m.window for m in hidden.messages}) == 4


def test_the_latest_frame_counts():
    one, two = observation([0, 3], seed=1, noise=1.0), observation([3, 4], 1, noise=1.0)
    whole = merged([one, two])
    assert set(whole.visible) == {0, 3, 4}
    np.testing.assert_array_equal(whole.tokens(0)[3], two.tokens(0)[3])
    np.testing.assert_array_equal(whole.tokens(0)[0], one.tokens(0)[0])


def test_frames_of_other_sizes_are_not_merged():
    other = Observation(256, 8, 7, (100, 256), 4, (0,), "interleaved", "float32", ())
    with pytest.raises(PedbenchError, match="different sizes"):
        merged([observation([0]), other])
    with pytest.raises(PedbenchError, match="at least one"):
        merged([])


def test_noise_shrinks_with_the_root_of_the_frames():
    def error(count):
        whole = merged([observation([3], frame, noise=1.0) for frame in range(count)])
        mean = averaged(whole)
        assert len(mean.messages) == 2
        return float(np.sqrt(np.mean((mean.tokens(0)[3] - 3) ** 2)))

    assert error(1) / error(16) == pytest.approx(4, rel=0.25)


def test_pixels_are_averaged_as_pixels():
    def picture(level, frame):
        sent = Payload(PIXELS, np.full((4, 4, 3), level, np.uint8))
        message = WindowMessage(frame, 0, 0, 0, 1, sent, None, True)
        return Observation(256, 8, 7, FRAME, 4, (0,), "prefix", "pixels", (message,))

    mean = averaged(merged([picture(10, 0), picture(13, 1)]))
    assert mean.pixels()[1].dtype == np.uint8
    assert set(mean.pixels()[1].ravel()) == {12}


def test_what_an_attacker_is_handed():
    seen = merged([observation([0, 3], frame, noise=1.0) for frame in range(4)])
    assert ThreatModel().handed(seen, 0) is seen
    patient = ThreatModel(frames=4, averages=True, stage=2).handed(seen, 0)
    assert patient.stages == (2,)
    assert len(patient.messages) == 2
    assert not ThreatModel(positions_known=False).handed(seen, 0).positions_known


@pytest.mark.parametrize(
    ("means", "reason"),
    [
        ({"frames": 0}, "at least 1"),
        ({"public": "nowhere"}, "in-domain or out-of-domain"),
        ({"averages": True, "positions_known": False}, "cannot match windows"),
    ],
)
def test_impossible_attackers_are_refused(means, reason):
    with pytest.raises(PedbenchError, match=reason):
        ThreatModel(**means)


def test_named_threat_models():
    assert THREATS.get("standard").handed(observation([0]), 0).positions_known
    assert not THREATS.get("hidden_both").weights_known
    assert THREATS.get("averaging").averages
    assert all(threat.summary for _, threat in THREATS.items())
    with pytest.raises(PedbenchError, match="did you mean 'patient'"):
        THREATS.get("patent")


def test_needs_are_checked_against_what_is_granted():
    class Watcher(ATTACKS.get("mean_colour")):
        name = "watcher"
        needs = frozenset({FRAMES})

    assert "several frames" in unsupported_reason(Watcher, ThreatModel())
    assert unsupported_reason(Watcher, ThreatModel(frames=2)) is None
    blind = THREATS.get("hidden_both")
    assert "positions, weights" in unsupported_reason(ATTACKS.get("telea"), blind)
    assert unsupported_reason(ATTACKS.get("mean_colour"), blind) is None


def test_shards_see_what_they_compute(sam):
    frame = np.random.default_rng(0).integers(0, 256, (192, 256, 3), dtype=np.uint8)
    for plan, stage in (("interleaved", 3), ("globals_last", 4), ("globals_last", 7)):
        encoder = DistributedEncoder(sam, LocalShards(2), plan=plan, seed=1)
        encoder(frame)
        seen = encoder.observation().restrict([1])
        more = with_stage(seen, stage, sam)
        assert more.stages == tuple(sorted({*seen.stages, stage}))
        found = more.tokens(stage)
        start = 2 if plan == "interleaved" else 0
        blocks = {3: [2], 4: [0, 2], 7: [0, 2, 4, 6]}[stage]
        windows = seen.tokens(start)
        assert set(found) == set(windows)
        sent = [torch.as_tensor(tokens) for tokens in windows.values()]
        for index, tokens in zip(windows, WindowStage(sam).run(blocks, sent), strict=True):
            np.testing.assert_allclose(found[index], tokens.numpy(), atol=1e-4)
    assert with_stage(seen, 5, sam) is seen
