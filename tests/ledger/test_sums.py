"""Sums over periods."""

from __future__ import annotations

from monitor.counts import Counts, SeriesKey, Tally
from monitor.ledger import Ledger
from monitor.time_ranges import TimeRange
from tests.evidence import ORG, SOURCE, T0, bands, reading, tally, windows


def test_a_period_is_one_bucket(ledger: Ledger) -> None:
    """Counts, durations and bands are summed; shortest and longest are the extremes."""
    ledger.record(
        ORG,
        SOURCE,
        reading(
            tally(3, window=1, duration_ms=500.0, min_ms=90.0, max_ms=300.0, in_bands=bands(b0=3)),
            tally(2, window=2, duration_ms=900.0, min_ms=80.0, max_ms=800.0, in_bands=bands(b4=2)),
        ),
    )

    assert ledger.tallies.sums(ORG, windows(0, 12)) == [
        Tally(
            SeriesKey("a1", "NONE", "200"),
            T0,
            Counts(
                count=5, duration_ms=1_400.0, min_ms=80.0, max_ms=800.0, bands=bands(b0=3, b4=2)
            ),
        )
    ]


def test_windows_belong_to_the_period_that_they_start_in(ledger: Ledger) -> None:
    """The end of a period is not part of it."""
    ledger.record(ORG, SOURCE, reading(*(tally(10**n, window=n) for n in range(4))))

    assert [found.counts.count for found in ledger.tallies.sums(ORG, windows(1, 3))] == [110]


def test_buckets_are_counted_from_the_start_of_the_period(ledger: Ledger) -> None:
    """A period of five windows makes buckets of two, two and one; empty ones are left out."""
    ledger.record(ORG, SOURCE, reading(*(tally(10**n, window=n) for n in (1, 2, 5))))

    found = ledger.tallies.sums(ORG, windows(1, 6), bucket_seconds=600)

    assert [(one.window_start, one.counts.count) for one in found] == [
        (windows(1, 2).start, 110),
        (windows(5, 6).start, 100_000),
    ]


def test_sums_are_sorted_by_series_and_time(ledger: Ledger) -> None:
    """Action, error type, status, bucket."""
    ledger.record(
        ORG,
        SOURCE,
        reading(
            tally(1, window=1, action_id="b"),
            tally(1, action_id="b"),
            tally(1, action_id="a", error_type="Timeout"),
            tally(1, action_id="a"),
        ),
    )

    found = ledger.tallies.sums(ORG, windows(0, 12), bucket_seconds=300)

    assert [(one.key.action_id, one.key.error_type, one.window_start) for one in found] == [
        ("a", "NONE", T0),
        ("a", "Timeout", T0),
        ("b", "NONE", T0),
        ("b", "NONE", T0 + 300),
    ]


def test_an_empty_period_has_no_sums(ledger: Ledger) -> None:
    """Nothing is not zero of something."""
    ledger.record(ORG, SOURCE, reading(tally(1)))

    assert ledger.tallies.sums(ORG, TimeRange(T0 - 600, T0)) == []


def test_sums_are_of_one_org(ledger: Ledger) -> None:
    """Executions of another org in the same window don't count."""
    ledger.record(ORG, SOURCE, reading(tally(1)))
    ledger.record("other", SOURCE, reading(tally(100)))

    assert [found.counts.count for found in ledger.tallies.sums(ORG, windows(0, 12))] == [1]


def record_two_hours_of_two_orgs(ledger: Ledger) -> None:
    """1, 10, 100 and 1,000 successes half an hour apart, 7 timeouts, and 5 calls of another org."""
    ledger.record(
        ORG,
        SOURCE,
        reading(
            *(tally(10**n, window=n * 6) for n in range(4)),
            tally(7, window=12, error_type="Timeout"),
            covered=windows(0, 24),
        ),
    )
    ledger.record("other", SOURCE, reading(tally(5, window=6)))


def test_executions_are_those_that_the_sums_count(ledger: Ledger) -> None:
    """By series; of one org, and of the period alone."""
    record_two_hours_of_two_orgs(ledger)
    for packed_before in (0, windows(12, 13).start, windows(24, 25).start):
        ledger.housekeeping.pack(packed_before)
        found = ledger.tallies.executions(ORG, windows(6, 24))
        sums = ledger.tallies.sums(ORG, windows(6, 24))
        assert found == {one.key: one.counts.count for one in sums}
        assert sorted(found.values()) == [7, 1_110]
    assert ledger.tallies.executions("nobody", windows(0, 12)) == {}


def test_hours_are_counted_from_the_start_of_the_period(ledger: Ledger) -> None:
    """Every way that an action ended, hour by hour; of one org, and of the period alone."""
    record_two_hours_of_two_orgs(ledger)

    found = ledger.tallies.counts_by_hour(ORG, windows(6, 24))

    assert found.hours == 2
    rows = zip(found.series.tolist(), found.hour.tolist(), found.count.tolist(), strict=True)
    assert sorted((found.words[key][1], hour, count) for key, hour, count in rows) == [
        ("NONE", 0, 110),
        ("NONE", 1, 1_000),
        ("Timeout", 0, 7),
    ]
    assert ledger.tallies.counts_by_hour("nobody", windows(0, 12)).count.tolist() == []
