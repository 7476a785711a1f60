"""Tallies in the database: what a reading adds to windows and totals."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from monitor.ledger.counts import Kept, SeriesKey, TallyKey, grown
from monitor.model import Tally
from monitor.store import BAND_COLUMNS, insert_if_absent, series, tallies, upsert

_Row = tuple[int, int]
"""Series number and start of a window."""


@dataclass(slots=True)
class Growth:
    """What a reading added: executions by the start of their window, and restatements."""

    added: dict[int, int] = field(default_factory=dict)
    restatements: int = 0


def add_tallies(
    connection: Connection,
    org_id: int,
    seen: Mapping[TallyKey, Tally],
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
    larger: dict[_Row, Tally] = {}
    for key in keys:
        row = numbers[key[0]], key[1]
        before = known.get(row, 0)
        tally = seen.get(key) or Tally(*key[0], window_start=key[1], count=0)
        if key in seen and tally.count < before:
            growth.restatements += 1
        count = max(before, tally.count) + more.get(key, 0)
        if count > before:
            larger[row] = replace(tally, count=count) if key in more else tally
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
        (action_id, error_type, response_status): number
        for number, action_id, error_type, response_status in connection.execute(statement)
    }


def _known_counts(connection: Connection, org_id: int, windows: set[int]) -> dict[_Row, int]:
    # Counts alone, for all windows in one go: a poll shows mostly what is known already.
    statement = select(tallies.c.series_id, tallies.c.window_start, tallies.c["count"]).where(
        tallies.c.org_id == org_id, tallies.c.window_start.between(min(windows), max(windows))
    )
    return {(number, window): count for number, window, count in connection.execute(statement)}


def _kept(connection: Connection, org_id: int, rows: Iterable[_Row]) -> dict[_Row, Kept]:
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
        (row[0], row[1]): Kept(row[2], row[3], row[4], row[5], tuple(row[6:]))
        for row in connection.execute(statement)
        if (row[0], row[1]) in wanted
    }


def _write(
    connection: Connection,
    org_id: int,
    larger: Mapping[_Row, Tally],
    known: Mapping[_Row, int],
) -> None:
    old = _kept(connection, org_id, larger.keys() & known.keys())
    rows: list[dict[str, Any]] = []
    sums: dict[int, list[float]] = defaultdict(lambda: [0, 0.0] + [0] * len(BAND_COLUMNS))
    for (number, window), tally in sorted(larger.items(), key=lambda item: item[0][::-1]):
        before = old.get((number, window), Kept())
        after = grown(before, tally)
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
        total = sums[number]
        total[0] += after.count - before.count
        more_ms = after.duration_ms - before.duration_ms
        # What an older program kept may be infinite: it must not refuse every later reading.
        total[1] += more_ms if math.isfinite(more_ms) else 0.0
        for index, (new, kept) in enumerate(zip(after.bands, before.bands, strict=True), 2):
            total[index] += new - kept
    upsert(connection, tallies, rows)
    _add_to_totals(connection, sums)


def _add_to_totals(connection: Connection, sums: Mapping[int, list[float]]) -> None:
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
            | {f"more_{name}": more for name, more in zip(columns, total, strict=True)}
            for number, total in sums.items()
        ],
    )
