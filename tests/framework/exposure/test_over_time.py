"""Caps over a sliding window of pictures, and where a scene of a video ends."""

import numpy as np
import pytest
import skimage.data

from framework import PedbenchError
from framework.exposure import Caps, Guard, Ledger, SceneChanges, View
from framework.split.windows import WindowGrid
from framework.transport.round import Round

GRID = WindowGrid(64, 8, 2, (64, 64))
VIEW = View("yard", (64, 64), (0, 0), (64, 64))
WINDOWS = len(GRID.windows)


def show(guard, picture, windows, server="a", session="s"):
    """Which windows of a picture the server gets."""
    round_ = Round(GRID, 0, picture, (0,), "float32", session=session, view=VIEW)
    return guard.admit(round_, {server: list(windows)}).get(server, [])


def test_a_cap_over_frames_holds_for_any_so_many_in_a_row():
    guard = Guard(caps=Caps(per_server=0.5, frames=3))
    rng, sent = np.random.default_rng(0), []
    for picture in range(12):
        asked = rng.permutation(WINDOWS)[: WINDOWS // 4]
        sent.append(set(show(guard, picture, asked.tolist())))
    shares = [len(set.union(*sent[i : i + 3])) / WINDOWS for i in range(10)]
    assert max(shares) <= 0.5
    assert len(set.union(*sent)) / WINDOWS > 0.5
    assert all(sent)


def test_what_is_long_ago_counts_no_more():
    """Of picture 1 window 0 alone left, so that three others fit into picture 2."""
    guard = Guard(caps=Caps(per_server=0.25, frames=2))
    quarter, other = range(WINDOWS // 4), range(WINDOWS // 4, WINDOWS // 2)
    assert len(show(guard, 0, quarter)) == WINDOWS // 4
    assert show(guard, 1, [0, *other]) == [0]
    assert len(show(guard, 2, other)) == WINDOWS // 4 - 1


def test_all_edges_that_share_a_ledger_count(tmp_path):
    ledger = tmp_path / "exposure.db"
    caps = Caps(per_server=0.25, frames=2)
    one, other = (Guard(Ledger(ledger), caps) for _ in range(2))
    assert show(one, 0, range(WINDOWS // 4))
    assert show(other, 0, range(WINDOWS // 4, WINDOWS // 2), session="t") == []


def test_without_frames_a_cap_holds_for_ever():
    guard = Guard(caps=Caps(per_server=0.25))
    show(guard, 0, range(WINDOWS // 4))
    assert show(guard, 9, range(WINDOWS // 4, WINDOWS // 2)) == []


def test_no_frames_are_refused():
    with pytest.raises(PedbenchError, match="give at least 1"):
        Caps(frames=0)


def test_a_pan_is_one_scene_and_a_cut_begins_another():
    changes = SceneChanges("door")
    cat, moon = skimage.data.chelsea(), skimage.data.astronaut()
    pan = [changes.name_of(cat[:, left : left + 300]) for left in range(0, 150, 10)]
    assert set(pan) == {"door-1"}
    assert changes.name_of(moon) == "door-2"
    assert changes.name_of(moon[5:]) == "door-2"
    assert changes.name_of(cat) == "door-3"
