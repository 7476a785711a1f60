"""What one poll asks for, by the state it finds the ledger in."""

from __future__ import annotations

import itertools

from monitor.config import CollectSettings
from monitor.poller.read_plan import PlannedRead
from monitor.time_ranges import TimeRange
from tests.clocks import DAY, HOUR, NOON
from tests.poller.imagined_source import ImaginedSource, seconds

MINUTE = 60


def polled_until(now: int, settings: CollectSettings | None = None) -> ImaginedSource:
    """A source that began a day ago and was polled every minute of the last quarter of an hour."""
    source = ImaginedSource(settings or CollectSettings())
    source.poll(now - DAY)
    for at in range(now - 15 * MINUTE, now + 1, MINUTE):
        source.poll(at)
    return source


def test_a_fresh_ledger_reads_the_newest_windows_first() -> None:
    """What times out now is known before a day of history has been read."""
    due = ImaginedSource().due(NOON + 130)
    assert due.reads[0].time_range == TimeRange(NOON - 15 * MINUTE, NOON + 2 * MINUTE)
    assert due.deep


def test_a_fresh_ledger_reads_its_history_in_slices_oldest_first() -> None:
    """History follows in pieces of at most the source's slice, without a gap."""
    due = ImaginedSource().due(NOON)
    pieces = [read.time_range for read in due.reads[1:]]
    assert pieces[0].start == NOON - DAY - 10 * MINUTE  # initial, and what has yet to settle
    assert all(one.end == other.start for one, other in itertools.pairwise(pieces))
    assert pieces[-1].end == due.reads[0].time_range.start
    assert max(piece.seconds for piece in pieces) == 2 * HOUR


def test_a_short_history_is_one_read() -> None:
    """What fits one slice is one question."""
    source = ImaginedSource(seconds(initial=HOUR))
    begin = NOON - HOUR - 10 * MINUTE
    assert source.due(NOON).reads == (PlannedRead(TimeRange(begin, NOON), NOON - HOUR),)


def test_a_history_shorter_than_the_lookback_owes_nothing_before_its_beginning() -> None:
    """The watermark of a fresh ledger never lies before what was asked for."""
    source = ImaginedSource(seconds(initial=10 * MINUTE))
    begin = NOON - 20 * MINUTE
    assert source.due(NOON).reads == (PlannedRead(TimeRange(begin, NOON), begin),)


def test_a_history_never_reaches_beyond_the_longest_backfill() -> None:
    """What has yet to settle is added to ``initial``, but not beyond ``max_backfill``."""
    source = ImaginedSource(seconds(initial=DAY, max_backfill=DAY))
    assert min(read.time_range.start for read in source.due(NOON).reads) == NOON - DAY


def test_a_near_past_longer_than_the_history_still_gets_a_watermark() -> None:
    """A source whose newest windows are all of its history is not fresh for ever."""
    settings = seconds(near=4 * HOUR, lookback=4 * HOUR, initial=3 * HOUR)
    source = ImaginedSource(settings)
    source.poll(NOON)
    assert source.complete_until == NOON - 3 * HOUR - 10 * MINUTE


def test_a_poll_in_steady_state_is_one_read_of_the_near_past() -> None:
    """Polled lately: the newest windows alone, and the watermark stays."""
    source = polled_until(NOON)
    due = source.due(NOON + MINUTE)
    start = NOON - 15 * MINUTE
    assert due.reads == (PlannedRead(TimeRange(start, NOON + MINUTE), None),)
    assert not due.deep


