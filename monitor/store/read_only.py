"""A state opened to be looked at: nothing is made, upgraded or left beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from monitor.store.database import Database, refuse_foreign_file
from monitor.store.engines import parsed_url, postgresql_engine, server_name, sqlite_reader
from monitor.store.state_file import StateFile


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
