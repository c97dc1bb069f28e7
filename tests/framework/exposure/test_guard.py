"""Caps over time, over coalitions, over regions; nothing leaves that is not entered."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from framework.exposure import Caps, Guard, Ledger, Protected, View
from framework.exposure import caps as caps_module
from framework.exposure.coverage import SumLimit
from tests.framework.simulation import SIDE, round_of
from tests.framework.support import message_of

SCENE = View("yard", (SIDE, SIDE), (0, 0), (SIDE, SIDE))
"""Its nine windows are 4 by 4 pixels, 1/9 each; no resize, so that nothing is dilated."""
EVERYTHING = list(range(9))


def admitted(guard: Guard, wanted, view: View = SCENE, **options) -> dict[str, list[int]]:
    return guard.admit(round_of(view), wanted, **options)


def test_without_caps_everything_is_entered_and_nothing_held_back():
    guard = Guard()
    wanted = {"a": [0, 1], "b": EVERYTHING}
    assert admitted(guard, wanted) == wanted
    assert guard.ledger.counts("yard") == {"a": 2, "b": 9}


@pytest.mark.parametrize(("cap", "count"), [(0, 0), (0.1, 0), (1 / 9, 1), (0.5, 4), (1, 9)])
def test_a_server_has_its_cap(cap, count):
    guard = Guard(caps=Caps(per_server=cap))
    assert len(admitted(guard, {"a": EVERYTHING}).get("a", [])) == count


def test_over_time_and_frames():
    guard = Guard(caps=Caps(per_server=3 / 9))
    assert admitted(guard, {"a": [0, 1]}) == {"a": [0, 1]}
    assert admitted(guard, {"a": [0, 1, 2, 3]}) == {"a": [0, 1, 2]}, "seen before costs nothing"
    assert admitted(guard, {"a": [3, 4], "b": [3, 4]}) == {"b": [3, 4]}


def test_after_a_restart(tmp_path):
    caps = Caps(per_server=2 / 9)
    guard = Guard(Ledger(tmp_path / "l.db"), caps)
    admitted(guard, {"a": [0, 1]})
    guard.ledger.close()
    assert admitted(Guard(Ledger(tmp_path / "l.db"), caps), {"a": EVERYTHING}) == {"a": [0, 1]}


def test_two_edges_with_one_ledger(tmp_path):
    guards = [Guard(Ledger(tmp_path / "l.db"), Caps(per_server=3 / 9)) for _ in range(2)]
    for window in EVERYTHING:
        admitted(guards[window % 2], {"a": [window]})
    assert set(guards[0].ledger.coverage("yard").seen) == {"a"}
    assert guards[0].ledger.counts("yard") == {"a": 3}


def test_a_coalition_is_what_it_has_seen_together():
    guard = Guard(caps=Caps(coalition=(2, 4 / 9)))
    assert admitted(guard, {"a": [0, 1, 2], "b": [0, 1, 2]}) == {"a": [0, 1, 2], "b": [0, 1, 2]}
    assert admitted(guard, {"c": [3, 4]}) == {"c": [3]}
    assert admitted(guard, {"b": [3, 5]}) == {"b": [3]}, "with c, b would have seen five"


def test_a_coalition_larger_than_the_servers():
    guard = Guard(caps=Caps(coalition=(5, 3 / 9)))
    assert admitted(guard, {"a": [0, 1], "b": [1, 2, 3]}) == {"a": [0, 1], "b": [1, 2]}


def test_many_servers_are_bounded_by_a_sum(monkeypatch):
    monkeypatch.setattr(caps_module, "MOST_COALITIONS", 2)
    guard = Guard(caps=Caps(coalition=(2, 4 / 9)))
    wanted = {name: [0, 1, 2] for name in "abc"}
    assert admitted(guard, wanted) == {"a": [0, 1, 2], "b": [0], "c": [0]}
    assert any(isinstance(limit, SumLimit) for limit in guard._scene.limits)
    assert admitted(guard, wanted) == {"a": [0, 1, 2], "b": [0], "c": [0]}


@pytest.mark.parametrize("as_mask", [False, True])
def test_a_protected_region_stays_at_home(as_mask):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[3:5, 3:5] = True
    guard = Guard(caps=Caps(protected=[Protected(mask if as_mask else (3, 3, 5, 5))]))
    assert admitted(guard, {"a": EVERYTHING}) == {"a": [2, 5, 6, 7, 8]}


def test_a_part_of_a_region_may_leave_to_all_servers_together():
    guard = Guard(caps=Caps(protected=[Protected((3, 3, 5, 5), 0.5)]))
    assert admitted(guard, {"a": [0, 8], "b": [1, 3, 4]}) == {"a": [0, 8], "b": [1]}


def test_a_resize_widens_what_is_seen():
    view = View("yard", (60, 60), (0, 0), (60, 60))
    exact = Guard(caps=Caps(protected=[Protected((20, 20, 40, 40))]))
    assert admitted(exact, {"a": EVERYTHING}, view) == {}, "every window mixes some of it in"
    inner = Guard(caps=Caps(protected=[Protected((25, 25, 35, 35))]))
    assert admitted(inner, {"a": EVERYTHING}, view) == {"a": [0, 1, 2, 3, 5, 6, 7, 8]}


def test_scenes_are_apart_and_crops_are_not():
    guard = Guard(caps=Caps(per_server=1 / 9))
    crop = View("yard", (SIDE, SIDE), (0, 0), (4, 4))
    assert admitted(guard, {"a": EVERYTHING}, crop) == {"a": EVERYTHING}
    assert admitted(guard, {"a": EVERYTHING}) == {"a": [0]}
    other = View("garden", (SIDE, SIDE), (0, 0), (SIDE, SIDE))
    assert admitted(guard, {"a": EVERYTHING}, other) == {"a": [0]}
    assert admitted(guard, {"a": EVERYTHING}) == {"a": [0]}


def test_windows_without_content_show_nothing():
    guard = Guard(caps=Caps(per_server=0))
    view = View("strip", (4, SIDE), (0, 0), (4, SIDE))
    assert admitted(guard, {"a": EVERYTHING}, view) == {"a": [3, 4, 5, 6, 7, 8]}


def test_all_or_nothing():
    guard = Guard(caps=Caps(per_server=2 / 9))
    assert admitted(guard, {"a": [0, 1, 2], "b": [3]}, all_or_none=True) == {}
    assert guard.ledger.counts("yard") == {}
    assert admitted(guard, {"a": [0, 1], "b": [3]}, all_or_none=True) == {"a": [0, 1], "b": [3]}


def test_several_threads():
    guard = Guard(caps=Caps(per_server=4 / 9))
    threads = [
        threading.Thread(target=admitted, args=(guard, {"a": [window]})) for window in EVERYTHING
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert guard.ledger.coverage("yard").of("a").mean() == pytest.approx(4 / 9)


def test_nothing_leaves_without_its_entry(tmp_path):
    guard = Guard(Ledger(tmp_path / "l.db"))
    admitted(guard, {"a": [0]})
    guard.ledger.db.execute("PRAGMA query_only = 1")
    assert "nothing leaves" in message_of(lambda: admitted(guard, {"a": [1]}))
    guard.ledger.db.execute("PRAGMA query_only = 0")
    assert admitted(guard, {"a": [1]}) == {"a": [1]}
    assert guard.ledger.counts("yard") == {"a": 2}


def test_a_known_scene_of_another_size():
    guard = Guard()
    admitted(guard, {"a": [0]})
    larger = View("yard", (30, 30), (0, 0), (30, 30))
    assert "another name" in message_of(lambda: admitted(guard, {"a": [0]}, larger))
    assert admitted(guard, {"a": [1]}) == {"a": [1]}


def test_bad_caps():
    assert "0 to 1" in message_of(lambda: Caps(per_server=1.5))
    assert "0 to 1" in message_of(lambda: Caps(coalition=(2, -0.1)))
    assert "at least 1" in message_of(lambda: Caps(coalition=(0, 0.5)))
    assert "0 to 1" in message_of(lambda: Protected((0, 0, 1, 1), float("nan")))
    assert "is empty" in message_of(lambda: Protected((5, 5, 5, 9)))
    for region in [(90, 0, 95, 5), np.ones((3, 3), bool), np.zeros((SIDE, SIDE), bool)]:
        guard = Guard(caps=Caps(protected=[Protected(region)]))
        assert "does not lie in" in message_of(lambda g=guard: admitted(g, {"a": [0]}))


def test_caps_that_are_exceeded_already_are_named_once(tmp_path, caplog):
    admitted(Guard(Ledger(tmp_path / "l.db")), {"a": [0, 1, 2, 4], "b": [0, 3]})
    caps = Caps(per_server=0.2, coalition=(2, 0.3), protected=[Protected((3, 3, 5, 5), 0.1)])
    guard = Guard(Ledger(tmp_path / "l.db"), caps)
    assert "a saw 44.44% of the scene, the cap is " in guard.exceeded(SCENE)
    for _ in range(2):
        assert admitted(guard, {"a": [0, 5]}) == {"a": [0]}
    assert caplog.text.count("are exceeded already") == 1
    for part in ("b saw 22.22%", "a and b saw 55.56%", "and 1 more"):
        assert part in caplog.text
    assert not Guard(Ledger(tmp_path / "l.db"), Caps(per_server=0.5)).exceeded(SCENE)


def test_a_sum_of_exposures_that_is_exceeded_is_named(monkeypatch):
    monkeypatch.setattr(caps_module, "MOST_COALITIONS", 2)
    ledger = Guard().ledger
    admitted(Guard(ledger), {name: [0, 1, 2] for name in "abc"})
    caps = Caps(coalition=(2, 0.5))
    assert "up to 2 servers saw 66.67%" in Guard(ledger, caps).exceeded(SCENE)
