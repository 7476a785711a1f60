"""Puts packed windows in order that were copied of a damaged state: what is intact stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from monitor.formats import count_of, iso_time
from monitor.store.maintenance.packed_integrity import PackKey, intact
from monitor.store.maintenance.table_reader import Gap, Row
from monitor.store.packing import pack, pack_sums, unpack
from monitor.store.schema import BAND_COLUMNS, DAY_SECONDS, SERIES_PER_PACK, packed_days
from monitor.store.window_columns import WindowColumns

PACKED_SUMS = "packed_sums"
"""A temporary table of the copy: what each series has in its packed windows."""

_COUNTED = ("count", "duration_ms", *BAND_COLUMNS)
_MOST_DAYS = 5
"""Days that are named one by one."""


class PackFilter:
    """Tells packs that are what was written from those that are not.

    Attributes:
        lost: Whose windows are lost, and of which day.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        """Take rows whose columns come in this order."""
        self._at = {name: at for at, name in enumerate(columns)}
        self.lost: list[tuple[int, Gap]] = []

    def allows(self, row: Row) -> bool:
        """Return whether a pack may be kept; the values are of the kinds that they must be."""
        key = PackKey(*(row[self._at[name]] for name in ("org_id", "series_group", "day_start")))  # type: ignore[arg-type]  # whole numbers
        if intact(key, row[self._at["windows"]]) is not None:  # type: ignore[arg-type]  # bytes
            return True
        self.lost.append((key.org_id, Gap(key.day_start, key.day_start + DAY_SECONDS - 1)))
        return False

    def told(self) -> Iterator[str]:
        """Return what is lost, in a sentence."""
        if not self.lost:
            return
        days = sorted({gap.first for _, gap in self.lost})
        shown = ", ".join(iso_time(day)[:10] for day in days[:_MOST_DAYS])
        more = f" and {count_of(len(days) - _MOST_DAYS, 'more day')}" if days[_MOST_DAYS:] else ""
        yield f"{count_of(len(self.lost), 'group')} of packed windows, in the days {shown}{more}"


def sum_packs(destination: sqlite3.Connection, tables: Collection[str]) -> None:
    """Note in ``PACKED_SUMS`` what the packs of the copy add up to; they are intact."""
    if packed_days.name not in tables:
        return  # of an older schema
    columns = ", ".join(f'"{name}"' for name in _COUNTED)
    destination.execute(f"CREATE TEMP TABLE {PACKED_SUMS} (series_id INTEGER, {columns})")
    insert = f"INSERT INTO {PACKED_SUMS} VALUES (?, ?, ?, {', '.join('?' * len(BAND_COLUMNS))})"  # noqa: S608 - ours
    for key, rows in _packs(destination):
        sums = rows.by_bucket(key.day_start, None)
        numbers = zip(
            sums.series.tolist(),
            sums.count.tolist(),
            sums.duration_ms.tolist(),
            sums.bands.tolist(),
            strict=True,
        )
        destination.executemany(insert, [(*row[:3], *row[3]) for row in numbers])


def mend_packs(destination: sqlite3.Connection, tables: Collection[str]) -> Iterator[str]:
    """Leave out packed windows of no series, write sums anew, and let no window stand there twice.

    Yields:
        What is lost.
    """
    if packed_days.name not in tables:
        return  # of an older schema
    of_org: dict[int, set[int]] = {}
    for number, org_id in destination.execute("SELECT id, org_id FROM series"):
        of_org.setdefault(org_id, set()).add(number)
    orphans = 0
    for key, rows in _packs(destination):
        known = rows.of_series(of_org.get(key.org_id, set()))
        orphans += len(rows) - len(known)
        _write(destination, key, known)
        low = key.series_group * SERIES_PER_PACK
        open_too = destination.execute(
            "SELECT series_id, window_start FROM tallies WHERE org_id = ? "
            "AND window_start BETWEEN ? AND ? AND series_id BETWEEN ? AND ?",
            (
                *(key.org_id, key.day_start, key.day_start + DAY_SECONDS - 1),
                *(low, low + SERIES_PER_PACK - 1),
            ),
        ).fetchall()
        packed = set(zip(known.series.tolist(), known.start.tolist(), strict=True))
        destination.executemany(
            "DELETE FROM tallies WHERE org_id = ? AND series_id = ? AND window_start = ?",
            [(key.org_id, *one) for one in open_too if one in packed],
        )
    if orphans:
        yield f"{count_of(orphans, 'packed window')}, whose series is lost"


def _write(destination: sqlite3.Connection, key: PackKey, rows: WindowColumns) -> None:
    where = "WHERE org_id = ? AND series_group = ? AND day_start = ?"
    place = (key.org_id, key.series_group, key.day_start)
    if not len(rows):
        destination.execute(f"DELETE FROM packed_days {where}", place)  # noqa: S608 - ours
        return
    values: Mapping[str, Any] = {
        "first_window": int(rows.start.min()),
        "last_window": int(rows.start.max()),
        "sums": pack_sums(rows.by_bucket(key.day_start, None)),
        "windows": pack(rows),
    }
    named = ", ".join(f"{name} = ?" for name in values)
    destination.execute(f"UPDATE packed_days SET {named} {where}", (*values.values(), *place))  # noqa: S608 - ours


def _packs(destination: sqlite3.Connection) -> Iterator[tuple[PackKey, WindowColumns]]:
    keys = destination.execute("SELECT org_id, series_group, day_start FROM packed_days").fetchall()
    query = (
        "SELECT windows FROM packed_days WHERE org_id = ? AND series_group = ? AND day_start = ?"
    )
    for key in keys:
        yield PackKey(*key), unpack(destination.execute(query, key).fetchone()[0])
