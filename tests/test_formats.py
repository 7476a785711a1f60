"""Numbers and times as people and documents write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.formats import (
    age_of,
    aligned_percent,
    call_duration,
    count_of,
    exact_seconds,
    format_duration,
    iso_time,
    percent,
    seconds,
    share_between,
    significant,
    utc_minute,
    utc_minute_of_year,
    utc_moment,
    whole_percent,
)

AT = 1_795_858_800.9
"""2026-11-28 09:40, and not quite a second."""


@pytest.mark.parametrize(
    ("length_seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (300, "5 min"),
        (12_000, "3 h 20 min"),
        (86_400, "1 d"),
        (90_061, "1 d 1 h"),
        (86_460, "1 d"),
    ],
)
def test_a_length_of_time_is_told_in_its_two_largest_units(length_seconds: int, words: str) -> None:
    """A hole of three hours is not told in seconds."""
    assert format_duration(length_seconds) == words


def test_an_estimate_is_told_in_tenths_and_a_setting_in_full() -> None:
    """What was estimated has no more digits than it deserves; what is set has all of them."""
    assert (seconds(4_549.0), seconds(5_000.0)) == ("4.5 s", "5 s")
    assert (exact_seconds(4_550), exact_seconds(5_000)) == ("4.55 s", "5 s")


@pytest.mark.parametrize(
    ("duration_seconds", "words"),
    [
        (None, "-"),
        (0.08, "80 ms"),
        (0.9999, "1 s"),
        (1.2345, "1.23 s"),
        (3.0, "3 s"),
        (60.0, "60 s"),
        (1234.5, "1230 s"),
    ],
)
def test_the_duration_of_a_call_has_three_digits(
    duration_seconds: float | None, words: str
) -> None:
    """It is in the unit that people would say it in, and never in powers of ten."""
    assert call_duration(duration_seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3.0, "just now"),
        (0.2, "just now"),
        (1.0, "1 second ago"),
        (119.0, "119 seconds ago"),
        (120.0, "2 minutes ago"),
        (7200.0, "2 hours ago"),
        (200_000.0, "2 days ago"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    """Of which there are at least two."""
    assert age_of(seconds) == words


@pytest.mark.parametrize(
    ("share", "words", "aligned", "whole"),
    [
        (None, "-", "-", "-"),
        (0.0, "0 %", "0.00 %", "0 %"),
        (0.00001, "< 0.01 %", "< 0.01 %", "0 %"),
        (0.0131, "1.31 %", "1.31 %", "1 %"),
        (0.074, "7.40 %", "7.40 %", "7 %"),
        (0.5, "50 %", "50.00 %", "50 %"),
        (0.99999, "> 99.99 %", "> 99.99 %", "100 %"),
        (1.0, "100 %", "100.00 %", "100 %"),
        (1.5, "150 %", "150.00 %", "150 %"),
    ],
)
def test_a_share_is_told_in_percent(
    share: float | None, words: str, aligned: str, whole: str
) -> None:
    """With a space before the sign, everywhere; whole percents have no digits behind the point."""
    assert (percent(share), aligned_percent(share), whole_percent(share)) == (words, aligned, whole)


def test_what_rounding_leaves_of_nothing_has_no_sign() -> None:
    """A difference of shares may come out a hair below nothing."""
    assert percent(-1e-16) == "0 %"
    assert whole_percent(-1e-16) == "0 %"


@given(share=st.floats(0, 1))
def test_a_share_reads_as_none_or_all_only_where_it_is(share: float) -> None:
    """Neither one timeout in a million calls nor one answer is rounded away."""
    assert (percent(share) == "0 %") is (share == 0)
    assert (percent(share) == "100 %") is (share == 1)


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 timeouts"), (1, "1 timeout"), (1.2, "1 timeout"), (1204, "1,204 timeouts")],
)
def test_a_noun_is_in_the_plural_where_it_needs_one(count: float, words: str) -> None:
    """By the number that is shown."""
    assert count_of(count, "timeout") == words
    assert count_of(2, "query", "queries") == "2 queries"


def test_a_small_share_does_not_become_nothing() -> None:
    """Digits are cut off behind the sixth that says something."""
    assert (significant(0.000012345678), significant(None)) == (0.0000123457, None)


def test_a_moment_is_told_in_utc() -> None:
    """For programs to the second, for people to the minute."""
    assert (iso_time(AT), iso_time(None)) == ("2026-11-28T09:40:00Z", None)
    assert (utc_minute(AT), utc_minute_of_year(AT)) == ("2026-11-28 09:40", "11-28 09:40")
    assert utc_moment(AT) == "2026-11-28 09:40 UTC"


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.052, 0.791, "between 5 % and 80 %"),
        (0.05, 0.8, "between 5 % and 80 %"),
        (0.0, 0.421, "at most 43 %"),
        (0.0, 0.0, "at most 1 %"),
        (0.79, 1.0, "at least 79 %"),
        (1.0, 1.0, "at least 99 %"),
        (0.0, 1.0, "anything from none to all"),
    ],
)
def test_bounds_are_rounded_outwards(low: float, high: float, words: str) -> None:
    """What is told never claims more than what was found, and a bound of nothing is left out."""
    assert share_between(low, high) == words
