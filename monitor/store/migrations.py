"""From an older schema to this program's: one step a version, all in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Column, Connection, String, select, text, type_coerce, update

from monitor.model import ActionKind
from monitor.sanitize import sanitize
from monitor.store.band_split import split_bands
from monitor.store.journal_schema import VERSION_2, changes
from monitor.store.schema import (
    LONGEST_SUM_MS,
    SCHEMA_VERSION,
    VERSION_4,
    actions,
    flows,
    metadata,
    series,
    tallies,
)


def _to_version_2(connection: Connection) -> None:
    """Add the tables of changes; nothing that was counted is touched."""
    metadata.create_all(connection, tables=VERSION_2)


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


STEPS: Mapping[int, Callable[[Connection], None]] = {
    1: _to_version_2,
    2: split_bands,
    3: _to_version_4,
}
"""What leads on from each version that can be upgraded."""

OLDEST = min(STEPS)
"""Older states can't be upgraded."""


def upgrade(connection: Connection, version: int) -> None:
    """Go on from ``version``, step by step, to this program's.

    Args:
        connection: A write transaction; it holds the lock of whoever changes the schema.
        version: What the state is now; at least ``OLDEST``.
    """
    for step in range(version, SCHEMA_VERSION):
        STEPS[step](connection)
