"""A state that refuses to be written for a while, as a full or broken disk does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

WRITTEN = ("tallies", "sources", "actions", "orgs", "meta")
"""Tables that a poll, the catalogue and a prune write."""


@contextmanager
def refusing_writes(state: Path) -> Iterator[None]:
    """Let the database itself refuse whatever is written to it."""
    with closing(sqlite3.connect(state, timeout=30)) as connection:
        tables = {
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
        }
        triggers = [
            (f"refuse_{verb}_{table}".lower(), table, verb)
            for table in tables.intersection(WRITTEN)
            for verb in ("INSERT", "UPDATE", "DELETE")
        ]
        for name, table, verb in triggers:
            connection.execute(
                f"CREATE TRIGGER {name} BEFORE {verb} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the disk says no'); END"
            )
        connection.commit()
        try:
            yield
        finally:
            for name, _, _ in triggers:
                connection.execute(f"DROP TRIGGER {name}")
            connection.commit()
