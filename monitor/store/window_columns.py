"""Windows of many series as columns of numbers, without an object for a single one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.model import BAND_EDGES_MS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BANDS = len(BAND_EDGES_MS) + 1
_SAFE_SUM = 2.0**62
_EXACT = 2.0**53


@dataclass(frozen=True, slots=True, eq=False)
class WindowColumns:
    """Windows of many series, or sums of them; n rows, all columns of one length.

    Attributes:
        series: The number of the series; shape (n,).
        start: Start of the window, or of what was summed; epoch seconds.
        count: Executions.
        duration_ms: Sum of their durations.
        min_ms: The shortest duration.
        max_ms: The longest duration.
        bands: Executions per latency band, in the smallest integers that hold them; shape (n, 21).
    """

    series: Ints
    start: Ints
    count: Ints
    duration_ms: Floats
    min_ms: Floats
    max_ms: Floats
    bands: npt.NDArray[Any]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.series)

    def take(self, rows: slice | npt.NDArray[Any]) -> WindowColumns:
        """Return some of the rows, in the order that ``rows`` gives."""
        return WindowColumns(*(getattr(self, name)[rows] for name in _NAMES))

    def within(self, start: int, end: int) -> WindowColumns:
        """Return the rows that start between two moments; itself where all of them do."""
        inside = (self.start >= start) & (self.start < end)
        return self if inside.all() else self.take(inside)

    def of_series(self, chosen_series: Collection[int]) -> WindowColumns:
        """Return the rows of these series; itself where all of them are."""
        inside = np.isin(self.series, np.array(list(chosen_series), dtype=np.int64))
        return self if inside.all() else self.take(inside)

    def equals(self, other: WindowColumns) -> bool:
        """Return whether both have the same rows in the same order, to the very bit."""
        return all(
            np.array_equal(_bits(getattr(self, name)), _bits(getattr(other, name)))
            for name in _NAMES
        )

    def sorted(self) -> WindowColumns:
        """Return the rows by series, and those of one series by start."""
        if len(self) < 2:  # noqa: PLR2004 - one row is in order
            return self
        step = np.diff(self.series)
        if np.all((step > 0) | ((step == 0) & (np.diff(self.start) >= 0))):
            return self
        return self.take(np.lexsort((self.start, self.series)))

    def summed(self) -> WindowColumns:
        """Return one row for each series and start: sums, the shortest and the longest."""
        rows = self.sorted()
        if not len(rows):
            return rows
        is_first = (np.diff(rows.series, prepend=-1) != 0) | (np.diff(rows.start, prepend=-1) != 0)
        is_first[0] = True
        at = np.flatnonzero(is_first)
        return WindowColumns(
            series=rows.series[at],
            start=rows.start[at],
            count=_sums(rows.count, at),
            duration_ms=np.add.reduceat(rows.duration_ms, at),
            min_ms=np.minimum.reduceat(rows.min_ms, at),
            max_ms=np.maximum.reduceat(rows.max_ms, at),
            bands=smallest(_sums(rows.bands, at)),
        )

    def by_bucket(self, begin: int, bucket_seconds: int | None) -> WindowColumns:
        """Return sums by series and bucket, each under the bucket's start.

        Args:
            begin: Where the first bucket begins; epoch seconds.
            bucket_seconds: Length of a bucket; None is one for all.
        """
        start = np.full(len(self), begin, dtype=np.int64)
        if bucket_seconds is not None:
            start += (self.start - begin) // bucket_seconds * bucket_seconds
        return replace(self, start=start).summed()


_NAMES = tuple(field.name for field in fields(WindowColumns))


def _bits(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return doubles by their bits, and integers as they are."""
    return np.ascontiguousarray(values).view(np.int64) if values.dtype == np.float64 else values


def no_windows() -> WindowColumns:
    """Return columns without a row."""
    ints, floats = np.zeros(0, dtype=np.int64), np.zeros(0)
    return WindowColumns(
        ints, ints, ints, floats, floats, floats, np.zeros((0, BANDS), dtype=np.uint8)
    )


def joined(parts: Iterable[WindowColumns]) -> WindowColumns:
    """Return the rows of all parts, one part after the other."""
    some = [part for part in parts if len(part)]
    if not some:
        return no_windows()
    if len(some) == 1:
        return some[0]
    return WindowColumns(
        *(np.concatenate([getattr(part, name) for part in some]) for name in _NAMES)
    )


def columns_of(rows: Sequence[Sequence[Any]]) -> WindowColumns:
    """Return rows of a database as columns: series, start, count, duration, min, max and bands.

    Raises:
        OverflowError: A number has more than 64 bits.
        TypeError: A value is no number.
        ValueError: A value is no number.
    """
    if not rows:
        return no_windows()
    table = np.array(rows, dtype=np.float64)
    numbers, durations = table[:, :3], table[:, 3:6].T.copy()
    if np.abs(table[:, [0, 1, 2, *range(6, table.shape[1])]]).max() < _EXACT:
        whole, bands = numbers.T.astype(np.int64), table[:, 6:].astype(np.int64)
    else:
        # Rare, and slower: doubles do not tell such numbers from their neighbours.
        exact = np.array([[*row[:3], *row[6:]] for row in rows], dtype=np.int64)
        whole, bands = exact[:, :3].T.copy(), exact[:, 3:]
    return WindowColumns(
        series=whole[0],
        start=whole[1],
        count=whole[2],
        duration_ms=durations[0],
        min_ms=durations[1],
        max_ms=durations[2],
        bands=smallest(bands),
    )


def smallest(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the same integers in the fewest bytes that hold all of them."""
    if not values.size:
        return values.astype(np.uint8)
    if values.dtype == object:
        return values
    high = np.min_scalar_type(int(values.max()))
    return values.astype(np.int64 if values.min() < 0 else high, copy=False)


def _sums(values: npt.NDArray[Any], at: Ints) -> npt.NDArray[Any]:
    """Return sums of integers; as Python's own where 64 bits may not hold them."""
    if float(np.abs(values.astype(np.float64)).max()) * len(values) >= _SAFE_SUM:
        return np.add.reduceat(values.astype(object), at)
    return np.add.reduceat(values, at, axis=0, dtype=np.int64)
