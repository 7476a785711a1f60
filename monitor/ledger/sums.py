"""Sums over any period, of windows that are packed and of those that are open."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, ColumnElement, Connection, cast, func, literal, select

from monitor.counts import Counts, SeriesKey, Tally
from monitor.ledger.windows import (
    Words,
    packed_executions,
    packed_groups,
    packed_sums,
    read_packs,
    windows_by_group,
    within,
    words_of_series,
)
from monitor.store import BAND_COLUMNS, WindowColumns, columns_of, joined, tallies
from monitor.time_ranges import TimeRange


def sum_tallies(
    connection: Connection,
    org_id: int,
    time_range: TimeRange,
    bucket_seconds: int | None,
    action_id: str | None = None,
) -> list[Tally]:
    """Return the windows that start in ``time_range``, summed by series and bucket.

    Buckets are counted from the start of the period. Of one action, where one is named.
    """
    words = words_of_series(connection, org_id, None if action_id is None else [action_id])
    chosen_series = None if action_id is None else words.keys()
    still_open = _open_sums(connection, org_id, time_range, bucket_seconds, chosen_series)
    parts = [still_open]
    if bucket_seconds is None:
        parts += packed_sums(connection, org_id, time_range, chosen_series)
    else:
        for group in packed_groups(connection, org_id, time_range, chosen_series):
            packs = read_packs(connection, org_id, group, time_range)
            parts.append(
                joined(one.by_bucket(time_range.start, bucket_seconds) for one in packs).summed()
            )
    sums = joined(parts)
    sums = (sums if chosen_series is None else sums.of_series(chosen_series)).summed()
    order = sorted(range(len(sums)), key=lambda at: (words[int(sums.series[at])], sums.start[at]))
    return list(tallies_of(sums.take(np.array(order, dtype=np.int64)), words))


def sum_executions(
    connection: Connection, org_id: int, time_range: TimeRange
) -> dict[SeriesKey, int]:
    """Return the executions of the windows that start in ``time_range``, by series."""
    statement = select(tallies.c.series_id, _summed("count")).where(within(org_id, time_range))
    still_open = [tuple(row) for row in connection.execute(statement.group_by(tallies.c.series_id))]
    parts = [
        np.array(still_open, dtype=np.int64).reshape(-1, 2).T,
        *map(np.stack, packed_executions(connection, org_id, time_range)),
    ]
    numbers, counts = np.concatenate(parts, axis=1)
    found, at = np.unique(numbers, return_inverse=True)
    sums = np.zeros(len(found), dtype=np.int64)
    np.add.at(sums, at, counts)
    words = words_of_series(connection, org_id)
    return {
        SeriesKey(*words[number]): count
        for number, count in zip(found.tolist(), sums.tolist(), strict=True)
    }


def window_loads(connection: Connection, org_id: int, time_range: TimeRange) -> list[Tally]:
    """Return every window that starts in ``time_range``."""
    words = words_of_series(connection, org_id)
    return [
        one
        for rows in windows_by_group(connection, org_id, time_range)
        for one in tallies_of(rows, words)
    ]


def tallies_of(rows: WindowColumns, words: Words) -> Iterator[Tally]:
    """Return windows or sums one by one, in their order."""
    keys = {number: SeriesKey(*words[number]) for number in np.unique(rows.series).tolist()}
    numbers = zip(
        rows.series.tolist(),
        rows.start.tolist(),
        rows.count.tolist(),
        rows.duration_ms.tolist(),
        rows.min_ms.tolist(),
        rows.max_ms.tolist(),
        rows.bands.tolist(),
        strict=True,
    )
    for number, start, count, duration_ms, min_ms, max_ms, bands in numbers:
        counts = Counts(count, duration_ms, min_ms, max_ms, tuple(bands))
        yield Tally(keys[number], start, counts)


def _open_sums(
    connection: Connection,
    org_id: int,
    time_range: TimeRange,
    bucket_seconds: int | None,
    chosen_series: Collection[int] | None,
) -> WindowColumns:
    bucket: ColumnElement[int] = literal(time_range.start)
    if bucket_seconds is not None:
        since_start = tallies.c.window_start - time_range.start
        bucket = time_range.start + (since_start // bucket_seconds) * bucket_seconds
    bucket = bucket.label("bucket_start")

    statement = (
        select(
            tallies.c.series_id,
            bucket,
            _summed("count"),
            func.sum(tallies.c.duration_ms),
            func.min(tallies.c.min_ms),
            func.max(tallies.c.max_ms),
            *map(_summed, BAND_COLUMNS),
        )
        .where(
            within(org_id, time_range),
            *([] if chosen_series is None else [tallies.c.series_id.in_(sorted(chosen_series))]),
        )
        .group_by(tallies.c.series_id, *([] if bucket_seconds is None else [bucket]))
    )
    return columns_of([tuple(row) for row in connection.execute(statement)])


def _summed(name: str) -> ColumnElement[Any]:
    """Return the sum of a column of whole numbers; as an integer, for PostgreSQL's is a decimal."""
    return cast(func.sum(tallies.c[name]), BigInteger)
