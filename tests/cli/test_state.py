"""``state check``, ``backup`` and ``repair``: what they print, and how they end."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from monitor.ledger import Ledger
from tests.cli.conftest import Command
from tests.cli.error_messages import assert_refused
from tests.daemon.place import Place
from tests.evidence import reading, tally, windows
from tests.ledger.conftest import postgresql  # noqa: F401 - a fixture
from tests.store.test_maintenance import leaf_of, spoil


@pytest.fixture
def filled(place: Place) -> Place:
    """A place whose state has some pages of windows."""
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        everything = (tally(2, window=at) for at in range(300))
        ledger.record("acme", "actions", reading(*everything, covered=windows(0, 300)))
    return place


@pytest.fixture
def damaged(filled: Place) -> Place:
    """One of these pages is spoilt."""
    spoil(filled.state, leaf_of(filled.state, "tallies", in_the_middle=True))
    return filled


def test_a_check_of_a_whole_state(filled: Place, command: Command) -> None:
    """A line a rule; it needs no org, and changes nothing."""
    before = filled.state.read_bytes()
    text = filled.config.read_text()
    filled.config.write_text(text[: text.index("[[org]]")])

    finished = command("state", "check")

    assert finished.code == 0
    assert {line.split()[0] for line in finished.out.splitlines()} == {"ok"}
    assert "ok      totals of executions" in finished.out
    assert filled.state.read_bytes() == before
    assert [path.name for path in filled.folder.iterdir() if "state" in path.name] == ["state.db"]


@pytest.mark.usefixtures("damaged")
def test_a_check_of_a_damaged_state(command: Command) -> None:
    """What is wrong, exit code 1, and what to do."""
    finished = command("state", "check", "--format", "json")

    document = json.loads(finished.out)
    assert (finished.code, document["ok"]) == (1, False)
    assert not next(one for one in document["rules"] if one["rule"] == "pages")["ok"]
    assert "timeout-monitor state repair" in finished.err


def test_a_copy_beside_the_state(filled: Place, command: Command) -> None:
    """It can be used in its place."""
    finished = command("state", "backup", "-o", str(filled.folder / "copy.db"))

    assert finished.code == 0
    assert finished.out.startswith(f"{filled.state} is copied to {filled.folder / 'copy.db'}, ")
    filled.configure(state=f"sqlite:///{filled.folder / 'copy.db'}")
    assert command("state", "check").code == 0
    assert_refused(command("state", "backup", "-o", str(filled.state)), 2, "nothing is overwritten")


def test_a_repair_says_what_is_lost(damaged: Place, command: Command) -> None:
    """What is left is a state, and the old one is as it was."""
    before = damaged.state.read_bytes()

    finished = command("state", "repair")

    repaired = damaged.folder / "state-repaired.db"
    assert finished.code == 0
    assert f"is copied to {repaired}: " in finished.out
    assert "Lost: rows of tallies, in windows that begin in 20" in finished.out
    assert "is not counted again" in finished.out
    assert "put state-repaired.db in its place" in finished.err
    assert damaged.state.read_bytes() == before
    damaged.configure(state=f"sqlite:///{repaired}")
    assert command("state", "check").code == 0
    assert command("poll").code == 0


@pytest.mark.usefixtures("damaged")
def test_a_repair_as_json(command: Command) -> None:
    """The same for programs."""
    document = json.loads(command("state", "repair", "--format", "json").out)

    assert document.keys() == {
        *("state", "repaired", "kept", "lost", "mended", "not_mended"),
        *("not_counted_before", "paused"),
    }
    assert document["kept"]["tallies"] < 300
    assert len(document["lost"]) == 1
    assert (document["mended"], document["not_mended"]) == ([], [])


def test_a_repair_says_what_it_could_not_mend(place: Place, command: Command) -> None:
    """And ends with exit code 1: a state that the check refuses is no repaired one."""
    with Ledger.open(f"sqlite:///{place.state}"):
        pass
    with closing(sqlite3.connect(place.state)) as connection:
        connection.execute("ALTER TABLE actions DROP COLUMN kind")

    finished = command("state", "repair")

    assert finished.code == 1
    assert "Not mended: schema: missing: actions.kind." in finished.out
    assert "is not as it should be either: schema" in finished.err


@pytest.mark.usefixtures("damaged")
def test_a_daemon_refuses_what_a_repair_mends(command: Command) -> None:
    """And names the command."""
    assert "timeout-monitor state repair" in command("run").err


def test_a_state_on_a_server(
    place: Place,
    command: Command,
    postgresql: Callable[[], str],  # noqa: F811 - the fixture
) -> None:
    """It is checked; copies are pg_dump's."""
    url = postgresql()
    Ledger.open(url).close()
    place.configure(state=url)

    assert command("state", "check").code == 0
    repaired = command("state", "repair")
    assert repaired.code == 0
    assert "it was checked, and nothing was changed" in repaired.err
    backed_up = command("state", "backup")
    assert_refused(backed_up, 2, "is on a PostgreSQL server")
    assert "pg_dump" in backed_up.err


def test_an_older_state_is_checked_as_far_as_it_goes(filled: Place, command: Command) -> None:
    """It is not upgraded by looking, and that it is older is no fault."""
    with closing(sqlite3.connect(filled.state)) as connection, connection:
        connection.execute("UPDATE meta SET value = '3' WHERE key = 'schema_version'")
    before = Path(filled.state).read_bytes()

    finished = command("state", "check")

    assert finished.code == 0
    assert "version 3: run upgrades it" in finished.out
    assert Path(filled.state).read_bytes() == before
