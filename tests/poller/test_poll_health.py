"""How long ago an org was read, while its clock is set."""

from __future__ import annotations

import pytest

from monitor.ledger import SourceState
from monitor.poller.poll_health import FreshnessTracker
from tests.clocks import ManualClock

START = 1_800_000_000.0


def states(**last: float) -> dict[str, SourceState]:
    """What the state tells."""
    return {source: SourceState(source, at) for source, at in last.items()}


def age(freshness: FreshnessTracker, clock: ManualClock, known: dict[str, SourceState]) -> float:
    """How old the reading of ``actions`` is shown."""
    return clock.now() - freshness.last_reads(known).sources["actions"]


@pytest.mark.parametrize("step", [-600.0, 7_200.0])
def test_a_clock_that_is_set_changes_no_age(step: float) -> None:
    """Nor does it of polls, of the catalogue and of verdicts."""
    clock = ManualClock(START)
    freshness = FreshnessTracker(clock)
    freshness.note_sources(states(actions=START - 60))
    freshness.note_poll()
    freshness.note_catalogue()
    freshness.note_diagnosis()
    known = states(actions=START)
    freshness.note_sources(known)
    clock.at += 100
    clock.ahead += step

    assert age(freshness, clock, known) == 100
    last = freshness.last_reads(known)
    assert clock.now() - last.polled_at == clock.now() - last.catalogue_at == 100
    assert clock.now() - last.diagnosed_at == 100


def test_what_an_earlier_run_has_read_is_as_old_as_the_state_says() -> None:
    """No monotonic clock outlives its machine."""
    clock = ManualClock(START)
    freshness = FreshnessTracker(clock)
    known = states(actions=START - 500)
    freshness.note_sources(known)

    assert age(freshness, clock, known) == 500


def test_a_diagnosis_of_before_the_start_is_as_old_as_it_is() -> None:
    """Watching began later; an alert on its age must not begin anew with a restart."""
    clock = ManualClock(START)
    freshness = FreshnessTracker(clock)
    freshness.note_diagnosis(400)
    clock.at += 100

    assert clock.now() - freshness.last_reads({}).diagnosed_at == 500


@pytest.mark.parametrize(("ahead", "shown"), [(60, START), (7_200, 0.0)])
def test_a_reading_in_the_future_is_none(ahead: float, shown: float) -> None:
    """By little it was just now: hosts' clocks differ. By more a wrong clock has written it."""
    clock = ManualClock(START)
    freshness = FreshnessTracker(clock)
    known = states(actions=START + ahead)
    freshness.note_sources(known)

    assert freshness.last_reads(known).sources["actions"] == shown


def test_what_was_voided_was_not_read() -> None:
    """Its age is not that of the look that found it."""
    clock = ManualClock(START)
    freshness = FreshnessTracker(clock)
    freshness.note_sources(states(actions=START + 7_200))
    known = states(actions=0.0)
    freshness.note_sources(known)

    assert freshness.last_reads(known).sources["actions"] == 0.0
