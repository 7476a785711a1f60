"""Opens the database of a state: to be used, or only to be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from monitor.errors import LedgerError, NoStateError
from monitor.store.database import Database
from monitor.store.engines import (
    parsed_url,
    postgresql_engine,
    server_name,
    sqlite_engine,
    sqlite_reader,
)
from monitor.store.state_file import StateFile


def open_database(url: str, busy_timeout_seconds: float, *, may_create: bool) -> Database:
    """Open the database at ``url``.

    Args:
        url: ``sqlite:///path`` or ``postgresql://...``.
        busy_timeout_seconds: How long to wait for another writer.
        may_create: Whether to make one where there is none, or an empty one.

    Raises:
        NoStateError: There is none, and none is to be made.
        LedgerError: The URL is not one of these, or the database can't be used.
    """
    parsed = parsed_url(url)
    file: StateFile | None = None
    if parsed.get_backend_name() == "sqlite":
        file = StateFile.of(parsed)
        name = file.name
        if may_create:
            file.make()
        else:
            file.refuse_absence()
        refuse_foreign_file(file, busy_timeout_seconds)
        engine = sqlite_engine(file.without_creating(parsed), busy_timeout_seconds)
    else:
        engine = postgresql_engine(parsed, busy_timeout_seconds)
        name = server_name(parsed)
    database = Database(engine, name, file)
    try:
        database.prepare(may_create=may_create)
    except BaseException:
        database.close()
        raise
    return database


def refuse_foreign_file(file: StateFile, busy_timeout_seconds: float) -> None:
    """Look whose a file is before it is opened to be written.

    SQLite works the log of a file in once whoever had it open closes it, if only to read.

    Raises:
        LedgerError: It is another program's, or of a version that is of no use.
    """
    for may_touch_index in (False, True):
        try:
            with (
                file.unchanging_url(may_touch_index=may_touch_index) as address,
                closing(Database(sqlite_reader(address, busy_timeout_seconds), file.name)) as found,
                suppress(NoStateError),
            ):
                found.recognise()
        except LedgerError as error:
            # Where SQLite can't read it so, whoever opens it next says why.
            if error.__cause__ is None:
                raise
        else:
            return


@contextmanager
def read_only_database(url: str, busy_timeout_seconds: float) -> Iterator[Database]:
    """The database at ``url``, to be looked at: nothing is made, upgraded or left beside it.

    Args:
        url: ``sqlite:///path`` or ``postgresql://...``.
        busy_timeout_seconds: How long to wait for whoever has it to himself.

    Raises:
        NoStateError: There is none.
        LedgerError: The URL is not one of these, or the database can't be read.
    """
    parsed = parsed_url(url)
    if parsed.get_backend_name() == "sqlite":
        with read_only_file(StateFile.of(parsed), busy_timeout_seconds) as database:
            yield database
        return
    engine = postgresql_engine(parsed, busy_timeout_seconds).execution_options(
        postgresql_readonly=True
    )
    with closing(Database(engine, server_name(parsed))) as database:
        yield database


@contextmanager
def read_only_file(file: StateFile, busy_timeout_seconds: float) -> Iterator[Database]:
    """The database in a file, likewise.

    Raises:
        NoStateError: There is none.
        LedgerError: It can't be read.
    """
    file.refuse_absence()
    refuse_foreign_file(file, busy_timeout_seconds)
    with (
        file.unchanging_url() as address,
        closing(Database(sqlite_reader(address, busy_timeout_seconds), file.name)) as database,
    ):
        yield database
