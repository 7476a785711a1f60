"""Gives transactions on a state that is still the one that was opened, and fail in plain words."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, event, func, select, text

from monitor.errors import LedgerError, StateLostError
from monitor.store import schema
from monitor.store.engines import (
    WRITES,
    compact_file,
    keep_a_write_ahead_log,
    sqlite_reader,
    upsert,
)
from monitor.store.failures import translate_errors
from monitor.store.identity import (
    HOME,
    STATE_ID,
    claim,
    holds,
    read_facts,
    refuse_another_state,
    replaced,
    usable_version,
)
from monitor.store.migrations import upgrade
from monitor.store.queueing import MOST_WRITERS, TransactionQueue
from monitor.store.reading_leases import FENCE, LEASE_SECONDS, RENEWALS, ReadingLease
from monitor.store.state_file import FileIdentity, StateFile, no_state

_SERVER_NOW = select(func.extract("epoch", func.clock_timestamp()))

IDLE_SECONDS = LEASE_SECONDS / RENEWALS
"""How long a write transaction may stand still on a server: until a lease is due to be renewed. A
program computes for less than a second in the middle of one."""

_NAME_TRANSACTION = text(
    "SELECT set_config('idle_in_transaction_session_timeout', cast(:milliseconds AS text), true), "
    "set_config('application_name', :program, true)"
)
_WAIT_AT_MOST = text("SELECT set_config('lock_timeout', cast(:milliseconds AS text), true)")
_END_SESSIONS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE application_name = :program AND usename = current_user AND pid <> pg_backend_pid()"
)

_CREATION_LOCK = 0x7469_6D65
"""Key of the advisory lock that PostgreSQL's creators of the schema queue for ("time")."""


_PROGRAM = "timeout-monitor"
"""What transactions are called on a server, for people and for who takes over."""


def _session_name(program: str) -> str:
    """Return the name of a program's transactions: a server cuts longer ones, and bends letters."""
    return f"{_PROGRAM} {hashlib.sha256(program.encode()).hexdigest()[:16]}"


class _Fence(threading.local):
    """The lease under which a thread writes; None where it writes under none."""

    lease: ReadingLease | None = None


