"""Windows that have settled are packed; those that grow all the same are taken out again.

What a window counts is the same before and after, and each of these is a part of one write
transaction: whoever dies in the middle leaves it as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import structlog
from sqlalchemy import Connection, Row, delete, insert, select

from monitor.counts import EDGES_ABOVE, Counts, SeriesKey, TallyKey, fineness
from monitor.ledger.windows import (
    first_open_window,
    open_windows,
    packs_within,
    unpacked,
    within,
    words_of_series,
)
from monitor.store import (
    BAND_COLUMNS,
    DAY_SECONDS,
    SERIES_PER_PACK,
    WindowColumns,
    joined,
    pack,
    pack_sums,
    packed_days,
    tallies,
    upsert,
)
from monitor.time_ranges import TimeRange, floor_to

log = structlog.get_logger()

PACKED_AT_ONCE_SECONDS = 6 * 3_600
"""How much of an org is packed in one transaction: what waits for it waits for a second."""

_TOO_MANY = "more executions than 64 bits hold"


def next_to_pack(connection: Connection, org_id: int, since: int, before: int) -> TimeRange | None:
    """Return the period to pack next of an org; None where nothing is left.

    Args:
        connection: A transaction.
        org_id: The org.
        since: Where to begin to look.
        before: Windows that begin from here on may still grow.
    """
    first = first_open_window(connection, org_id, since)
    if first is None or first >= before:
        return None
    start = floor_to(first, PACKED_AT_ONCE_SECONDS)
    return TimeRange(start, start + PACKED_AT_ONCE_SECONDS)


def pack_windows(connection: Connection, org_id: int, time_range: TimeRange) -> int:
    """Pack the open windows of a period.

    Args:
        connection: A write transaction that holds the org.
        org_id: The org.
        time_range: The period; of one day.

    Returns:
        Windows packed.
    """
    try:
        rows = open_windows(connection, org_id, time_range)
    except (OverflowError, TypeError, ValueError) as error:
        # Only a damaged state has such rows: they stay, for ``state check`` to tell.
        log.warning("windows_not_packed", org_id=org_id, start=time_range.start, why=str(error))
        return 0
    day = TimeRange(*(floor_to(time_range.start, DAY_SECONDS) + at for at in (0, DAY_SECONDS)))
    done = 0
    packed = {row.series_group: row for row in _packs(connection, org_id, day)}
    for group, part in _by_group(rows):
        there = packed.get(group)
        before = None if there is None else unpacked(there.windows, org_id, group, day.start)
        if there is not None and before is None:
            continue  # what is damaged is not written over
        together = part if before is None else joined((before, part))
        try:
            _write(connection, org_id, group, day.start, together)
        except OverflowError:
            log.warning("windows_not_packed", org_id=org_id, start=day.start, why=_TOO_MANY)
            continue
        low = group * SERIES_PER_PACK
        connection.execute(
            delete(tallies).where(
                within(org_id, time_range),
                tallies.c.series_id.between(low, low + SERIES_PER_PACK - 1),
            )
        )
        done += len(part)
    return done


def take_out(
    connection: Connection,
    org_id: int,
    seen: Mapping[TallyKey, Counts],
    more: Mapping[TallyKey, int],
) -> tuple[Mapping[TallyKey, Counts], int]:
    """Make rows of the packed windows that a reading lets grow; leave out those that stay.

    Args:
        connection: A write transaction that holds the org.
        org_id: The org.
        seen: What the reading shows; counts are those of the whole window.
        more: Executions that come on top of what is known.

    Returns:
        What it shows beside the packed windows that stay as they are, and how many of these it
        shows fewer executions of.
    """
    starts = {start for _, start in (*seen, *more)}
    if not starts:
        return seen, 0
    asked = TimeRange(min(starts), max(starts) + 1)
    # Most polls ask for windows that are too young to be packed.
    edges = select(packed_days.c.series_group, packed_days.c.day_start)
    if not connection.execute(edges.where(packs_within(org_id, asked)).limit(1)).first():
        return seen, 0
    numbers = {
        SeriesKey(*words): number for number, words in words_of_series(connection, org_id).items()
    }
    compared = _Comparison(
        {(numbers[key], start): counts for (key, start), counts in seen.items() if key in numbers},
        {(numbers[key], start) for key, start in more if key in numbers},
    )
    _rewrite(connection, org_id, asked, compared.keeps, compared.leave_out)
    if not compared.unchanged:
        return seen, compared.restated
    left = {
        (key, start): counts
        for (key, start), counts in seen.items()
        if (numbers.get(key, -1), start) not in compared.unchanged
    }
    return left, compared.restated


class _Comparison:
    """Of packed windows: which of them a reading lets grow."""

    def __init__(self, seen: Mapping[tuple[int, int], Counts], more: set[tuple[int, int]]) -> None:
        self._seen = seen
        self._more = more
        self.unchanged: set[tuple[int, int]] = set()
        self.restated = 0

    def keeps(self, rows: WindowColumns) -> np.ndarray[Any, Any]:
        """Return which windows stay packed."""
        keys = list(zip(rows.series.tolist(), rows.start.tolist(), strict=True))
        in_bands = rows.bands.sum(axis=1, dtype=np.int64).tolist()
        fine = (rows.bands @ np.array(EDGES_ABOVE, dtype=np.int64)).tolist()
        known = zip(keys, rows.count.tolist(), in_bands, fine, strict=True)
        return np.array([not self._grows(*one) for one in known], dtype=bool)

    def leave_out(self, group: int, day_start: int) -> bool:
        """Take the windows of a damaged pack for known: nothing may be counted twice."""
        self.unchanged.update(
            (number, start)
            for number, start in self._seen.keys() - self._more
            if number // SERIES_PER_PACK == group and floor_to(start, DAY_SECONDS) == day_start
        )
        return False

    def _grows(self, key: tuple[int, int], count: int, banded: int, fine: int) -> bool:
        shown = self._seen.get(key)
        if key in self._more:
            return True
        if shown is None:
            return False
        is_told_better = sum(shown.bands) > banded or fineness(shown.bands) > fine
        if shown.count > count or (shown.count == count and is_told_better):
            return True
        self.restated += shown.count < count
        self.unchanged.add(key)
        return False


def forget_packed(connection: Connection, org_id: int, before: int) -> int:
    """Remove the packed windows that began before a moment; how many that were."""
    removed = 0

    def keeps(rows: WindowColumns) -> np.ndarray[Any, Any]:
        nonlocal removed
        young: np.ndarray[Any, Any] = rows.start >= before
        removed += len(rows) - int(young.sum())
        return young

    def is_old(_group: int, day_start: int) -> bool:
        return day_start + DAY_SECONDS <= before

    everything = TimeRange(-(2**62), before)
    _rewrite(connection, org_id, everything, keeps, is_old, into_rows=False)
    return removed


def _rewrite(  # noqa: PLR0913 - of what, and what becomes of each part of it
    connection: Connection,
    org_id: int,
    time_range: TimeRange,
    keeps: Callable[[WindowColumns], np.ndarray[Any, Any]],
    removes_damaged: Callable[[int, int], bool],
    *,
    into_rows: bool = True,
) -> None:
    """Let packs that touch a period keep some of their windows; the others become rows, or go."""
    for row in list(_packs(connection, org_id, time_range, keys_only=True)):
        one = _one(org_id, row.series_group, row.day_start)
        windows = connection.execute(select(packed_days.c.windows).where(*one)).scalar_one()
        rows = unpacked(windows, org_id, row.series_group, row.day_start)
        if rows is None:
            if removes_damaged(row.series_group, row.day_start):
                connection.execute(delete(packed_days).where(*one))
            continue
        stay = keeps(rows)
        if stay.all():
            continue
        if stay.any():
            _write(connection, org_id, row.series_group, row.day_start, rows.take(stay))
        else:
            connection.execute(delete(packed_days).where(*one))
        if into_rows:
            _open(connection, org_id, rows.take(~stay))


def _packs(
    connection: Connection, org_id: int, time_range: TimeRange, *, keys_only: bool = False
) -> Iterator[Row[Any]]:
    columns = [packed_days.c.series_group, packed_days.c.day_start]
    found = select(*columns, *([] if keys_only else [packed_days.c.windows]))
    ordered = found.order_by(packed_days.c.series_group, packed_days.c.day_start)
    yield from connection.execute(ordered.where(packs_within(org_id, time_range)))


def _one(org_id: int, group: int, day_start: int) -> tuple[Any, ...]:
    return (
        packed_days.c.org_id == org_id,
        packed_days.c.series_group == group,
        packed_days.c.day_start == day_start,
    )


def _by_group(rows: WindowColumns) -> Iterator[tuple[int, WindowColumns]]:
    groups = rows.series // SERIES_PER_PACK
    for group in np.unique(groups).tolist():
        low, high = np.searchsorted(groups, [group, group + 1])
        yield group, rows.take(slice(low, high))


def _write(
    connection: Connection, org_id: int, group: int, day_start: int, rows: WindowColumns
) -> None:
    upsert(
        connection,
        packed_days,
        [
            {
                "org_id": org_id,
                "series_group": group,
                "day_start": day_start,
                "first_window": int(rows.start.min()),
                "last_window": int(rows.start.max()),
                "sums": pack_sums(rows.by_bucket(day_start, None)),
                "windows": pack(rows),
            }
        ],
    )


def _open(connection: Connection, org_id: int, rows: WindowColumns) -> None:
    """Write windows as rows."""
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
    names = ("series_id", "window_start", "count", "duration_ms", "min_ms", "max_ms")
    connection.execute(
        insert(tallies),
        [
            {"org_id": org_id}
            | dict(zip(names, row[:-1], strict=True))
            | dict(zip(BAND_COLUMNS, row[-1], strict=True))
            for row in numbers
        ],
    )
