"""Forgetting what is old without ever counting it again."""

from __future__ import annotations

from dataclasses import replace

from monitor.ledger import Ledger
from monitor.time_ranges import TimeRange
from tests.evidence import ORG, SOURCE, T0, count_of, incident, reading, tally, windows

EVERYTHING = TimeRange(0, 2 * T0)


def test_windows_and_incidents_before_are_forgotten(ledger: Ledger) -> None:
    """What began at the given time or later stays; the rows removed are counted."""
    ledger.record(
        ORG,
        SOURCE,
        reading(
            *(tally(1, window=window) for window in range(4)),
            incidents=[incident("c1", at=T0 + 599.5), incident("c2", at=T0 + 600.0)],
        ),
    )

    removed = ledger.housekeeping.prune(T0 + 600)

    assert removed == 3
    assert [found.counts.count for found in ledger.tallies.sums(ORG, EVERYTHING)] == [2]
    assert [found.conversation_id for found in ledger.impact.incidents(ORG, EVERYTHING)] == ["c2"]


def test_totals_stay(ledger: Ledger) -> None:
    """A counter never goes back because history got short."""
    ledger.record(ORG, SOURCE, reading(tally(7), incidents=[incident()]))
    before = ledger.state(ORG)

    ledger.housekeeping.prune(T0 + 86_400)

    assert ledger.state(ORG) == before


def test_what_was_forgotten_is_never_counted_again(ledger: Ledger) -> None:
    """A reading of pruned windows is left out, and says so."""
    old = reading(tally(7), tally(2, window=5), incidents=[incident()])
    ledger.record(ORG, SOURCE, old)
    ledger.housekeeping.prune(T0 + 600)

    recorded = ledger.record(ORG, SOURCE, old)

    assert (recorded.executions_added, recorded.incidents_added, recorded.forgotten) == (0, 0, 2)
    assert count_of(ledger) == 9
    assert ledger.state(ORG).incident_totals[0].incidents == 1


def test_every_org_is_pruned(ledger: Ledger) -> None:
    """One call keeps the whole state small."""
    for org in ("one", "two"):
        ledger.record(org, SOURCE, reading(tally(1)))

    assert ledger.housekeeping.prune(T0 + 600) == 2


def test_pruning_less_than_before_changes_nothing(ledger: Ledger) -> None:
    """What is forgotten stays forgotten, whoever prunes with an older time."""
    ledger.record(ORG, SOURCE, reading(tally(1, window=1)))
    ledger.housekeeping.prune(T0 + 300)

    assert ledger.housekeeping.prune(T0) == 0
    assert ledger.record(ORG, SOURCE, reading(tally(1))).forgotten == 1


def test_recent_windows_are_read_on(ledger: Ledger) -> None:
    """Pruning touches nothing that is younger."""
    ledger.record(ORG, SOURCE, reading(tally(3, window=2), covered=windows(0, 3)))
    ledger.housekeeping.prune(T0 + 600)

    recorded = ledger.record(ORG, SOURCE, reading(tally(5, window=2), covered=windows(0, 3)))

    assert (recorded.executions_added, recorded.forgotten) == (2, 0)


def test_what_was_forgotten_is_not_marked_as_read(ledger: Ledger) -> None:
    """A reading of it covers nothing, and one that reaches into it only what is younger."""
    ledger.record(ORG, SOURCE, reading(tally(1, window=9), covered=windows(9, 10)))
    ledger.housekeeping.prune(T0 + 600)

    ledger.record(ORG, SOURCE, reading(tally(7), covered=windows(0, 2)))
    assert ledger.coverage(ORG, SOURCE) == (windows(9, 10),)

    ledger.record(ORG, SOURCE, reading(tally(7), covered=windows(0, 5)))
    assert ledger.coverage(ORG, SOURCE) == (windows(2, 5), windows(9, 10))
    assert ledger.housekeeping.pruned_before() == T0 + 600


def test_a_reading_of_the_past_makes_nothing_fresh(ledger: Ledger) -> None:
    """What is read of last week says nothing of how old the newest executions are."""
    ledger.record(ORG, SOURCE, replace(reading(tally(1)), read_at=T0 + 999.0))
    state = ledger.source_state(ORG, SOURCE)
    past = replace(reading(tally(1, window=3)), read_at=T0 + 99_999.0, is_past=True)

    ledger.record(ORG, SOURCE, past)

    assert state is not None
    again = ledger.source_state(ORG, SOURCE)
    assert again is not None
    assert again.last_success_at == state.last_success_at == T0 + 999.0