def test_a_source_of_coarse_near_reads_tells_a_window_finely_once_it_settles() -> None:
    """Else the windows are read that have yet to settle, and those alone: in one query of bands."""
    source = polled_until(NOON)
    source.near_is_coarse = True
    told = [source.poll(NOON + minute * MINUTE) for minute in range(1, 13)]
    assert [minute for minute, due in enumerate(told, 1) if due.fine] == [5, 10]
    assert [minute for minute, due in enumerate(told, 1) if due.deep] == [5]
    starts = [(due.reads[0].time_range.start - NOON) // MINUTE for due in told if not due.deep]
    assert starts == [-10, -10, -10, -10, -5, -5, -5, -5, -5, 0, 0]


def test_every_tenth_minute_is_one_deep_read_from_the_watermark() -> None:
    """One read reaches back a lookback, and moves the watermark to the age of a lookback."""
    source = polled_until(NOON)
    deep = []
    for at in range(NOON + MINUTE, NOON + 31 * MINUTE, MINUTE):
        mark = source.complete_until
        due = source.poll(at)
        assert len(due.reads) == 1
        if due.deep:
            deep.append(at)
            assert due.reads[0].time_range.start == mark
            assert source.complete_until == at // 300 * 300 - HOUR
    assert [later - earlier for earlier, later in itertools.pairwise(deep)] == [10 * MINUTE] * (
        len(deep) - 1
    )
    assert len(deep) == 3


def test_a_short_pause_is_joined_to_the_newest_windows() -> None:
    """Nothing between the last read and the near past stays unread until the next deep read."""
    source = ImaginedSource(seconds(near=5 * MINUTE))
    source.poll(NOON)
    due = source.due(NOON + 9 * MINUTE)
    assert due.reads == (PlannedRead(TimeRange(NOON, NOON + 9 * MINUTE), None),)


def test_a_clock_that_was_set_back_reads_the_near_past() -> None:
    """An end before the last one moves nothing and asks for nothing that is yet to come."""
    source = polled_until(NOON)
    due = source.due(NOON - 2 * HOUR)
    assert due.reads == (PlannedRead(TimeRange(NOON - 2 * HOUR - 900, NOON - 2 * HOUR), None),)
    assert due.skipped == ()


def test_after_a_pause_the_newest_windows_come_first_and_the_hole_in_slices() -> None:
    """A day of downtime is read back from the watermark, oldest first."""
    source = polled_until(NOON)
    mark = source.complete_until
    due = source.due(NOON + DAY)
    assert due.reads[0] == PlannedRead(TimeRange(NOON + DAY - 900, NOON + DAY), None)
    assert due.reads[1].time_range == TimeRange(mark, mark + 2 * HOUR)
    assert due.reads[1].complete_until == mark + 2 * HOUR
    assert due.reads[-1].complete_until == NOON + DAY - HOUR
    assert due.skipped == ()


def test_what_lies_beyond_the_longest_backfill_is_skipped() -> None:
    """After a long pause the part that was never read and is too old is given up by name."""
    source = polled_until(NOON)
    now = NOON + 10 * DAY
    due = source.due(now)
    assert due.skipped == (TimeRange(NOON, now - 7 * DAY),)
    assert due.reads[1].time_range.start == now - 7 * DAY


def test_holes_between_skipped_periods_are_skipped_one_by_one() -> None:
    """What was read in the middle of a hole is not given up with it."""
    source = polled_until(NOON)
    source.coverage = (*source.coverage, TimeRange(NOON + DAY, NOON + DAY + HOUR))
    due = source.due(NOON + 10 * DAY)
    assert due.skipped == (
        TimeRange(NOON, NOON + DAY),
        TimeRange(NOON + DAY + HOUR, NOON + 3 * DAY),
    )


def test_a_skipped_period_is_not_skipped_again() -> None:
    """A source that stays down is told once of each window that it loses."""
    source = polled_until(NOON)
    source.poll(NOON + 10 * DAY, answers=0)
    assert source.due(NOON + 10 * DAY).skipped == ()
    assert source.due(NOON + 10 * DAY + HOUR).skipped == (
        TimeRange(NOON + 3 * DAY, NOON + 3 * DAY + HOUR),
    )


def test_a_history_that_failed_is_still_owed_after_a_long_pause() -> None:
    """A first poll that got only its newest windows has not forgotten its history a day later."""
    source = ImaginedSource()
    source.poll(NOON, answers=1)
    due = source.due(NOON + 3 * DAY)
    assert due.reads[1].time_range.start == NOON - DAY - 10 * MINUTE


def test_the_watermark_moves_on_where_the_longest_backfill_is_a_lookback() -> None:
    """Deep reads go on, though they may not reach back to the watermark."""
    source = ImaginedSource(seconds(initial=HOUR, max_backfill=HOUR, lookback=HOUR))
    source.poll(NOON)
    source.poll(NOON + HOUR)
    assert source.complete_until == NOON


def test_a_pause_with_rare_polls_asks_for_nothing_beyond_the_longest_backfill() -> None:
    """Joining the last read to the near past respects ``max_backfill`` too."""
    day = {"interval": HOUR, "lookback": HOUR, "initial": HOUR, "max_backfill": 2 * HOUR}
    source = ImaginedSource(seconds(**day))
    source.poll(NOON)
    due = source.due(NOON + 8 * HOUR)
    assert not due.deep
    assert [read.time_range.start for read in due.reads] == [NOON + 6 * HOUR]


def test_a_long_near_past_is_read_in_slices() -> None:
    """No read is longer than the source's slice, not even of the newest windows."""
    source = ImaginedSource(seconds(near=5 * HOUR, lookback=6 * HOUR))
    source.poll(NOON)
    periods = [read.time_range for read in source.due(NOON + MINUTE).reads]
    assert periods[0].start == NOON - 5 * HOUR
    assert max(time_range.seconds for time_range in periods) == 2 * HOUR
    assert periods[-1].end == NOON + MINUTE
