"""Where a value lies in a picture, and at which values its axis is marked: pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, floor, log10

from monitor.time_ranges import TimeRange

_STEPS = (1, 2, 2.5, 5, 10)
"""Steps of an axis that people read without reckoning, times a power of ten."""

_TIME_STEPS = (300, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800)
"""Steps of an axis of time, in seconds: each ends on the hour or the day in its turn."""

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Scale:
    """Values along one side of a picture.

    Attributes:
        low: The value at the beginning.
        high: The value at the end; above ``low``.
        start_px: Where the beginning is.
        end_px: Where the end is; smaller than ``start_px`` where the axis runs up.
        is_log: Whether equal ratios take equal room; then ``low`` is above 0.
    """

    low: float
    high: float
    start_px: float
    end_px: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """Return where a value lies; what is beyond either end lies at that end."""
        kept = min(max(value, self.low), self.high)
        if self.is_log:
            part = log10(kept / self.low) / log10(self.high / self.low)
        else:
            part = (kept - self.low) / (self.high - self.low)
        return self.start_px + part * (self.end_px - self.start_px)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis and its words."""

    value: float
    label: str


def round_ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    """Return round values within both ends, at most so many; empty where there is no room."""
    if high <= low or most < 1:
        return ()
    magnitude = 10.0 ** floor(log10((high - low) / most))
    step = next(
        (one * magnitude for one in _STEPS if (high - low) / (one * magnitude) <= most),
        10 * magnitude,
    )
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return tuple(round(index * step, 12) for index in range(first, last + 1))


def round_up(value: float, most: int = 4) -> float:
    """Return the end of an axis of counts, from 0, on which this one has room below a tick."""
    if value <= 1:
        return 1.0
    ticks = round_ticks(0, value, most)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else value
    return ceil(value / step - 1e-9) * step


def count_ticks(high: float, most: int = 4) -> tuple[Tick, ...]:
    """Return whole counts from 0 on: ``1,200``, ``1.5k`` where they are many."""
    ticks = [value for value in round_ticks(0, high, most) if value == int(value)]
    return tuple(Tick(value, short_count(value)) for value in ticks)


def short_count(value: float) -> str:
    """Return a count for an axis: ``950``, ``1.5k``, ``12M``."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            unit_size = 1e3 if unit == "k" else size
            return f"{value / unit_size:.1f}".removesuffix(".0") + unit
    return f"{value:,.0f}"


def share_ticks(low: float, high: float, most: int = 5) -> tuple[Tick, ...]:
    """Return shares as percentages with the digits that tell them apart."""
    ticks = round_ticks(low * 100, high * 100, most)
    digits = next(
        (places for places in range(4) if all(round(one, places) == one for one in ticks)), 4
    )
    return tuple(Tick(one / 100, f"{one:.{digits}f} %") for one in ticks)


def duration_ticks(low_ms: float, high_ms: float, least_ratio: float) -> tuple[Tick, ...]:
    """Return durations for a logarithmic axis: ``0.5``, ``1``, ``2``, in seconds.

    Args:
        low_ms: Its beginning.
        high_ms: Its end.
        least_ratio: Each mark is at least so many times the one before.
    """
    seconds = (0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 60)
    ticks: list[Tick] = []
    for one in seconds:
        is_apart = not ticks or one * 1_000 / ticks[-1].value >= least_ratio
        if low_ms <= one * 1_000 <= high_ms and is_apart:
            ticks.append(Tick(one * 1_000.0, f"{one:g} s"))
    return tuple(ticks)


def time_ticks(time_range: TimeRange, most: int) -> tuple[Tick, ...]:
    """Return whole hours or days of UTC within a period: ``06:00``, and the date at midnight."""
    step = next((one for one in _TIME_STEPS if time_range.seconds / one <= most), 7 * _DAY)
    first = ceil(time_range.start / step) * step
    return tuple(Tick(at, _moment(at)) for at in range(first, time_range.end + 1, step))


def _moment(at: int) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%a %d %b}" if at % _DAY == 0 else f"{moment:%H:%M}"
