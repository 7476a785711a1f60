"""Which commands make a state, and where: nobody is answered from one that is not the daemon's."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing

import pytest

from monitor.cli.app import app
from monitor.ledger import Ledger
from tests.cli.conftest import Command
from tests.cli.error_messages import assert_refused
from tests.daemon.place import Place
from tests.simulated_org import SECRET

DAYS = "--from {day_before} --to {yesterday}"
OPENS = (
    "reconcile",
    "report",
    "investigate Nowhere",
    "plan",
    "apply --dry-run",
    "apply --yes",
    "trial Nowhere --yes",
    "rollback 1 --yes",
    "history",
    "history --audit",
    "pause",
    "resume",
    "resume --action Nowhere",
    "state check",
    "state backup",
    "state repair",
    f"export openmetrics {DAYS}",
)
"""What needs a state that is there; asked of none they name the place, and make nothing."""

MAKES = ("run", "poll", "backfill")
"""What may make one; so may `flow set-timeout`, which records a write before it is sent."""

OTHERS = ("check", "demo", "simulate", "flow")
"""A check looks and makes none; the demo has a state of its own; `flow show` needs none."""


def in_days(words: str) -> list[str]:
    """The words with days that can be asked for."""
    day_before, yesterday = (
        time.strftime("%Y-%m-%d", time.gmtime(time.time() - days * 86_400)) for days in (2, 1)
    )
    return words.format(day_before=day_before, yesterday=yesterday).split()


def test_every_command_is_here() -> None:
    """One that is added says which kind it is."""
    names = {command.name for command in app.registered_commands}
    names |= {group.name for group in app.registered_groups}

    assert {words.split()[0] for words in (*OPENS, *MAKES, *OTHERS)} == names


@pytest.mark.parametrize("words", OPENS)
def test_without_a_state_nothing_is_said_and_none_is_made(
    place: Place, command: Command, words: str
) -> None:
    """The place where there is none is named, with what to do."""
    finished = command(*in_days(words))

    assert_refused(finished, 1, f"There is no state at {place.state}")
    assert finished.out == ""
    assert [path.name for path in place.folder.iterdir()] == [place.config.name]


@pytest.mark.parametrize("words", ["report", "pause", "history"])
def test_an_empty_file_is_no_state(place: Place, command: Command, words: str) -> None:
    """It is left as it is: the program that makes states fills it."""
    place.state.touch()

    assert_refused(command(words), 1, f"There is no state at {place.state}")
    assert place.state.read_bytes() == b""
    assert command("poll").code == 0
    assert command("history").code == 0


def test_a_pause_elsewhere_is_no_pause(
    place: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where only the variables say what is meant, another directory has another state: none."""
    daemons, ours = place.folder / "daemon", place.folder / "me"
    daemons.mkdir()
    ours.mkdir()
    place.config.unlink()
    for name, value in {
        "GENESYS_CLIENT_ID": "simulated-client",
        "GENESYS_CLIENT_SECRET": SECRET,
        "GENESYS_API_URL": place.simulator.url,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(daemons)
    assert command("poll").code == 0
    monkeypatch.chdir(ours)

    finished = command("pause")

    assert_refused(finished, 1, f"There is no state at {ours / 'timeout-monitor.db'}")
    assert list(ours.iterdir()) == []
    with Ledger.open(f"sqlite:///{daemons / 'timeout-monitor.db'}") as ledger:
        assert not ledger.journal.remediation_state("simulated-client", time.time()).paused


@pytest.fixture
def relative(place: Place) -> Place:
    """The same place, whose state is named by its file alone."""
    place.configure(state="sqlite:///state.db")
    return place


@pytest.mark.parametrize("inside", [False, True])
def test_a_relative_path_counts_from_the_configuration_file(
    relative: Place, command: Command, monkeypatch: pytest.MonkeyPatch, *, inside: bool
) -> None:
    """Whatever directory the command is run in, and however the file is named."""
    elsewhere = relative.folder / "elsewhere"
    elsewhere.mkdir()
    if inside:
        assert command("poll").code == 0
    monkeypatch.chdir(elsewhere)
    config = os.path.relpath(relative.config)
    if not inside:
        assert command("--config", config, "poll").code == 0

    finished = command("--config", config, "pause")

    assert finished.out == "Changes of acme are paused.\n"
    assert list(elsewhere.iterdir()) == []
    with Ledger.open(f"sqlite:///{relative.state}") as ledger:
        assert ledger.journal.remediation_state("acme", time.time()).paused


def test_the_audit_trail_counts_from_there_too(
    place: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It belongs to the state."""
    place.configure(state="sqlite:///state.db", more='[remediation]\naudit_file = "a.jsonl"\n')
    assert command("poll").code == 0
    elsewhere = place.folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    assert command("--config", str(place.config), "pause").code == 0

    assert (place.folder / "a.jsonl").is_file()
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("words", ["pause", "run", "poll", "report", "check"])
@pytest.mark.parametrize("both", [False, True])
def test_two_places_that_hold_a_state_are_both_named(
    relative: Place, command: Command, monkeypatch: pytest.MonkeyPatch, words: str, *, both: bool
) -> None:
    """Beside the configuration file and in the working directory, or only in the wrong one."""
    elsewhere = relative.folder / "elsewhere"
    elsewhere.mkdir()
    assert command("poll").code == 0
    (shutil.copy if both else shutil.move)(relative.state, elsewhere / "state.db")
    before = sorted(relative.folder.iterdir())
    monkeypatch.chdir(elsewhere)

    finished = command("--config", str(relative.config), words)

    assert finished.code == 2
    assert str(relative.state) in finished.err
    assert str(elsewhere / "state.db") in finished.err
    assert sorted(relative.folder.iterdir()) == before


def test_one_state_that_two_paths_lead_to_is_one(
    relative: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link in the working directory is no second state."""
    assert command("poll").code == 0
    elsewhere = relative.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "state.db").symlink_to(relative.state)
    monkeypatch.chdir(elsewhere)

    assert command("--config", str(relative.config), "pause").code == 0


def test_a_link_that_leads_nowhere_makes_no_state(place: Place, command: Command) -> None:
    """As one onto a disk that is not mounted: a state made there would hide the right one."""
    place.state.symlink_to(place.folder / "not-mounted" / "state.db")

    finished = command("poll")

    assert finished.code == 1
    assert "is a link that leads nowhere" in finished.err
    assert not (place.folder / "not-mounted").exists()


@pytest.mark.parametrize("words", ["poll", "run"])
def test_who_makes_a_state_says_where(place: Place, words: str) -> None:
    """In the log, once."""
    if words == "run":
        process = place.start(words)
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(2)]
        process.terminate()
        process.communicate(timeout=60)
        said = "".join(lines)
    else:
        said = place.run(words).err
    assert said.count('"state_created"') == 1
    assert f'"{place.state}"' in said


def test_a_pause_that_no_daemon_reads_says_so(place: Place, command: Command) -> None:
    """A state that nobody has read into for long is hardly the one that a daemon uses."""
    assert command("poll").code == 0
    assert command("pause").err == ""
    with closing(sqlite3.connect(place.state)) as connection, connection:
        connection.execute("UPDATE sources SET last_success_at = last_success_at - 86400")

    finished = command("pause")

    assert finished.code == 0
    assert finished.out == "Changes of acme are paused.\n"
    assert f"The state {place.state} was last read into" in finished.err


@pytest.mark.parametrize(
    "words",
    ["pause", "resume", "rollback 1 --yes", "apply --yes", "trial Nowhere --yes", "poll", "run"],
)
def test_a_copy_of_a_state_is_not_taken_for_it(place: Place, command: Command, words: str) -> None:
    """While the state is still where it was: nothing that is said to the copy reaches a daemon."""
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        ledger.settle()
        ledger.housekeeping.prune(0)  # any write: what was never written to knows no place yet
    copy = place.folder / "copy.db"
    shutil.copy(place.state, copy)
    before = copy.read_bytes()
    place.configure(state=f"sqlite:///{copy}")

    finished = command(*words.split())

    assert_refused(
        finished, 1, f"The state {copy} is a copy of {place.state}, which is still there"
    )
    assert copy.read_bytes() == before


def test_a_copy_can_be_read_and_used_where_the_state_is_gone(
    place: Place, command: Command
) -> None:
    """A report of it misleads nobody; and one that was moved is the state."""
    assert command("poll").code == 0
    copy = place.folder / "copy.db"
    shutil.copy(place.state, copy)
    place.configure(state=f"sqlite:///{copy}")
    assert command("report").code == 0
    assert command("history").code == 0

    place.state.unlink()

    assert command("pause").code == 0
    assert command("poll").code == 0
    place.configure(state=f"sqlite:///{place.folder}/./copy.db")
    assert command("poll").code == 0
