"""The same photo goes to the same shards, for ever."""

from __future__ import annotations

import os

import numpy as np
import pytest

from framework import DistributedSamPredictor
from framework.exposure import Guard, Ledger
from framework.split.policies import POLICIES
from framework.split.policies.key import read_key, user_key
from tests.framework.split.test_windows import tiny_grid
from tests.framework.support import EchoShards, frame_of, message_of

SERVERS = ["a:1", "b:1", "c:1", "d:1"]
KEY = b"k" * 32


def dealt(scene: str = "yard", servers=SERVERS, key: bytes = KEY) -> dict[str, list[int]]:
    """Windows by name of the server."""
    policy = POLICIES.get("sticky")().bound(scene, servers, lambda: key)
    owners = np.array(policy.assign(tiny_grid(), len(servers)))
    return {name: np.flatnonzero(owners == i).tolist() for i, name in enumerate(servers)}


def test_a_scene_is_dealt_by_key_and_name():
    assert dealt() == dealt()
    assert dealt() != dealt("garden")
    assert dealt() != dealt(key=b"other" * 9)


def test_the_order_of_servers_does_not_matter():
    assert dealt() == dealt(servers=SERVERS[::-1])


def test_a_seed_deals_all_scenes_alike():
    policy = POLICIES.get("sticky")(seed=3)
    bound = policy.bound("yard", SERVERS, lambda: KEY)
    assert bound.assign(tiny_grid(), 4) == policy.assign(tiny_grid(), 4)


def test_what_is_sensitive_stays_at_home_by_key_too():
    policy = POLICIES.get("sensitive_local")(mask=np.ones((64, 64), bool))
    owners = policy.bound("yard", SERVERS, lambda: KEY).assign(tiny_grid((256, 256)), 4)
    grid = tiny_grid((64, 64))
    assert {owners[i] for i in grid.content} == {-1}


def test_a_key_is_made_once_for_its_owner_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    key = user_key()
    path = tmp_path / "data" / "pedbench" / "policy.key"
    assert path.read_bytes() == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["policy.key"]
    assert read_key(path) == key


@pytest.mark.parametrize("data", ["file/below", "relative"])
def test_where_no_key_can_be_kept_the_process_has_one_and_says_so_once(
    data, tmp_path, monkeypatch, caplog
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / data) if "/" in data else data)
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    assert user_key() == user_key()
    assert caplog.text.count("no key of policies can be kept") == 1
    assert os.listdir(tmp_path) == ["file"]


def test_keys_that_are_none(tmp_path):
    (tmp_path / "short").write_bytes(b"abc")
    assert "has 3 bytes" in message_of(lambda: read_key(tmp_path / "short"))
    assert "cannot be used" in message_of(lambda: read_key(tmp_path))


def test_a_ledger_keeps_the_key_of_its_edges(tmp_path):
    ledger = Ledger(tmp_path / "l.db")
    assert ledger.policy_key(lambda: KEY) == KEY
    other = Ledger(tmp_path / "l.db")
    assert other.policy_key(lambda: b"x" * 32) == KEY
    assert "another policy key" in message_of(
        lambda: other.policy_key(lambda: b"x" * 32, insist=True)
    )


def shares(sam, frames, **options) -> list[set[int]]:
    """The windows that shard 0 is sent of each frame, by a new edge for each."""
    return [seen_by_first(sam, [frame], **options)[0] for frame in frames]


def seen_by_first(sam, frames, ledger: Ledger | None = None, **options) -> list[set[int]]:
    shards = EchoShards(4, guard=None if ledger is None else Guard(ledger))
    predictor = DistributedSamPredictor(sam, shards, plan="prefix", **options)
    seen = []
    for frame in frames:
        predictor.set_image(frame)
        messages = predictor.observation().messages
        seen.append({m.window for m in messages if m.shard == 0})
    return seen


def test_a_new_edge_deals_a_photo_as_the_last_one_did(sam, tmp_path):
    photo = frame_of(60, 60)
    plain = shares(sam, [photo, photo])
    kept = shares(sam, [photo], ledger=Ledger(tmp_path / "l.db"))
    assert plain[0] == plain[1] == kept[0]
    assert shares(sam, [photo], policy_key=KEY)[0] != plain[0]


def test_frames_of_a_still_scene_are_dealt_alike(sam):
    photo = np.kron(frame_of(6, 6), np.ones((10, 10, 1), np.uint8))
    frames = [photo, photo // 2 + 60, np.clip(photo, 3, 250)]
    assert len(set(map(frozenset, seen_by_first(sam, frames)))) == 1


def test_a_key_needs_a_policy_that_keeps_one(sam):
    def build():
        return DistributedSamPredictor(sam, EchoShards(4), policy="strided", policy_key=KEY)

    assert "give policy 'sticky'" in message_of(build)


def test_decoys_are_the_same_in_every_process(sam):
    first, second = (
        DistributedSamPredictor(sam, EchoShards(4), defence="none").encoder for _ in range(2)
    )
    assert first.decoy_seed() == second.decoy_seed()
    assert first.seed != second.seed
