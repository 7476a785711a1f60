"""A state opened to be looked at: nothing is made, upgraded or left beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from monitor.ledger.database import Database
from monitor.ledger.engines import parsed_url, postgresql_engine, server_name, sqlite_reader
from monitor.ledger.state_file import StateFile


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
    with ExitStack() as stack:
        if parsed.get_backend_name() == "sqlite":
            file = StateFile.of(parsed)
            file.refuse_absence()
            address = stack.enter_context(file.unchanging_url())
            engine, name = sqlite_reader(address, busy_timeout_seconds), file.name
        else:
            engine = postgresql_engine(parsed, busy_timeout_seconds).execution_options(
                postgresql_readonly=True
            )
            name = server_name(parsed)
        database = Database(engine, name)
        stack.callback(database.close)
        yield database
