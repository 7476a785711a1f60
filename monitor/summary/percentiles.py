"""Percentiles of durations, from executions per latency band and from timeouts.

Inside a band executions are taken to be evenly spread; the shortest and the longest duration, where
known, narrow the outermost bands, so that the open band ends too. An execution that timed out
would have taken longer than it was given: it counts with the time it was given, the least it can
be. Every percentile is therefore a lower bound as soon as it falls among timeouts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import fsum

from monitor.model import BAND_EDGES_MS, Bands, band_of

_MEASUREMENT_TOLERANCE = 0.01
"""How much shorter than its timeout a timed-out execution may have been measured."""

_ROUNDING = 1e-12
"""Sums of fractions stray by about this share; a percentile must not fall into the next band."""


@dataclass(frozen=True, slots=True)
class BandedDurations:
    """Executions whose durations are known by band.

    Attributes:
        count: Executions; those missing from ``bands`` are taken to be spread like the others.
        bands: Executions per latency band.
        duration_ms: Sum of their durations.
        min_ms: The shortest duration; 0.0 where unknown.
        max_ms: The longest duration; 0.0 where unknown.
    """

    count: float
    bands: Bands
    duration_ms: float = 0.0
    min_ms: float = 0.0
    max_ms: float = 0.0

    @property
    def in_bands(self) -> int:
        """Executions whose band is known."""
        return sum(self.bands)


@dataclass(frozen=True, slots=True)
class DurationDistribution:
    """How long executions took: a cumulative distribution made of straight pieces.

    Attributes:
        edges_ms: Where the pieces meet, ascending; twice the same where the distribution jumps.
        executions_below: Executions that took at most that long; ascending.
    """

    edges_ms: tuple[float, ...] = ()
    executions_below: tuple[float, ...] = ()

    def percentile_ms(self, q: float) -> float | None:
        """Return the shortest duration that at least a share ``q`` of the executions stayed within.

        Args:
            q: From 0 to 1.

        Returns:
            Milliseconds; None where there are no executions.
        """
        if not self.edges_ms:
            return None
        total = self.executions_below[-1]
        rank = q * total - _ROUNDING * total
        right = bisect_left(self.executions_below, rank)
        if right == 0:
            return self.edges_ms[0]
        left_ms, right_ms = self.edges_ms[right - 1], self.edges_ms[right]
        left, until = self.executions_below[right - 1], self.executions_below[right]
        return min(right_ms, left_ms + (right_ms - left_ms) * (rank - left) / (until - left))


def duration_distribution(
    successes: Iterable[BandedDurations],
    timeouts: Iterable[BandedDurations],
    in_force_ms: Collection[int],
) -> DurationDistribution:
    """Return the durations of an action's successes and timeouts.

    Args:
        successes: Executions that succeeded, one entry for each kind of ending.
        timeouts: Executions that timed out, likewise.
        in_force_ms: The timeouts that were in force meanwhile.

    Returns:
        Their distribution; an empty one where some of them have no durations at all, for then a
        percentile of the others would mislead.
    """
    spread = [part for part in successes if part.count > 0]
    cut_off: dict[float, float] = defaultdict(float)
    for part in timeouts:
        if part.count <= 0:
            continue
        banded = _with_bands(part)
        if banded is None:
            if not in_force_ms:
                return DurationDistribution()
            cut_off[min(in_force_ms)] += part.count
            continue
        rest, ended_by_timeout = _split_by_timeout(banded, in_force_ms)
        for timeout_ms, executions in ended_by_timeout.items():
            cut_off[timeout_ms] += executions
        if rest is not None:
            spread.append(rest)
    if any(part.in_bands == 0 for part in spread):
        return DurationDistribution()
    return _accumulate(spread, cut_off)


def _with_bands(timeouts: BandedDurations) -> BandedDurations | None:
    """Return the same with bands where there are none: those of one ending last about as long.

    None where no duration is shown at all: then it says nothing of where they ended.
    """
    if timeouts.duration_ms <= 0 and timeouts.max_ms <= 0 and not any(timeouts.bands[1:]):
        return None
    if timeouts.in_bands > 0:
        return timeouts
    if timeouts.duration_ms <= 0:
        return None
    bands = [0] * (len(BAND_EDGES_MS) + 1)
    # One of them in the band stands for all.
    bands[band_of(timeouts.duration_ms / timeouts.count)] = 1
    return BandedDurations(
        timeouts.count, tuple(bands), timeouts.duration_ms, timeouts.min_ms, timeouts.max_ms
    )


def _split_by_timeout(
    timeouts: BandedDurations, in_force_ms: Collection[int]
) -> tuple[BandedDurations | None, Mapping[float, float]]:
    """Tell the executions that our timeout ended from those that ended earlier or later.

    A remote's own 504 may come long before our timeout, and a timeout may have been another one
    before our catalogue was first read: those count with their measured durations.
    """
    scale = timeouts.count / timeouts.in_bands
    longest_ms = timeouts.max_ms * (1 + _MEASUREMENT_TOLERANCE) if timeouts.max_ms > 0 else None
    last = max(index for index, count in enumerate(timeouts.bands) if count)
    ended: dict[float, float] = defaultdict(float)
    rest = list(timeouts.bands)
    for index, count in enumerate(timeouts.bands):
        low, high = _edges(index)
        matching = [
            timeout_ms
            for timeout_ms in in_force_ms
            if low <= timeout_ms
            and (high is None or timeout_ms < high or (timeout_ms == high and index == last))
            and (longest_ms is None or timeout_ms <= longest_ms)
        ]
        if count and matching:
            # Two timeouts in one band can't be told apart: the shorter is the least it can be.
            ended[min(matching)] += count * scale
            rest[index] = 0
    left = sum(rest)
    if left == 0:
        return None, ended
    return BandedDurations(left * scale, tuple(rest), 0.0, timeouts.min_ms, timeouts.max_ms), ended


def _edges(index: int) -> tuple[float, float | None]:
    low = BAND_EDGES_MS[index - 1] if index else 0
    return low, BAND_EDGES_MS[index] if index < len(BAND_EDGES_MS) else None


def _pieces(part: BandedDurations) -> Iterator[tuple[float, float, float]]:
    """Return where executions are evenly spread: from (ms), to (ms), how many."""
    occupied = [index for index, count in enumerate(part.bands) if count]
    scale = part.count / part.in_bands
    for index in occupied:
        low, edge = _edges(index)
        high = max(low, part.max_ms) if edge is None else edge
        if index == occupied[-1] and part.max_ms > low:
            high = min(high, part.max_ms)
        if index == occupied[0]:
            low = min(max(low, part.min_ms), high)
        yield low, high, part.bands[index] * scale


def _accumulate(
    spread: Iterable[BandedDurations], cut_off: Mapping[float, float]
) -> DurationDistribution:
    jumps: dict[float, float] = defaultdict(float, cut_off)
    slopes: dict[float, list[float]] = defaultdict(list)
    for part in spread:
        for low, high, executions in _pieces(part):
            if high > low:
                slopes[low].append(executions / (high - low))
                slopes[high].append(-executions / (high - low))
            else:
                jumps[low] += executions
    edges: list[float] = []
    below: list[float] = []
    executions, slope, before = 0.0, 0.0, 0.0
    running: list[float] = []
    for at in sorted(slopes.keys() | jumps.keys()):
        executions += slope * (at - before)
        edges.append(at)
        below.append(executions)
        if at in jumps:
            executions += jumps[at]
            edges.append(at)
            below.append(executions)
        for change in slopes.get(at, ()):
            if change > 0:
                running.append(change)
            else:
                running.remove(-change)
        slope, before = fsum(running), at
    return DurationDistribution(tuple(edges), tuple(below))
