"""Whose a database is: which program's, which state's, and of which version of the schema."""

from __future__ import annotations

import uuid

from sqlalchemy import Connection, inspect, select
from sqlalchemy.engine import Inspector

from monitor.errors import LedgerError, StateLostError
from monitor.store import schema
from monitor.store.engines import insert_if_absent, sqlite_reader, upsert
from monitor.store.failures import translate_errors
from monitor.store.migrations import OLDEST
from monitor.store.state_file import StateFile

STATE_ID = "state_id"
"""Given to a state when it is made: another one of the same name has another."""

HOME = "home"
"""The file that a state was last counted into: a copy of it says the same, from elsewhere."""


def read_facts(connection: Connection) -> dict[str, str]:
    """Return what a state says of itself, by key."""
    return {row.key: row.value for row in connection.execute(select(schema.meta))}


def claim(connection: Connection) -> None:
    """Say whose the state is, and of which version; one that has no number yet is given one."""
    facts = {"application": schema.APPLICATION, "schema_version": str(schema.SCHEMA_VERSION)}
    upsert(connection, schema.meta, [{"key": key, "value": value} for key, value in facts.items()])
    insert_if_absent(connection, schema.meta, [{"key": STATE_ID, "value": uuid.uuid4().hex}])


def holds(file: StateFile, state_id: str) -> bool:
    """Return whether a file holds the state of this number; one that can't be read holds none."""
    try:
        with file.unchanging_url() as address, translate_errors(file.name):
            engine = sqlite_reader(address, busy_timeout_seconds=0.0)
            with engine.begin() as connection:
                return read_facts(connection).get(STATE_ID) == state_id
    except (LedgerError, OSError):
        return False


def replaced(name: str) -> StateLostError:
    """Return the error of a state in whose place is another one."""
    return StateLostError(
        f"the state {name} was replaced by another one while it was in use",
        "Put back what was there, or restart timeout-monitor to go on with this one; until then "
        "nothing is counted or changed.",
    )


def refuse_another_state(connection: Connection, name: str, state_id: str | None) -> None:
    """Make sure of whose the state is, which it is, and of its version.

    Args:
        connection: To what is there now.
        name: What errors call the state.
        state_id: The number of the one that was opened; None where it is not known.

    Raises:
        StateLostError: It is another one by now.
    """
    facts = read_facts(connection)
    version = facts.get("schema_version", "")
    if facts.get("application") != schema.APPLICATION or (
        state_id is not None and facts.get(STATE_ID) != state_id
    ):
        raise replaced(name)
    if version != str(schema.SCHEMA_VERSION):
        raise StateLostError(
            f"the state {name} was upgraded by a newer program while it was in use",
            "Install the same version here and restart; until then nothing is written.",
        )


def usable_version(connection: Connection, name: str) -> int | None:
    """Return the version of the schema, which this program can use or upgrade; None where empty.

    Raises:
        LedgerError: It is not ours, or of a version that is of no use.
    """
    inspector: Inspector = inspect(connection)
    tables = set(inspector.get_table_names())
    if not tables:
        return None
    columns = {c["name"] for c in inspector.get_columns("meta")} if "meta" in tables else set()
    facts = read_facts(connection) if columns == {"key", "value"} else {}
    if facts.get("application") != schema.APPLICATION:
        sentence = f"the state {name} belongs to another program"
        hint = "Point [state] url at a path or a database of its own; this one was not changed."
        raise LedgerError(sentence, hint)
    text = facts.get("schema_version", "")
    version = int(text) if text.isdecimal() else 0
    if version > schema.SCHEMA_VERSION:
        sentence = (
            f"the state {name} was written by a newer program (its schema is version "
            f"{version}, this program knows {schema.SCHEMA_VERSION})"
        )
        raise LedgerError(sentence, "Install the newer timeout-monitor, or use another state.")
    if version < OLDEST:
        sentence = (
            f"the state {name} was written by an older program (its schema is version "
            f"{version}, this program needs {schema.SCHEMA_VERSION})"
        )
        raise LedgerError(sentence, "Move it away and start afresh, then backfill.")
    return version
