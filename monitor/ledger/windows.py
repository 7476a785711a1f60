"""Every window of a period as columns, whether it is packed or still open: each is one of both.

All of it is read in the caller's transaction, group of series by group of series, so that a whole
org is never in memory at once. A pack that is damaged costs its own windows: it is logged and left
out, ``state check`` finds it, and ``state repair`` says what is missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import structlog
from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, not_, select

from monitor.sanitize import sanitize_id
from monitor.store import (
    BAND_COLUMNS,
    DAY_SECONDS,
    SERIES_PER_PACK,
    DamagedPackError,
    WindowColumns,
    columns_of,
    joined,
    no_windows,
    packed_days,
    series,
    sums_of,
    tallies,
    unpack,
    unpack_counts,
    unpack_sums,
)
from monitor.time_ranges import TimeRange, floor_to

Ints = npt.NDArray[np.int64]
_Unpacked = TypeVar("_Unpacked")

log = structlog.get_logger()

Words = dict[int, tuple[str, str, str]]
"""Action id, error type and response status, by the number of a series."""

_ROWS_AT_ONCE = 10_000
"""Rows that are held as Python values at a time."""

_GROUPS_AT_ONCE = 16
"""Groups whose packs are read by one statement: what they hold is bytes, a few MB of a week."""

_MOST_NAMED = 15_000
"""Values that are named one by one: half of what a statement may have of parameters."""


def words_of_series(
    connection: Connection, org_id: int, action_ids: Collection[str] | None = None
) -> Words:
    """Return how the executions of each series end; of some actions, where they are named."""
    matching = series.c.org_id == org_id
    if action_ids is not None and len(action_ids) <= _MOST_NAMED:
        # An id that is kept as another one is nobody's, and databases take it for an error.
        fit = {one for one in action_ids if one == sanitize_id(one)}
        matching &= series.c.action_id.in_(sorted(fit))
    statement = select(
        series.c.id, series.c.action_id, series.c.error_type, series.c.response_status
    )
    found = connection.execute(statement.where(matching))
    chosen = None if action_ids is None else frozenset(action_ids)
    return {row[0]: (row[1], row[2], row[3]) for row in found if chosen is None or row[1] in chosen}


def windows_by_group(
    connection: Connection,
    org_id: int,
    time_range: TimeRange,
    chosen_series: Collection[int] | None = None,
    window_seconds: int | None = None,
) -> Iterator[WindowColumns]:
    """Return the windows that start in a period, in order, a group of series at a time.

    Args:
        connection: A read transaction.
        org_id: The org.
        time_range: Which windows; by their start.
        chosen_series: The only series that are asked for; None for all.
        window_seconds: Length of a window, where few series are asked for: finds their rows sooner.

    Yields:
        Windows by series and start. No series is in two of them.
    """
    still_open = open_windows(connection, org_id, time_range, chosen_series, window_seconds)
    packed = set(packed_groups(connection, org_id, time_range, chosen_series))
    ordered = sorted(packed.union(np.unique(still_open.series // SERIES_PER_PACK).tolist()))
    for begin in range(0, len(ordered), _GROUPS_AT_ONCE):
        some = ordered[begin : begin + _GROUPS_AT_ONCE]
        packs_of = _packs(connection, org_id, packed.intersection(some), time_range)
        for group in some:
            edges = np.array([group, group + 1]) * SERIES_PER_PACK
            low, high = np.searchsorted(still_open.series, edges)
            packs = (one.rows(time_range, chosen_series) for one in packs_of.get(group, ()))
            yield joined([*packs, still_open.take(slice(low, high))]).sorted()


def open_windows(
    connection: Connection,
    org_id: int,
    time_range: TimeRange,
    chosen_series: Collection[int] | None = None,
    window_seconds: int | None = None,
) -> WindowColumns:
    """Return the windows of a period that are not packed, by series and start.

    Args:
        connection: A transaction.
        org_id: The org.
        time_range: Which windows; by their start.
        chosen_series: The only series that are asked for; None for all.
        window_seconds: As in ``windows_by_group``.
    """
    chosen = within(org_id, time_range)
    if chosen_series is not None and len(chosen_series) <= _MOST_NAMED:
        if window_seconds is not None:
            chosen = _named(org_id, time_range, window_seconds)
        chosen = and_(chosen, tallies.c.series_id.in_(sorted(chosen_series)))
    found = joined(_read(connection, _every(chosen)))
    return (found if chosen_series is None else found.of_series(chosen_series)).sorted()


def within(org_id: int, time_range: TimeRange) -> ColumnElement[bool]:
    """Return the condition on rows of ``tallies`` that start in a period."""
    return and_(
        tallies.c.org_id == org_id,
        tallies.c.window_start >= time_range.start,
        tallies.c.window_start < time_range.end,
    )


def packed_groups(
    connection: Connection,
    org_id: int,
    time_range: TimeRange,
    chosen_series: Collection[int] | None = None,
) -> list[int]:
    """Return the groups of series that have packed windows in a period."""
    statement = select(packed_days.c.series_group).distinct()
    found = connection.execute(statement.where(packs_within(org_id, time_range))).scalars()
    if chosen_series is None:
        return sorted(found)
    return sorted(set(found).intersection(number // SERIES_PER_PACK for number in chosen_series))


def read_packs(
    connection: Connection, org_id: int, group: int, time_range: TimeRange
) -> Iterator[WindowColumns]:
    """Return the packed windows of a group of series that start in a period, a day at a time."""
    for pack in _packs(connection, org_id, [group], time_range).get(group, ()):
        yield pack.rows(time_range)


@dataclass(frozen=True, slots=True)
class _Pack:
    """The windows of a group of series and a day, still packed."""

    org_id: int
    group: int
    day_start: int
    windows: bytes

    def rows(
        self, time_range: TimeRange, chosen_series: Collection[int] | None = None
    ) -> WindowColumns:
        """Return those that start in a period, of some series or of all; none where damaged."""

        def way(packed: bytes) -> WindowColumns:
            return unpack(packed, chosen_series)

        found = _undamaged(way, self.windows, self.org_id, self.group, self.day_start)
        return no_windows() if found is None else found.within(time_range.start, time_range.end)


def _packs(
    connection: Connection, org_id: int, groups: Collection[int], time_range: TimeRange
) -> dict[int, list[_Pack]]:
    """Return the packs of some groups of series that may have windows in a period, day by day."""
    if not groups:
        # Of the newest windows nothing is packed, and each question takes its time.
        return {}
    statement = (
        select(packed_days.c.series_group, packed_days.c.day_start, packed_days.c.windows)
        .where(packs_within(org_id, time_range), packed_days.c.series_group.in_(groups))
        .order_by(packed_days.c.series_group, packed_days.c.day_start)
    )
    found = defaultdict[int, list[_Pack]](list)
    for group, day_start, windows in connection.execute(statement):
        found[group].append(_Pack(org_id, group, day_start, windows))
    return found


def packed_sums(
    connection: Connection,
    org_id: int,
    time_range: TimeRange,
    chosen_series: Collection[int] | None = None,
) -> Iterator[WindowColumns]:
    """Return sums by series of the packed windows of a period, each under the period's start.

    Args:
        connection: A read transaction.
        org_id: The org.
        time_range: Which windows; by their start.
        chosen_series: The only series whose groups are asked for; None for all.
    """
    chosen = packs_within(org_id, time_range)
    if chosen_series is not None:
        groups = {number // SERIES_PER_PACK for number in chosen_series}
        chosen = and_(chosen, packed_days.c.series_group.in_(sorted(groups)))
    yield sums_of(
        list(_sums_of_whole_packs(connection, org_id, time_range, chosen)), time_range.start
    )
    for rows in _packs_in_part(connection, org_id, time_range, chosen, unpack):
        part = rows.within(time_range.start, time_range.end)
        yield part.by_bucket(time_range.start, None)


def packed_executions(
    connection: Connection, org_id: int, time_range: TimeRange
) -> Iterator[tuple[Ints, Ints]]:
    """Return series and executions of the packed windows of a period; a series comes often.

    Args:
        connection: A read transaction.
        org_id: The org.
        time_range: Which windows; by their start.
    """
    chosen = packs_within(org_id, time_range)
    for table in _sums_of_whole_packs(connection, org_id, time_range, chosen):
        yield table[0], table[1]
    for series_ids, start, count in _packs_in_part(
        connection, org_id, time_range, chosen, unpack_counts
    ):
        inside = (start >= time_range.start) & (start < time_range.end)
        yield series_ids[inside], count[inside]


def _sums_of_whole_packs(
    connection: Connection, org_id: int, time_range: TimeRange, chosen: ColumnElement[bool]
) -> Iterator[Ints]:
    """Return the sums of the packs whose windows all start in a period, as ``unpack_sums`` does."""
    statement = select(packed_days.c.series_group, packed_days.c.day_start, packed_days.c.sums)
    for group, day_start, sums in connection.execute(
        statement.where(chosen, _is_whole(time_range))
    ):
        table = _undamaged(unpack_sums, sums, org_id, group, day_start)
        if table is not None:
            yield table


def _packs_in_part(
    connection: Connection,
    org_id: int,
    time_range: TimeRange,
    chosen: ColumnElement[bool],
    way: Callable[[bytes], _Unpacked],
) -> Iterator[_Unpacked]:
    """Return what is in the other packs that may have windows of the period."""
    statement = select(packed_days.c.series_group, packed_days.c.day_start, packed_days.c.windows)
    for group, day_start, windows in connection.execute(
        statement.where(chosen, not_(_is_whole(time_range)))
    ):
        found = _undamaged(way, windows, org_id, group, day_start)
        if found is not None:
            yield found


def _is_whole(time_range: TimeRange) -> ColumnElement[bool]:
    """Return the condition on packs whose windows all start in a period."""
    return and_(
        packed_days.c.first_window >= time_range.start, packed_days.c.last_window < time_range.end
    )


def packs_within(org_id: int, time_range: TimeRange) -> ColumnElement[bool]:
    """Return the condition on packs that may have windows which start in a period."""
    return and_(
        packed_days.c.org_id == org_id,
        # By the key first; the edges of what is in a pack tell the rest.
        packed_days.c.day_start >= floor_to(time_range.start, DAY_SECONDS),
        packed_days.c.day_start < time_range.end,
        packed_days.c.first_window < time_range.end,
        packed_days.c.last_window >= time_range.start,
    )


def unpacked(packed: bytes, org_id: int, group: int, day_start: int) -> WindowColumns | None:
    """Return what was packed; None where it is damaged, which is logged."""
    return _undamaged(unpack, packed, org_id, group, day_start)


def packed_counts(
    connection: Connection, org_id: int, time_range: TimeRange
) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Return series, start and executions of the packed windows of a period, group by group.

    Each has whole days: some of its windows may start before the period, or after it.
    """
    statement = select(packed_days.c.day_start, packed_days.c.windows).where(
        packs_within(org_id, time_range), packed_days.c.series_group == bindparam("group")
    )
    for group in packed_groups(connection, org_id, time_range):
        days = [
            counts
            for day_start, windows in connection.execute(statement, {"group": group})
            if (counts := _undamaged(unpack_counts, windows, org_id, group, day_start)) is not None
        ]
        if days:
            series_ids, start, count = map(np.concatenate, zip(*days, strict=True))
            yield series_ids, start, count


