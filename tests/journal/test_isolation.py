"""A server whose transactions see, by its default, what was there when they began."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from monitor.journal import Change, ChangeState, Switch
from monitor.ledger import Ledger
from tests.evidence import ORG, T0
from tests.journal.changing import begun, entry, intent, leased, revision

PATIENCE_SECONDS = 10.0


@pytest.fixture(params=["repeatable read", "serializable"])
def server(request: pytest.FixtureRequest, postgresql: Callable[[], str]) -> str:
    """A database with another default than PostgreSQL's own."""
    url = postgresql()
    name = url.rpartition("/")[2]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"ALTER DATABASE {name} SET default_transaction_isolation = '{request.param}'".encode()
        )
    return url


@pytest.fixture
def ledger(server: str) -> Iterator[Ledger]:
    """A fresh ledger on it."""
    with Ledger.open(server) as opened:
        yield opened


def await_waiting(watcher: psycopg.Connection, count: int) -> None:
    """Return as soon as so many transactions of this database wait for a lock."""
    ends = time.monotonic() + PATIENCE_SECONDS
    statement = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    while watcher.execute(statement).fetchone() != (count,):
        assert time.monotonic() < ends


def written_after_a_pause(
    ledger: Ledger, server: str, write: Callable[[], Change | None]
) -> Change | None:
    """What a write comes to that waits for its org while somebody else's pause is committed."""
    with (
        ThreadPoolExecutor(2) as threads,
        psycopg.connect(server) as holder,
        psycopg.connect(server, autocommit=True) as watcher,
    ):
        holder.execute("SELECT id FROM orgs WHERE name = %s FOR UPDATE", [ORG])
        pause = threads.submit(ledger.journal.pause, ORG, Switch(T0, "bob", "stop"))
        await_waiting(watcher, 1)
        written = threads.submit(write)
        await_waiting(watcher, 2)
        holder.rollback()
        pause.result(PATIENCE_SECONDS)
        return written.result(PATIENCE_SECONDS)


def test_no_change_is_begun_after_a_pause_that_came_first(ledger: Ledger, server: str) -> None:
    """It sees what was committed while it waited, and is decided again."""
    lease = leased(ledger)
    seen = revision(ledger)

    def begin() -> Change | None:
        return ledger.journal.begin(lease, intent(), entry(), revision=seen, machine_now=T0)

    assert written_after_a_pause(ledger, server, begin) is None


def test_nothing_is_sent_after_a_pause_that_came_first(ledger: Ledger, server: str) -> None:
    """The same for a change that was begun before."""
    lease = leased(ledger)
    change = begun(ledger, lease)
    seen = revision(ledger)

    def send() -> Change | None:
        return ledger.journal.send(
            lease, change, ChangeState.WRITING, entry(), revision=seen, machine_now=T0
        )

    assert written_after_a_pause(ledger, server, send) is None
