"""Tallies as columns: everything of an org and a period, as of one moment."""

from __future__ import annotations

import pytest

from monitor.ledger import Ledger, OrgTallies
from monitor.time_ranges import TimeRange
from tests.evidence import ORG, SOURCE, T0, WINDOW_SECONDS, bands, reading, tally, windows

HOUR = windows(0, 12)


def filled(ledger: Ledger) -> None:
    """Successes of two actions in two hours, and what failed."""
    ledger.record(
        ORG,
        SOURCE,
        reading(
            tally(3, window=0, duration_ms=300.0, max_ms=120.0, in_bands=bands(b0=3)),
            tally(2, window=1, duration_ms=900.0, max_ms=700.0, in_bands=bands(b3=2)),
            tally(4, window=13, in_bands=bands(b1=4)),
            tally(1, window=1, action_id="a2"),
            tally(5, window=1, error_type="Timeout", min_ms=4_990.0, max_ms=5_010.0),
            tally(7, window=14, error_type="Timeout"),
            covered=windows(0, 24),
        ),
    )


def columns(ledger: Ledger, time_range: TimeRange, bucket_seconds: int) -> OrgTallies:
    """What the ledger gives."""
    return ledger.tallies.columns(
        ORG, time_range, bucket_seconds=bucket_seconds, window_seconds=WINDOW_SECONDS
    )


def successes_of(found: OrgTallies) -> dict[tuple[str, int], tuple[float, float, float, float]]:
    """Executions, their durations, the longest and the first band, by action and bucket."""
    rows = found.successes
    return {
        (found.words[int(series)][0], int(start)): (count, spent, longest, first)
        for series, start, count, spent, longest, first in zip(
            rows.series, rows.start, rows.count, rows.duration_ms, rows.max_ms, rows.bands[:, 0],
            strict=True,
        )
    }  # fmt: skip


def test_successes_are_summed_by_bucket(ledger: Ledger) -> None:
    """Counts and durations are summed, the longest is the longest."""
    filled(ledger)

    assert successes_of(columns(ledger, windows(0, 24), 3_600)) == {
        ("a1", T0): (5, 1_200.0, 700.0, 3),
        ("a1", T0 + 3_600): (4, 800.0, 900.0, 0),
        ("a2", T0): (1, 200.0, 900.0, 0),
    }


def test_a_bucket_of_one_window_is_the_window(ledger: Ledger) -> None:
    """Nothing is summed where nothing needs to be."""
    filled(ledger)

    assert set(successes_of(columns(ledger, HOUR, WINDOW_SECONDS))) == {
        ("a1", T0),
        ("a1", T0 + WINDOW_SECONDS),
        ("a2", T0 + WINDOW_SECONDS),
    }


@pytest.mark.parametrize("bucket_seconds", [WINDOW_SECONDS, 3_600])
def test_counts_of_successes_keep_their_window(ledger: Ledger, bucket_seconds: int) -> None:
    """However durations are summed; failures are not among them."""
    filled(ledger)
    found = columns(ledger, windows(0, 24), bucket_seconds)

    counts = {
        (found.words[int(series)][0], int(start) - T0): int(count)
        for series, start, count in found.counts
    }
    assert counts == {("a1", 0): 3, ("a1", 300): 2, ("a1", 3_900): 4, ("a2", 300): 1}


@pytest.mark.parametrize("bucket_seconds", [WINDOW_SECONDS, 3_600])
def test_failures_keep_their_window_and_their_words(ledger: Ledger, bucket_seconds: int) -> None:
    """A timeout is told by its moment and its duration."""
    filled(ledger)
    found = columns(ledger, windows(0, 24), bucket_seconds)

    failures = found.failures
    assert sorted(zip(failures.start.tolist(), failures.count.tolist(), strict=True)) == [
        (T0 + 300, 5),
        (T0 + 14 * 300, 7),
    ]
    assert {found.words[int(one)] for one in failures.series} == {("a1", "Timeout", "")}
    assert failures.min_ms.min() == 100.0
    assert failures.max_ms.max() == 5_010.0


def test_an_org_that_nobody_knows_has_no_tallies(ledger: Ledger) -> None:
    """Nor has another org those of its neighbour."""
    filled(ledger)
    found = ledger.tallies.columns("other", HOUR, bucket_seconds=3_600, window_seconds=300)

    assert not found.words
    assert not found.successes.count.size
    assert not found.failures.count.size
    assert found.counts.shape == (0, 3)


def test_windows_outside_the_period_are_left_out(ledger: Ledger) -> None:
    """They belong to it by their start."""
    filled(ledger)

    assert not columns(ledger, windows(15, 24), 3_600).failures.count.size
    assert set(successes_of(columns(ledger, windows(12, 24), 3_600))) == {("a1", T0 + 3_600)}


def test_of_one_action_it_is_what_all_have_of_it(ledger: Ledger) -> None:
    """Window by window, without what others did; a period may begin within a window."""
    filled(ledger)
    for time_range in (windows(0, 24), windows(1, 14), TimeRange(T0 - 100, T0 + 700)):
        every = columns(ledger, time_range, WINDOW_SECONDS)
        one = ledger.tallies.columns(
            ORG,
            time_range,
            bucket_seconds=WINDOW_SECONDS,
            window_seconds=WINDOW_SECONDS,
            action_ids=["a1"],
        )
        assert {words[0] for words in one.words.values()} == {"a1"}
        ours = {key for key, words in every.words.items() if words[0] == "a1"}
        for part in ("successes", "failures"):
            kept, found = getattr(every, part), getattr(one, part)
            expected = [
                (series, start, count, first)
                for series, start, count, first in zip(
                    kept.series, kept.start, kept.count, kept.bands[:, 0], strict=True
                )
                if series in ours
            ]
            given = zip(found.series, found.start, found.count, found.bands[:, 0], strict=True)
            assert sorted(given) == sorted(expected)


def test_a_period_of_very_many_windows_is_read_too(ledger: Ledger) -> None:
    """More windows than a statement may name."""
    filled(ledger)
    years = TimeRange(T0 - 20_000 * WINDOW_SECONDS, T0 + 24 * WINDOW_SECONDS)
    found = ledger.tallies.columns(
        ORG,
        years,
        bucket_seconds=WINDOW_SECONDS,
        window_seconds=WINDOW_SECONDS,
        action_ids=["a2"],
    )
    assert found.successes.count.tolist() == [1.0]


@pytest.mark.parametrize("odd", ["a\0b", "\ud800", "a" * 100_000, ""])
def test_an_id_that_no_state_can_hold_is_nobodys(ledger: Ledger, odd: str) -> None:
    """Whoever names it is told what there is of the others."""
    filled(ledger)
    found = ledger.tallies.columns(
        ORG,
        windows(0, 24),
        bucket_seconds=3_600,
        window_seconds=WINDOW_SECONDS,
        action_ids=[odd, "a2"],
    )

    assert successes_of(found) == {("a2", T0): (1, 200.0, 900.0, 0)}
