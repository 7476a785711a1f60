"""A state of an older program becomes one of this program's, and loses nothing."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Connection, create_engine, event, inspect, make_url, text
from sqlalchemy.engine import Engine

from monitor.errors import LedgerError
from monitor.ledger import Ledger
from monitor.ledger.change_schema import VERSION_2
from monitor.ledger.schema import SCHEMA_VERSION, metadata
from tests.ledger.changing import begun, leased
from tests.ledger.readings import ORG, SOURCE, count_of, reading, tally


def engine_of(url: str) -> Engine:
    """The database by another way than the ledger's."""
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    return create_engine(address)


def make_version_1(url: str) -> None:
    """A ledger as version 1 left it, with executions in it."""
    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, reading(tally(3)))
    engine = engine_of(url)
    with engine.begin() as connection:
        metadata.drop_all(connection, tables=VERSION_2)
        connection.execute(text("UPDATE meta SET value = '1' WHERE key = 'schema_version'"))
        if connection.dialect.name == "postgresql":
            connection.execute(text("DROP FUNCTION audit_only_grows()"))
    engine.dispose()


def version_of(url: str) -> tuple[str, set[str]]:
    """The version that the state says it is, and its tables."""
    engine = engine_of(url)
    with engine.connect() as connection:
        query = text("SELECT value FROM meta WHERE key = 'schema_version'")
        found = connection.execute(query).scalar_one(), set(inspect(connection).get_table_names())
    engine.dispose()
    return found


def test_a_state_of_version_1_is_upgraded_when_it_is_opened(url: str) -> None:
    """What was counted stays, and changes can be recorded."""
    make_version_1(url)

    with Ledger.open(url) as ledger:
        assert count_of(ledger) == 3
        assert ledger.record(ORG, SOURCE, reading(tally(5))).executions_added == 2
        assert begun(ledger, leased(ledger)).change_id == 1
    version, tables = version_of(url)
    assert version == str(SCHEMA_VERSION)
    assert tables == set(metadata.tables)


def test_an_upgrade_that_is_broken_off_leaves_the_old_state(url: str) -> None:
    """All of it is done, or nothing."""
    make_version_1(url)
    before = version_of(url)

    def fail_at_the_last_table(_: Connection, __: object, statement: str, *___: object) -> None:
        if "CREATE TABLE leases" in statement:
            reason = "the power is gone"
            raise RuntimeError(reason)

    event.listen(Engine, "before_cursor_execute", fail_at_the_last_table)
    try:
        with pytest.raises(RuntimeError, match="power"):
            Ledger.open(url)
    finally:
        event.remove(Engine, "before_cursor_execute", fail_at_the_last_table)

    assert version_of(url) == before
    with Ledger.open(url) as ledger:
        assert count_of(ledger) == 3


def test_programs_that_start_together_upgrade_once(url: str) -> None:
    """The others wait, and find it done."""
    make_version_1(url)
    ready, errors = threading.Barrier(4), []

    def start() -> None:
        ready.wait()
        try:
            Ledger.open(url).close()
        except LedgerError as error:
            errors.append(error.message)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert version_of(url)[0] == str(SCHEMA_VERSION)
