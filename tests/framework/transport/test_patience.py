"""How long a server is waited for, and when one that failed is asked again."""

from __future__ import annotations

import pytest

from framework.transport.patience import Breaker, Pace, Patience


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def rests(breaker: Breaker, clock: Clock) -> float:
    """Seconds until the breaker admits a request."""
    start = clock.now
    while not breaker.admits:
        clock.now += 0.5
    return clock.now - start


def test_rests_double_up_to_the_longest(clock):
    breaker = Breaker(Patience(rest=1, longest_rest=10), clock)
    assert breaker.admits
    found = []
    for _ in range(6):
        breaker.fail(0.0)
        found.append(rests(breaker, clock))
    assert found == [1, 2, 4, 8, 10, 10]


def test_a_server_that_keeps_hanging_costs_no_more_than_its_share(clock):
    patience = Patience(rest=1, lost=0.1)
    breaker, lost = Breaker(patience, clock), 0.0
    for _ in range(20):
        clock.now += 30
        lost += 30
        breaker.fail(30)
        rests(breaker, clock)
    assert lost / clock.now <= 0.15


def test_after_a_rest_one_request_tries_and_the_others_wait(clock):
    breaker = Breaker(Patience(rest=1), clock)
    breaker.fail(0)
    clock.now = 1
    assert breaker.admits
    breaker.begin()
    assert not breaker.admits
    breaker.end()
    assert breaker.admits, "a request that was given up tells nothing"
    breaker.begin()
    breaker.succeed()
    breaker.begin()
    assert breaker.admits
    assert breaker.failures == 0


def test_without_rest_a_server_is_asked_with_every_picture(clock):
    breaker = Breaker(Patience(rest=0), clock)
    for _ in range(5):
        breaker.fail(60)
        assert breaker.admits


def test_deadlines_shrink_to_what_servers_take_and_not_below_the_floor():
    pace = Pace(Patience(deadline=60, floor=5, slack=10))
    assert pace.deadline(0, False, 10, 0) == 60
    pace.note(0, False, 10, 2.0)
    assert pace.deadline(0, False, 10, 0) == 20
    assert pace.deadline(0, False, 5, 0) == 20
    assert pace.deadline(0, False, 20, 0) == 40, "twice the work may take twice as long"
    assert pace.deadline(1, False, 10, 0) == 20, "an unknown server is measured by the others"
    assert pace.deadline(0, True, 10, 0) == 60, "an image is another kind of work"
    for _ in range(20):
        pace.note(0, False, 10, 0.01)
    assert pace.deadline(0, False, 10, 0) == 5


def test_deadlines_grow_again_with_failures_and_never_beyond_what_was_asked_for():
    pace = Pace(Patience(deadline=60, floor=5))
    pace.note(0, False, 10, 0.01)
    assert [pace.deadline(0, False, 10, failures) for failures in range(6)] == [
        5,
        10,
        20,
        40,
        60,
        60,
    ]
    short = Pace(Patience(deadline=1, floor=5))
    short.note(0, False, 10, 0.01)
    assert short.deadline(0, False, 10, 0) == 1
