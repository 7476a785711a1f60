"""Clocks."""

from __future__ import annotations

import time

import pytest

from monitor.clock import Clock, ClockSteps, SystemClock
from tests.clocks import ManualClock, ScaledClock

STARTED = 1_800_000_000.0


def test_the_system_clock_is_the_machines() -> None:
    """It shows the machine's time, and its seconds last as long."""
    clock: Clock = SystemClock()
    before = time.time()
    assert before <= clock.now() <= time.time()
    assert clock.machine_seconds(2.5) == 2.5


@pytest.mark.parametrize("step", [-7_200.0, -30.0, 30.0, 600.0])
def test_a_step_is_told_once_and_counted_by_its_direction(step: float) -> None:
    """The next look finds nothing new."""
    clock = ManualClock(STARTED)
    steps = ClockSteps(clock)
    clock.at += 5
    clock.ahead += step

    assert steps.look() == step
    assert steps.look() == 0.0
    assert steps.counts == {"ahead": int(step > 0), "back": int(step < 0)}
    assert steps.stepped_within(60)
    clock.at += 60
    assert not steps.stepped_within(60)


def test_a_clock_that_is_corrected_slowly_makes_no_step() -> None:
    """However far it is corrected in the end."""
    clock = ManualClock(STARTED)
    steps = ClockSteps(clock)
    for _ in range(100):
        clock.at += 60
        clock.ahead -= 29
        assert steps.look() == 0.0
    assert not steps.stepped_within(10_000)


def test_a_fast_clock_makes_no_steps_of_its_own() -> None:
    """A day in minutes: a moment between two looks is half an hour of it."""
    clock = ScaledClock(origin=1_000.0, started=time.time(), speed=86_400.0)
    steps = ClockSteps(clock)
    assert [steps.look() for _ in range(50)] == [0.0] * 50


def test_a_pause_between_two_looks_at_the_time_says_nothing() -> None:
    """A process that was stopped in between is no clock that was set."""

    class Interrupted(ManualClock):
        def now(self) -> float:
            self.at += 40
            return super().now()

    clock = Interrupted(STARTED)
    assert ClockSteps(clock).look() == 0.0
