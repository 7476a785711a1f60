"""Axes: round values, whole hours, and places that are always within the picture."""

from __future__ import annotations

from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.render.charts.scales import (
    Scale,
    count_ticks,
    duration_ticks,
    round_ticks,
    round_up,
    share_ticks,
    time_ticks,
)
from monitor.render.charts.svg import element, line, number, rectangles
from monitor.time_ranges import TimeRange

DAY = 86_400
MIDNIGHT = 1_800_000_000 // DAY * DAY


@given(value=st.floats(0, 1e12), most=st.integers(2, 8))
def test_an_axis_from_nothing_ends_at_a_round_value_above(value: float, most: int) -> None:
    """There is room for the largest value, and not four times too much."""
    end = round_up(value, most)
    assert end >= value * (1 - 1e-9)
    assert value < 1 or end <= value * 4


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6), most=st.integers(1, 10))
def test_ticks_lie_within_and_are_few(low: float, span: float, most: int) -> None:
    """At most one more than asked for, in order."""
    ticks = round_ticks(low, low + span, most)
    assert len(ticks) <= most + 1
    assert list(ticks) == sorted(set(ticks))
    room = span * 1e-6
    assert all(low - room <= tick <= low + span + room for tick in ticks)


def test_counts_are_whole() -> None:
    """Half an execution is no mark."""
    assert [tick.label for tick in count_ticks(1.0)] == ["0", "1"]
    assert [tick.label for tick in count_ticks(40_000)] == ["0", "10k", "20k", "30k", "40k"]


def test_shares_have_the_digits_that_tell_them_apart() -> None:
    """A narrow axis has more of them."""
    assert [tick.label for tick in share_ticks(0, 1)][:3] == ["0 %", "20 %", "40 %"]
    assert share_ticks(0.991, 0.993)[0].label == "99.10 %"
    assert len({tick.label for tick in share_ticks(0.9911, 0.9914)}) > 1


@pytest.mark.parametrize(
    ("hours", "most", "labels"),
    [
        (24, 8, ["Fri 15 Jan", "03:00", "06:00"]),
        (168, 8, ["Fri 15 Jan", "Sat 16 Jan", "Sun 17 Jan"]),
        (1, 8, ["Fri 15 Jan", "00:15", "00:30"]),
    ],
)
def test_time_is_marked_at_whole_hours_and_days(hours: int, most: int, labels: list[str]) -> None:
    """And a midnight bears its date."""
    ticks = time_ticks(TimeRange(MIDNIGHT, MIDNIGHT + hours * 3_600), most)
    assert [tick.label for tick in ticks][:3] == labels
    assert len(ticks) <= most + 1


def test_durations_are_marked_where_there_is_room() -> None:
    """Each so many times the one before."""
    labels = [tick.label for tick in duration_ticks(50, 60_000, 2.4)]
    assert labels == ["0.05 s", "0.2 s", "0.5 s", "2 s", "5 s", "15 s", "60 s"]


@given(st.floats(-1e9, 1e9))
def test_what_lies_beyond_an_axis_lies_at_its_end(value: float) -> None:
    """No place is outside of the picture, or no number."""
    for scale in (Scale(1, 10, 0, 100), Scale(1, 10, 100, 0), Scale(1, 10, 0, 100, is_log=True)):
        at = scale.at(value)
        assert isfinite(at)
        assert 0 <= at <= 100


def test_text_is_escaped_and_markup_is_not_escaped_twice() -> None:
    """Whatever a name holds, it stays text, in an attribute too."""
    inner = element("tspan", "<b>&")
    assert element("text", inner, class_='x" onload="y') == (
        '<text class="x&#34; onload=&#34;y"><tspan>&lt;b&gt;&amp;</tspan></text>'
    )


def test_coordinates_are_short() -> None:
    """A tenth of a pixel is the least that is written."""
    assert [number(one) for one in (0.04, 1.0, 2.26, -0.01)] == ["0", "1", "2.3", "0"]
    assert rectangles([(1, 2, 3, 4)]) == "M1 2h3v4h-3z"
    assert line([(0, 0), (1.55, 2)]) == "M0 0L1.6 2"
    assert line([]) == ""
