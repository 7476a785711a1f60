"""A daemon whose machine's clock is set: it polls on, shows no wrong age, and says so once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from structlog.testing import capture_logs

from monitor import clock_watch
from monitor.clock import SystemClock
from monitor.daemon import Daemon
from monitor.jobs import add_job, new_scheduler, re_anchor
from monitor.worker_threads import WorkerThreads
from tests.daemon.conftest import MakeDaemon
from tests.daemon.daemon_process import families, sample
from tests.daemon.place import Place, eventually

MINUTE = 60
HOUR = 3_600


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[time_machine.Traveller]:
    """The machine's wall clock, which can be set; its monotonic clock can't."""
    monkeypatch.setattr(clock_watch, "CLOCK_LOOK_SECONDS", 0.02)
    with time_machine.travel(time.time(), tick=True) as traveller:
        yield traveller


def polls(daemon: Daemon) -> int:
    """How many polls have ended."""
    return sum(daemon.holder.current.orgs[0].health.polls.values())


def await_polls(daemon: Daemon, more: int) -> None:
    """Wait for so many more polls."""
    wanted = polls(daemon) + more
    eventually(lambda: polls(daemon) >= wanted, "a poll after the clock was set")


@pytest.mark.parametrize(
    ("step", "found"), [(-10 * MINUTE, "back"), (2 * HOUR, "ahead"), (3650 * 24 * HOUR, "ahead")]
)
def test_it_polls_on_and_says_so(
    place: Place,
    make_daemon: MakeDaemon,
    machine: time_machine.Traveller,
    step: float,
    found: str,
) -> None:
    """Not ten minutes later, and without a run for each that a wrong clock calls missed."""
    # A longer hole takes a minute to read, for the rate of requests is limited.
    place.configure(interval="200ms", max_backfill="12h")
    daemon = make_daemon(place)
    daemon.start()
    await_polls(daemon, 1)

    with capture_logs() as logs:
        machine.shift(step)
        await_polls(daemon, 3)

    told = [line for line in logs if line["event"] == "clock_stepped"]
    assert [line["seconds"] for line in told] == [pytest.approx(step, abs=1)]
    assert "the clock was set lately" in {line.get("why") for line in logs}
    shown = families(daemon.address)
    assert sample(shown, "timeout_monitor_clock_steps_total", found=found) == 1
    assert 0 <= sample(shown, "timeout_monitor_source_age_seconds", source="actions") < MINUTE
    assert 0 <= sample(shown, "timeout_monitor_poll_age_seconds") < MINUTE


def test_no_timeout_is_changed_and_nothing_forgotten_while_the_clock_is_wrong(
    place: Place, make_daemon: MakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cooldowns, budgets and what is settled are all told by it."""
    monkeypatch.setattr("monitor.snapshot.CLOCK_OFF_SECONDS", -1.0)  # any clock is off then
    place.configure(interval="200ms")
    daemon = make_daemon(place)
    with capture_logs() as logs:
        daemon.start()
        await_polls(daemon, 2)
        daemon._prune()  # noqa: SLF001 - it is due an hour later
    told = [(line["event"], line.get("why")) for line in logs]
    assert ("no_turn", "the clock is wrong") in told
    assert "prune_left_out" in {event for event, _ in told}


def test_nothing_is_forgotten_after_a_step(
    place: Place, make_daemon: MakeDaemon, machine: time_machine.Traveller
) -> None:
    """What is forgotten can't be read again, and a clock a year ahead calls all of it old."""
    daemon = make_daemon(place)
    machine.shift(365 * 24 * HOUR)
    with capture_logs() as logs:
        daemon._prune()  # noqa: SLF001 - it is due an hour later
    assert [line["event"] for line in logs] == ["clock_stepped", "prune_left_out"]


def test_without_a_step_what_is_old_is_forgotten(place: Place, make_daemon: MakeDaemon) -> None:
    """As ever."""
    daemon = make_daemon(place)
    with capture_logs() as logs:
        daemon._prune()  # noqa: SLF001 - it is due an hour later
    assert [line["event"] for line in logs] == ["pruned"]


@pytest.mark.parametrize("off", [-36_500, -600, -61, 0, 61, 600, 36_500])
def test_a_job_is_due_within_its_interval_whatever_the_clock_was(off: float) -> None:
    """And a whole number of intervals after its first time."""
    scheduler = new_scheduler(WorkerThreads())
    add_job(scheduler, SystemClock(), MINUTE, lambda: None)
    [job] = scheduler.get_jobs()
    # To set the clock by so much is to be due so much earlier or later by it.
    first = job.next_run_time
    job.modify(next_run_time=first - timedelta(seconds=off))
    re_anchor(scheduler)

    [job] = scheduler.get_jobs()
    wait = (job.next_run_time - datetime.now(UTC)).total_seconds()
    slack = 65 if off == 61 else 1  # late by less than an interval, it is run at once
    assert -slack <= wait <= MINUTE
    moved = (job.next_run_time - first + timedelta(seconds=off)).total_seconds()
    assert moved % MINUTE == 0
