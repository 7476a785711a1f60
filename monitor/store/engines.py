"""What differs by database: URL, driver, transactions, and what an INSERT does at a conflict."""

from __future__ import annotations

import time
from collections.abc import Sequence
from operator import itemgetter
from sqlite3 import OperationalError
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Insert,
    Table,
    Update,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from monitor.errors import LedgerError
from monitor.redaction import SECRETS
from monitor.store.queueing import MOST_READERS, MOST_WRITERS

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

DEFAULT_BUSY_TIMEOUT_SECONDS = 30.0
"""How long to wait for another process that writes: a poll holds the lock for well under a second,
but SQLite lets those who wait try again in no order, and a daemon of fifty orgs writes without a
pause."""

CONNECT_SECONDS = 10.0
"""How long a server may take to be reached."""

_POOL: dict[str, Any] = {"pool_size": MOST_READERS + MOST_WRITERS, "max_overflow": -1}
"""``TransactionQueue`` bounds how many connections there are. The pool must not: one that is empty
fails whoever asks."""

_SERVER_IS_GONE: dict[str, int] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""How soon a server is given up that answers nothing any more, not even that it is gone: within
half a minute, and not the quarter of an hour that the system takes by itself."""

WRITES = "timeout_monitor_writes"
"""Execution option of connections whose transactions write."""


def parsed_url(url: str) -> URL:
    """Return the URL of a state with its driver; its password is kept out of every text.

    Raises:
        LedgerError: No state can be kept there.
    """
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


def sqlite_engine(url: URL, busy_timeout_seconds: float) -> Engine:
    """Return an engine whose writers take the lock before they read."""
    engine = create_engine(url, connect_args={"timeout": busy_timeout_seconds}, **_POOL)
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def sqlite_reader(url: URL, busy_timeout_seconds: float) -> Engine:
    """Return an engine that only reads, over one connection after the other."""
    engine = create_engine(url, connect_args={"timeout": busy_timeout_seconds}, poolclass=NullPool)
    event.listen(engine, "connect", _without_transactions)
    event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def server_name(url: URL) -> str:
    """Return what a database on a server is called: no user, password or option, for secrets."""
    return f"{url.database} on {url.host or 'this host'}"


def postgresql_engine(url: URL, busy_timeout_seconds: float) -> Engine:
    """Return an engine for a server.

    Raises:
        LedgerError: The driver is not installed.
    """
    milliseconds = int(busy_timeout_seconds * 1000)
    try:
        return create_engine(
            url,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": max(2, int(min(busy_timeout_seconds, CONNECT_SECONDS))),
                "options": f"-c lock_timeout={milliseconds}",
                **_SERVER_IS_GONE,
            },
            **_POOL,
        )
    except ModuleNotFoundError as error:
        sentence = "the driver for PostgreSQL is not installed"
        hint = "Install it with: pip install 'genesys-timeout-monitor[postgres]'"
        raise LedgerError(sentence, hint) from error


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say what to do about a conflict, in the dialect of the connection."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - with asyncio, for a server alone

    return postgresql.insert(table)


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; where the primary key is there already, the row is replaced."""
    if rows:
        connection.execute(_upsert_into(connection, table), list(rows))


def upsert_rows(
    connection: Connection, table: Table, rows: Sequence[tuple[float | str | bytes, ...]]
) -> None:
    """Insert rows as ``upsert`` does, each of them the values of all columns in their order."""
    names = [column.name for column in table.columns]
    execute_rows(connection, _upsert_into(connection, table), names, rows)


def execute_rows(
    connection: Connection,
    statement: Insert | Update,
    names: Sequence[str],
    rows: Sequence[tuple[float | str | bytes, ...]],
) -> None:
    """Execute a statement for many rows, which cost no more than what the driver does with them.

    Args:
        connection: A write transaction.
        statement: An INSERT, or an UPDATE with parameters.
        names: The columns of the INSERT, or the parameters of the UPDATE, in the order of a row.
        rows: As the driver takes them: what a column does with its values (``RedactedText``) is
            not done.
    """
    if not rows:
        return
    kind: Any = type(connection.dialect)
    dialect = kind(paramstyle=_POSITIONAL[connection.dialect.name])
    columns = list(names) if isinstance(statement, Insert) else None
    compiled = statement.compile(dialect=dialect, column_keys=columns)
    order = [*map(list(names).index, compiled.positiontup or ())]
    if order != list(range(len(names))):
        rows = [*map(itemgetter(*order), rows)]
    connection.exec_driver_sql(str(compiled), list(rows))


_POSITIONAL: dict[str, Any] = {"sqlite": "qmark", "postgresql": "format"}
"""How each driver has the places of values that come in order."""


def _upsert_into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    statement = insert_into(connection, table)
    keys = [column.name for column in table.primary_key]
    replaced = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in keys
    }
    return statement.on_conflict_do_update(index_elements=keys, set_=replaced)


def insert_if_absent(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; a row that is there already stays as it is."""
    if rows:
        connection.execute(insert_into(connection, table).on_conflict_do_nothing(), list(rows))


def _without_transactions(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    # The driver must not begin transactions by itself: _on_sqlite_begin says which kind.
    connection.isolation_level = None


def _on_sqlite_connect(connection: Any, record: object) -> None:  # noqa: ANN401 - the driver's own
    _without_transactions(connection, record)
    cursor = connection.cursor()
    # One commit a poll: an fsync each is cheap, and a total that was exported is then never
    # taken back by a power cut.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    # A writer reads what is there before it adds: the lock must be held before that reading.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


LEAST_FREE_BYTES = 16 << 20
"""For less a file is not written anew: it will be used again."""


def compact_file(connection: Connection) -> int:
    """Write an SQLite file anew without its free pages, if those are most of it.

    Args:
        connection: Used for nothing yet.

    Returns:
        Bytes given back; 0 where it was left as it is.
    """
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - a connection that was just opened
    free, pages, page_bytes = (
        driver.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("freelist_count", "page_count", "page_size")
    )
    if free * page_bytes < LEAST_FREE_BYTES or free * 2 < pages:
        return 0
    # Not in a transaction: it is one by itself, and whole or not at all like any other.
    driver.execute("VACUUM")
    # Only now does the file end sooner; whoever reads what was there before puts it off.
    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return int(free * page_bytes)


_PAUSES_SECONDS = (0.05, 0.2, 0.5)
"""Another process that opens the same new file is done within milliseconds."""


def keep_a_write_ahead_log(engine: Engine) -> None:
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
