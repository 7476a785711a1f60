"""Clocks."""

from __future__ import annotations

import time

import pytest
import time_machine

from monitor.clock import Clock, ScaledClock, SystemClock

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
