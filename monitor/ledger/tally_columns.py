"""Many tallies at once, as columns of numbers: what a diagnosis of a whole org is made from.

Millions of rows pass through here, so nothing is built for a single one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Double,
    Select,
    and_,
    cast,
    func,
    literal,
    select,
)

from monitor.model import NO_ERROR
from monitor.store import BAND_COLUMNS, series, tallies
from monitor.time_ranges import TimeRange

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MOST_STARTS = 15_000
"""Windows that are named one by one: half of what a statement may have of parameters."""

_MOST_ROWS = 10_000
"""Rows that are held as Python values at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class TallyColumns:
    """Tallies of many series, or sums of them; n rows in no order, all columns of one length.

    Attributes:
        series: Which series, as in ``OrgTallies.words``; shape (n,).
        start: Start of the window, or of the bucket that was summed; epoch seconds.
        count: Executions.
        duration_ms: Sum of their durations.
        min_ms: The shortest duration.
        max_ms: The longest duration.
        bands: Executions per latency band; shape (n, 21).
    """

    series: Ints
    start: Ints
    count: Floats
    duration_ms: Floats
    min_ms: Floats
    max_ms: Floats
    bands: Floats

    def take(self, rows: slice | npt.NDArray[Any]) -> TallyColumns:
        """Some of the rows, in the order that ``rows`` gives."""
        return TallyColumns(
            **{field.name: getattr(self, field.name)[rows] for field in fields(TallyColumns)}
        )


@dataclass(frozen=True, slots=True, eq=False)
class OrgTallies:
    """Every tally of an org and a period, as of one moment.

    Attributes:
        time_range: The period; windows are in it by their start.
        bucket_seconds: Length of the buckets that ``successes`` are summed over, counted from the
            start of the period.
        words: Action id, error type and response status by the number of the series.
        successes: Successes by bucket.
        counts: Successes by window, as series, start of the window and executions; shape (m, 3).
        failures: Everything else by window.
    """

    time_range: TimeRange
    bucket_seconds: int
    words: dict[int, tuple[str, str, str]]
    successes: TallyColumns
    counts: Ints
    failures: TallyColumns


def read_org_tallies(  # noqa: PLR0913, PLR0917 - whose, when, how fine, and of what
    connection: Connection,
    org_id: int,
    time_range: TimeRange,
    bucket_seconds: int,
    window_seconds: int,
    action_id: str | None = None,
) -> OrgTallies:
    """Read it: durations of successes by bucket, all that failed by window.

    Failures are few and need their moment; successes are many, and how long they took is about
    the same all through a bucket.

    Args:
        connection: A read transaction.
        org_id: The org.
        time_range: Which windows; by their start.
        bucket_seconds: A multiple of ``window_seconds``.
        window_seconds: Length of a window.
        action_id: Only this action, window by window; None for all.
    """
    matching = series.c.org_id == org_id
    if action_id is not None:
        matching &= series.c.action_id == action_id
    statement = select(
        series.c.id, series.c.action_id, series.c.error_type, series.c.response_status
    )
    words = {
        row[0]: (row[1], row[2], row[3]) for row in connection.execute(statement.where(matching))
    }
    good = np.array(sorted(key for key, word in words.items() if word[1] == NO_ERROR), dtype=int)
    if action_id is not None:
        chosen = _of_windows(org_id, time_range, window_seconds)
        of_action = tallies.c.series_id.in_(list(words))
        rows = _columns(connection.execute(_by_window(chosen).where(of_action)))
        is_good = np.isin(rows.series, good)
        failures, successes = rows.take(~is_good), rows.take(is_good)
        return OrgTallies(
            time_range, window_seconds, words, successes, _counted(successes), failures
        )
    of_org = tallies.c.org_id == org_id
    failing = select(series.c.id).where(matching, series.c.error_type != NO_ERROR)
    failures = _columns(
        connection.execute(
            _by_window(_within(of_org, time_range)).where(tallies.c.series_id.in_(failing))
        )
    )
    if bucket_seconds == window_seconds:
        successes = _columns(connection.execute(_by_window(_within(of_org, time_range))))
        successes = successes.take(np.isin(successes.series, good))
        counts = _counted(successes)
    else:
        # One bucket at a time: what is sorted to be summed stays small.
        sums = [
            one.take(np.isin(one.series, good))
            for bucket in time_range.slices(bucket_seconds)
            for one in (_columns(connection.execute(_summed(of_org, bucket))),)
        ]
        successes = _joined(sums)
        counts = _table(connection.execute(_counts(of_org, time_range)), 3).astype(np.int64)
        counts = counts[np.isin(counts[:, 0], good)]
    return OrgTallies(time_range, bucket_seconds, words, successes, counts, failures)


