"""Opening a state: a fresh one, ours, and everything that it must not be."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from monitor.errors import LedgerError
from monitor.ledger import Ledger, inspect_state
from monitor.store import StateMaintenance
from monitor.store.failures import ledger_error
from monitor.store.schema import SCHEMA_VERSION
from tests.evidence import ORG, SOURCE, count_of, reading, tally

NOBODY = 65_534
"""A user without rights on anything of ours."""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A file: what can be wrong with one is what most of these tests are about."""
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def guarded_directory() -> Iterator[Path]:
    """A directory that this process can be locked out of, as an ordinary user."""
    # Not tmp_path: it lies below directories that only its owner may enter.
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    """Drop root's right to write everywhere, where the tests have it."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def fails_to_open(url: str, sentence: str, *, busy_timeout_seconds: float = 0.1) -> LedgerError:
    """Open a state that can't be, and give the error, whose sentence holds these words."""
    with pytest.raises(LedgerError, match=sentence) as caught:
        Ledger.open(url, busy_timeout_seconds=busy_timeout_seconds)
    assert caught.value.hint
    return caught.value


def set_version(path: Path, version: str) -> None:
    """Let a ledger be of another version."""
    Ledger.open(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (version,))
    connection.close()


def test_an_absent_file_becomes_a_ledger(tmp_path: Path) -> None:
    """Opening is all the set-up there is."""
    path = tmp_path / "new.db"

    with Ledger.open(f"sqlite:///{path}") as ledger:
        assert ledger.record(ORG, SOURCE, reading(tally(1))).executions_added == 1

    assert path.is_file()


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    """As `mktemp` leaves it."""
    path = tmp_path / "empty.db"
    path.touch()

    with Ledger.open(f"sqlite:///{path}") as ledger:
        assert ledger.record(ORG, SOURCE, reading(tally(1))).executions_added == 1


def test_opening_does_not_write_an_existing_ledger(tmp_path: Path) -> None:
    """A report may be asked for by somebody who may only read."""
    path = tmp_path / "ledger.db"
    Ledger.open(f"sqlite:///{path}").close()
    before = path.read_bytes()

    Ledger.open(f"sqlite:///{path}").close()

    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    """A wrong path must not cost anybody a file."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but somebody's notes\n" * 100)
    before = path.read_bytes()

    fails_to_open(f"sqlite:///{path}", r"notes\.txt is not an SQLite file")

    assert path.read_bytes() == before


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Not even its journal mode is changed."""
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE contacts (name TEXT)")
    connection.close()
    before = path.read_bytes()

    fails_to_open(f"sqlite:///{path}", "belongs to another program")

    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["theirs.db"]


@pytest.mark.parametrize("left", [("",), ("", "-wal"), ("", "-wal", "-shm")])
def test_the_log_of_another_program_is_not_worked_in(tmp_path: Path, left: tuple[str, ...]) -> None:
    """SQLite does that for whoever has opened a file, if only to look whose it is."""
    path, kept = tmp_path / "theirs.db", tmp_path / "left"
    kept.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE contacts (name TEXT)")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint")
        connection.execute("INSERT INTO contacts VALUES ('ann')")
        connection.commit()
        for end in left:
            shutil.copy(f"{path}{end}", kept)
    url = f"sqlite:///{kept / path.name}"
    before = {one.name: one.read_bytes() for one in kept.iterdir()}
    care = StateMaintenance(url, busy_timeout_seconds=0.1)

    for look in (
        lambda: Ledger.open(url),
        lambda: Ledger.open(url, may_create=False),
        lambda: inspect_state(url, [], busy_timeout_seconds=0.1),
        lambda: care.faults().__enter__(),
        lambda: care.back_up(tmp_path / "copy.db"),
        lambda: care.repair(tmp_path / "copy.db"),
    ):
        with pytest.raises(LedgerError, match="belongs to another program"):
            look()
        assert {one.name: one.read_bytes() for one in kept.iterdir()} == before


@pytest.mark.parametrize(
    "table", ["meta (id INTEGER)", "meta (key TEXT, value TEXT)", "meta (key TEXT, value BLOB)"]
)
def test_a_meta_table_of_another_program_does_not_pass(tmp_path: Path, table: str) -> None:
    """It is what stands in it that makes a ledger."""
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE {table}")
    connection.close()

    error = fails_to_open(f"sqlite:///{path}", "belongs to another program")

    assert error.hint


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    """A program that was rolled back must not guess."""
    set_version(tmp_path / "ledger.db", str(SCHEMA_VERSION + 1))

    error = fails_to_open(f"sqlite:///{tmp_path / 'ledger.db'}", "written by a newer program")

    assert f"version {SCHEMA_VERSION + 1}, this program knows {SCHEMA_VERSION}" in error.message


@pytest.mark.parametrize("version", ["0", "", "one"])
def test_an_older_ledger_is_refused(tmp_path: Path, version: str) -> None:
    """Before version 1 there was none that could be kept."""
    set_version(tmp_path / "ledger.db", version)

    error = fails_to_open(f"sqlite:///{tmp_path / 'ledger.db'}", "written by an older program")

    assert error.hint


def test_a_damaged_ledger_is_told(tmp_path: Path) -> None:
    """A file with holes in it says so instead of counting wrong."""
    path = tmp_path / "ledger.db"
    Ledger.open(f"sqlite:///{path}").close()
    pages = bytearray(path.read_bytes())
    pages[4_096:] = b"\xff" * (len(pages) - 4_096)
    path.write_bytes(pages)

    error = fails_to_open(f"sqlite:///{path}", "is damaged")

    assert error.hint
    assert path.read_bytes() == bytes(pages), "what can still be saved is left alone"


