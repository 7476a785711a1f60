"""Standard streams that were closed before the program began: every command works all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monitor.cli.app import app
from monitor.ledger import Ledger
from tests.cli.conftest import Command
from tests.daemon.place import PATIENCE_SECONDS, ROOT, Place

CLOSED = 'exec "$@" <&- >&- 2>&-'

COMMANDS = {
    "poll": 0,
    "backfill --from {day_before} --to {yesterday}": 0,
    "report": 0,
    "investigate Nowhere": 2,
    "plan": 0,
    "apply --dry-run": 0,
    "trial Nowhere": 2,
    "rollback 1": 2,
    "reconcile": 0,
    "history": 0,
    "pause": 0,
    "resume": 0,
    "export openmetrics --from {day_before} --to {yesterday}": 6,
    "check": 0,
    "flow show Payment": 1,
    "demo --port 0 --duration 0 --scenario quiet": 0,
    "simulate --port 0": 0,
    "run": 0,
    "state check": 0,
}
"""Each command with the exit code that it has with its streams open as well."""


def started(place: Place, words: str, redirections: str = CLOSED) -> subprocess.Popen[bytes]:
    """Start a command whose streams a shell has closed."""
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 2 * 86_400))
    next_day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    arguments = words.format(day_before=day, yesterday=next_day).split()
    return subprocess.Popen(
        ["/bin/sh", "-c", redirections, "sh", sys.executable, "-m", "monitor", *arguments],
        cwd=place.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_every_command_is_here() -> None:
    """A command that is added gets its line."""
    names = {command.name for command in app.registered_commands}
    names |= {group.name for group in app.registered_groups}

    assert {words.split()[0] for words in COMMANDS} == names


@pytest.mark.parametrize("words", COMMANDS)
def test_all_streams_closed(place: Place, command: Command, words: str) -> None:
    """The command does what it does, ends as it does, and leaves the state whole."""
    assert command("poll").code == 0
    process = started(place, words)
    if words.split(maxsplit=1)[0] in {"run", "simulate"}:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(4)  # it goes on
        process.send_signal(signal.SIGTERM)

    assert process.wait(PATIENCE_SECONDS) == COMMANDS[words]
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        assert ledger.state("acme").totals


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-"])
def test_pause_with_a_stream_closed(place: Place, command: Command, closed: str) -> None:
    """It pauses, and says so by its exit code."""
    assert command("poll").code == 0
    process = started(place, "pause", f'exec "$@" {closed}')

    assert process.wait(PATIENCE_SECONDS) == 0
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        assert ledger.journal.remediation_state("acme", time.time()).paused


def test_a_file_does_not_take_the_place_of_a_stream(place: Place, tmp_path: Path) -> None:
    """What is written by whatever part to the closed stream reaches no file of ours."""
    code = (
        "import os; from monitor.cli import open_missing_streams; open_missing_streams();"
        f"number = os.open({str(tmp_path / 'file')!r}, os.O_CREAT | os.O_WRONLY);"
        "os.write(1, b'x'); os.write(2, b'x'); raise SystemExit(number < 3)"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", CLOSED, "sh", sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )

    assert place.folder.exists()
    assert done.returncode == 0
    assert (tmp_path / "file").read_bytes() == b""
