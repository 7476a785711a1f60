"""The arithmetic of counts: what they grow to, and what they add up to."""

from __future__ import annotations

import operator
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from monitor.counts import Counts, fineness, grown_bands
from monitor.model import BAND_EDGES_MS, COARSE_BANDS
from tests.evidence import bands, tally

WIDTH = len(BAND_EDGES_MS) + 1

any_bands = st.lists(st.integers(0, 20), min_size=WIDTH, max_size=WIDTH).map(tuple)
any_counts = st.builds(
    lambda shown, shortest: Counts(
        sum(shown),
        float(sum(shown)),
        shortest if any(shown) else 0.0,
        shortest if any(shown) else 0.0,
        shown,
    ),
    any_bands,
    st.floats(1.0, 9.0),
)


@given(any_bands, any_bands, st.integers(1, 400))
def test_never_fewer_lie_below_an_edge_nor_more_than_the_count(
    old: tuple[int, ...], seen: tuple[int, ...], more: int
) -> None:
    """Whatever the platform shows: buckets of /metrics only grow, and agree with their count."""
    count = sum(old) + more

    new = grown_bands(old, seen, count)

    below = zip(accumulate(old), accumulate(new), strict=True)
    assert all(after >= before for before, after in below)
    assert min(new) >= 0
    assert sum(new) <= count


def coarsely(bands: tuple[int, ...]) -> tuple[int, ...]:
    """What a coarse reading makes of bands: all in the last one before a coarse edge."""
    coarse = [0] * WIDTH
    for place, count in enumerate(bands):
        coarse[next(band[-1] for band in COARSE_BANDS if place in band)] += count
    return tuple(coarse)


@given(any_bands, any_bands, st.lists(st.booleans(), max_size=6))
def test_a_window_that_was_read_finely_last_is_as_it_really_was(
    early: tuple[int, ...], late: tuple[int, ...], fine: list[bool]
) -> None:
    """Coarse and fine readings of a growing window in any order: coarse edges are exact at once."""
    kept, known = Counts(), 0
    both = tuple(map(operator.add, early, late))
    for really, is_fine in [*((early, one) for one in fine), *((both, one) for one in fine)]:
        shown = really if is_fine else coarsely(really)
        kept = kept.grown_by(Counts(sum(really), 1.0, 1.0, 1.0, shown))
        assert coarsely(kept.bands) == coarsely(really)
        assert fineness(kept.bands) >= known
        known = fineness(kept.bands)
    kept = kept.grown_by(Counts(sum(both), 1.0, 1.0, 1.0, both))
    assert kept.bands == both


def test_bands_take_the_larger_of_both() -> None:
    """Where there is room, each band holds the most that was ever seen in it."""
    assert grown_bands(bands(b0=3, b2=1), bands(b0=2, b2=4), 20) == bands(b0=3, b2=4)


def test_the_slowest_increments_give_way_first() -> None:
    """What does not fit into the count is cut from the slowest band that would grow."""
    assert grown_bands(bands(b0=2, b9=1), bands(b0=4, b5=2, b16=3), 6) == bands(b0=4, b5=1, b9=1)


def test_a_tally_that_is_new_is_kept_as_it_came() -> None:
    """The first reading of a window has nothing to be merged with."""
    seen = tally(4, duration_ms=800.0, min_ms=50.0, max_ms=400.0)

    assert Counts().grown_by(seen.counts) == seen.counts


def test_durations_widen_and_never_shrink() -> None:
    """Sum and longest keep the larger, shortest the smaller of both readings."""
    old = Counts(3, 900.0, 200.0, 400.0, bands(b2=3))

    new = old.grown_by(tally(4, duration_ms=700.0, min_ms=100.0, max_ms=300.0).counts)

    assert (new.count, new.duration_ms, new.min_ms, new.max_ms) == (4, 900.0, 100.0, 400.0)


@given(any_counts, any_counts)
def test_what_came_on_top_adds_up_to_the_whole(old: Counts, more: Counts) -> None:
    """A difference and what it was taken from are the sum again."""
    both = old + more

    assert (both - old).count == more.count
    assert (both - old).bands == more.bands
    assert (old + (both - old)).duration_ms == both.duration_ms


def test_nothing_has_no_shortest_duration() -> None:
    """Counts that are empty leave those of others as they are."""
    some = Counts(2, 300.0, 100.0, 200.0, bands(b1=2))

    assert Counts() + some == some
    assert some + Counts() == some
