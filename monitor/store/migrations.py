"""From an older schema to this program's: one step a version, all in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    func,
    inspect,
    select,
    text,
    type_coerce,
    update,
)

from monitor.model import ActionKind
from monitor.sanitize import sanitize
from monitor.store.journal_schema import VERSION_2, changes
from monitor.store.schema import (
    LONGEST_SUM_MS,
    SCHEMA_VERSION,
    VERSION_4,
    VERSION_5,
    actions,
    flows,
    metadata,
    series,
    tallies,
)


def _to_version_2(connection: Connection) -> None:
    """Add the tables of changes; nothing that was counted is touched."""
    metadata.create_all(connection, tables=VERSION_2)


_SPLIT: Mapping[int, tuple[int, int]] = {9: (1, 2), 11: (2, 5), 13: (1, 2), 15: (1, 2)}
"""Bands of version 2 that became two (3 to 4 s at 3.5, 5 to 7.5 s at 6, 10 to 15 s at 12.5, 20 to
30 s at 25), and what part of each lies below its new edge: numerator and denominator."""

_BANDS_BEFORE = 17
_PLACES = {band: band + sum(one < band for one in _SPLIT) for band in range(_BANDS_BEFORE)}
"""Where each band of version 2 begins in version 3."""

_BANDS = tuple(f"b{band:02}" for band in range(_BANDS_BEFORE + len(_SPLIT)))
_TABLES_3 = MetaData()
_SERIES = Table(
    "series", _TABLES_3, Column("id", Integer), *(Column(name, BigInteger) for name in _BANDS)
)
_TALLIES = Table(
    "tallies",
    _TABLES_3,
    Column("series_id", Integer),
    Column("window_start", BigInteger),
    Column("count", BigInteger),
    *(Column(name, BigInteger) for name in _BANDS),
)


def _to_version_3(connection: Connection) -> None:
    """Make two of four latency bands each, as if the executions in a band were spread evenly.

    Frozen: the bands of later versions are no concern of this step.

    A window has a few executions in a band: which half the odd one falls into varies from row to
    row, so that over many windows both get their part. A running total is split as its windows
    are, and what is older than they are by the same parts: no part of it is ever below the sum of
    its windows.
    """
    for table in (_SERIES.name, _TALLIES.name):
        for name in _BANDS[_BANDS_BEFORE:]:
            connection.execute(
                text(f"ALTER TABLE {table} ADD COLUMN {name} BIGINT NOT NULL DEFAULT 0")
            )
    odd = _TALLIES.c["count"] + _TALLIES.c.series_id + _TALLIES.c.window_start // 300

    def of_window(band: int) -> ColumnElement[int]:
        part, whole = _SPLIT[band]
        return (_old(_TALLIES, band) * part + odd % whole) // whole

    connection.execute(update(_TALLIES).values(_renumbered(_TALLIES, of_window)))
    sums = [func.coalesce(func.sum(_TALLIES.c[name]), 0).label(name) for name in _BANDS]
    seen = (
        select(_SERIES.c.id, *sums)
        .select_from(_SERIES.outerjoin(_TALLIES, _TALLIES.c.series_id == _SERIES.c.id))
        .group_by(_SERIES.c.id)
        .subquery("seen")
    )

    def of_total(band: int) -> ColumnElement[int]:
        part, whole = _SPLIT[band]
        lower, upper = (seen.c[_BANDS[_PLACES[band] + at]] for at in (0, 1))
        return lower + (_old(_SERIES, band) - lower - upper) * part // whole

    connection.execute(
        update(_SERIES).values(_renumbered(_SERIES, of_total)).where(_SERIES.c.id == seen.c.id)
    )


def _old(table: Table, band: int) -> ColumnElement[int]:
    """A band of version 2; the statement that moves it reads all of them first."""
    return table.c[_BANDS[band]]


def _renumbered(
    table: Table, below: Callable[[int], ColumnElement[int]]
) -> dict[str, ColumnElement[int]]:
    """What each band of version 3 gets; ``below`` says what of a split one is below its edge."""
    values: dict[str, ColumnElement[int]] = {}
    for band, place in _PLACES.items():
        if band in _SPLIT:
            values[_BANDS[place]] = below(band)
            values[_BANDS[place + 1]] = _old(table, band) - below(band)
        else:
            values[_BANDS[place]] = _old(table, band)
    return values


# The audit trail can only grow: what it holds is made fit where it is read.
_NAMES = (
    actions.c.name,
    actions.c.integration_name,
    actions.c.category,
    flows.c.name,
    changes.c.action_name,
)

_DURATIONS = (
    series.c.duration_ms,
    tallies.c.duration_ms,
    tallies.c.min_ms,
    tallies.c.max_ms,
)


def _tidy(connection: Connection, column: Column[str]) -> None:
    as_kept = type_coerce(column, String)
    for (name,) in connection.execute(select(as_kept).distinct()).all():
        if sanitize(name) != name:
            found = update(column.table).where(as_kept == name)
            connection.execute(found.values({column.name: sanitize(name)}))


def _to_version_4(connection: Connection) -> None:
    """Add the tables of what is known beside the counts; nothing that was counted is touched.

    Which actions are functions was guessed by their category until then: it is not known before
    the next catalogue is read. Names were kept as they came, with what moves a terminal's cursor,
    and so were durations that make every later sum infinite.
    """
    for column in _NAMES:
        _tidy(connection, column)
    for column in _DURATIONS:
        too_long = update(column.table).where(column > LONGEST_SUM_MS)
        connection.execute(too_long.values({column.name: 0.0}))
    metadata.create_all(connection, tables=VERSION_4)
    guessed = (ActionKind.CUSTOM, ActionKind.FUNCTION)
    connection.execute(
        update(actions)
        .where(actions.c.kind.in_([kind.value for kind in guessed]))
        .values(kind=ActionKind.UNDETERMINED.value)
    )
    connection.execute(
        text("ALTER TABLE incidents ADD COLUMN attributed VARCHAR NOT NULL DEFAULT ''")
    )
    _read_notes(connection)


_DAMAGED = "the write changed more than the timeout"
_REASONS: tuple[tuple[str, str, str], ...] = (
    ("abandoned", "put off", "put_off"),
    ("unhelpful", "not undone", "not_undone"),
    ("undoing", "being put back", "putting_back"),
)
"""States, what the note of a change in it said in version 3, and the reason code that it meant."""


def _read_notes(connection: Connection) -> None:
    """Take what decides about later writes out of the notes of changes; these stay as they are."""
    _add_to_changes(connection, dict.fromkeys(("damage", "reason"), "VARCHAR NOT NULL DEFAULT ''"))
    told = type_coerce(changes.c.note, String)
    damaged = update(changes).where(told.contains(_DAMAGED))
    connection.execute(damaged.values(damage=_DAMAGED))
    for state, words, reason in _REASONS:
        found = update(changes).where(changes.c.state == state, told.contains(words))
        connection.execute(found.values(reason=reason))


def _to_version_5(connection: Connection) -> None:
    """Add the table of packed windows, and let changes be trials, of which none is one yet.

    Windows are packed while the program runs, however many there are.
    """
    metadata.create_all(connection, tables=VERSION_5)
    _add_to_changes(connection, {"trial_seconds": "DOUBLE PRECISION NOT NULL DEFAULT 0"})


def _to_version_6(connection: Connection) -> None:
    """Keep with a change since when its action had behaved alike, and apart what it has done.

    Neither is known of any yet: what it has done stands in its note at most.
    """
    added = {
        "alike_since": "DOUBLE PRECISION NOT NULL DEFAULT 0",
        "effect": "VARCHAR NOT NULL DEFAULT ''",
        "effect_note": "VARCHAR NOT NULL DEFAULT ''",
    }
    _add_to_changes(connection, added)


def _add_to_changes(connection: Connection, columns: Mapping[str, str]) -> None:
    """Add columns to the table of changes; a state of version 1 gets it as it is today."""
    there = {one["name"] for one in inspect(connection).get_columns(changes.name)}
    for name, kind in columns.items():
        if name not in there:
            connection.execute(text(f"ALTER TABLE changes ADD COLUMN {name} {kind}"))


STEPS: Mapping[int, Callable[[Connection], None]] = {
    1: _to_version_2,
    2: _to_version_3,
    3: _to_version_4,
    4: _to_version_5,
    5: _to_version_6,
}
"""What leads on from each version that can be upgraded."""

OLDEST = min(STEPS)
"""Older states can't be upgraded."""

_FIRST_SEEN: Mapping[int, tuple[str, str]] = {
    3: ("series", "b20"),
    4: ("changes", "reason"),
    5: ("changes", "trial_seconds"),
    6: ("changes", "effect"),
}
"""A column that came with a version, in a table that was there before."""


def version_by_columns(columns: Mapping[str, Collection[str]]) -> int:
    """Return the version of a state by its columns, where it can't say; the newest they allow.

    Args:
        columns: Those of each table that is there.
    """
    if "series" in columns and "changes" not in columns and "b20" not in columns["series"]:
        return OLDEST
    for version, (table, column) in _FIRST_SEEN.items():
        if table in columns and column not in columns[table]:
            return version - 1
    return SCHEMA_VERSION


def upgrade(connection: Connection, version: int) -> None:
    """Go on from ``version``, step by step, to this program's.

    Args:
        connection: A write transaction; it holds the lock of whoever changes the schema.
        version: What the state is now; at least ``OLDEST``.
    """
    for step in range(version, SCHEMA_VERSION):
        STEPS[step](connection)
