"""Opens the database, checks that it is ours, and gives transactions that fail in plain words.

The only place that knows one kind of database from another.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from sqlite3 import OperationalError
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Inspector
from sqlalchemy.exc import ArgumentError

from monitor.errors import LedgerError
from monitor.ledger import schema
from monitor.ledger.failures import in_plain_words
from monitor.ledger.migration import OLDEST, upgrade
from monitor.redaction import SECRETS

_WRITES = "timeout_monitor_writes"
"""Execution option of connections whose transactions write."""

_CREATION_LOCK = 0x7469_6D65
"""Key of the advisory lock that PostgreSQL's creators of the schema queue for ("time")."""


class Database:
    """One engine with two kinds of transactions: those that read, and those that write.

    Safe to share between threads. Every failure leaves as a ``LedgerError``.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        """Share one pool of connections between both kinds.

        Args:
            engine: The engine, prepared by ``open_database``.
            name: What errors call the state; without any secret.
        """
        self._engine = engine
        self._name = name
        self._writer = engine.execution_options(**{_WRITES: True})
        self._reader = (
            engine
            if engine.dialect.name == "sqlite"
            else engine.execution_options(isolation_level="REPEATABLE READ")
        )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One read transaction: everything read in it is as of one moment."""
        with in_plain_words(self._name), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One write transaction: all of it is kept, or none."""
        with in_plain_words(self._name), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def prepare(self) -> None:
        """Check that the database is ours; fill it where it is empty, upgrade it where it is old.

        Raises:
            LedgerError: It is not ours, of another version, locked, or can't be opened.
        """
        with self.reading() as connection:
            found = self._version(connection)
        if self._engine.dialect.name == "sqlite":
            # Only now: somebody else's file must not be changed, not even its journal.
            with in_plain_words(self._name):
                _keep_a_write_ahead_log(self._engine)
        if found == schema.SCHEMA_VERSION:
            return
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_CREATION_LOCK)))
            # Asked again under the lock: another process may have been quicker.
            found = self._version(connection)
            if found is None:
                schema.metadata.create_all(connection)
                _say_whose_it_is(connection)
            elif found < schema.SCHEMA_VERSION:
                upgrade(connection, found)
                _say_whose_it_is(connection)

    def _version(self, connection: Connection) -> int | None:
        """The version of the schema, which this program can use or upgrade; None where it is empty.

        Raises:
            LedgerError: It is not ours, or of a version that is of no use.
        """
        inspector: Inspector = inspect(connection)
        tables = set(inspector.get_table_names())
        if not tables:
            return None
        columns = {c["name"] for c in inspector.get_columns("meta")} if "meta" in tables else set()
        facts = (
            {row.key: row.value for row in connection.execute(select(schema.meta))}
            if columns == {"key", "value"}
            else {}
        )
        if facts.get("application") != schema.APPLICATION:
            sentence = f"the state {self._name} belongs to another program"
            hint = "Point [state] url at a path or a database of its own; this one was not changed."
            raise LedgerError(sentence, hint)
        text = facts.get("schema_version", "")
        version = int(text) if text.isdecimal() else 0
        self._refuse_what_is_of_no_use(version)
        return version

    def _refuse_what_is_of_no_use(self, version: int) -> None:
        if version > schema.SCHEMA_VERSION:
            sentence = (
                f"the state {self._name} was written by a newer program (its schema is version "
                f"{version}, this program knows {schema.SCHEMA_VERSION})"
            )
            raise LedgerError(sentence, "Install the newer timeout-monitor, or use another state.")
        if version < OLDEST:
            sentence = (
                f"the state {self._name} was written by an older program (its schema is version "
                f"{version}, this program needs {schema.SCHEMA_VERSION})"
            )
            raise LedgerError(sentence, "Move it away and start afresh, then backfill.")


def open_database(url: str, busy_timeout_seconds: float) -> Database:
    """Open the database at ``url``, creating the schema where it is empty.

    Args:
        url: ``sqlite:///path`` or ``postgresql://...``.
        busy_timeout_seconds: How long to wait for another writer.

    Raises:
        LedgerError: The URL is not one of these, or the database can't be used.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, connect_args={"timeout": busy_timeout_seconds})
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
        name = str(parsed.database)
    else:
        engine = _postgresql_engine(parsed, busy_timeout_seconds)
        # Without user, password and options: some of these are secrets.
        name = f"{parsed.database} on {parsed.host or 'this host'}"
    database = Database(engine, name)
    try:
        database.prepare()
    except BaseException:
        database.close()
        raise
    return database


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say what to do about a conflict, in the dialect of the connection."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def put(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; where the primary key is there already, the row is replaced."""
    if not rows:
        return
    statement = insert_into(connection, table)
    keys = [column.name for column in table.primary_key]
    replaced = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in keys
    }
    connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=replaced), list(rows)
    )


def put_if_absent(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; a row that is there already stays as it is."""
    if rows:
        connection.execute(insert_into(connection, table).on_conflict_do_nothing(), list(rows))


def _parsed(url: str) -> URL:
    hint = "Write [state] url as sqlite:///path/to/file.db, with three slashes."
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Neither the URL nor what complains about it may show: there may be a password in it.
        raise LedgerError("the URL of the state is not a database URL", hint) from None
    if parsed.password:
        SECRETS.keep(parsed.password)
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        sentence = f"the state can't be kept in a database of kind {backend}"
        raise LedgerError(sentence, "Use sqlite:///path/to/file.db or postgresql://...")
    if parsed.host:
        raise LedgerError("the URL of the state names a host, and SQLite has none", hint)
    if not parsed.database or ":memory:" in parsed.database:
        sentence = "the state can't be kept in memory: a restart would count everything again"
        raise LedgerError(sentence, hint)
    return parsed.set(drivername="sqlite+pysqlite")


def _postgresql_engine(url: URL, busy_timeout_seconds: float) -> Engine:
    milliseconds = int(busy_timeout_seconds * 1000)
    try:
        return create_engine(
            url,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": max(2, int(busy_timeout_seconds)),
                "options": f"-c lock_timeout={milliseconds}",
            },
        )
    except ModuleNotFoundError as error:
        sentence = "the driver for PostgreSQL is not installed"
        hint = "Install it with: pip install 'genesys-timeout-monitor[postgres]'"
        raise LedgerError(sentence, hint) from error


def _on_sqlite_connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    # The driver must not begin transactions by itself: _on_sqlite_begin says which kind.
    connection.isolation_level = None
    cursor = connection.cursor()
    # One commit a poll: an fsync each is cheap, and a total that was exported is then never
    # taken back by a power cut.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    # A writer reads what is there before it adds: the lock must be held before that reading.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


_PAUSES_SECONDS = (0.05, 0.2, 0.5)
"""Another process that opens the same new file is done within milliseconds."""


def _keep_a_write_ahead_log(engine: Engine) -> None:
    """Let readers and one writer work at the same time; the file remembers it."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        # SQLite does not wait here by itself while another process makes the same change.
        for pause_seconds in (*_PAUSES_SECONDS, None):
            try:
                cursor.execute("PRAGMA journal_mode=WAL")
            except OperationalError:
                if pause_seconds is None:
                    raise
                time.sleep(pause_seconds)
            else:
                break
        cursor.close()
    finally:
        connection.close()


def _say_whose_it_is(connection: Connection) -> None:
    facts = {"application": schema.APPLICATION, "schema_version": str(schema.SCHEMA_VERSION)}
    put(connection, schema.meta, [{"key": key, "value": value} for key, value in facts.items()])
