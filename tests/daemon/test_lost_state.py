"""A state that goes away under the daemon: every poll notices, and nothing is made in its place."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import requests
from structlog.testing import capture_logs

from monitor.daemon import Daemon
from monitor.ledger import Ledger
from tests.daemon.conftest import MakeDaemon
from tests.daemon.daemon_process import families, sample
from tests.daemon.place import Place, eventually

INTERVAL = "50ms"


@pytest.fixture
def daemon(place: Place, make_daemon: MakeDaemon) -> Daemon:
    """A daemon that has read its org."""
    place.configure(interval=INTERVAL)
    made = make_daemon(place)
    made.start()
    eventually(lambda: readiness(made)["ready"], "a first poll")
    return made


def readiness(daemon: Daemon) -> dict[str, object]:
    """What /readyz says."""
    document: dict[str, object] = requests.get(f"{daemon.address}/readyz", timeout=10).json()
    return document


def reason(daemon: Daemon) -> str:
    """Why it is not ready, in one text."""
    return str(readiness(daemon)["reasons"])


def polls(daemon: Daemon, result: str) -> int:
    """How many polls ended so."""
    return daemon.holder.current.orgs[0].health.polls[result]


def executions(path: Path) -> int:
    """What a state has counted."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        total: int = connection.execute("SELECT coalesce(sum(count), 0) FROM series").fetchone()[0]
    return total


def aside(state: Path) -> Path:
    """Move the state away, with what belongs to it."""
    folder = state.parent / "aside"
    folder.mkdir()
    for path in state.parent.glob(f"{state.name}*"):
        shutil.move(path, folder / path.name)
    return folder / state.name


def test_a_state_that_is_deleted_is_noticed_at_the_next_poll(place: Place, daemon: Daemon) -> None:
    """The poll fails, /readyz and the log say why and what to do, and no new file is made."""
    with capture_logs() as logs:
        place.state.unlink()
        eventually(lambda: not readiness(daemon)["ready"], "the loss")
        failed = polls(daemon, "failed")
        eventually(lambda: polls(daemon, "failed") > failed + 1, "more polls")

    assert f"the state {place.state} is gone" in reason(daemon)
    [first, *_] = [line for line in logs if line["event"] == "state_lost"]
    assert "restart" in first["hint"]
    assert sample(families(daemon.address), "timeout_monitor_state_writable") == 0
    assert not place.state.exists()


def test_after_a_restart_it_begins_anew(
    place: Place, daemon: Daemon, make_daemon: MakeDaemon
) -> None:
    """What is left of the old one does not get into the new one."""
    place.state.unlink()
    eventually(lambda: not readiness(daemon)["ready"], "the loss")
    daemon.close()

    again = make_daemon(place)
    again.start()

    eventually(lambda: readiness(again)["ready"], "a poll into the new state")
    assert executions(place.state) > 0


def log_first(folder: Path) -> list[Path]:
    """The files of a state in the order in which they go back into use: the state itself last.

    A daemon that meets it without its log would begin a new one.
    """
    return sorted(folder.iterdir(), key=lambda path: path.name == "state.db")


@pytest.mark.parametrize("back", [shutil.move, shutil.copy])
def test_the_right_file_put_back_is_gone_on_with(
    place: Place, daemon: Daemon, back: Callable[[Path, Path], object]
) -> None:
    """Itself, or a copy of it; what it has counted stays counted once."""
    kept = aside(place.state)
    eventually(lambda: not readiness(daemon)["ready"], "the loss")
    before = executions(kept)
    with capture_logs() as logs:
        for path in log_first(kept.parent):
            back(path, place.folder / path.name)
        eventually(lambda: readiness(daemon)["ready"], "a poll of what is back")

    assert before <= executions(place.state) < before * 1.1
    assert [line["event"] for line in logs].count("state_is_back") == 1
    assert sample(families(daemon.address), "timeout_monitor_state_writable") == 1


def test_a_new_state_in_its_place_is_not_taken_for_it(place: Place, daemon: Daemon) -> None:
    """Nothing is written into what another program has made there meanwhile."""
    kept = aside(place.state)
    eventually(lambda: not readiness(daemon)["ready"], "the loss")
    Ledger.open(f"sqlite:///{place.state}").close()
    eventually(lambda: "was replaced by another one" in reason(daemon), "the other state")
    assert executions(place.state) == 0

    aside_again = place.folder / "theirs"
    aside_again.mkdir()
    for path in place.folder.glob("state.db*"):
        shutil.move(path, aside_again / path.name)
    for path in log_first(kept.parent):
        shutil.move(path, place.folder / path.name)
    eventually(lambda: readiness(daemon)["ready"], "a poll of the right state")
    assert executions(aside_again / "state.db") == 0


def test_another_file_renamed_over_it_is_noticed(place: Place, daemon: Daemon) -> None:
    """In one step, so that there is a file at every moment; it need not even be a state."""
    other = place.folder / "other"
    other.write_text("somebody's notes\n" * 1_000)
    other.rename(place.state)

    eventually(lambda: "was replaced by another one" in reason(daemon), "the loss")

    assert place.state.read_text() == "somebody's notes\n" * 1_000


def test_another_file_renamed_over_what_a_link_leads_to_is_noticed(
    place: Place, make_daemon: MakeDaemon
) -> None:
    """Its log lies beside it, not beside the link; the other file is left as it is."""
    (place.folder / "disk").mkdir()
    target = place.folder / "disk" / "kept.db"
    Ledger.open(f"sqlite:///{target}").close()
    place.state.symlink_to(target)
    place.configure(interval=INTERVAL)
    daemon = make_daemon(place)
    daemon.start()
    eventually(lambda: readiness(daemon)["ready"], "a first poll")
    other = place.folder / "other.db"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE notes AS SELECT 'somebody''s' AS note")
    before = other.read_bytes()

    other.rename(target)

    eventually(lambda: "the log of the one before, kept.db-wal" in reason(daemon), "the loss")
    daemon.close()
    assert target.read_bytes() == before


def test_a_link_that_is_turned_elsewhere_is_noticed(place: Place, make_daemon: MakeDaemon) -> None:
    """What the path leads to is what counts."""
    for name in ("one", "two"):
        (place.folder / name).mkdir()
        Ledger.open(f"sqlite:///{place.folder / name / 'state.db'}").close()
    place.state.symlink_to(place.folder / "one" / "state.db")
    place.configure(interval=INTERVAL)
    daemon = make_daemon(place)
    daemon.start()
    eventually(lambda: readiness(daemon)["ready"], "a first poll")

    turned = place.folder / "turned"
    turned.symlink_to(place.folder / "two" / "state.db")
    turned.rename(place.state)

    eventually(lambda: "was replaced by another one" in reason(daemon), "the loss")
    assert executions(place.folder / "two" / "state.db") == 0


def test_a_newer_schema_stops_all_writing(place: Place, daemon: Daemon) -> None:
    """A newer program has opened it: this one does not guess what it means by now."""
    with closing(sqlite3.connect(place.state, timeout=30)) as connection, connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")

    eventually(lambda: "was upgraded by a newer program" in reason(daemon), "the upgrade")
    before = executions(place.state)
    failed = polls(daemon, "failed")
    eventually(lambda: polls(daemon, "failed") > failed + 1, "more polls")
    assert executions(place.state) == before
