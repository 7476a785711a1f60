"""A wall clock that is set while an org is watched, or before: no window is lost, none doubled."""

from __future__ import annotations

import random
from typing import Any

import pytest

from monitor.poller import PollResult
from tests.clocks import HOUR, NOON, ManualClock
from tests.poller.conftest import Watch
from tests.poller.watched_org import SMALL, WatchedOrg, really_happened
from tests.simulated_org import ORG

MINUTE = 60
STEPS = [-2 * HOUR, -10 * MINUTE, 10 * MINUTE, 2 * HOUR]


@pytest.fixture
def clock() -> ManualClock:
    """A clock that is right, until it is set."""
    return ManualClock(NOON)


def poll_for(watched: WatchedOrg, clock: ManualClock, minutes: int) -> None:
    """Poll, and let time pass, once a minute."""
    for _ in range(minutes):
        assert watched.source_reader.poll().result is PollResult.OK
        clock.at += MINUTE


def counted_all(watched: WatchedOrg) -> bool:
    """Whether the ledger has what happened since its first window, each execution once."""
    [covered] = watched.ledger.coverage(ORG, "actions")
    happened = watched.org.truth(covered.start * 1_000, covered.end * 1_000)
    return watched.executions() == really_happened(happened)


@pytest.mark.parametrize("step", STEPS)
def test_set_for_one_poll_it_costs_no_window(watch: Watch, clock: ManualClock, step: float) -> None:
    """What was asked by the wrong clock is asked again by the right one, also after a pause."""
    watched = watch(SMALL, "actions", clock=clock)
    poll_for(watched, clock, 2)
    clock.ahead += step
    watched.source_reader.poll()
    clock.ahead -= step
    clock.at += 80 * MINUTE
    poll_for(watched, clock, 2)

    assert counted_all(watched)
    [covered] = watched.ledger.coverage(ORG, "actions")
    assert covered.end > clock.at - 3 * MINUTE


@pytest.mark.parametrize("step", STEPS)
def test_what_a_wrong_clock_left_in_the_state_is_void(
    watch: Watch, clock: ManualClock, step: float
) -> None:
    """The program ended while the clock was wrong, and begins again while it is right."""
    clock.ahead += step
    watched = watch(SMALL, "actions", clock=clock)
    watched.source_reader.poll()
    clock.ahead -= step
    clock.at += 50 * MINUTE
    watched.restart()
    watched.source_reader.poll()
    state = watched.ledger.source_state(ORG, "actions")

    assert state is not None
    assert state.last_success_at == clock.at
    assert state.complete_until <= clock.at
    assert counted_all(watched)


def test_moments_of_the_future_are_told_once_and_counted(
    watch: Watch, clock: ManualClock, logged: list[dict[str, Any]]
) -> None:
    """What they were, by how much they were ahead, and what becomes of them."""
    watched = watch(SMALL, clock=clock)
    clock.ahead += 2 * HOUR
    watched.source_reader.poll()
    clock.ahead -= 2 * HOUR
    voided = [watched.source_reader.poll().voided for _ in range(3)]

    assert voided == [2, 0, 0]
    lines = [line for line in logged if line["event"] == "future_moments_void"]
    assert [line["source"] for line in lines] == ["actions", "conversations"]
    assert all(line["ahead_seconds"] == pytest.approx(2 * HOUR, abs=MINUTE) for line in lines)


def test_hosts_whose_clocks_are_a_minute_apart_void_nothing(
    watch: Watch, clock: ManualClock
) -> None:
    """Two daemons share a state, and neither clock is quite right."""
    watched = watch(SMALL, clock=clock)
    voided = 0
    for _ in range(4):
        clock.ahead += MINUTE
        watched.source_reader.poll()
        clock.ahead -= MINUTE
        voided += watched.source_reader.poll().voided
    assert voided == 0


def test_hosts_whose_clocks_differ_do_not_read_the_last_day_for_ever(
    watch: Watch, clock: ManualClock
) -> None:
    """Three times an hour is enough for any clock that is set."""
    watched = watch(SMALL, "actions", clock=clock)
    voided = 0
    for _ in range(8):
        clock.at += MINUTE
        voided += watched.source_reader.poll().voided
        clock.ahead += 4 * MINUTE
        watched.source_reader.poll()
        clock.ahead -= 4 * MINUTE
    assert voided == 3
    clock.at += HOUR
    watched.source_reader.poll()
    clock.ahead -= 4 * MINUTE
    assert watched.source_reader.poll().voided == 1


@pytest.mark.parametrize("seed", range(2))
def test_however_often_it_is_set_every_execution_counts_once(
    watch: Watch, clock: ManualClock, seed: int
) -> None:
    """Steps, pauses and restarts in any order; in the end the clock is right again."""
    chance = random.Random(seed)  # noqa: S311 - a test's, not a secret
    watched = watch(SMALL, "actions", clock=clock)
    watched.source_reader.poll()
    for _ in range(12):
        clock.at += chance.choice([1, 1, 4, 25]) * MINUTE
        if chance.random() < 0.4:
            clock.ahead += chance.choice([-clock.ahead, -26 * HOUR, 26 * HOUR, *STEPS])
        if chance.random() < 0.2:
            watched.restart()
        watched.source_reader.poll()
    clock.ahead = 0.0
    clock.at += 25 * MINUTE
    for _ in range(3):
        watched.source_reader.poll()
        clock.at += 12 * MINUTE

    assert counted_all(watched)
