"""The arithmetic of counting once, without a database: what a tally or a coverage grows to."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.model import NO_BANDS, Bands, Tally
from monitor.time_ranges import TimeRange

SeriesKey = tuple[str, str, str]
"""Action id, error type, response status."""

TallyKey = tuple[SeriesKey, int]
"""A series and the start of a window."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the ledger holds of one series in one window; durations in milliseconds."""

    count: int = 0
    duration_ms: float = 0.0
    min_ms: float = 0.0
    max_ms: float = 0.0
    bands: Bands = NO_BANDS


def key_of(tally: Tally) -> TallyKey:
    """What names a tally within its org."""
    return (tally.action_id, tally.error_type, tally.response_status), tally.window_start


def largest(tallies: Iterable[Tally]) -> dict[TallyKey, Tally]:
    """One tally a key, the one with the most executions: an answer may repeat itself."""
    best: dict[TallyKey, Tally] = {}
    for tally in tallies:
        key = key_of(tally)
        if key not in best or best[key].count < tally.count:
            best[key] = tally
    return best


def grown(old: Kept, seen: Tally) -> Kept:
    """What is kept after a reading that shows more executions than ``old``.

    No part shrinks, and the bands sum to at most the count.
    """
    return Kept(
        count=seen.count,
        duration_ms=max(old.duration_ms, seen.duration_ms),
        min_ms=min(old.min_ms, seen.min_ms) if old.count else seen.min_ms,
        max_ms=max(old.max_ms, seen.max_ms),
        bands=grown_bands(old.bands, seen.bands, seen.count),
    )


def grown_bands(old: Bands, seen: Bands, count: int) -> Bands:
    """The larger of both in each band, with what exceeds ``count`` cut from the increments.

    The slowest bands give way first. ``old`` sums to at most ``count``, so cutting increments
    always suffices.
    """
    increments = [max(0, new - kept) for kept, new in zip(old, seen, strict=True)]
    surplus = sum(old) + sum(increments) - count
    for index in reversed(range(len(increments))):
        if surplus <= 0:
            break
        cut = min(surplus, increments[index])
        increments[index] -= cut
        surplus -= cut
    return tuple(kept + more for kept, more in zip(old, increments, strict=True))


def merged(ranges: Iterable[TimeRange]) -> tuple[TimeRange, ...]:
    """The same periods, disjoint, oldest first; neighbours that touch become one."""
    result: list[TimeRange] = []
    for time_range in sorted(ranges):
        if time_range.start >= time_range.end:
            continue
        if result and time_range.start <= result[-1].end:
            last = result[-1]
            result[-1] = TimeRange(last.start, max(last.end, time_range.end))
        else:
            result.append(time_range)
    return tuple(result)


def within(time_range: TimeRange, ranges: Sequence[TimeRange]) -> bool:
    """Whether one of ``ranges`` (merged) holds all of ``time_range``."""
    index = bisect_right(ranges, time_range.start, key=lambda held: held.start) - 1
    return index >= 0 and ranges[index].end >= time_range.end
