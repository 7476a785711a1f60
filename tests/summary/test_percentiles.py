"""Percentiles of durations from bands and timeouts."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model import BAND_EDGES_MS, NO_BANDS, Bands, band_of
from monitor.summary.percentiles import BandedDurations, DurationDistribution, duration_distribution
from tests.evidence import bands_of


def banded(*durations_ms: float) -> BandedDurations:
    """Executions that took this long."""
    return BandedDurations(
        count=len(durations_ms),
        bands=bands_of(*durations_ms),
        duration_ms=sum(durations_ms),
        min_ms=min(durations_ms),
        max_ms=max(durations_ms),
    )


def spread_evenly(count: int, band: int) -> BandedDurations:
    """Executions of one band whose shortest and longest are not known."""
    bands = [0] * len(NO_BANDS)
    bands[band] = count
    return BandedDurations(count, tuple(bands))


def test_without_executions_there_is_no_percentile() -> None:
    """No executions have no percentile, rather than one of 0."""
    assert duration_distribution([], [], {5_000}).percentile_ms(0.5) is None


@pytest.mark.parametrize(("q", "expected_ms"), [(0.25, 1_125), (0.5, 1_250), (0.9, 1_450)])
def test_a_band_is_read_linearly(q: float, expected_ms: float) -> None:
    """Executions are evenly spread from the lower to the upper edge of their band."""
    durations = duration_distribution([spread_evenly(40, band=5)], [], ())
    assert BAND_EDGES_MS[4:6] == (1_000, 1_500)
    assert durations.percentile_ms(q) == pytest.approx(expected_ms)


def test_an_empty_band_between_two_is_jumped_over() -> None:
    """No percentile falls where nothing happened."""
    durations = duration_distribution(
        [spread_evenly(10, band=0), spread_evenly(10, band=5)], [], ()
    )
    assert durations.percentile_ms(0.5) == pytest.approx(100)
    assert durations.percentile_ms(0.51) == pytest.approx(1_010)


def test_shortest_and_longest_narrow_the_outermost_bands() -> None:
    """A percentile lies between the shortest and the longest execution."""
    durations = duration_distribution([banded(1_200, 1_250, 2_100)], [], ())
    assert durations.percentile_ms(0.0) == pytest.approx(1_200)
    assert durations.percentile_ms(1.0) == pytest.approx(2_100)


def test_the_open_band_ends_at_the_longest_execution() -> None:
    """Beyond the last edge the longest duration is the limit."""
    durations = duration_distribution([banded(31_000, 50_000)], [], ())
    assert durations.percentile_ms(1.0) == pytest.approx(50_000)
    assert durations.percentile_ms(0.5) == pytest.approx(40_500)


def test_the_open_band_without_a_longest_execution_is_its_edge() -> None:
    """Where nobody knows how long they took, they took at least the last edge."""
    open_band = spread_evenly(5, band=len(BAND_EDGES_MS))
    assert duration_distribution([open_band], [], ()).percentile_ms(0.99) == BAND_EDGES_MS[-1]


def test_a_percentile_among_timeouts_is_the_timeout() -> None:
    """An execution that timed out counts with the time it was given."""
    successes = [banded(*[200.0] * 90)]
    durations = duration_distribution(successes, [banded(*[5_004.0] * 10)], {5_000})
    assert durations.percentile_ms(0.95) == 5_000


def test_the_last_success_is_not_a_timeout() -> None:
    """Of 100 executions of which one timed out, 99 stayed within the longest success."""
    durations = duration_distribution([banded(*[200.0] * 99)], [banded(5_000)], {5_000})
    assert durations.percentile_ms(0.99) == pytest.approx(200)
    assert durations.percentile_ms(0.991) == 5_000


def test_a_timeout_measured_a_little_short_counts_as_the_timeout() -> None:
    """A clock that stops just below the timeout does not make the budget look unused."""
    durations = duration_distribution([], [banded(9_996)], {10_000})
    assert durations.percentile_ms(0.99) == 10_000


def test_a_remote_that_gives_up_early_counts_as_measured() -> None:
    """A 504 after 0.2 s says nothing about the 10 s that it could have taken."""
    durations = duration_distribution([], [banded(180, 220)], {10_000})
    assert durations.percentile_ms(0.99) == pytest.approx(220, rel=0.01)


def test_a_gateway_just_below_the_timeout_is_told_from_it() -> None:
    """A gateway that gives up at 29 s is not our timeout of 30 s, though both share a band edge."""
    durations = duration_distribution([], [banded(29_001, 29_001)], {30_000})
    assert durations.percentile_ms(0.5) == pytest.approx(29_001)


def test_timeouts_count_with_the_timeout_of_their_own_moment() -> None:
    """When the timeout was raised meanwhile, the earlier ones count with the earlier value."""
    timeouts = [banded(*[3_001.0] * 10, *[8_002.0] * 10)]
    durations = duration_distribution([], timeouts, {3_000, 8_000})
    assert durations.percentile_ms(0.5) == 3_000
    assert durations.percentile_ms(0.51) == 8_000


def test_two_timeouts_in_one_band_count_with_the_shorter() -> None:
    """What can't be told apart counts with the least it can be."""
    durations = duration_distribution([], [banded(16_001, 18_001)], {16_000, 18_000})
    assert durations.percentile_ms(0.99) == 16_000


