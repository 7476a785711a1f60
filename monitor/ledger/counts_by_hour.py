"""Executions of a whole org by the hour, as columns of numbers: when it happened, not how long.

One pass over a period, in which nothing is built for a single window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from monitor.ledger.windows import windows_by_group, words_of_series
from monitor.store import WindowColumns
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
    parts = [
        _by_hour(rows, time_range.start)
        for rows in windows_by_group(connection, org_id, time_range)
    ]
    rows = np.concatenate([np.zeros((0, 3), dtype=np.int64), *parts])
    return HourlyCounts(
        hours=-(-time_range.seconds // HOUR_SECONDS),
        words=words_of_series(connection, org_id),
        series=rows[:, 0],
        hour=rows[:, 1],
        count=rows[:, 2],
    )


def _by_hour(rows: WindowColumns, begin: int) -> Ints:
    """Return series, hour and executions; the rows are in order of series and start."""
    if not len(rows):
        return np.zeros((0, 3), dtype=np.int64)
    hour = (rows.start - begin) // HOUR_SECONDS
    is_first = (np.diff(rows.series, prepend=-1) != 0) | (np.diff(hour, prepend=-1) != 0)
    at = np.flatnonzero(is_first)
    return np.stack([rows.series[at], hour[at], np.add.reduceat(rows.count, at)], axis=1)
