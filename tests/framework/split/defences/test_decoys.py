"""Decoy windows: exact results, truthful accounts, and nothing that gives them away."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from framework import DistributedSamPredictor, LocalShards
from framework.exposure import Guard
from framework.models.named import architecture
from framework.split.decoys import deal_decoys
from framework.split.defences.disguise.decoys import Decoys
from framework.split.edge import DistributedEncoder
from framework.split.observation import Observation
from framework.split.policies import POLICIES
from framework.split.policies.sticky import Sticky
from framework.split.windows import WindowGrid
from framework.transport.base import SeparateShards
from framework.transport.faults import ShardUnavailable
from framework.transport.round import HOME
from tests.framework.support import frame_of, message_of

pytestmark = pytest.mark.slow

GRID = WindowGrid.of(architecture("tiny"), (256, 171))


def encode(sam, photo, strength, *, shards=None, seed=3, **options):
    predictor = DistributedSamPredictor(
        sam,
        shards or LocalShards(4),
        defence=Decoys(strength),
        policy=POLICIES.get("sticky")(seed),
        seed=seed,
        **options,
    )
    predictor.set_image(photo)
    return predictor


@pytest.mark.parametrize("options", [{}, {"payload": "pixels"}, {"plan": "prefix"}])
def test_the_result_does_not_change(sam, photos, options):
    plain, mixed = (encode(sam, photos["landscape"], s, **options) for s in (0, 1))
    assert torch.allclose(mixed.features, plain.features, atol=1e-5)
    assert mixed.traffic.bytes_up > 1.5 * plain.traffic.bytes_up
    assert mixed.traffic.bytes_down > 1.5 * plain.traffic.bytes_down
    assert mixed.traffic.rounds == plain.traffic.rounds


def test_what_is_real_is_what_was_sent_without_decoys(sam, photos):
    plain = encode(sam, photos["landscape"], 0).observation()
    real = encode(sam, photos["landscape"], 1).observation(decoys=False)
    assert [(m.round, m.shard, m.window) for m in real.messages] == [
        (m.round, m.shard, m.window) for m in plain.messages
    ]
    for found, expected in zip(real.messages, plain.messages, strict=True):
        assert np.allclose(found.sent.data, expected.sent.data, atol=1e-4)


def test_a_message_does_not_say_what_it_is(sam, photos):
    predictor = encode(sam, photos["landscape"], 1)
    seen = predictor.observation()
    assert Observation.from_bytes(seen.to_bytes()).to_bytes() == seen.to_bytes()
    assert all(m.delivered and m.returned is not None for m in seen.messages)
    order = [(m.round, m.window, m.shard) for m in seen.messages]
    assert order == sorted(order)
    for shard in seen.shards:
        windows = [(m.round, m.window) for m in seen.restrict([shard]).messages]
        assert len(set(windows)) == len(windows)
    content = set(seen.grid.content)
    twice = Counter((m.round, m.window) for m in seen.messages)
    assert {twice[r, w] for r in range(4) for w in content} == {2}


def test_decoys_show_another_picture(sam, photos):
    predictor = encode(sam, photos["square"], 1, payload="pixels")
    real = predictor.observation(decoys=False).pixels()
    decoys = [
        m for m in predictor.observation().messages if m.sent in predictor.encoder.last.decoys
    ]
    for message in decoys:
        if message.round == 0:
            assert not np.array_equal(message.sent.data, real[message.window])


def test_the_ledger_counts_what_is_real(sam, photos):
    guards = [Guard(), Guard()]
    for guard, strength in zip(guards, (0, 2), strict=True):
        predictor = encode(sam, photos["landscape"], strength, shards=LocalShards(4, guard=guard))
    scene = predictor.view.scene
    plain, mixed = (guard.ledger.coverage(scene).seen for guard in guards)
    assert plain.keys() == mixed.keys()
    assert all(np.array_equal(plain[name], mixed[name]) for name in plain)
    counts = [guard.ledger.counts(scene) for guard in guards]
    assert counts[0] == counts[1]


class Dying(SeparateShards):
    """Server 0 never answers."""

    def _serve(self, round_, shard, windows):
        if shard == 0:
            raise ShardUnavailable(shard, "server 0 is dead")
        return super()._serve(round_, shard, windows)


def test_a_dead_server_takes_its_decoys_with_it(sam, photos):
    plain, mixed = (encode(sam, photos["square"], s, shards=Dying(4)) for s in (0, 1))
    assert torch.allclose(mixed.features, plain.features, atol=1e-5)
    lost = mixed.observation().restrict([0]).messages
    assert lost
    assert not any(m.delivered for m in lost)
    real = mixed.observation(decoys=False).messages
    assert Counter(m.shard for m in real) == Counter(m.shard for m in plain.observation().messages)


def test_the_same_scene_gets_the_same_decoys_and_another_has_them_in_the_same_places(sam):
    encoder = DistributedEncoder(
        sam, LocalShards(4), plan="prefix", policy=Sticky(1), defence=Decoys(1), seed=1
    )
    found = []
    for frame in (frame_of(256, 171), frame_of(256, 171), frame_of(256, 171, seed=1)):
        encoder(frame)
        found.append([m for m in encoder.last.messages if m.sent in encoder.last.decoys])
    places = [[(m.shard, m.window) for m in messages] for messages in found]
    assert places[0] == places[1] == places[2]
    contents = [[m.sent.data.tobytes() for m in messages] for messages in found]
    assert contents[0] == contents[1] != contents[2]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 9), st.sampled_from([0.5, 1, 1.5, 3]), st.integers(0, 99), st.booleans())
def test_dealing(count, ratio, seed, home):
    owners = list(POLICIES.get("sticky")(seed).assign(GRID, count))
    if home:
        owners[0] = owners[7] = HOME
    holds = Counter(owners[w] for w in GRID.content if owners[w] != HOME)
    held = {(owners[w], w) for w in GRID.content}
    pictures = deal_decoys(GRID, owners, ratio, np.random.default_rng(seed))
    assert len(pictures) == int(np.ceil(ratio))
    for places in pictures:
        dealt = [(shard, w) for shard, windows in places.items() for w in windows]
        assert len({w for _, w in dealt}) == len(dealt)
        assert not held & set(dealt)
        assert {w for _, w in dealt} <= set(GRID.content)
        held |= set(dealt)
        for shard, windows in places.items():
            assert len(windows) <= holds[shard]
    if ratio == 1 and not home:
        assert all(len(windows) == holds[s] for s, windows in pictures[0].items())


def test_one_server_that_holds_everything_has_no_room_for_decoys():
    assert deal_decoys(GRID, [0] * 25, 1, np.random.default_rng(0)) == [{0: []}]


def test_pictures_are_of_the_frames_size_and_not_of_its_motif():
    frame = np.asarray(Decoys(1, [frame_of(40, 60)]).photos[0])
    drawn = Decoys(2.5, [frame, frame_of(80, 50, seed=2)]).decoy_pictures(
        frame, np.random.default_rng(0)
    )
    assert [picture.shape for picture in drawn] == [(40, 60, 3)] * 3
    assert Decoys(0).decoy_pictures(frame, np.random.default_rng(0)) == []


def test_decoys_without_photos_are_refused():
    assert "at least one" in message_of(lambda: Decoys(1, []))


def test_the_same_scene_gets_the_same_decoys_from_every_edge(sam):
    decoys = []
    for _ in range(2):
        encoder = DistributedEncoder(sam, LocalShards(4), plan="prefix", defence=Decoys(1))
        encoder(frame_of(256, 171))
        sent = [m for m in encoder.last.messages if m.sent in encoder.last.decoys]
        decoys.append([(m.shard, m.window, m.sent.data.tobytes()) for m in sent])
    assert decoys[0] == decoys[1]


def test_decoys_are_cut_from_files_as_any_photo_is_read(tmp_path):
    picture = frame_of(40, 60)
    turned = Image.Exif()
    turned[0x0112] = 3
    Image.fromarray(np.ascontiguousarray(picture[::-1, ::-1])).save(tmp_path / "a.png", exif=turned)
    assert np.array_equal(Decoys(1, [tmp_path / "a.png"]).photos[0], picture)
    for wrong in (picture[..., 0], picture / 255):
        assert "give uint8" in message_of(lambda wrong=wrong: Decoys(1, [wrong]))


class NoisyDecoys(Decoys):
    """Notes the noise of each picture's windows."""

    def protect_window(self, tokens, rng, context):
        self.drawn.append(rng.normal())
        return tokens


def test_a_decoy_has_noise_of_its_own(sam, photos):
    defence = NoisyDecoys(1)
    defence.drawn = []
    predictor = DistributedSamPredictor(sam, LocalShards(4), defence=defence, seed=3)
    predictor.set_image(photos["square"])
    assert len(set(defence.drawn)) == len(defence.drawn)
