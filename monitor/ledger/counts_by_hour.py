"""Executions of a whole org by the hour, as columns of numbers: when it happened, not how long.

One pass over a period, in which nothing is built for a single window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, Connection, cast, func, select

from monitor.store import series, tallies
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
    words = select(
        series.c.id, series.c.action_id, series.c.error_type, series.c.response_status
    ).where(series.c.org_id == org_id)
    hours = [_of_hour(connection, org_id, hour) for hour in time_range.slices(HOUR_SECONDS)]
    rows = np.concatenate([np.zeros((0, 2), dtype=np.int64), *hours])
    return HourlyCounts(
        hours=len(hours),
        words={row[0]: (row[1], row[2], row[3]) for row in connection.execute(words)},
        series=rows[:, 0],
        hour=np.repeat(np.arange(len(hours)), [len(one) for one in hours]),
        count=rows[:, 1],
    )


def _of_hour(connection: Connection, org_id: int, hour: TimeRange) -> Ints:
    """Return the executions of one hour; what is sorted to be summed stays small."""
    # As integers, for PostgreSQL's sums of big integers are decimals.
    summed = cast(func.sum(tallies.c["count"]), BigInteger)
    statement = (
        select(tallies.c.series_id, summed)
        .where(
            tallies.c.org_id == org_id,
            tallies.c.window_start >= hour.start,
            tallies.c.window_start < hour.end,
        )
        .group_by(tallies.c.series_id)
    )
    result = connection.execute(statement)
    # The driver's own rows: wrapping each one would take as long as reading it.
    rows = np.array(result.cursor.fetchall(), dtype=np.int64).reshape(-1, 2)
    result.close()
    return rows
