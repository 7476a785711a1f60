"""Looking at a state without changing it, on a server too."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from monitor.errors import LedgerError
from monitor.ledger import Ledger, inspect_state
from monitor.store.opening import read_only_database
from monitor.store.quick_check import refuse_damage
from monitor.store.schema import SCHEMA_VERSION
from tests.evidence import ORG, SOURCE, reading, tally


def test_a_state_is_seen_as_it_is(url: str) -> None:
    """Its version, its orgs, and that it can be written."""
    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, reading(tally(3)))
        state = ledger.state(ORG)

    found = inspect_state(url, [ORG], busy_timeout_seconds=1.0)

    assert (found.version, found.is_newest, found.is_whole) == (SCHEMA_VERSION, True, True)
    assert found.why_not_writable == ""
    assert found.states == {ORG: state}


def test_where_there_is_none_none_is_made(url: str) -> None:
    """And it says whether one could be."""
    for _ in range(2):
        found = inspect_state(url, [ORG], busy_timeout_seconds=1.0)
        assert (found.version, found.why_not_writable) == (None, "")


def test_what_is_opened_to_be_looked_at_can_not_be_written(url: str) -> None:
    """Whatever is tried."""
    Ledger.open(url).close()

    with (
        read_only_database(url, 1.0) as database,
        pytest.raises(LedgerError),
        database.writing() as connection,
    ):
        connection.exec_driver_sql("DELETE FROM meta")


def test_rights_that_are_missing_on_a_server_are_named(postgresql: Callable[[], str]) -> None:
    """Of a user who may only read, and of a server that only reads."""
    url = postgresql()
    Ledger.open(url).close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE onlooker LOGIN")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO onlooker")
    onlooker = url.replace("postgres@", "onlooker@")

    found = inspect_state(onlooker, [ORG], busy_timeout_seconds=2.0)
    assert "may not write its table" in found.why_not_writable

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER ROLE postgres SET default_transaction_read_only = on")
    try:
        found = inspect_state(url, [ORG], busy_timeout_seconds=2.0)
        assert found.why_not_writable == "transactions are read-only by default"
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER ROLE postgres RESET default_transaction_read_only")


def test_an_empty_database_that_takes_no_tables(postgresql: Callable[[], str]) -> None:
    """It is told before the daemon fails to make them."""
    url = postgresql()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN")
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")

    found = inspect_state(url.replace("postgres@", "guest@"), [ORG], busy_timeout_seconds=2.0)

    assert found.version is None
    assert "may not make tables" in found.why_not_writable


def test_a_look_for_damage_has_an_end(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large state is not read through at every start; what was not seen is said to be so."""
    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, reading(*(tally(3, window=at) for at in range(2_000))))
    monkeypatch.setattr("monitor.store.quick_check._STEPS", 1)

    found = inspect_state(url, [ORG], busy_timeout_seconds=1.0, most_seconds=-1.0)
    assert found.is_whole is url.startswith("postgresql")

    with read_only_database(url, 1.0) as database, database.reading() as connection:
        assert refuse_damage(connection, database.name, None)