def test_timeouts_under_an_unknown_timeout_count_as_measured() -> None:
    """Before the catalogue was read the executions themselves show what they were given."""
    durations = duration_distribution([], [banded(4_001, 4_003)], ())
    assert durations.percentile_ms(0.5) == pytest.approx(4_002)


def test_timeouts_without_bands_are_placed_by_their_mean() -> None:
    """A timeout's duration is known without bands: all of one ending last about as long."""
    timeouts = [BandedDurations(10, NO_BANDS, 50_020, 5_000, 5_004)]
    durations = duration_distribution([banded(*[100.0] * 10)], timeouts, {5_000})
    assert durations.percentile_ms(0.75) == 5_000


def test_an_ending_without_executions_says_nothing() -> None:
    """It neither adds to the durations nor makes them unknown."""
    nothing = BandedDurations(0, NO_BANDS)
    with_nothing = duration_distribution([banded(100), nothing], [nothing], ())
    assert with_nothing == duration_distribution([banded(100)], [], ())


def test_timeouts_without_durations_take_the_timeout_in_force() -> None:
    """Where the platform gives no durations, a timeout took what it was given."""
    assert (
        duration_distribution([], [BandedDurations(3, NO_BANDS)], {7_000}).percentile_ms(0.5)
        == 7_000
    )


def test_timeouts_without_durations_and_timeout_leave_percentiles_unknown() -> None:
    """Where nobody knows how long they took, a percentile of the others would mislead."""
    successes = [banded(100)]
    assert (
        duration_distribution(successes, [BandedDurations(3, NO_BANDS)], ())
        == DurationDistribution()
    )


def test_successes_without_bands_leave_percentiles_unknown() -> None:
    """Timeouts alone would make every percentile the timeout."""
    successes = [BandedDurations(100, NO_BANDS, 10_000, 100, 100)]
    assert duration_distribution(successes, [banded(5_000)], {5_000}).percentile_ms(0.5) is None


def test_executions_missing_from_bands_are_spread_like_the_others() -> None:
    """Half the bands missing does not double the weight of timeouts."""
    successes = [BandedDurations(90, bands_of(*[200.0] * 45), 18_000, 200, 200)]
    durations = duration_distribution(successes, [banded(*[5_000.0] * 10)], {5_000})
    assert durations.percentile_ms(0.9) == pytest.approx(200)
    assert durations.percentile_ms(0.91) == 5_000


@pytest.mark.parametrize("bands", [bands_of(0.0, 0.0, 0.0), NO_BANDS])
def test_timeouts_of_no_duration_count_with_the_timeout_in_force(bands: Bands) -> None:
    """A row of 0 ms says nothing of how long a caller waited; without a timeout nothing does."""
    timeouts = [BandedDurations(3, bands)]
    assert (
        duration_distribution([banded(*[200.0] * 7)], timeouts, {7_000}).percentile_ms(0.8) == 7_000
    )
    assert duration_distribution([banded(*[200.0] * 7)], timeouts, ()) == DurationDistribution()


DURATIONS_MS = st.floats(min_value=0, max_value=120_000, allow_nan=False)
PARTS = st.lists(
    st.lists(DURATIONS_MS, min_size=1, max_size=20).map(lambda values: banded(*values)),
    max_size=3,
)
TIMEOUTS_MS = st.frozensets(st.integers(1, 60).map(lambda seconds: seconds * 1_000), max_size=3)
TIMED_OUT = st.lists(
    st.lists(DURATIONS_MS.filter(bool), min_size=1, max_size=20).map(
        lambda values: banded(*values)
    ),
    max_size=3,
)
"""Timeouts that show how long they took."""
SHARES = st.lists(st.floats(0, 1), min_size=2, max_size=10).map(sorted)


@given(successes=PARTS, timeouts=TIMED_OUT, in_force_ms=TIMEOUTS_MS, shares=SHARES)
def test_percentiles_rise_with_the_share_and_are_numbers(
    successes: list[BandedDurations],
    timeouts: list[BandedDurations],
    in_force_ms: frozenset[int],
    shares: list[float],
) -> None:
    """A larger share never has a smaller percentile; none is NaN or infinite."""
    durations = duration_distribution(successes, timeouts, in_force_ms)
    percentiles = [durations.percentile_ms(share) for share in shares]
    if not successes and not timeouts:
        assert percentiles == [None] * len(shares)
        return
    known = [percentile for percentile in percentiles if percentile is not None]
    assert len(known) == len(shares)
    assert all(math.isfinite(percentile) for percentile in known)
    assert all(smaller <= larger for smaller, larger in pairwise(known))


@given(values=st.lists(DURATIONS_MS, min_size=1, max_size=50), share=st.floats(0.01, 1))
def test_a_percentile_of_successes_is_off_by_less_than_its_band(
    values: list[float], share: float
) -> None:
    """The percentile lies in the band of the execution that it stands for."""
    exact = sorted(values)[math.ceil(share * len(values) - 1e-9) - 1]
    percentile = duration_distribution([banded(*values)], [], ()).percentile_ms(share)
    assert percentile is not None
    band = band_of(exact)
    low = BAND_EDGES_MS[band - 1] if band else 0
    high = BAND_EDGES_MS[band] if band < len(BAND_EDGES_MS) else max(values)
    assert low - 1e-6 <= percentile <= high + 1e-6
