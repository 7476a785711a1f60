"""What a state is like, by the rule of whoever opens it, and without changing anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, inspect, text

from monitor.errors import LedgerError, NoStateError
from monitor.ledger.model import OrgState
from monitor.ledger.read import read_state
from monitor.store import (
    DEFAULT_BUSY_TIMEOUT_SECONDS,
    QUICK_CHECK_SECONDS,
    SCHEMA_VERSION,
    Database,
    StateFile,
    metadata,
    parsed_url,
    read_only_database,
    refuse_damage,
    server_name,
)


@dataclass(frozen=True, slots=True)
class StateCondition:
    """What was found.

    Attributes:
        name: What the state is called; without any secret.
        version: The version of its schema; None where there is no state yet.
        why_not_writable: Why this user can't write it, or make it; empty if it can.
        is_whole: Whether all of it was looked through for damage in the time that there was.
        states: What it holds of each org that was asked for; empty for an older schema.
    """

    name: str
    version: int | None
    why_not_writable: str
    is_whole: bool = True
    states: Mapping[str, OrgState] = field(default_factory=dict)

    @property
    def is_newest(self) -> bool:
        """Whether its schema is this program's."""
        return self.version == SCHEMA_VERSION


def inspect_state(
    url: str,
    orgs: Sequence[str],
    *,
    busy_timeout_seconds: float = DEFAULT_BUSY_TIMEOUT_SECONDS,
    most_seconds: float | None = QUICK_CHECK_SECONDS,
) -> StateCondition:
    """Look at a state as the daemon does when it starts, and change nothing.

    Args:
        url: Where it is.
        orgs: The orgs that are to be read, by name.
        busy_timeout_seconds: How long to wait for whoever has it to himself.
        most_seconds: How long to look for damage; None for as long as it takes.

    Raises:
        LedgerError: The daemon would refuse it: damaged, not ours, newer, or can't be opened.
    """
    parsed = parsed_url(url)
    file = StateFile.of(parsed) if parsed.get_backend_name() == "sqlite" else None
    had_log = file is not None and file.log_identity() is not None

    def look() -> StateCondition:
        with read_only_database(url, busy_timeout_seconds) as database:
            return _condition(database, url, orgs, most_seconds)

    try:
        try:
            return look()
        except NoStateError:
            raise
        except LedgerError:
            if file is None or had_log or file.log_identity() is None:
                raise
            # A daemon has begun to write meanwhile, under what was read as immutable.
            return look()
    except NoStateError:
        if file is not None:
            return StateCondition(file.name, None, file.why_not_writable())
        with read_only_database(url, busy_timeout_seconds) as database:
            with database.reading() as connection:
                why = _why_nothing_can_be_made(connection)
            return StateCondition(server_name(parsed), None, why)


def _condition(
    database: Database, url: str, orgs: Sequence[str], most_seconds: float | None
) -> StateCondition:
    version = database.recognise()
    with database.reading() as connection:
        is_whole = refuse_damage(connection, database.name, most_seconds)
        states = (
            {org: read_state(connection, org) for org in orgs} if version == SCHEMA_VERSION else {}
        )
        why = _why_not_writable(connection, url)
    return StateCondition(database.name, version, why, is_whole, states)


def _why_not_writable(connection: Connection, url: str) -> str:
    if connection.dialect.name == "sqlite":
        parsed = parsed_url(url)
        if parsed.query.get("mode") == "ro" or "immutable" in parsed.query:
            return "[state] url opens it for reading alone"
        return StateFile.of(parsed).why_not_writable()
    if connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one():
        return "the server is a standby, which can't be written"
    if _default_is_read_only(connection):
        return "transactions are read-only by default"
    there = set(inspect(connection).get_table_names())
    may = " AND ".join(
        f"has_table_privilege(current_user, :name, '{what}')"
        for what in ("INSERT", "UPDATE", "DELETE")
    )
    for name in sorted(there.intersection(metadata.tables)):
        if not connection.execute(text(f"SELECT {may}"), {"name": name}).scalar_one():
            return f"this user may not write its table {name}"
    return ""


def _why_nothing_can_be_made(connection: Connection) -> str:
    may = "SELECT has_schema_privilege(current_user, current_schema(), 'CREATE')"
    if not connection.execute(text(may)).scalar_one():
        return "this user may not make tables in its schema"
    return "transactions are read-only by default" if _default_is_read_only(connection) else ""


def _default_is_read_only(connection: Connection) -> bool:
    setting = "SELECT current_setting('default_transaction_read_only')"
    return bool(connection.execute(text(setting)).scalar_one() == "on")
