"""Random failures, policies and caps through the real orchestrator: no cap is ever exceeded."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace

import pytest

from framework.exposure import Caps, Guard, Ledger, View
from framework.exposure import caps as caps_module
from tests.framework.simulation import CapExceeded, run_schedule

SCHEDULES = 1_000


@pytest.fixture(autouse=True)
def quiet():
    """Failures are the point here: no warning for each."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def run_many(count: int, guard_of=Guard, threads: bool = False) -> Counter[str]:
    """How many schedules ended how."""
    ledger = Ledger()
    return Counter(run_schedule(seed, ledger, guard_of, threads) for seed in range(count))


@pytest.mark.slow
def test_no_cap_is_ever_exceeded():
    outcomes = run_many(SCHEDULES)
    assert sum(outcomes.values()) == SCHEDULES
    assert min(outcomes["done"], outcomes["failed"]) > SCHEDULES / 10


def test_with_threads():
    run_many(100, threads=True)


def test_with_the_bound_for_many_servers(monkeypatch):
    monkeypatch.setattr(caps_module, "MOST_COALITIONS", 0)
    run_many(200)


class Blind(Guard):
    """Lets everything leave."""

    def admit(self, round_, wanted, **options):
        return dict(wanted)


class Forgetful(Guard):
    """Knows only what it admits now."""

    def admit(self, round_, wanted, **options):
        return Guard(caps=self.caps).admit(round_, wanted, **options)


class FirstSendsOnly(Guard):
    """Does not care where windows go after a failure."""

    asked = None

    def admit(self, round_, wanted, **options):
        asked = round_.request, round_.index
        again, self.asked = self.asked == asked, asked
        return dict(wanted) if again else super().admit(round_, wanted, **options)


class ForgetsFailures(Guard):
    """Takes a window that goes elsewhere for one that its first server has not seen."""

    def admit(self, round_, wanted, **options):
        for windows in wanted.values():
            for window in windows:
                self.ledger.db.execute(
                    "DELETE FROM sends WHERE scene = ? AND frame = ? AND window = ?",
                    (round_.view.scene, round_.request, window),
                )
        self._scene = None
        return super().admit(round_, wanted, **options)


class OneByOne(Guard):
    """Does not know that servers may collude."""

    def __init__(self, ledger, caps):
        super().__init__(ledger, Caps(caps.per_server, None, caps.protected))


class Careless(Guard):
    """Protects no region."""

    def __init__(self, ledger, caps):
        super().__init__(ledger, Caps(caps.per_server, caps.coalition))


class Thin(View):
    """A view that takes the resize for one that mixes nothing."""

    def box(self, grid, window):
        y0, x0, y1, x1 = super().box(grid, window)
        return (y0 + 1, x0 + 1, y1 - 1, x1 - 1) if y1 - y0 > 2 and x1 - x0 > 2 else (y0, x0, y1, x1)


class Undilated(Guard):
    """Overlooks what the resize filter mixes in."""

    def admit(self, round_, wanted, **options):
        view = round_.view
        thin = Thin(view.scene, view.scene_size, view.origin, view.size)
        return super().admit(replace(round_, view=thin), wanted, **options)


@pytest.mark.parametrize(
    "broken",
    [Blind, Forgetful, FirstSendsOnly, ForgetsFailures, OneByOne, Careless, Undilated],
)
def test_broken_guards_are_caught(broken):
    with pytest.raises(CapExceeded):
        run_many(2000, broken)
