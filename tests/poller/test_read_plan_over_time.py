"""What plans promise over time: no window is lost, whatever goes wrong between two polls."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from monitor.config import CollectSettings
from monitor.time_ranges import floor_to
from tests.clocks import DAY, HOUR, NOON
from tests.poller.imagined_source import ImaginedSource, seconds

MINUTE = 60
WINDOWS = (60, 300, 600, 900, 1_800, 3_600)
SLICES = (2 * HOUR, DAY)

Step = tuple[int, int | None]
"""Seconds since the poll before, and how many reads the platform answers (None: all)."""


@st.composite
def allowed_settings(draw: st.DrawFn, longest_backfill: int = 3 * DAY) -> CollectSettings:
    """Any ``[collect]`` that the program starts with."""
    window = draw(st.sampled_from(WINDOWS))
    near = draw(st.integers(window, max(window, 4 * HOUR)))
    lookback = draw(st.integers(max(near, 20 * MINUTE), 6 * HOUR))
    backfill = draw(st.integers(lookback, longest_backfill))
    return seconds(
        window=window,
        near=near,
        lookback=lookback,
        max_backfill=backfill,
        initial=draw(st.integers(MINUTE, backfill)),
        settle=draw(st.integers(1, lookback)),
        interval=draw(st.integers(10, lookback)),
    )


def steps(longest_pause: int) -> st.SearchStrategy[list[Step]]:
    """Polls and pauses in which reads fail here and there."""
    answers = st.one_of(st.none(), st.integers(0, 4))
    return st.lists(st.tuples(st.integers(1, longest_pause), answers), max_size=12)


def source_after(
    settings: CollectSettings, slice_seconds: int, happened: list[Step]
) -> tuple[ImaginedSource, float]:
    """A source to which this happened, and the time after it."""
    source = ImaginedSource(settings, settings.window, slice_seconds)
    now = NOON + 17.5
    source.poll(now, answers=1)
    for pause, answers in happened:
        now += pause
        source.poll(now, answers)
    return source, now


def wanted_windows(source: ImaginedSource, now: float) -> range:
    """Starts of the windows from the beginning of the history to the age of a lookback."""
    window, settings = source.window_seconds, source.settings
    first = floor_to(floor_to(NOON + 17.5, MINUTE) - settings.initial, window)
    first = max(first, floor_to(NOON - settings.max_backfill, window))
    last = floor_to(floor_to(now, MINUTE) - settings.lookback, window)
    return range(first, last, window)


USUAL = CollectSettings()


@given(happened=steps(longest_pause=8 * HOUR), slice_seconds=st.sampled_from(SLICES))
def test_every_window_is_read_once_more_when_it_is_old(
    happened: list[Step], slice_seconds: int
) -> None:
    """As long as no pause outlasts the backfill, nothing is skipped and every window is read."""
    source, now = source_after(USUAL, slice_seconds, happened)
    for _ in range(12):
        now += MINUTE
        source.poll(now)
    assert source.skipped == []
    ten_polls_ago = now - 11 * MINUTE - USUAL.window
    unread = [
        start for start in wanted_windows(source, ten_polls_ago) if not source.read_when_old(start)
    ]
    assert unread == []


@given(
    settings=allowed_settings(),
    slice_seconds=st.sampled_from(SLICES),
    happened=steps(longest_pause=DAY),
)
def test_a_window_is_lost_only_when_it_grew_too_old_to_be_asked_for(
    settings: CollectSettings, slice_seconds: int, happened: list[Step]
) -> None:
    """With any settings, pauses and failures: read when old, or beyond the longest backfill."""
    source, now = source_after(settings, slice_seconds, happened)
    # The first of these brings everything up to date, the last is a deep one.
    for _ in range(12):
        now += settings.interval
        source.poll(now)
    overdue = now - 11 * settings.interval - 2 * settings.window - MINUTE
    for start in wanted_windows(source, overdue):
        assert source.read_when_old(start) or start < source.given_up_until


@given(
    settings=allowed_settings(),
    slice_seconds=st.sampled_from(SLICES),
    happened=steps(longest_pause=5 * DAY),
)
@example(
    settings=seconds(
        window=60,
        near=7_261,
        lookback=7_261,
        max_backfill=7_261,
        initial=60,
        settle=7_141,
        interval=10,
    ),
    slice_seconds=2 * HOUR,
    happened=[],
)
def test_every_read_keeps_to_the_rules(
    settings: CollectSettings, slice_seconds: int, happened: list[Step]
) -> None:
    """Reads begin on a window, end by now, are short enough, and never too far back."""
    source = ImaginedSource(settings, settings.window, slice_seconds)
    now = NOON + 17.5
    for pause, answers in [(0, 1), *happened]:
        now += pause
        due = source.poll(now, answers)
        end = floor_to(now, MINUTE)
        assert due.reads, "a poll always asks for the newest windows"
        for read in due.reads:
            assert read.time_range.start % settings.window == 0
            assert 0 < read.time_range.seconds <= slice_seconds
            assert read.time_range.start > end - settings.max_backfill - settings.window
        assert max(read.time_range.end for read in due.reads) == end
        for mark in (read.complete_until for read in due.reads if read.complete_until):
            # Before the beginning of the history nothing is owed, however young it is.
            assert mark <= max(end - settings.lookback, end - settings.initial - settings.settle)


@given(
    settings=allowed_settings(longest_backfill=DAY),
    happened=steps(longest_pause=3 * DAY),
)
def test_what_is_skipped_was_never_read_and_is_skipped_once(
    settings: CollectSettings, happened: list[Step]
) -> None:
    """Periods given up overlap neither each other nor anything that was read before."""
    source = ImaginedSource(settings, settings.window)
    now = NOON + 17.5
    source.poll(now, answers=1)
    for pause, answers in happened:
        now += pause
        read_before = [time_range for time_range, _ in source.answered]
        due = source.poll(now, answers)
        for skipped in due.skipped:
            assert skipped.seconds > 0
            assert not any(
                skipped.start < time_range.end and time_range.start < skipped.end
                for time_range in read_before
            )
    ordered = sorted(source.skipped)
    assert all(one.end <= other.start for one, other in pairwise(ordered))


@given(happened=steps(longest_pause=2 * DAY), slice_seconds=st.sampled_from(SLICES))
def test_in_steady_state_a_poll_is_one_read(happened: list[Step], slice_seconds: int) -> None:
    """After one poll that was answered in full, polls on time cost one request each."""
    source, now = source_after(USUAL, slice_seconds, happened)
    source.poll(now)
    for _ in range(25):
        now += USUAL.interval
        assert len(source.poll(now).reads) == 1


@given(settings=allowed_settings(longest_backfill=DAY), happened=steps(longest_pause=DAY))
def test_a_window_that_has_settled_was_read_finely_since(
    settings: CollectSettings, happened: list[Step]
) -> None:
    """What a diagnosis looks at after a poll never rests on a coarse reading."""
    source = ImaginedSource(settings, settings.window, DAY, near_is_coarse=True)
    now, window = NOON + 17.5, settings.window
    for pause, answers in [(0, None), *happened, *[(60, None)] * 12]:
        now += pause
        source.poll(now, answers)
        end = floor_to(now, MINUTE)
        if answers is not None:
            continue
        coarsely_at = {
            start: at
            for time_range, at in source.coarse
            for start in range(time_range.start, time_range.end, window)
        }
        # What lies further back is asked for no more, however it was read.
        oldest = max(source.given_up_until, end - settings.max_backfill)
        for start, at in coarsely_at.items():
            if oldest <= start <= end - settings.settle - window:
                assert any(
                    later > at and time_range.start <= start < start + window <= time_range.end
                    for time_range, later in source.answered
                    if (time_range, later) not in source.coarse
                )


@given(happened=steps(longest_pause=2 * DAY))
def test_the_watermark_never_moves_back(happened: list[Step]) -> None:
    """Whatever fails, what was complete stays complete."""
    source = ImaginedSource()
    now, mark = NOON + 17.5, 0
    for pause, answers in happened:
        now += pause
        source.poll(now, answers)
        assert source.complete_until >= mark
        mark = source.complete_until
