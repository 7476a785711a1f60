"""Hours of the week, as people write them, and periods put together."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.time_ranges import (
    DAYS,
    MOMENTS,
    TimeRange,
    is_covered,
    is_within_hours,
    merged,
    parse_hours,
    parse_moment,
)


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


NOW = at("2026-11-28T09:40:30")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", "2026-11-28T08:10:30"),
        ("24h", "2026-11-27T09:40:30"),
        ("7d", "2026-11-21T09:40:30"),
        ("1w", "2026-11-21T09:40:30"),
        ("2h ago", "2026-11-28T07:40:30"),
        ("2 hours ago", "2026-11-28T07:40:30"),
        ("1.5 h", "2026-11-28T08:10:30"),
        ("10 minutes ago", "2026-11-28T09:30:30"),
        ("now", "2026-11-28T09:40:30"),
        ("today", "2026-11-28T00:00"),
        ("Yesterday", "2026-11-27T00:00"),
        ("yesterday 14:00", "2026-11-27T14:00"),
        ("today at 09:30", "2026-11-28T09:30"),
        ("2026-11-28", "2026-11-28T00:00"),
        ("2026-11-28 09:30", "2026-11-28T09:30"),
        ("2026-11-28T09:30", "2026-11-28T09:30"),
        ("2026-11-28T09:30:15Z", "2026-11-28T09:30:15"),
        ("2026-11-28 09:30 UTC", "2026-11-28T09:30"),
        ("2026-11-28T09:30+01:00", "2026-11-28T08:30"),
    ],
)
def test_a_moment_is_named_as_people_name_it(text: str, moment: str) -> None:
    """How long ago, a day by its word, or a date; in UTC where no zone is given."""
    assert parse_moment(text, NOW).at == at(moment)
    assert parse_moment(text, NOW).seconds_ago == NOW - at(moment)


@pytest.mark.parametrize(
    "text",
    ["soon", "", "7", "1M", "tomorrow", "2026-11", "28.11.2026", "last week", "09:30", "2h later"],
)
def test_what_is_no_moment_is_refused_with_the_forms_that_there_are(text: str) -> None:
    """In words, and not in letters for programmers."""
    with pytest.raises(ValueError, match=r"is no time that is understood") as refused:
        parse_moment(text, NOW)
    assert MOMENTS in str(refused.value)
    assert "%" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-02-30", "is no date that there is"),
        ("0001-01-01", "is more than a hundred years ago"),
        ("0s", "must be longer than nothing"),
        ("200w", None),
        ("9999999d", "is longer than a hundred years"),
        ("2026-11-28 25:00", "is no date that there is"),
    ],
)
def test_no_moment_lies_where_there_is_no_calendar(text: str, why: str | None) -> None:
    """A reason for each."""
    if why is None:
        assert parse_moment(text, NOW).at < NOW
        return
    with pytest.raises(ValueError, match=why):
        parse_moment(text, NOW)


@given(st.text(max_size=40))
def test_whatever_is_written_is_a_moment_or_is_refused(text: str) -> None:
    """Nothing else happens."""
    try:
        moment = parse_moment(text, NOW)
    except ValueError:
        return
    assert moment.seconds_ago == pytest.approx(NOW - moment.at)
