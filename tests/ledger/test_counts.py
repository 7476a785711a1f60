"""The arithmetic of counting once."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitor.ledger.counts import Kept, grown, grown_bands, largest, merged, within
from monitor.model import BAND_EDGES_MS
from monitor.time_ranges import TimeRange
from tests.ledger.readings import bands, tally

WIDTH = len(BAND_EDGES_MS) + 1

any_bands = st.lists(st.integers(0, 20), min_size=WIDTH, max_size=WIDTH).map(tuple)
periods = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda ends: TimeRange(*sorted(ends)))
)


@given(any_bands, any_bands, st.integers(1, 400))
def test_bands_never_shrink_nor_exceed_the_count(
    old: tuple[int, ...], seen: tuple[int, ...], more: int
) -> None:
    """Whatever the platform shows, bands only grow and sum to at most the count."""
    count = sum(old) + more

    new = grown_bands(old, seen, count)

    assert all(after >= before for before, after in zip(old, new, strict=True))
    assert sum(new) <= count


def test_bands_take_the_larger_of_both() -> None:
    """Where there is room, each band holds the most that was ever seen in it."""
    assert grown_bands(bands(b0=3, b1=1), bands(b0=2, b1=4), 20) == bands(b0=3, b1=4)


def test_the_slowest_increments_give_way_first() -> None:
    """What does not fit into the count is cut from the slowest band that would grow."""
    assert grown_bands(bands(b0=2, b9=1), bands(b0=4, b5=2, b16=3), 6) == bands(b0=4, b5=1, b9=1)


def test_a_tally_that_is_new_is_kept_as_it_came() -> None:
    """The first reading of a window has nothing to be merged with."""
    seen = tally(4, duration_ms=800.0, min_ms=50.0, max_ms=400.0)

    assert grown(Kept(), seen) == Kept(4, 800.0, 50.0, 400.0, seen.bands)


def test_durations_widen_and_never_shrink() -> None:
    """Sum and longest keep the larger, shortest the smaller of both readings."""
    old = Kept(3, 900.0, 200.0, 400.0, bands(b2=3))

    new = grown(old, tally(4, duration_ms=700.0, min_ms=100.0, max_ms=300.0))

    assert (new.count, new.duration_ms, new.min_ms, new.max_ms) == (4, 900.0, 100.0, 400.0)


def test_an_answer_that_repeats_itself_counts_its_largest() -> None:
    """Of two tallies with one key the one with more executions stands."""
    assert largest([tally(2), tally(5), tally(3)]) == {
        (("a1", "NONE", "200"), tally(1).window_start): tally(5)
    }


@given(periods)
def test_merging_keeps_every_second_and_no_other(ranges: list[TimeRange]) -> None:
    """Merged periods hold exactly the seconds of those that went in, and don't touch."""
    result = merged(ranges)

    seconds = {second for one in ranges for second in range(one.start, one.end)}
    assert {second for one in result for second in range(one.start, one.end)} == seconds
    assert all(first.end < second.start for first, second in pairwise(result))


@given(periods, st.integers(0, 60), st.integers(1, 10))
def test_within_means_every_second_is_held(
    ranges: list[TimeRange], start: int, length: int
) -> None:
    """A period lies within others when none of its seconds lies outside."""
    seconds = {second for one in ranges for second in range(one.start, one.end)}
    time_range = TimeRange(start, start + length)

    held = within(time_range, merged(ranges))

    assert held == (set(range(time_range.start, time_range.end)) <= seconds)
