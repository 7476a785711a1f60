"""How far a source has been read: coverage, what was skipped, freshness."""

from __future__ import annotations

from monitor.ledger import Ledger, SourceState
from monitor.time_ranges import TimeRange
from tests.evidence import ORG, SOURCE, T0, WINDOW_SECONDS, incident, reading, tally, windows


def test_coverage_grows_by_what_was_asked(ledger: Ledger) -> None:
    """Time ranges that overlap or touch become one; holes stay."""
    for covered in (windows(0, 2), windows(5, 6), windows(1, 3), windows(6, 8)):
        ledger.record(ORG, SOURCE, reading(covered=covered))

    assert ledger.coverage(ORG, SOURCE) == (windows(0, 3), windows(5, 8))


def test_coverage_is_kept_per_source(ledger: Ledger) -> None:
    """What one source was asked for says nothing of another."""
    ledger.record(ORG, SOURCE, reading(covered=windows(0, 2)))
    ledger.record(ORG, "conversations", reading(covered=windows(4, 6)))

    assert ledger.state(ORG).coverage == {
        "actions": (windows(0, 2),),
        "conversations": (windows(4, 6),),
    }


def test_what_is_skipped_is_counted_and_covered(ledger: Ledger) -> None:
    """A period that was given up is not asked again."""
    ledger.record(ORG, SOURCE, reading(covered=windows(6, 8)))

    ledger.skip(ORG, SOURCE, windows(0, 6), 6)

    state = ledger.source_state(ORG, SOURCE)
    assert ledger.coverage(ORG, SOURCE) == (windows(0, 8),)
    assert state is not None
    assert state.skipped_windows == 6


def test_the_same_period_is_skipped_once(ledger: Ledger) -> None:
    """Two daemons, or one that was killed before it noticed, give a period up together."""
    for _ in range(2):
        ledger.skip(ORG, SOURCE, windows(0, 6), 6)

    assert ledger.source_state(ORG, SOURCE) == SourceState(SOURCE, skipped_windows=6)


def test_a_source_never_read_has_no_state(ledger: Ledger) -> None:
    """None is told from a source that was read and had nothing."""
    ledger.record(ORG, SOURCE, reading())

    assert ledger.source_state(ORG, "conversations") is None
    assert ledger.coverage(ORG, "conversations") == ()


def test_the_state_of_a_source_tells_its_last_reading(ledger: Ledger) -> None:
    """Successes, the watermark and the window are kept."""
    ledger.record(ORG, SOURCE, reading(read_at=T0 + 100.5, complete_until=T0, window_seconds=900))

    assert ledger.source_state(ORG, SOURCE) == SourceState(
        SOURCE,
        last_success_at=T0 + 100.5,
        complete_until=T0,
        window_seconds=900,
    )


def test_no_mark_moves_back(ledger: Ledger) -> None:
    """A reading of history is older than what is known, and takes nothing away."""
    ledger.record(
        ORG,
        SOURCE,
        reading(tally(1, window=5), read_at=T0 + 9_000.0, complete_until=T0 + 600),
    )
    before = ledger.source_state(ORG, SOURCE)

    ledger.record(ORG, SOURCE, reading(tally(1), read_at=T0 + 5_000.0))
    ledger.record(ORG, SOURCE, reading(tally(1), read_at=T0 + 5_000.0, complete_until=T0))

    assert ledger.source_state(ORG, SOURCE) == before


def test_the_newest_data_is_the_end_of_its_window(ledger: Ledger) -> None:
    """Windows without executions don't count."""
    ledger.record(ORG, SOURCE, reading(tally(1, window=2), tally(0, window=3)))

    state = ledger.source_state(ORG, SOURCE)
    assert state is not None
    assert state.newest_data_at == T0 + 3 * WINDOW_SECONDS


def test_the_newest_data_is_never_newer_than_what_was_asked(ledger: Ledger) -> None:
    """A window still open ends in the future; its data does not."""
    covered = TimeRange(T0, T0 + WINDOW_SECONDS + 60)

    ledger.record(ORG, SOURCE, reading(tally(1, window=1), covered=covered))

    state = ledger.source_state(ORG, SOURCE)
    assert state is not None
    assert state.newest_data_at == covered.end


def test_an_incident_is_data(ledger: Ledger) -> None:
    """Sources of incidents are as fresh as their newest one."""
    ledger.record(ORG, SOURCE, reading(incidents=[incident(at=T0 + 7.5), incident(at=T0 + 3.0)]))

    state = ledger.source_state(ORG, SOURCE)
    assert state is not None
    assert state.newest_data_at == T0 + 7.5
