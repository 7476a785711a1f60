"""What came later than every read, or was lost with a window, is found by one wide question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.counts import Counts, SeriesKey, Tally
from monitor.errors import PermissionDeniedError
from monitor.ledger import Reading
from monitor.poller.reconciliation import RECONCILED_SECONDS, Reconciliation, compare
from monitor.simulator import LatenessModel, World
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON
from tests.poller.conftest import Watch
from tests.poller.watched_org import AGGREGATES, SMALL, WatchedOrg, really_happened
from tests.simulated_org import ORG, flow_only

QUERY = "POST /api/v2/analytics/actions/aggregates/query"

BEFORE = replace(SMALL, ends=float(NOON))
"""An org in which nothing happens any more: whatever is found is late, and not new."""

VERY_LATE = replace(BEFORE, lateness=LatenessModel(26.0 * HOUR, 26.0 * HOUR, 0.0, 26.0 * HOUR))
"""The same org, of which everything shows 26 hours late."""


def reconciled(watched: WatchedOrg) -> Reconciliation:
    """Compare the last two days."""
    return watched.source_reader.reconcile(watched.clock.at - RECONCILED_SECONDS)


def poll_at(watched: WatchedOrg, at: float) -> None:
    """Poll at a time, and once more for the history."""
    watched.clock.at = at
    watched.source_reader.poll()


def test_what_comes_26_hours_late_is_counted_once(watch: Watch) -> None:
    """No poll reads so far back; counts equal the truth, and every call has its band."""
    watched = watch(VERY_LATE, "actions", initial="3h")
    for hours in range(0, 30, 5):
        poll_at(watched, NOON + hours * HOUR)
    watched.clock.at = NOON + 27 * HOUR
    assert sum(watched.executions().values()) == 0
    found = reconciled(watched)
    counted = watched.executions()
    assert found.added == found.missing == sum(counted.values()) > 0
    # Whole hours are compared; the last call that began before noon ended after it.
    begin, end = found.time_range.start, NOON + HOUR
    assert counted == really_happened(watched.org.truth(begin * 1_000, end * 1_000))
    for total in watched.ledger.state(ORG).totals.values():
        assert sum(total.bands) == total.count
    again = reconciled(watched)
    assert (again.missing, again.added, again.differing) == (0, 0, ())
    assert watched.executions() == counted


def test_where_nothing_differs_it_costs_one_request(watch: Watch) -> None:
    """However many windows two days have."""
    watched = watch(BEFORE, "actions", initial="2d")
    poll_at(watched, NOON + HOUR)
    poll_at(watched, NOON + 3 * HOUR)
    watched.requests()
    found = reconciled(watched)
    assert watched.requests()[QUERY] == 1
    assert found.platform == found.counted > 1_000
    assert (found.missing, found.surplus, found.added) == (0, 0, 0)


def test_a_restarted_program_finds_a_window_that_was_lost(watch: Watch) -> None:
    """The platform showed nothing of an hour once; that hour alone is read again, and counted."""
    watched = watch(BEFORE, "actions")
    lost = TimeRange(NOON - 2 * HOUR, NOON - HOUR)
    empty = Reading(lost, 300, float(NOON), complete_until=lost.end)
    watched.ledger.record(ORG, "actions", empty)
    poll_at(watched, NOON + 2 * HOUR)
    before = sum(watched.executions().values())
    watched.restart()
    watched.requests()
    found = reconciled(watched)
    assert found.differing == (lost,)
    assert watched.requests()[QUERY] == 1 + 2
    assert found.added == found.missing == sum(watched.executions().values()) - before > 0
    assert watched.executions() == really_happened(watched.truth())
    assert reconciled(watched).added == 0


@pytest.mark.parametrize(
    "world",
    [World(longest_interval="1h"), World(large_answers="413"), World(granularity="PT1H")],
    ids=["short intervals", "small answers", "coarse windows"],
)
def test_a_platform_that_takes_less_at_once_is_asked_in_pieces(watch: Watch, world: World) -> None:
    """Down to an hour; nothing is taken for missing."""
    watched = watch(replace(BEFORE, ends=None), "actions", world=world, initial="12h")
    watched.org.world = world
    poll_at(watched, NOON)
    poll_at(watched, NOON + 2 * HOUR)
    found = reconciled(watched)
    assert found.platform == found.counted > 0
    assert (found.missing, found.added) == (0, 0)


def test_a_platform_that_refuses_changes_nothing(watch: Watch) -> None:
    """The error says why, and what was counted stays."""
    watched = watch(BEFORE, "actions", initial="6h")
    poll_at(watched, NOON)
    poll_at(watched, NOON + 2 * HOUR)
    before = watched.ledger.state(ORG).totals
    watched.fault("forbidden", AGGREGATES)
    with pytest.raises(PermissionDeniedError):
        reconciled(watched)
    assert watched.ledger.state(ORG).totals == before
    assert before


def test_a_fresh_ledger_or_one_without_counts_has_nothing_to_compare(watch: Watch) -> None:
    """Nothing is asked for it."""
    for what in (BEFORE, flow_only(BEFORE)):
        watched = watch(what)
        found = watched.source_reader.reconcile(NOON - RECONCILED_SECONDS)
        assert (found.time_range.seconds, found.platform) == (0, 0)
        assert not watched.requests()[QUERY]


def test_what_is_counted_under_a_name_for_many_is_not_missing() -> None:
    """A platform that makes a word of every execution is not read again for it each day."""
    hour = TimeRange(NOON, NOON + HOUR)
    shown = {(SeriesKey("a", f"HTTP {number}", ""), NOON): 1 for number in range(5)}
    counted = [Tally(SeriesKey("a", "OTHER", ""), NOON, Counts(5))]
    found = compare(ORG, hour, shown, counted)
    assert (found.missing, found.surplus, found.differing) == (0, 0, ())
    late = compare(ORG, hour, {**shown, (SeriesKey("a", "late", ""), NOON): 2}, counted)
    assert (late.missing, late.differing) == (2, (hour,))


def test_what_was_never_asked_for_is_not_missing(watch: Watch) -> None:
    """An old day that was read by hand leaves a hole, and no poll owes what lies in it."""
    watched = watch(BEFORE, "actions", initial="3h", lookback="1h")
    poll_at(watched, NOON)
    watched.source_reader.backfill(TimeRange(NOON - 30 * HOUR, NOON - 29 * HOUR))
    poll_at(watched, NOON + 2 * HOUR)
    found = reconciled(watched)
    assert found.time_range.start == NOON - 3 * HOUR
    assert (found.missing, found.added) == (0, 0)


def test_a_comparison_that_breaks_off_tells_what_it_has_found(watch: Watch) -> None:
    """What was added stays, is told, and the rest is found by the next one."""
    watched = watch(BEFORE, "actions", lookback="1h")
    lost = TimeRange(NOON - 6 * HOUR, NOON - HOUR)
    empty = Reading(lost, 300, float(NOON), complete_until=lost.end)
    watched.ledger.record(ORG, "actions", empty)
    poll_at(watched, NOON + 3 * HOUR)
    # The wide question, and both halves of the first two hours.
    watched.fault("forbidden", AGGREGATES, skip=3)
    found = reconciled(watched)
    assert 0 < found.added < found.missing
    assert not found.is_complete
    watched.mend()
    rest = reconciled(watched)
    assert (rest.added, rest.is_complete) == (found.missing - found.added, True)
