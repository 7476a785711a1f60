"""What stands before the commands, and how quickly it is told."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from monitor import __version__
from monitor.cli.examples import EXAMPLES
from tests.cli.conftest import Command
from tests.daemon.place import ROOT, Place

SLOW = ("rich", "pandas", "requests", "sqlalchemy", "structlog", "flask", "numpy")
"""What takes long to import, and no help needs."""


@pytest.mark.parametrize("words", ["--version", "--verbose --version"])
def test_version(command: Command, words: str) -> None:
    """The version, on one line, alone or among other options."""
    finished = command(*words.split())

    assert finished.code == 0
    assert finished.out == f"timeout-monitor {__version__}\n"


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_every_command(command: Command, option: str) -> None:
    """Help names each command with what it does."""
    finished = command(option)

    assert finished.code == 0
    for name in ("demo", "run", "poll", "backfill", "report", "check", "simulate"):
        assert f"\n  {name} " in finished.out


@pytest.mark.parametrize("name", ["demo", "run", "poll", "backfill", "report", "check", "simulate"])
def test_every_command_has_help(command: Command, name: str) -> None:
    """So has each command, by -h too."""
    finished = command(name, "-h")

    assert finished.code == 0
    assert f"timeout-monitor {name} [OPTIONS]" in finished.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "Usage:"),
        ("pol", "No such command 'pol'"),
        ("poll --jsn", "No such option: --jsn"),
        ("report --format xml", "Invalid value for '--format'"),
        ("backfill", "Missing option '--from'"),
        ("simulate --port 99999", "Invalid value for '--port'"),
        ("demo --port -1", "Invalid value for '--port'"),
        ("demo --duration -1", "Invalid value for '--duration'"),
    ],
)
def test_bad_usage(command: Command, words: str, told: str) -> None:
    """Exit code 2, and stderr says what is wrong and where help is."""
    finished = command(*words.split())

    assert finished.code == 2
    assert told in finished.err + finished.out
    assert "Traceback" not in finished.err


@pytest.mark.parametrize("words", ["--help", "--version", "report --help", "demo --help"])
def test_help_imports_nothing_slow(words: str, tmp_path: Path) -> None:
    """Whoever asks for help does not wait for tables, numbers and databases to load."""
    program = (
        "import sys, atexit\n"
        f"sys.argv = ['timeout-monitor', *{words.split()!r}]\n"
        f"atexit.register(lambda: sys.stderr.write(' '.join({SLOW!r} & sys.modules.keys())))\n"
        "from monitor.cli import main\n"
        "main()\n"
    ).replace(f"{SLOW!r} &", f"set({SLOW!r}) &")
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout
    assert done.stderr == ""


def test_configuration_from_another_place(place: Place, command: Command) -> None:
    """--config stands before the command, and names any file."""
    elsewhere = place.folder / "elsewhere.toml"
    place.config.rename(elsewhere)

    assert command("--config", str(elsewhere), "poll").code == 0
    assert command("-c", str(elsewhere), "poll").code == 0
    assert command("poll").code == 2


def test_configuration_from_a_variable(
    place: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TIMEOUT_MONITOR_CONFIG does the same."""
    elsewhere = place.folder / "elsewhere.toml"
    place.config.rename(elsewhere)
    monkeypatch.setenv("TIMEOUT_MONITOR_CONFIG", str(elsewhere))

    assert command("poll").code == 0


def test_python_m_monitor(place: Place) -> None:
    """The package runs as a module, as in the Makefile."""
    finished = place.run("--version")

    assert finished.code == 0
    assert finished.out == f"timeout-monitor {__version__}\n"


@pytest.mark.parametrize(
    ("name", "example"), [(name, one) for name, lines in EXAMPLES.items() for one in lines]
)
def test_every_example_is_one(
    command: Command, monkeypatch: pytest.MonkeyPatch, name: str, example: str
) -> None:
    """What --help shows at its end is there for each command, and is understood."""
    monkeypatch.setenv("COLUMNS", "80")
    words = shlex.split(example)
    helped = command(*name.split(), "--help")
    goes_on_for_ever = {"demo", "simulate"} & set(words)
    done = command(*words, *(["--help"] if goes_on_for_ever else []))

    assert f"  timeout-monitor {example}\n" in helped.out
    assert "Usage:" not in done.err
    assert "is no time" not in done.err
    assert "Traceback" not in done.err
