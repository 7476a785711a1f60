"""Executions of a whole org by the hour, as columns of numbers: when it happened, not how long.

One pass over a period, in which nothing is built for a single window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, Connection, cast, func, literal, select

from monitor.ledger.windows import first_open_window, packed_counts, within, words_of_series
from monitor.store import tallies
from monitor.time_ranges import TimeRange

HOUR_SECONDS = 3_600

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class HourlyCounts:
    """Executions by hour; n rows in no order, each of another hour or way to end.

    Attributes:
        hours: How many hours the period has, counted from its start; the last may not be whole.
        words: Action id, error type and response status by the number of the series.
        series: Which series; shape (n,).
        hour: Which hour; 0 is the first; shape (n,).
        count: Executions; shape (n,).
    """

    hours: int
    words: Mapping[int, tuple[str, str, str]]
    series: Ints
    hour: Ints
    count: Ints


def read_counts_by_hour(connection: Connection, org_id: int, time_range: TimeRange) -> HourlyCounts:
    """Return the executions of the windows that start in ``time_range``.

    Args:
        connection: A read transaction.
        org_id: The org.
        time_range: Which windows; by their start.
    """
    hours = list(time_range.slices(HOUR_SECONDS))
    # Of most hours nothing is open, and each question takes its time.
    first = first_open_window(connection, org_id, time_range.start)
    parts = [
        _open_of_hour(connection, org_id, at, hour)
        for at, hour in enumerate(hours)
        if first is not None and hour.end > first
    ]
    for series, start, count in packed_counts(connection, org_id, time_range):
        inside = (start >= time_range.start) & (start < time_range.end)
        hour = (start[inside] - time_range.start) // HOUR_SECONDS
        parts.append(_summed_by_hour(series[inside], hour, count[inside], len(hours)))
    # An hour may be packed in part.
    rows = _summed(np.concatenate([np.zeros((0, 3), dtype=np.int64), *parts]), len(hours))
    return HourlyCounts(
        hours=len(hours),
        words=words_of_series(connection, org_id),
        series=rows[:, 0],
        hour=rows[:, 1],
        count=rows[:, 2],
    )


def _open_of_hour(connection: Connection, org_id: int, at: int, hour: TimeRange) -> Ints:
    """Return series, number of the hour and executions of what is not packed."""
    # As integers, for PostgreSQL's sums of big integers are decimals.
    summed = cast(func.sum(tallies.c["count"]), BigInteger)
    statement = select(tallies.c.series_id, literal(at), summed).where(within(org_id, hour))
    found = connection.execute(statement.group_by(tallies.c.series_id)).all()
    return np.array([tuple(row) for row in found], dtype=np.int64).reshape(-1, 3)


def _summed_by_hour(series: Ints, hour: Ints, count: Ints, hours: int) -> Ints:
    """Return the same by series and hour, of a few series: each hour of each has a place."""
    if not len(series):
        return np.zeros((0, 3), dtype=np.int64)
    lowest = series.min()
    cell = (series - lowest) * hours + hour
    sums = np.zeros(int(cell.max()) + 1, dtype=np.int64)
    np.add.at(sums, cell, count)
    at = np.flatnonzero(sums)
    return np.stack([lowest + at // hours, at % hours, sums[at]], axis=1)


def _summed(rows: Ints, hours: int) -> Ints:
    """Return executions by series and hour, where few are told twice."""
    if not len(rows):
        return rows
    cell = rows[:, 0] * hours + rows[:, 1]
    order = np.argsort(cell, kind="stable")
    rows, cell = rows[order], cell[order]
    at = np.flatnonzero(np.diff(cell, prepend=-1))
    sums = rows[at]
    sums[:, 2] = np.add.reduceat(rows[:, 2], at)
    return sums
