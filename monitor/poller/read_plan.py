"""What one poll asks of a source, so that every window is read early, and once more when it is old.

A window is *complete* when it was read at an age of at least ``lookback``: nothing as late as that
is missing from it. The ledger keeps one watermark a source, ``complete_until``, and every deep read
begins there. So data that is up to a lookback late is never lost, whatever pause, crash or failed
read came between, and no hole needs bookkeeping of its own:

=====================  ============================================  ========================
state of the ledger    what is read                                  watermark afterwards
=====================  ============================================  ========================
fresh                  the newest windows, then ``initial`` of       end - ``initial``, then after
                       history in slices, oldest first               each slice its end, at most
                                                                     end - lookback
polled lately          the newest windows (``near``)                 as it was
every tenth poll       from the watermark to the end, in one read    end - lookback
after a pause          the newest windows, then from the watermark   after each slice its end,
                       in slices, oldest first                       at most end - lookback
after a long pause     the same from end - ``max_backfill``; what    the same
                       is older is skipped, counted and logged
a read failed          nothing advanced: the next poll asks again    as it was
=====================  ============================================  ========================

A near read may tell less of each execution than a deep one (``near_is_coarse``). Then a window is
read finely once it has settled, with the others that are near; polls in between read coarsely, and
only what has yet to settle. So what is judged was always read finely, since it settled.

Pure: the clock, the coverage and the settings come in, periods go out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.config import CollectSettings
from monitor.time_ranges import TimeRange, floor_to

DEEP_EVERY_POLLS = 10
"""Every tenth poll reads the whole lookback again; the others only the near past, which keeps
answers small."""

END_STEP_SECONDS = 60
"""A read ends at a full minute, so that two reads of the same minute ask the same question."""


@dataclass(frozen=True, slots=True)
class PlannedRead:
    """One question to a source.

    Attributes:
        time_range: What to ask for; it begins on a window boundary.
        complete_until: Where the watermark stands once this is in the ledger; None: unmoved.
        is_past: Whether it lies so far back that it says nothing of now.
    """

    time_range: TimeRange
    complete_until: int | None
    is_past: bool = False


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """What to ask of one source, in this order.

    Attributes:
        reads: The questions.
        deep: Whether they reach back to the watermark.
        skipped: Stretches never read and too old to be read any more.
        fine: Whether all is to be read that the source can show of these windows.
    """

    reads: tuple[PlannedRead, ...]
    deep: bool
    skipped: tuple[TimeRange, ...] = ()
    fine: bool = True


def plan_reads(  # noqa: PLR0913 - each is a different fact, and every one decides something
    *,
    now: float,
    settings: CollectSettings,
    window_seconds: int,
    slice_seconds: int,
    coverage: Sequence[TimeRange],
    complete_until: int,
    near_is_coarse: bool = False,
) -> ReadPlan:
    """Decide what to read.

    Args:
        now: Epoch seconds.
        settings: ``[collect]``.
        window_seconds: The windows that this source is read in.
        slice_seconds: The longest period that this source may be asked for at once.
        coverage: What was read before: merged, disjoint, oldest first.
        complete_until: The watermark; 0 for a ledger without one.
        near_is_coarse: Whether a near read tells less of each execution than a deep one: where no
            window has settled since the last read, those alone are read that have yet to.
    """
    end = floor_to(now, END_STEP_SECONDS)
    final = floor_to(end - settings.lookback, window_seconds)
    oldest_wanted = floor_to(end - settings.max_backfill, window_seconds)
    newest = TimeRange(floor_to(end - settings.near, window_seconds), end)
    # As much settled history as was asked for, and what has yet to settle.
    history = floor_to(end - settings.initial - settings.settle, window_seconds)
    begin = max(history, oldest_wanted)
    skipped: tuple[TimeRange, ...] = ()
    owed_from: int | None = begin
    if complete_until:
        begin, owed_from = max(complete_until, oldest_wanted), None
        skipped = _uncovered(coverage, TimeRange(complete_until, begin))
        # By the watermark itself: it must move on even where ``max_backfill`` cuts the read short.
        if final - complete_until < DEEP_EVERY_POLLS * settings.interval:
            joined = _joined(coverage, newest, window_seconds, oldest_wanted)
            fine = True
            if near_is_coarse:
                # What had settled when the last read ended was read finely then, or before.
                settled_then = floor_to(
                    (coverage[-1].end if coverage else 0) - settings.settle, window_seconds
                )
                settled = floor_to(end - settings.settle, window_seconds)
                fine = settled_then < settled
                start = (
                    min(joined.start, settled_then)
                    if fine
                    else min(max(joined.start, settled), floor_to(end - 1, window_seconds))
                )
                joined = TimeRange(max(start, oldest_wanted), end)
            reads = tuple(PlannedRead(piece, None) for piece in joined.slices(slice_seconds))
            return ReadPlan(reads, deep=False, skipped=skipped, fine=fine)
    if end - begin <= slice_seconds:
        reads = (PlannedRead(TimeRange(begin, end), max(begin, final)),)
        return ReadPlan(reads, deep=True, skipped=skipped)
    older = TimeRange(begin, newest.start).slices(slice_seconds)
    return ReadPlan(
        (
            # The first watermark of all: from there on is owed, whatever becomes of the rest.
            *(PlannedRead(piece, owed_from) for piece in newest.slices(slice_seconds)),
            *(PlannedRead(piece, min(piece.end, final)) for piece in older),
        ),
        deep=True,
        skipped=skipped,
    )


def _joined(
    coverage: Sequence[TimeRange], newest: TimeRange, window_seconds: int, oldest_wanted: int
) -> TimeRange:
    """The newest period, begun earlier where the last read ended earlier: no gap between them."""
    last_end = coverage[-1].end if coverage else newest.start
    start = min(newest.start, floor_to(last_end, window_seconds))
    return TimeRange(max(start, oldest_wanted), newest.end)


def _uncovered(coverage: Sequence[TimeRange], time_range: TimeRange) -> tuple[TimeRange, ...]:
    """Return the parts of a period that were never read."""
    gaps = []
    start = time_range.start
    for covered in coverage:
        if start < min(covered.start, time_range.end):
            gaps.append(TimeRange(start, min(covered.start, time_range.end)))
        start = max(start, covered.end)
    if start < time_range.end:
        gaps.append(TimeRange(start, time_range.end))
    return tuple(gaps)
