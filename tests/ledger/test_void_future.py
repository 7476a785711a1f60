"""What a state calls past and lies in the future is void; what is counted stays."""

from __future__ import annotations

import pytest

from monitor.clock import CLOCK_TOLERANCE_SECONDS
from monitor.ledger import Ledger, SourceState
from monitor.model import Action, ActionKind
from monitor.time_ranges import TimeRange
from tests.evidence import ORG, SOURCE, T0, reading, tally, windows

DAY = 86_400
ACTION = Action("a", "A", kind=ActionKind.CUSTOM, configured_timeout_ms=3_000)


def test_what_lies_in_the_past_stays(ledger: Ledger) -> None:
    """So does what is ahead by less than clocks may be apart."""
    ledger.record(ORG, SOURCE, reading(covered=windows(0, 2), read_at=T0 + 600.0))
    before = ledger.state(ORG)

    assert ledger.void_future(ORG, SOURCE, T0 + 600.0 - CLOCK_TOLERANCE_SECONDS) == 0.0
    assert ledger.state(ORG) == before


def test_a_source_that_was_never_read_has_nothing_to_void(ledger: Ledger) -> None:
    """And is not made known by it."""
    assert ledger.void_future(ORG, SOURCE, T0) == 0.0
    assert ledger.source_state(ORG, SOURCE) is None


def test_coverage_and_watermark_go_back_by_a_day_and_counts_stay(ledger: Ledger) -> None:
    """Nobody can tell since when the clock was ahead."""
    covered = TimeRange(T0 - 3 * DAY, T0 + 7_200)
    seen = reading(tally(5), covered=covered, read_at=T0 + 7_200.0, complete_until=T0 + 3_600)
    ledger.record(ORG, SOURCE, seen)
    now = T0 + 1_800

    assert ledger.void_future(ORG, SOURCE, now) == pytest.approx(7_200 - 1_800)
    state = ledger.state(ORG)
    assert state.coverage[SOURCE] == (TimeRange(T0 - 3 * DAY, now - DAY),)
    assert state.sources[SOURCE].last_success_at == 0.0
    assert state.sources[SOURCE].complete_until == now - DAY
    assert [total.count for total in state.totals.values()] == [5]
    # Read again, it counts once.
    assert ledger.record(ORG, SOURCE, seen).executions_added == 0


def test_nothing_is_owed_from_before_the_first_window(ledger: Ledger) -> None:
    """An org that was read for an hour is not asked for a day of history."""
    covered = TimeRange(T0, T0 + 7_200)
    ledger.record(ORG, SOURCE, reading(covered=covered, complete_until=T0 + 3_600))
    ledger.void_future(ORG, SOURCE, T0 + 1_800)
    state = ledger.source_state(ORG, SOURCE)

    assert isinstance(state, SourceState)
    assert state.complete_until == T0
    assert ledger.coverage(ORG, SOURCE) == ()


def test_other_sources_are_left_alone(ledger: Ledger) -> None:
    """Each is looked at in its turn."""
    for source in (SOURCE, "conversations"):
        ledger.record(ORG, source, reading(covered=TimeRange(T0, T0 + 7_200)))
    ledger.void_future(ORG, SOURCE, T0)

    assert ledger.coverage(ORG, "conversations") == (TimeRange(T0, T0 + 7_200),)


def test_what_was_pruned_by_a_wrong_clock_hides_nothing_new(ledger: Ledger) -> None:
    """What is gone is gone; what happens from now on counts."""
    ledger.record(ORG, SOURCE, reading(tally(5), covered=windows(0, 1)))
    ledger.housekeeping.prune(T0 + 10 * DAY)
    ledger.void_future(ORG, SOURCE, T0 + 300)
    later = reading(tally(7, window=1), covered=windows(0, 2), read_at=T0 + 600.0)

    assert ledger.record(ORG, SOURCE, later).executions_added == 7


def test_a_timeout_first_seen_in_the_future_is_in_force_now(ledger: Ledger) -> None:
    """Or calls of the meantime would be measured against the one before it."""
    ledger.save_catalogue(ORG, [ACTION], T0 + 7_200.0)
    ledger.record(ORG, SOURCE, reading(read_at=T0 + 7_200.0))
    ledger.void_future(ORG, SOURCE, T0 + 60.0)

    assert ledger.timeouts_in_force(ORG) == [("a", T0 + 60.0, 3_000)]


def test_a_flow_that_was_named_in_the_future_takes_another_name(ledger: Ledger) -> None:
    """Its newest name is the one that is read once the clock is right."""
    ledger.save_flow_use(ORG, "a", {"f": "Orders"}, T0 + 7_200.0)
    ledger.record(ORG, SOURCE, reading(read_at=T0 + 7_200.0))
    ledger.void_future(ORG, SOURCE, T0 + 60.0)
    ledger.save_flow_use(ORG, "a", {"f": "Order Enquiries"}, T0 + 120.0)

    assert ledger.state(ORG).flow_names == {"f": "Order Enquiries"}
