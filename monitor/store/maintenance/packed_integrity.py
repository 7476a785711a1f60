"""Whether packed windows are what was written, and what they add up to."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy import BigInteger, ColumnElement, Connection, cast, func, literal, select

from monitor.store.packing import DamagedPackError, sums_of, unpack, unpack_sums
from monitor.store.schema import (
    BAND_COLUMNS,
    DAY_SECONDS,
    SERIES_PER_PACK,
    packed_days,
    series,
    tallies,
)
from monitor.store.window_columns import WindowColumns, columns_of, joined

LARGEST: Final = 1e300
"""No sum of durations comes near it; infinity lies beyond, and what is no number sorts there."""

TOLERANCE: Final = 1e-6
"""Sums of durations are added up in another order than they grew in."""

_COUNTED = ("count", "duration_ms", *BAND_COLUMNS)


@dataclass(frozen=True, slots=True)
class PackKey:
    """Which pack.

    Attributes:
        org_id: Whose.
        series_group: The number of the group of series.
        day_start: Start of the day; epoch seconds.
    """

    org_id: int
    series_group: int
    day_start: int


def intact(key: PackKey, windows: bytes) -> WindowColumns | None:
    """Return the windows of a pack; None where they can't be what was written."""
    rows = _unpacked(windows)
    if rows is None or not len(rows):
        return None
    is_in_place = (rows.series // SERIES_PER_PACK == key.series_group) & (
        rows.start // DAY_SECONDS * DAY_SECONDS == key.day_start
    )
    return rows if is_in_place.all() and is_possible(rows).all() else None


def is_possible(rows: WindowColumns) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return of each window whether its numbers can be what was counted; shape (n,)."""
    bands = rows.bands.astype(np.int64)
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
        (rows.count >= 0)
        & (rows.duration_ms >= 0)
        & (rows.duration_ms <= LARGEST)
        & (rows.min_ms <= rows.max_ms)
        & (rows.max_ms <= LARGEST)
        & (bands >= 0).all(axis=1)
        & (bands.sum(axis=1) <= rows.count)
    )
    return found


def check_packs(connection: Connection) -> str:
    """Return what is wrong with packed windows; empty where nothing is."""
    found = Counter[str]()
    of_org: dict[int, set[int]] = {}
    for number, org_id in connection.execute(select(series.c.id, series.c.org_id)):
        of_org.setdefault(org_id, set()).add(number)
    for key in _keys(connection):
        windows, sums, first, last = _pack(connection, key)
        rows = intact(key, windows)
        if rows is None:
            found["that are damaged"] += 1
            continue
        found["whose sums are others"] += not _are_sums_of(sums, rows)
        edges = int(rows.start.min()), int(rows.start.max())
        found["that begin or end elsewhere"] += edges != (first, last)
        found["of no series"] += not of_org.get(key.org_id, set()).issuperset(rows.series.tolist())
        found["of windows that are open too"] += _has_open(connection, key, rows)
    told = ", ".join(f"{count} {what}" for what, count in sorted(found.items()) if count)
    return f"packed days {told}" if told else ""


def check_totals(connection: Connection) -> str:
    """Return whether totals hold their windows, packed and open, beside those that were pruned."""
    packed = []
    for sums_of_pack in connection.execute(select(packed_days.c.sums)).scalars():
        with suppress(DamagedPackError):  # which another rule tells
            packed.append(unpack_sums(sums_of_pack))
    sums = joined([_open_sums(connection), sums_of(packed, 0)]).by_bucket(0, None)
    names = (series.c.id, *(series.c[name] for name in _COUNTED))
    totals = {row[0]: row[1:] for row in connection.execute(select(*names))}
    numbers = zip(
        sums.series.tolist(),
        sums.count.tolist(),
        sums.duration_ms.tolist(),
        sums.bands.tolist(),
        strict=True,
    )
    short = 0
    for number, count, duration_ms, bands in numbers:
        total = totals.get(number)
        if total is None:
            continue  # an orphan, which another rule tells
        short += (
            count > total[0]
            or duration_ms > total[1] * (1 + TOLERANCE) + TOLERANCE
            or any(one > other for one, other in zip(bands, total[2:], strict=True))
        )
    return f"rows that can't be: {short} in series" if short else ""


def _keys(connection: Connection) -> list[PackKey]:
    columns = packed_days.c.org_id, packed_days.c.series_group, packed_days.c.day_start
    return [PackKey(*row) for row in connection.execute(select(*columns).order_by(*columns))]


def _pack(connection: Connection, key: PackKey) -> tuple[bytes, bytes, int, int]:
    row = connection.execute(
        select(
            packed_days.c.windows,
            packed_days.c.sums,
            packed_days.c.first_window,
            packed_days.c.last_window,
        ).where(
            packed_days.c.org_id == key.org_id,
            packed_days.c.series_group == key.series_group,
            packed_days.c.day_start == key.day_start,
        )
    ).one()
    return row[0], row[1], row[2], row[3]


def _are_sums_of(sums: bytes, rows: WindowColumns) -> bool:
    try:
        return sums_of([unpack_sums(sums)], 0).equals(rows.by_bucket(0, None))
    except DamagedPackError:
        return False


def _unpacked(packed: bytes) -> WindowColumns | None:
    try:
        return unpack(packed)
    except DamagedPackError:
        return None


def _has_open(connection: Connection, key: PackKey, rows: WindowColumns) -> bool:
    low = key.series_group * SERIES_PER_PACK
    found = connection.execute(
        select(tallies.c.series_id, tallies.c.window_start).where(
            tallies.c.org_id == key.org_id,
            tallies.c.window_start.between(int(rows.start.min()), int(rows.start.max())),
            tallies.c.series_id.between(low, low + SERIES_PER_PACK - 1),
        )
    )
    packed = set(zip(rows.series.tolist(), rows.start.tolist(), strict=True))
    return any((number, start) in packed for number, start in found)


def _open_sums(connection: Connection) -> WindowColumns:
    def summed(name: str) -> ColumnElement[Any]:
        # As integers, for PostgreSQL's sums of big integers are decimals.
        return cast(func.sum(tallies.c[name]), BigInteger)

    statement = select(
        tallies.c.series_id,
        literal(0),
        summed("count"),
        func.sum(tallies.c.duration_ms),
        func.min(tallies.c.min_ms),
        func.max(tallies.c.max_ms),
        *(summed(name) for name in BAND_COLUMNS),
    ).group_by(tallies.c.series_id)
    return columns_of([tuple(row) for row in connection.execute(statement)])