_NUMBERS = [tallies.c[name] for name in ("count", "duration_ms", "min_ms", "max_ms", *BAND_COLUMNS)]


def _within(of_org: ColumnElement[bool], time_range: TimeRange) -> ColumnElement[bool]:
    return and_(
        of_org,
        tallies.c.window_start >= time_range.start,
        tallies.c.window_start < time_range.end,
    )


def _of_windows(org_id: int, time_range: TimeRange, window_seconds: int) -> ColumnElement[bool]:
    """Return the condition of a period for a few series: each window is named where it can be.

    Rows lie by window, those of all actions together. Those of one action are found by a short look
    into each window; a condition on the period as a whole makes a database read all the others'.
    """
    first = -(-time_range.start // window_seconds) * window_seconds
    starts = range(first, time_range.end, window_seconds)
    of_org = tallies.c.org_id == org_id
    if len(starts) > _MOST_STARTS:
        return _within(of_org, time_range)
    return and_(of_org, tallies.c.window_start.in_(starts))


def _by_window(chosen: ColumnElement[bool]) -> Select[Any]:
    return select(tallies.c.series_id, tallies.c.window_start, *_NUMBERS).where(chosen)


def _counted(successes: TallyColumns) -> Ints:
    count = successes.count.astype(np.int64)
    return np.stack([successes.series, successes.start, count], axis=1)


def _counts(of_org: ColumnElement[bool], time_range: TimeRange) -> Select[Any]:
    return select(tallies.c.series_id, tallies.c.window_start, tallies.c["count"]).where(
        _within(of_org, time_range)
    )


def _summed(of_org: ColumnElement[bool], bucket: TimeRange) -> Select[Any]:
    ways: dict[str, Callable[[Any], Any]] = {"min_ms": func.min, "max_ms": func.max}
    # As doubles, for PostgreSQL's sums of big integers are decimals.
    sums = [cast(ways.get(one.name, func.sum)(one), Double) for one in _NUMBERS]
    return (
        select(tallies.c.series_id, literal(bucket.start), *sums)
        .where(_within(of_org, bucket))
        .group_by(tallies.c.series_id)
    )


def _columns(result: CursorResult[Any]) -> TallyColumns:
    table = _table(result, 2 + len(_NUMBERS))
    return TallyColumns(
        series=table[:, 0].astype(np.int64),
        start=table[:, 1].astype(np.int64),
        count=table[:, 2],
        duration_ms=table[:, 3],
        min_ms=table[:, 4],
        max_ms=table[:, 5],
        bands=table[:, 6:],
    )


def _table(result: CursorResult[Any], width: int) -> Floats:
    # The driver's own rows: wrapping each one would take as long as reading it.
    cursor = result.cursor
    pieces = [np.zeros((0, width))]
    while rows := cursor.fetchmany(_MOST_ROWS):
        pieces.append(np.array(rows, dtype=np.float64))
    result.close()
    return np.concatenate(pieces)


def _joined(parts: Sequence[TallyColumns]) -> TallyColumns:
    names = [field.name for field in fields(TallyColumns)]
    return TallyColumns(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )
