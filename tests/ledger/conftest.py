"""A real ledger, in a real SQLite file and in a database of a real PostgreSQL server."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from monitor.ledger import Ledger
from tests.store import postgres


@pytest.fixture(scope="session")
def postgresql(leave_out: Callable[[str], None]) -> Iterator[Callable[[], str]]:
    """Make an empty database on a server of our own; its URL."""
    binaries = postgres.programs()
    if binaries is None:
        leave_out("PostgreSQL's initdb is not installed")
        return
    numbers = itertools.count()
    # Not pytest's own folder: only its owner may enter that, and the server is another user.
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres.server(Path(folder), binaries) as server,
    ):

        def fresh() -> str:
            name = f"ledger_{next(numbers)}"
            with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy")
            return f"{server}/{name}"

        yield fresh


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where no ledger is yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    fresh: Callable[[], str] = request.getfixturevalue("postgresql")
    return fresh()


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """A fresh ledger."""
    with Ledger.open(url) as opened:
        yield opened
