"""Numbers and times as people and documents write them."""

from __future__ import annotations

import pytest

from monitor.formats import (
    exact_seconds,
    format_duration,
    iso_time,
    percent,
    rounded_seconds,
    seconds,
    share_between,
    significant,
    utc_minute,
    utc_minute_of_year,
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
    assert (rounded_seconds(1.2345), rounded_seconds(None)) == ("1.23 s", "-")


def test_a_share_is_told_in_percent() -> None:
    """Whole percents have no digits behind the point."""
    assert (percent(0.0131), percent(0.5)) == ("1.31 %", "50 %")


def test_a_small_share_does_not_become_nothing() -> None:
    """Digits are cut off behind the sixth that says something."""
    assert (significant(0.000012345678), significant(None)) == (0.0000123457, None)


def test_a_moment_is_told_in_utc() -> None:
    """For programs to the second, for people to the minute."""
    assert (iso_time(AT), iso_time(None)) == ("2026-11-28T09:40:00Z", None)
    assert (utc_minute(AT), utc_minute_of_year(AT)) == ("2026-11-28 09:40", "11-28 09:40")


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
