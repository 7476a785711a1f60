"""Counts of executions, and what they are kept under: a series, and the start of a window."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

import msgspec

from monitor.model import COARSE_BANDS, NO_BANDS, Bands


class SeriesKey(NamedTuple):
    """One way in which the executions of one action end.

    Attributes:
        action_id: The platform's id.
        error_type: The platform's errorType; ``NONE`` for a success.
        response_status: The HTTP status as text; empty where there was none.
    """

    action_id: str
    error_type: str
    response_status: str


class Counts(msgspec.Struct, frozen=True, gc=False):
    """Executions, and how long they took.

    A reading has tens of thousands: they are made in no time, and the garbage collector does not
    look at them, which numbers alone can't hold in a circle.

    Attributes:
        count: Executions.
        duration_ms: Sum of their durations.
        min_ms: The shortest duration; 0 where it is not kept, as of a total.
        max_ms: The longest duration; the same.
        bands: Executions per latency band; they sum to at most ``count``.
    """

    count: int = 0
    duration_ms: float = 0.0
    min_ms: float = 0.0
    max_ms: float = 0.0
    bands: Bands = NO_BANDS

    def __add__(self, other: Counts) -> Counts:
        """Return both together; they are of different executions."""
        shortest = [one.min_ms for one in (self, other) if one.count]
        return Counts(
            count=self.count + other.count,
            duration_ms=self.duration_ms + other.duration_ms,
            min_ms=min(shortest, default=0.0),
            max_ms=max(self.max_ms, other.max_ms),
            bands=tuple(a + b for a, b in zip(self.bands, other.bands, strict=True)),
        )

    def __sub__(self, earlier: Counts) -> Counts:
        """Return what came on top of an earlier state of these; the extremes are those of all."""
        return Counts(
            count=self.count - earlier.count,
            duration_ms=self.duration_ms - earlier.duration_ms,
            min_ms=self.min_ms,
            max_ms=self.max_ms,
            bands=tuple(a - b for a, b in zip(self.bands, earlier.bands, strict=True)),
        )

    def grown_by(self, seen: Counts) -> Counts:
        """Return what is kept after a reading that shows more of the same executions than these.

        No part shrinks but what turns out faster, and the bands sum to at most the count.
        """
        return Counts(
            count=seen.count,
            duration_ms=max(self.duration_ms, seen.duration_ms),
            min_ms=min(self.min_ms, seen.min_ms) if self.count else seen.min_ms,
            max_ms=max(self.max_ms, seen.max_ms),
            bands=grown_bands(self.bands, seen.bands, seen.count),
        )


class Tally(msgspec.Struct, frozen=True, gc=False):
    """What one series counted in one window, or in a bucket of windows that were summed.

    Attributes:
        key: The series.
        window_start: Start of the window or the bucket; epoch seconds.
        counts: What it counted.
    """

    key: SeriesKey
    window_start: int
    counts: Counts


TallyKey = tuple[SeriesKey, int]
"""A series and the start of a window."""


def largest(tallies: Iterable[Tally]) -> dict[TallyKey, Counts]:
    """Return the counts by key, those with the most executions: an answer may repeat itself."""
    best: dict[TallyKey, Counts] = {}
    for tally in tallies:
        key = tally.key, tally.window_start
        if key not in best or best[key].count < tally.counts.count:
            best[key] = tally.counts
    return best


def grown_bands(old: Bands, seen: Bands, count: int) -> Bands:
    """Return the bands after a reading that shows at least the same executions.

    Between two coarse edges stands the larger of both, with what exceeds ``count`` cut from the
    increments, the slowest first. Within, as many lie below each edge as either knows of: a coarse
    reading, which has them all in the last band, takes nothing from what a fine one told, and a
    fine one puts them where they belong. Below no edge there are ever fewer than before.

    Args:
        old: What was known; it sums to at most ``count``.
        seen: What the reading shows.
        count: All executions, those included of which no band is known.
    """
    if not any(old) and sum(seen) <= count:
        return seen
    known = [sum(old[band.start : band.stop]) for band in COARSE_BANDS]
    increments = [
        max(0, sum(seen[band.start : band.stop]) - kept)
        for band, kept in zip(COARSE_BANDS, known, strict=True)
    ]
    surplus = sum(known) + sum(increments) - count
    for index in reversed(range(len(increments))):
        if surplus <= 0:
            break
        cut = min(surplus, increments[index])
        increments[index] -= cut
        surplus -= cut
    bands: list[int] = []
    for band, kept, more in zip(COARSE_BANDS, known, increments, strict=True):
        total, below = kept + more, 0
        told = zip(
            accumulate(old[band.start : band.stop - 1]),
            accumulate(seen[band.start : band.stop - 1]),
            strict=True,
        )
        for one, other in told:
            bands.append(min(max(one, other), total) - below)
            below += bands[-1]
        bands.append(total - below)
    return tuple(bands)


def fineness(bands: Sequence[int]) -> int:
    """Return a number that grows with each execution that is known to lie below one edge more."""
    return sum(map(operator.mul, bands, EDGES_ABOVE))


EDGES_ABOVE = tuple(range(len(NO_BANDS), 0, -1))
"""Below how many edges the executions of each band lie, and one for having a band at all."""
