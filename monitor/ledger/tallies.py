"""Tallies in the database: what a reading adds to windows and totals."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from monitor.counts import Counts, SeriesKey, Tally
from monitor.store import BAND_COLUMNS, insert_if_absent, series, tallies, upsert

TallyKey = tuple[SeriesKey, int]
"""A series and the start of a window."""

_Row = tuple[int, int]
"""Series number and start of a window."""


@dataclass(slots=True)
class Growth:
    """What a reading added: executions by the start of their window, and restatements."""

    added: dict[int, int] = field(default_factory=dict)
    restatements: int = 0


def largest(tallies: Iterable[Tally]) -> dict[TallyKey, Counts]:
    """Return the counts by key, those with the most executions: an answer may repeat itself."""
    best: dict[TallyKey, Counts] = {}
    for tally in tallies:
        key = tally.key, tally.window_start
        if key not in best or best[key].count < tally.counts.count:
            best[key] = tally.counts
    return best


def add_tallies(
    connection: Connection,
    org_id: int,
    seen: Mapping[TallyKey, Counts],
    more: Mapping[TallyKey, int],
) -> Growth:
    """Let windows and totals grow by what a reading shows beyond what is known.

    Args:
        connection: A write transaction that holds the org.
        org_id: The org.
        seen: What the reading shows; counts are those of the whole window.
        more: Executions that come on top of what is known, one by one (incidents).
    """
    keys = seen.keys() | more.keys()
    if not keys:
        return Growth()
    numbers = _series_numbers(connection, org_id, {key for key, _ in keys})
    known = _known_counts(connection, org_id, {window for _, window in keys})
    growth = Growth()
    larger: dict[_Row, Counts] = {}
    for key in keys:
        row = numbers[key[0]], key[1]
        before = known.get(row, 0)
        shown = seen.get(key) or Counts()
        if key in seen and shown.count < before:
            growth.restatements += 1
        count = max(before, shown.count) + more.get(key, 0)
        if count > before:
            larger[row] = replace(shown, count=count) if key in more else shown
            growth.added[key[1]] = growth.added.get(key[1], 0) + count - before
    _write(connection, org_id, larger, known)
    return growth


def _series_numbers(
    connection: Connection, org_id: int, wanted: set[SeriesKey]
) -> dict[SeriesKey, int]:
    numbers = _known_series(connection, org_id)
    absent = wanted - numbers.keys()
    if not absent:
        return numbers
    insert_if_absent(
        connection,
        series,
        [
            {
                "org_id": org_id,
                "action_id": action_id,
                "error_type": error_type,
                "response_status": response_status,
            }
            for action_id, error_type, response_status in sorted(absent)
        ],
    )
    return _known_series(connection, org_id)


def _known_series(connection: Connection, org_id: int) -> dict[SeriesKey, int]:
    statement = select(
        series.c.id, series.c.action_id, series.c.error_type, series.c.response_status
    ).where(series.c.org_id == org_id)
    return {
        SeriesKey(action_id, error_type, response_status): number
        for number, action_id, error_type, response_status in connection.execute(statement)
    }


def _known_counts(connection: Connection, org_id: int, windows: set[int]) -> dict[_Row, int]:
    # Counts alone, for all windows in one go: a poll shows mostly what is known already.
    statement = select(tallies.c.series_id, tallies.c.window_start, tallies.c["count"]).where(
        tallies.c.org_id == org_id, tallies.c.window_start.between(min(windows), max(windows))
    )
    return {(number, window): count for number, window, count in connection.execute(statement)}


def _kept(connection: Connection, org_id: int, rows: Iterable[_Row]) -> dict[_Row, Counts]:
    wanted = set(rows)
    if not wanted:
        return {}
    windows = {window for _, window in wanted}
    statement = select(
        tallies.c.series_id,
        tallies.c.window_start,
        tallies.c["count"],
        tallies.c.duration_ms,
        tallies.c.min_ms,
        tallies.c.max_ms,
        *(tallies.c[name] for name in BAND_COLUMNS),
    ).where(tallies.c.org_id == org_id, tallies.c.window_start.between(min(windows), max(windows)))
    return {
        (row[0], row[1]): Counts(row[2], row[3], row[4], row[5], tuple(row[6:]))
        for row in connection.execute(statement)
        if (row[0], row[1]) in wanted
    }


def _write(
    connection: Connection,
    org_id: int,
    larger: Mapping[_Row, Counts],
    known: Mapping[_Row, int],
) -> None:
    old = _kept(connection, org_id, larger.keys() & known.keys())
    rows: list[dict[str, Any]] = []
    sums: dict[int, Counts] = defaultdict(Counts)
    for (number, window), shown in sorted(larger.items(), key=lambda item: item[0][::-1]):
        before = old.get((number, window), Counts())
        after = before.grown_by(shown)
        rows.append(
            {
                "org_id": org_id,
                "window_start": window,
                "series_id": number,
                "count": after.count,
                "duration_ms": after.duration_ms,
                "min_ms": after.min_ms,
                "max_ms": after.max_ms,
            }
            | dict(zip(BAND_COLUMNS, after.bands, strict=True))
        )
        more = after - before
        # What an older program kept may be infinite: it must not refuse every later reading.
        sums[number] += more if math.isfinite(more.duration_ms) else replace(more, duration_ms=0.0)
    upsert(connection, tallies, rows)
    _add_to_totals(connection, sums)


def _add_to_totals(connection: Connection, sums: Mapping[int, Counts]) -> None:
    if not sums:
        return
    columns = ("count", "duration_ms", *BAND_COLUMNS)
    statement = (
        update(series)
        .where(series.c.id == bindparam("number"))
        .values({name: series.c[name] + bindparam(f"more_{name}") for name in columns})
    )
    connection.execute(
        statement,
        [
            {"number": number}
            | {
                f"more_{name}": more
                for name, more in zip(
                    columns, (total.count, total.duration_ms, *total.bands), strict=True
                )
            }
            for number, total in sums.items()
        ],
    )
