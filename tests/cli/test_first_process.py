"""The program as the first process of a container, which hears no signal without asking for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.daemon.place import PATIENCE_SECONDS, ROOT, Place, eventually

AS_FIRST = ("unshare", "--pid", "--fork", "--kill-child")
MAY = subprocess.run([*AS_FIRST, "true"], capture_output=True, check=False).returncode == 0
needs_a_namespace = pytest.mark.skipif(not MAY, reason="this user may not make a PID namespace")

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(place: Place) -> Iterator[Start]:
    """Start a command that tells on stderr what it imports, and wait until it has come so far."""
    with ExitStack() as processes:

        def started(*words: str, until: str, before: tuple[str, ...]) -> subprocess.Popen[bytes]:
            told = place.folder / "imports"
            process = subprocess.Popen(
                [*before, sys.executable, "-v", "-m", "monitor", *words],
                cwd=place.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.DEVNULL,
                stderr=processes.enter_context(told.open("wb")),
            )
            processes.callback(process.kill)
            eventually(lambda: f"import '{until}' #" in told.read_text(errors="replace"), until)
            return process

        yield started


def child_of(process: subprocess.Popen[bytes]) -> int:
    """The number, as it is seen from here, of the process that is the first one in there."""
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])


@needs_a_namespace
@pytest.mark.parametrize(
    ("words", "until", "code"),
    [
        ("report", "typer", 128 + signal.SIGTERM),
        ("run", "typer", 128 + signal.SIGTERM),
        ("run", "apscheduler", 0),
        ("demo --port 0 --scenario quiet", "apscheduler", 0),
        ("simulate --port 0", "flask", 0),
    ],
)
def test_sigterm_in_the_first_moments(start: Start, words: str, until: str, code: int) -> None:
    """It ends the program though little of it has been loaded."""
    process = start(*words.split(), until=until, before=AS_FIRST)
    os.kill(child_of(process), signal.SIGTERM)

    assert process.wait(PATIENCE_SECONDS) == code


def test_sighup_in_the_first_moments(place: Place, start: Start) -> None:
    """It does not end the daemon, which reads its settings again as soon as it runs."""
    process = start("run", until="apscheduler", before=())
    process.send_signal(signal.SIGHUP)
    log = place.folder / "imports"
    eventually(lambda: '"event": "reloaded"' in log.read_text(errors="replace"), "the reload")
    process.terminate()

    assert process.wait(PATIENCE_SECONDS) == 0
