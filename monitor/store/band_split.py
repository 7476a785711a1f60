"""Version 3 of the schema: four latency bands became two each, and what was counted is shared out.

Frozen: the bands of later versions are no concern of this step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Table,
    func,
    select,
    text,
    update,
)

_SPLIT: Mapping[int, tuple[int, int]] = {9: (1, 2), 11: (2, 5), 13: (1, 2), 15: (1, 2)}
"""Bands of version 2 that became two (3 to 4 s at 3.5, 5 to 7.5 s at 6, 10 to 15 s at 12.5, 20 to
30 s at 25), and what part of each lies below its new edge: numerator and denominator."""

_BANDS_BEFORE = 17
_PLACES = {band: band + sum(one < band for one in _SPLIT) for band in range(_BANDS_BEFORE)}
"""Where each band of version 2 begins in version 3."""

_NAMES = tuple(f"b{band:02}" for band in range(_BANDS_BEFORE + len(_SPLIT)))
_TABLES = MetaData()
_SERIES = Table(
    "series", _TABLES, Column("id", Integer), *(Column(name, BigInteger) for name in _NAMES)
)
_TALLIES = Table(
    "tallies",
    _TABLES,
    Column("series_id", Integer),
    Column("window_start", BigInteger),
    Column("count", BigInteger),
    *(Column(name, BigInteger) for name in _NAMES),
)


def split_bands(connection: Connection) -> None:
    """Share out what was counted, as if the executions in a band were spread evenly.

    A window has a few executions in a band: which half the odd one falls into varies from row to
    row, so that over many windows both get their part. A running total is split as its windows
    are, and what is older than they are by the same parts: no part of it is ever below the sum of
    its windows.
    """
    for table in (_SERIES.name, _TALLIES.name):
        for name in _NAMES[_BANDS_BEFORE:]:
            connection.execute(
                text(f"ALTER TABLE {table} ADD COLUMN {name} BIGINT NOT NULL DEFAULT 0")
            )
    odd = _TALLIES.c["count"] + _TALLIES.c.series_id + _TALLIES.c.window_start // 300

    def of_window(band: int) -> ColumnElement[int]:
        part, whole = _SPLIT[band]
        return (_old(_TALLIES, band) * part + odd % whole) // whole

    connection.execute(update(_TALLIES).values(_renumbered(_TALLIES, of_window)))
    sums = [func.coalesce(func.sum(_TALLIES.c[name]), 0).label(name) for name in _NAMES]
    seen = (
        select(_SERIES.c.id, *sums)
        .select_from(_SERIES.outerjoin(_TALLIES, _TALLIES.c.series_id == _SERIES.c.id))
        .group_by(_SERIES.c.id)
        .subquery("seen")
    )

    def of_total(band: int) -> ColumnElement[int]:
        part, whole = _SPLIT[band]
        lower, upper = (seen.c[_NAMES[_PLACES[band] + at]] for at in (0, 1))
        return lower + (_old(_SERIES, band) - lower - upper) * part // whole

    connection.execute(
        update(_SERIES).values(_renumbered(_SERIES, of_total)).where(_SERIES.c.id == seen.c.id)
    )


def _old(table: Table, band: int) -> ColumnElement[int]:
    """A band of version 2; the statement that moves it reads all of them first."""
    return table.c[_NAMES[band]]


def _renumbered(
    table: Table, below: Callable[[int], ColumnElement[int]]
) -> dict[str, ColumnElement[int]]:
    """What each band of version 3 gets; ``below`` says what of a split one is below its edge."""
    values: dict[str, ColumnElement[int]] = {}
    for band, place in _PLACES.items():
        if band in _SPLIT:
            values[_NAMES[place]] = below(band)
            values[_NAMES[place + 1]] = _old(table, band) - below(band)
        else:
            values[_NAMES[place]] = _old(table, band)
    return values
