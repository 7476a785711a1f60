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
    for counted, start, count in packed_counts(connection, org_id, time_range):
        inside = (start >= time_range.start) & (start < time_range.end)
        hour = (start - time_range.start) // HOUR_SECONDS
        parts.append(_summed(np.stack([counted, hour, count], axis=1)[inside]))
    # An hour may be packed in part, or lie in two days.
    rows = _summed(np.concatenate([np.zeros((0, 3), dtype=np.int64), *parts]))
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


def _summed(rows: Ints) -> Ints:
    """Return executions by series and hour."""
    if not len(rows):
        return rows
    step = np.diff(rows[:, :2], axis=0)
    if not np.all((step[:, 0] > 0) | ((step[:, 0] == 0) & (step[:, 1] >= 0))):
        rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    at = np.flatnonzero(np.diff(rows[:, :2], axis=0, prepend=-1).any(axis=1))
    sums = rows[at]
    sums[:, 2] = np.add.reduceat(rows[:, 2], at)
    return sums
