"""Clocks."""

from __future__ import annotations

import time

import pytest
import time_machine

from monitor.clock import Clock, ClockSteps, ScaledClock, SystemClock
from tests.clocks import ManualClock

STARTED = 1_800_000_000.0


def test_the_system_clock_is_the_machines() -> None:
    """It shows the machine's time, and its seconds last as long."""
    clock: Clock = SystemClock()
    before = time.time()
    assert before <= clock.now() <= time.time()
    assert clock.machine_seconds(2.5) == 2.5


def test_a_scaled_clock_begins_at_its_origin() -> None:
    """Whatever the machine's time was when it was started."""
    clock: Clock = ScaledClock(origin=1_000.0, started=STARTED, speed=60.0)
    with time_machine.travel(STARTED, tick=False):
        assert clock.now() == 1_000.0


@pytest.mark.parametrize(("speed", "shown"), [(0.5, 1_005.0), (1.0, 1_010.0), (1440.0, 15_400.0)])
def test_a_scaled_clock_runs_at_its_speed(speed: float, shown: float) -> None:
    """Ten seconds of the machine are ten times ``speed`` on the clock."""
    clock = ScaledClock(origin=1_000.0, started=STARTED, speed=speed)
    with time_machine.travel(STARTED + 10, tick=False):
        assert clock.now() == shown


def test_waiting_for_a_scaled_clock_takes_as_long_as_it_says() -> None:
    """After ``machine_seconds`` of waiting the clock has moved on by what was wanted."""
    clock = ScaledClock(origin=1_000.0, started=STARTED, speed=240.0)
    with time_machine.travel(STARTED, tick=False) as traveller:
        before = clock.now()
        traveller.shift(clock.machine_seconds(3_600.0))
        assert clock.now() - before == pytest.approx(3_600.0)


def test_two_processes_with_the_same_numbers_agree() -> None:
    """A clock has no state of its own."""
    with time_machine.travel(STARTED + 7, tick=False):
        clocks = [ScaledClock(origin=1_000.0, started=STARTED, speed=60.0) for _ in range(2)]
        assert clocks[0].now() == clocks[1].now()


def test_the_monotonic_time_is_the_machines_at_the_clocks_speed() -> None:
    """Whatever the wall clock is set to meanwhile."""
    clock = ScaledClock(origin=1_000.0, started=STARTED, speed=240.0)
    with time_machine.travel(STARTED, tick=True) as traveller:
        before, machine = clock.monotonic(), time.monotonic()
        traveller.shift(-3_600)
        passed = clock.monotonic() - before
    assert 0 <= passed <= (time.monotonic() - machine) * 240.0


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
