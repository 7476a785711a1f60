"""Many tallies at once, as columns of numbers: what a diagnosis of a whole org is made from.

Millions of rows pass through here, so nothing is built for a single one of them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from monitor.ledger.windows import windows_by_group, words_of_series
from monitor.model import NO_ERROR
from monitor.store import WindowColumns, joined
from monitor.time_ranges import TimeRange

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


_NARROW = 2**31


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
    action_ids: Collection[str] | None = None,
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
        action_ids: Only these actions; None for all.
    """
    words, named_seconds = words_of_series(connection, org_id, action_ids), None
    if action_ids is not None:
        # Of one action each window is looked for; of many all rows are looked through.
        named_seconds = window_seconds if len(frozenset(action_ids)) == 1 else None
    good = np.array([number for number, word in words.items() if word[1] == NO_ERROR])
    of_actions = None if action_ids is None else words.keys()
    failures, successes = list[WindowColumns](), list[WindowColumns]()
    counts: list[npt.NDArray[Any]] = [np.zeros((0, 3), dtype=np.int64)]
    for rows in windows_by_group(connection, org_id, time_range, of_actions, named_seconds):
        is_good = np.isin(rows.series, good)
        failures.append(rows.take(~is_good))
        succeeded = rows.take(is_good)
        counts.append(_counted(succeeded))
        if bucket_seconds != window_seconds:
            succeeded = succeeded.by_bucket(time_range.start, bucket_seconds)
        successes.append(succeeded)
    return OrgTallies(
        time_range=time_range,
        bucket_seconds=bucket_seconds,
        words=words,
        successes=_floats(joined(successes)),
        counts=np.concatenate(counts, dtype=np.int64),
        failures=_floats(joined(failures)),
    )


def _counted(rows: WindowColumns) -> npt.NDArray[Any]:
    """Return series, start and executions of each row, in half the room where that will do."""
    counts = np.stack([rows.series, rows.start, rows.count], axis=1)
    return counts.astype(np.int32) if counts.size and counts.max() < _NARROW else counts


def _floats(rows: WindowColumns) -> TallyColumns:
    return TallyColumns(
        series=rows.series,
        start=rows.start,
        count=rows.count.astype(np.float64),
        duration_ms=rows.duration_ms,
        min_ms=rows.min_ms,
        max_ms=rows.max_ms,
        bands=rows.bands.astype(np.float64),
    )
