"""Hours of the week, as people write them, and periods put together."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.time_ranges import DAYS, TimeRange, is_covered, is_within_hours, merged, parse_hours


def at(text: str) -> float:
    """Epoch seconds of a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NIGHTS = "Mon-Fri 22:00-05:00"


@pytest.mark.parametrize(
    ("hours", "moment", "inside"),
    [
        ("01:00-05:00", "2026-03-02T01:00", True),
        ("01:00-05:00", "2026-03-02T04:59:59", True),
        ("01:00-05:00", "2026-03-02T05:00", False),
        ("Mon-Fri 01:00-05:00", "2026-03-07T02:00", False),
        ("Sat,Sun 00:00-24:00", "2026-03-07T23:59", True),
        ("Sat-Mon 00:00-24:00", "2026-03-09T12:00", True),
        ("Sat-Mon 00:00-24:00", "2026-03-10T12:00", False),
        # Friday night goes on into Saturday, and Sunday night does not exist.
        (NIGHTS, "2026-03-06T23:00", True),
        (NIGHTS, "2026-03-07T04:59", True),
        (NIGHTS, "2026-03-07T05:00", False),
        (NIGHTS, "2026-03-08T23:00", False),
        (NIGHTS, "2026-03-09T03:00", False),
        # Irish clocks: one hour ahead in summer.
        ("01:00-05:00 Europe/Dublin", "2026-01-05T04:30", True),
        ("01:00-05:00 Europe/Dublin", "2026-07-06T04:30", False),
        ("01:00-05:00 Europe/Dublin", "2026-07-06T00:30", True),
        ("01:00-02:00; 03:00-04:00", "2026-03-02T03:30", True),
        ("01:00-02:00; 03:00-04:00", "2026-03-02T02:30", False),
        ("mon 1:00 - 5:00 utc", "2026-03-02T01:30", True),
    ],
)
def test_a_moment_lies_inside_or_outside(hours: str, moment: str, *, inside: bool) -> None:
    """Half-open hours, by the clocks of the place."""
    assert is_within_hours(parse_hours(hours), at(moment)) is inside


def test_no_hours_mean_always() -> None:
    """Nobody has to write them."""
    assert is_within_hours(parse_hours(" "), at("2026-03-02T03:30"))


@pytest.mark.parametrize(
    "text",
    [
        "Mon-Fri",
        "01:00",
        "25:00-26:00",
        "01:60-02:00",
        "05:00-05:00",
        "24:00-02:00",
        "Mo-Fr 01:00-05:00",
        "Mon- 01:00-05:00 x",
        "01:00-05:00 ../../etc/passwd",
        "01:00-05:00 Mars/Olympus",
    ],
)
def test_what_can_not_be_understood_is_refused(text: str) -> None:
    """With the text in the reason."""
    with pytest.raises(ValueError, match=r"'"):
        parse_hours(text)


@given(
    day=st.sampled_from(DAYS),
    start=st.integers(0, 1_439),
    end=st.integers(1, 1_440),
    minute=st.integers(0, 7 * 1_440 - 1),
)
def test_hours_hold_for_as_long_as_they_say_once_a_week(
    day: str, start: int, end: int, minute: int
) -> None:
    """A week has as many minutes inside as lie between beginning and end."""
    if start == end:
        return
    hours = parse_hours(f"{day} {start // 60}:{start % 60:02}-{end // 60}:{end % 60:02}")
    length = (end - start) % 1_440 or 1_440
    monday = at("2026-03-02T00:00")
    begin = DAYS.index(day) * 1_440 + start
    expected = (minute - begin) % (7 * 1_440) < length

    assert is_within_hours(hours, monday + 60 * minute) is expected


periods = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda ends: TimeRange(*sorted(ends)))
)


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

    held = is_covered(time_range, merged(ranges))

    assert held == (set(range(time_range.start, time_range.end)) <= seconds)