def _undamaged(
    way: Callable[[bytes], _Unpacked], packed: bytes, org_id: int, group: int, day_start: int
) -> _Unpacked | None:
    try:
        return way(packed)
    except DamagedPackError:
        log.warning(
            "packed_windows_damaged",
            org_id=org_id,
            series_group=group,
            day_start=day_start,
            hint="timeout-monitor state repair says what is lost.",
        )
        return None


def first_open_window(connection: Connection, org_id: int, since: int) -> int | None:
    """Return the start of the oldest window from a moment on that is not packed."""
    oldest = select(func.min(tallies.c.window_start)).where(
        tallies.c.org_id == org_id, tallies.c.window_start >= since
    )
    found: int | None = connection.execute(oldest).scalar_one()
    return found


def _named(org_id: int, time_range: TimeRange, window_seconds: int) -> ColumnElement[bool]:
    """Return the condition of a period for a few series: each window is named where it can be.

    Rows lie by window, those of all actions together. Those of one action are found by a short look
    into each window; a condition on the period as a whole makes a database read all the others'.
    """
    first = -(-time_range.start // window_seconds) * window_seconds
    starts = range(first, time_range.end, window_seconds)
    if len(starts) > _MOST_NAMED:
        return within(org_id, time_range)
    return and_(tallies.c.org_id == org_id, tallies.c.window_start.in_(starts))


def _every(chosen: ColumnElement[bool]) -> Select[Any]:
    names = ("series_id", "window_start", "count", "duration_ms", "min_ms", "max_ms", *BAND_COLUMNS)
    return select(*(tallies.c[name] for name in names)).where(chosen)


def _read(connection: Connection, statement: Select[Any]) -> Iterator[WindowColumns]:
    result = connection.execute(statement)
    # The driver's own rows: wrapping each one would take as long as reading it.
    cursor = result.cursor
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        yield columns_of(rows)
    result.close()