def test_an_absent_directory_is_told(tmp_path: Path) -> None:
    """It is not made: a mistyped path would hide the state that is there."""
    error = fails_to_open(f"sqlite:///{tmp_path / 'absent' / 'l.db'}", "can't be opened or created")

    assert "Create its directory" in error.hint
    assert not (tmp_path / "absent").exists()


def test_a_directory_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    """A path that ends one step early."""
    error = fails_to_open(f"sqlite:///{tmp_path}", "is no file, but a directory")

    assert error.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("ordinary_user")
def test_a_directory_that_can_not_be_written_is_told(guarded_directory: Path) -> None:
    """As with a volume that belongs to root."""
    if guarded_directory.stat().st_uid == os.geteuid():
        guarded_directory.chmod(0o555)

    error = fails_to_open(f"sqlite:///{guarded_directory / 'l.db'}", "can't be opened or created")

    assert "write permission" in error.hint


def test_a_file_that_can_not_be_written_is_told_when_it_is_written(
    tmp_path: Path, url: str
) -> None:
    """What is there can still be read."""
    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, reading(tally(3)))
    read_only = f"sqlite:///file:{tmp_path / 'ledger.db'}?mode=ro&uri=true"

    with Ledger.open(read_only) as ledger:
        with pytest.raises(LedgerError, match="can't be written"):
            ledger.record(ORG, SOURCE, reading(tally(4)))

        assert count_of(ledger) == 3


def test_a_locked_file_is_told(tmp_path: Path) -> None:
    """Another program that has the file to itself is waited for, then named as the reason."""
    path = tmp_path / "ledger.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")

    error = fails_to_open(f"sqlite:///{path}", "is locked by another process")

    assert error.hint

    connection.execute("ROLLBACK")
    connection.close()


def test_a_writer_in_the_way_is_told(tmp_path: Path, url: str) -> None:
    """Readers go on meanwhile, and the ledger works again as soon as the other one is done."""
    with Ledger.open(url, busy_timeout_seconds=0.05) as ledger:
        connection = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")

        with pytest.raises(LedgerError, match="is locked by another process"):
            ledger.record(ORG, SOURCE, reading(tally(3)))
        assert count_of(ledger) == 0

        connection.execute("ROLLBACK")
        connection.close()
        assert ledger.record(ORG, SOURCE, reading(tally(3))).executions_added == 3


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("timeout-monitor.db", "not a database URL"),
        ("postgresql://u:hunter2@h:port/db", "not a database URL"),
        ("mysql://u:hunter2@h/db", "of kind mysql"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:///file::memory:?uri=true", "in memory"),
        ("sqlite://state/timeout-monitor.db", "names a host"),
    ],
)
def test_a_url_of_no_use_is_refused(wrong: str, sentence: str) -> None:
    """Each mistake is named, and a password in it is not."""
    error = fails_to_open(wrong, sentence)

    assert "hunter2" not in f"{error.message} {error.hint} {error!r} {error.__cause__!r}"


def test_a_full_disk_is_told(url: str) -> None:
    """The reading is taken back whole, and what was there stays readable."""

    def fill_the_disk(connection: sqlite3.Connection, _record: object) -> None:
        # SQLite's own word for no room, without filling a disk: the file may not get larger.
        connection.execute("PRAGMA max_page_count = 1")

    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, reading(tally(3)))
    event.listen(Engine, "connect", fill_the_disk)
    try:
        with Ledger.open(url) as ledger:
            with pytest.raises(LedgerError, match="the disk is full"):
                ledger.record(
                    ORG, SOURCE, reading(*(tally(5, action_id=f"a{n}") for n in range(1_000)))
                )

            assert count_of(ledger) == 3
    finally:
        event.remove(Engine, "connect", fill_the_disk)


def test_a_disk_that_refuses_to_write_is_told(url: str, tmp_path: Path) -> None:
    """As a quota or a broken disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, reading(tally(3)))
        written = (tmp_path / "ledger.db-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (written, hard))
        try:
            with pytest.raises(LedgerError, match="the disk reports an error"):
                ledger.record(ORG, SOURCE, reading(tally(4)))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        assert count_of(ledger) == 3


def test_what_another_database_says_is_passed_on() -> None:
    """In its own words, without the statement and the values that were in it."""
    cause = RuntimeError("connection refused\n\tIs the server running?")
    error = ledger_error("db on h", OperationalError("SELECT 'hunter2'", {"p": "hunter2"}, cause))

    assert error.message == (
        "the state db on h can't be used: connection refused Is the server running?"
    )
    assert "[state] url" in error.hint


def test_a_missing_driver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL is an extra."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    error = fails_to_open("postgresql://u:hunter2@h/db", "driver for PostgreSQL is not installed")

    assert "genesys-timeout-monitor[postgres]" in error.hint


def test_a_commit_is_on_the_disk_before_it_returns(url: str) -> None:
    """Every connection syncs the log at each commit, so that a power cut takes nothing back."""
    with Ledger.open(url) as ledger:
        for writes in (True, False):
            database = ledger._database  # noqa: SLF001 - what its connections were told
            with (database.writing if writes else database.reading)() as connection:
                told = [
                    connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                    for name in ("synchronous", "journal_mode")
                ]
            assert told == [2, "wal"]
