"""A check of state and port: as the daemon would find them, and nothing is changed by looking."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from monitor.checkup import Level
from monitor.checkup.state import StateProbe
from monitor.clock import SystemClock
from monitor.config import load
from monitor.daemon import Daemon
from monitor.errors import LedgerError
from monitor.ledger import Ledger, inspect_state
from monitor.time_ranges import TimeRange
from tests.checkup.conftest import findings
from tests.daemon.place import Place
from tests.evidence import reading, tally


def traces(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes; but for the index of whoever is at work."""
    return {
        str(path.relative_to(folder)): b"" if path.name.endswith("-shm") else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """Insist that no file comes, goes or changes."""
    before = traces(folder)
    yield
    assert traces(folder) == before


def filled(place: Place) -> None:
    """Make a state with something in it."""
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        ledger.record("acme", "actions", reading(*(tally(3, window=at) for at in range(400))))


def damage(state: Path) -> None:
    """Overwrite the pages of the windows, which a start alone does not read."""
    with closing(sqlite3.connect(state)) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        [(page,)] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'tallies'"
        ).fetchall()
    content = bytearray(state.read_bytes())
    content[(page - 1) * size : page * size] = b"\xa5" * size
    state.write_bytes(content)


def test_no_state_is_made(place: Place) -> None:
    """It says where the daemon will make one."""
    with unchanged(place.folder):
        finding = findings(place)["state"]

    assert finding.level is Level.OK
    assert finding.detail == f"There is none yet: run makes one at {place.state}"


def test_a_state_at_rest_is_left_as_it_is(place: Place) -> None:
    """No byte of it changes, and SQLite leaves nothing beside it."""
    filled(place)

    with unchanged(place.folder):
        finding = findings(place)["state"]

    assert finding.level is Level.OK
    assert finding.detail == f"The state {place.state} can be read and written"


def test_a_state_in_use_is_left_as_it_is(place: Place) -> None:
    """What is in the log of whoever is at work is seen."""
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        ledger.record("acme", "actions", reading(tally(3)))
        with unchanged(place.folder):
            assert findings(place)["state"].level is Level.OK
        seen = inspect_state(f"sqlite:///{place.state}", ["acme"], busy_timeout_seconds=1.0)
        assert seen.states["acme"] == ledger.state("acme")


def test_what_a_killed_program_left_is_left_as_it_is(place: Place) -> None:
    """A log without its index: whoever opens the state would work it in."""
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        ledger.record("acme", "actions", reading(tally(3)))
        for end in ("", "-wal"):
            shutil.copy(f"{place.state}{end}", place.folder / f"killed.db{end}")
    url = f"sqlite:///{place.folder / 'killed.db'}"
    place.configure(state=url)

    with unchanged(place.folder):
        assert findings(place)["state"].level is Level.OK
        seen = inspect_state(url, ["acme"], busy_timeout_seconds=1.0)

    assert [one.count for one in seen.states["acme"].totals.values()] == [3]


def test_a_state_that_run_refuses_as_damaged_fails_here(place: Place) -> None:
    """By the same rule, and with what to do about it; neither changes what can be saved."""
    filled(place)
    damage(place.state)

    with unchanged(place.folder):
        finding = findings(place)["state"]
    with pytest.raises(LedgerError, match="is damaged") as refused:
        Daemon(load(place.config), clock=SystemClock())

    assert (finding.level, finding.exit_code) == (Level.FAILED, 1)
    assert "is damaged" in finding.detail
    assert "timeout-monitor state repair" in finding.hint
    assert "timeout-monitor state repair" in refused.value.hint


def test_an_older_schema_is_told_and_not_upgraded(place: Place) -> None:
    """It is the daemon that upgrades; a copy made before can be gone back to."""
    filled(place)
    with closing(sqlite3.connect(place.state)) as connection, connection:
        connection.execute("UPDATE meta SET value = '3' WHERE key = 'schema_version'")

    with unchanged(place.folder):
        finding = findings(place)["state"]

    assert finding.level is Level.WARNING
    assert "is of schema 3, which run upgrades" in finding.detail
    assert "state backup" in finding.hint


def test_a_newer_schema_fails(place: Place) -> None:
    """As it does for whoever opens it."""
    filled(place)
    with closing(sqlite3.connect(place.state)) as connection, connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")

    with unchanged(place.folder):
        assert "was written by a newer program" in findings(place)["state"].detail