class Database:
    """One engine with two kinds of transactions: those that read, and those that write.

    Safe to share between threads. Every failure leaves as a ``LedgerError``.
    """

    def __init__(self, engine: Engine, name: str, file: StateFile | None = None) -> None:
        """Share one pool of connections between both kinds.

        Args:
            engine: The engine, prepared by ``open_database``.
            name: What errors call the state; without any secret.
            file: Where it is kept; None on a server.
        """
        self._engine = engine
        self._name = name
        self._file = file
        self._identity: FileIdentity | None = None
        self._log_identity: FileIdentity | None = None
        self._state_id: str | None = None
        self._settles_at = ""
        self._is_prepared = False
        self._looking = threading.Lock()
        self._fence = _Fence()
        self._idle_milliseconds = int(IDLE_SECONDS * 1000)
        self._program = _PROGRAM
        self.was_created = False
        if file is not None:
            event.listen(engine, "connect", self._refuse_a_file_put_in_place, insert=True)
        writer, reader = engine.execution_options(**{WRITES: True}), engine
        if self.is_shared:
            # Whatever the server's default is: a writer that has waited for a lock must see what
            # was committed meanwhile, and a reader must see one moment.
            writer = writer.execution_options(isolation_level="READ COMMITTED")
            reader = reader.execution_options(isolation_level="REPEATABLE READ")
        self._writer, self._reader = writer, reader
        # SQLite has one writer: the threads of a process wait for each other here.
        self._queue = TransactionQueue(name, writers=MOST_WRITERS if self.is_shared else 1)

    @property
    def name(self) -> str:
        """What the state is called; without any secret."""
        return self._name

    @property
    def state_id(self) -> str:
        """Which state was opened; empty where that was never written down."""
        return self._state_id or ""

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One read transaction: everything read in it is as of one moment."""
        self._look_at_the_file()
        with (
            self._queue.reading(),
            translate_errors(self._name),
            self._reader.begin() as connection,
        ):
            yield connection

    @contextmanager
    def writing(self, most_seconds: float | None = None) -> Iterator[Connection]:
        """One write transaction: all of it is kept, or none.

        Args:
            most_seconds: How long to wait for each lock on a server; None for as long as usual.

        Raises:
            StateLostError: What is there is not the state that was opened.
            LedgerError: The state can't be used, or a lock was not free in time.
        """
        self._look_at_the_file()
        with (
            self._queue.writing(),
            translate_errors(self._name),
            self._writer.begin() as connection,
        ):
            if self.is_shared:
                named = {"milliseconds": self._idle_milliseconds, "program": self._program}
                connection.execute(_NAME_TRANSACTION, named)
                if most_seconds is not None:
                    connection.execute(_WAIT_AT_MOST, {"milliseconds": int(most_seconds * 1000)})
            if self._is_prepared:
                refuse_another_state(connection, self._name, self._state_id)
            if self._fence.lease is not None:
                connection.execution_options(**{FENCE: self._fence.lease})
            if self._settles_at:
                upsert(connection, schema.meta, [{"key": HOME, "value": self._settles_at}])
            yield connection
        self._settles_at = ""

    def compact(self) -> int:
        """Give the room of an SQLite file back of which most is free; a server sees to it itself.

        What is free is used again, so that a state of a steady size has no need of it.

        Returns:
            Bytes given back; 0 where that was not worth it.

        Raises:
            LedgerError: There is no room for the copy that is made meanwhile, or others write.
        """
        if self.is_shared:
            return 0
        self._look_at_the_file()
        with (
            self._queue.writing(),
            translate_errors(self._name),
            self._engine.connect() as connection,
        ):
            return compact_file(connection)

    def name_transactions(self, program: str, idle_seconds: float) -> None:
        """Let a server know whose write transactions these are, and end one that stands still.

        A program that was stopped in the middle of one would keep its orgs locked until it goes
        on, and no other one could take them over.

        Args:
            program: Names this program and no other one, ever.
            idle_seconds: How long one may stand still.
        """
        self._program = _session_name(program)
        self._idle_milliseconds = int(idle_seconds * 1000)

    def end_transactions_of(self, program: str) -> None:
        """End the write transactions that a program has left open on a server.

        One that was stopped while it sent a statement does not stand still for the server, which
        waits for the rest of it for ever.

        Raises:
            LedgerError: The server can't be asked.
        """
        if self.is_shared:
            with translate_errors(self._name), self._engine.connect() as connection:
                connection.execute(_END_SESSIONS, {"program": _session_name(program)})

    @contextmanager
    def fenced(self, lease: ReadingLease | None) -> Iterator[None]:
        """Let what this thread writes of the lease's org stand only while the lease is held.

        Every transaction that locks the org checks it, so that a program that was stopped for
        longer than its lease, or cut off, writes nothing once another has taken over. Under None
        everything stands.
        """
        before, self._fence.lease = self._fence.lease, lease
        try:
            yield
        finally:
            self._fence.lease = before

    @property
    def is_shared(self) -> bool:
        """Whether it is on a server, which several hosts may use."""
        return self._engine.dialect.name == "postgresql"

    def server_now(self) -> float:
        """Return what time it is by the server's clock; epoch seconds.

        Raises:
            LedgerError: It can't be asked.
        """
        # Not queued for: what waits before the server is asked makes its time wrong.
        with translate_errors(self._name), self._engine.connect() as connection:
            return float(connection.execute(_SERVER_NOW).scalar_one())

    def verify(self) -> None:
        """Make sure that the state is still the one that was opened.

        Raises:
            StateLostError: It is gone, or another one or a newer schema has taken its place.
            LedgerError: It can't be read.
        """
        with self.reading() as connection:
            refuse_another_state(connection, self._name, self._state_id)

    def refuse_copy(self) -> None:
        """Make sure that this is no copy of a state that is still in its place.

        What is written to the one does not reach whoever uses the other.

        Raises:
            LedgerError: It is.
        """
        if self._file is None:
            return
        with self.reading() as connection:
            home = read_facts(connection).get(HOME)
        if home is None or self._state_id is None:
            return
        other = StateFile(Path(home), home)
        if other.identity() in {None, self._identity}:
            return
        if holds(other, self._state_id):
            raise LedgerError(
                f"the state {self._name} is a copy of {home}, which is still there",
                f"Name the one that the daemon uses as [state] url; to go on with this one, move "
                f"{home} away.",
            )

    def settle(self) -> None:
        """Let this be the place of the state from now on, unless it is still in another one.

        Raises:
            LedgerError: It is a copy of a state that is still in its place.
        """
        self.refuse_copy()
        if self._file is not None:
            # Written with what is written first: nobody waits for a lock to begin.
            self._settles_at = str(self._file.path.resolve())

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def prepare(self, *, may_create: bool) -> None:
        """Check that the database is ours; fill it where it is empty, upgrade it where it is old.

        Raises:
            NoStateError: It is empty, and not to be filled.
            LedgerError: It is not ours, of another version, locked, or can't be opened.
        """
        # What is put in place from now on is not what was looked at.
        self._identity = self._file.identity() if self._file else None
        with self.reading() as connection:
            found = usable_version(connection, self._name)
        if found is None and not may_create:
            raise no_state(self._name)
        if self._engine.dialect.name == "sqlite":
            # Only now: somebody else's file must not be changed, not even its journal.
            with translate_errors(self._name):
                keep_a_write_ahead_log(self._engine)
        if found != schema.SCHEMA_VERSION:
            self._make_or_upgrade()
        with self.reading() as connection:
            self._state_id = read_facts(connection).get(STATE_ID)
        self._is_prepared = True

    def recognise(self) -> int:
        """Return the version of the schema; nothing is changed.

        Raises:
            NoStateError: It is empty.
            LedgerError: It is not ours, of a version that is of no use, or can't be read.
        """
        with self.reading() as connection:
            found = usable_version(connection, self._name)
        if found is None:
            raise no_state(self._name)
        return found

    def _make_or_upgrade(self) -> None:
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_CREATION_LOCK)))
            # Asked again under the lock: another process may have been quicker.
            found = usable_version(connection, self._name)
            if found is None:
                schema.metadata.create_all(connection)
                claim(connection)
                self.was_created = True
            elif found < schema.SCHEMA_VERSION:
                upgrade(connection, found)
                claim(connection)

    def _look_at_the_file(self) -> None:
        """Make sure that the file is the one that was opened, or a copy of it put back.

        Raises:
            StateLostError: It is neither.
        """
        if self._file is None or not self._is_prepared:
            return
        if self._file.identity() == self._identity:
            self._log_identity = self._file.log_identity()
            return
        with self._looking:
            found = self._file.identity()
            if found == self._identity:
                return
            # Whatever is open leads to the file that was there before.
            self._engine.dispose()
            if found is None or self._file.is_empty():
                raise self._file.gone()
            if self._log_identity is not None and self._file.log_identity() == self._log_identity:
                raise self._file.mixed()
            self._refuse_another_file(self._file)
            self._identity = found

    def _refuse_a_file_put_in_place(self, opened: sqlite3.Connection, _record: object) -> None:
        """Make sure that a connection leads to the file that was looked at, before it is used.

        Another file may have come since the look. What reads it beside the log of the one before
        takes it for the state, and writes that log over it in the end.

        Raises:
            StateLostError: It may lead to another one.
        """
        if self._file is not None and self._file.identity() != self._identity:
            opened.close()
            raise self._file.gone()

    def _refuse_another_file(self, file: StateFile) -> None:
        """Make sure that a file that was put in place holds the same state.

        Raises:
            StateLostError: It does not.
        """
        try:
            with (
                file.unchanging_url() as address,
                translate_errors(self._name),
                sqlite_reader(address, busy_timeout_seconds=0.0).begin() as connection,
            ):
                refuse_another_state(connection, self._name, self._state_id)
        except StateLostError:
            raise
        except (LedgerError, OSError) as error:
            raise replaced(self._name) from error