def test_a_directory_that_is_not_there_fails(place: Place) -> None:
    """None is made, for it may be that of a disk that is not mounted."""
    place.configure(state=f"sqlite:///{place.folder / 'absent' / 'state.db'}")

    with unchanged(place.folder):
        finding = findings(place)["state"]

    assert finding.level is Level.FAILED
    assert f"its directory {place.folder / 'absent'} is not there" in finding.detail


@pytest.mark.parametrize("what", ["file", "directory"])
def test_a_state_that_this_user_can_not_write_fails(
    place: Place, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Found without trying."""
    filled(place)
    locked = place.state if what == "file" else place.folder
    allowed = os.access

    def access(path: Path, mode: int, **more: bool) -> bool:
        is_locked = Path(path) == locked and bool(mode & os.W_OK)
        return not is_locked and allowed(path, mode, **more)

    monkeypatch.setattr("monitor.store.state_file.os.access", access)

    finding = findings(place)["state"]

    assert finding.level is Level.FAILED
    assert "can't be written" in finding.detail


@pytest.mark.parametrize("is_there", [True, False])
def test_a_disk_without_room_fails(
    place: Place, monkeypatch: pytest.MonkeyPatch, *, is_there: bool
) -> None:
    """It is said how much there is and how much a poll may take."""
    if is_there:
        filled(place)
    real = os.statvfs

    def statvfs(path: Path) -> os.statvfs_result:
        found = list(real(path))
        found[4] = 3  # blocks that a user may still take
        return os.statvfs_result(found)

    monkeypatch.setattr("monitor.store.state_file.os.statvfs", statvfs)

    with unchanged(place.folder):
        finding = findings(place)["state"]

    assert finding.level is Level.FAILED
    assert "KiB of room, and a poll may take 4,096 KiB" in finding.detail


@pytest.mark.parametrize("is_there", [True, False])
def test_a_place_that_takes_no_bytes_fails(place: Place, *, is_there: bool) -> None:
    """As with a quota: what the disk tells of its room is not what this user has."""
    if is_there:
        filled(place)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    settings = load(place.config)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))
    try:
        finding = StateProbe(settings).finding()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert finding.level is Level.FAILED
    assert "can't be written: File too large" in finding.detail
    assert sorted(path.name for path in place.folder.iterdir()) == [
        *(["state.db"] if is_there else []),
        "timeout-monitor.toml",
    ]


def test_a_port_that_is_taken_fails(place: Place) -> None:
    """By whoever does not answer as this program does."""
    text = place.config.read_text().replace("port = 0", f"port = {place.simulator.port}")
    place.config.write_text(text)

    finding = findings(place)["port"]

    assert (finding.level, finding.exit_code) == (Level.FAILED, 2)
    assert "is taken by another program" in finding.detail


def test_a_port_that_a_daemon_of_ours_has_is_well(place: Place) -> None:
    """Whoever checks beside a daemon at work need not end it."""
    daemon = Daemon(load(place.config), clock=SystemClock())
    daemon.start()
    try:
        text = place.config.read_text().replace("port = 0", f"port = {daemon.port}")
        place.config.write_text(text)
        finding = findings(place)["port"]
    finally:
        daemon.close()

    assert finding.level is Level.OK
    assert "is served by a daemon at work" in finding.detail
    assert findings(place)["port"].detail.endswith("it is free")


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_a_host_that_is_not_this_one_fails(place: Place, host: str) -> None:
    """Nothing can listen there."""
    place.config.write_text(
        place.config.read_text().replace("port = 0", f'port = 0\nhost = "{host}"')
    )

    assert "Nothing can be served at" in findings(place)["port"].detail


def test_a_check_counts_nothing_of_what_it_reads(place: Place) -> None:
    """The coverage of the state is as it was."""
    filled(place)
    findings(place)

    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        assert set(ledger.state("acme").coverage) == {"actions"}
        assert isinstance(ledger.state("acme").coverage["actions"][0], TimeRange)


def test_pages_that_everybody_may_read_are_a_warning(place: Place) -> None:
    """Bound wide without a password: said with what to do, and nothing has failed."""
    assert "protection" not in findings(place)
    place.config.write_text(
        place.config.read_text().replace("port = 0", 'port = 0\nhost = "0.0.0.0"')
    )

    finding = findings(place)["protection"]
    assert (finding.level, finding.exit_code) == (Level.WARNING, 0)
    assert "no password is asked" in finding.detail
    assert "web_config" in finding.hint


def test_a_protection_that_can_not_be_read_fails(place: Place) -> None:
    """What the daemon would not start with is found here."""
    place.config.write_text(
        place.config.read_text().replace("port = 0", 'port = 0\nweb_config = "/no/such/file.yml"')
    )

    assert findings(place)["protection"].level is Level.FAILED
