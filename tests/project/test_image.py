"""The Dockerfile, held against the project it packs: no container engine needed."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet

from monitor import config


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its word and everything after it."""

    word: str
    rest: str


@pytest.fixture(scope="module")
def instructions(root: Path) -> list[Instruction]:
    """The Dockerfile's instructions in order, continued lines joined, comments left out."""
    text = (root / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines()]


def all_of(instructions: list[Instruction], word: str) -> list[str]:
    """What follows each instruction of that word."""
    found = [one.rest for one in instructions if one.word == word]
    assert found, f"the Dockerfile has no {word}"
    return found


def variables(instructions: list[Instruction]) -> dict[str, str]:
    """The last stage's environment."""
    pairs = (part.split("=", 1) for part in all_of(instructions, "ENV")[-1].split())
    return {name: value for name, value in pairs}  # noqa: C416 - dict() of lists does not type


def copied(instructions: list[Instruction]) -> list[str]:
    """Every path that comes from the checkout."""
    copies = [rest.split() for rest in all_of(instructions, "COPY")]
    return [path for parts in copies if not parts[0].startswith("--") for path in parts[:-1]]


def is_ignored(path: str, patterns: list[str]) -> bool:
    """Docker's rule, as far as our file uses it: the last pattern that fits decides."""
    ignored = False
    ways = [str(part) for part in (PurePosixPath(path), *PurePosixPath(path).parents)][:-1]
    for pattern in patterns:
        bare = pattern.removeprefix("!").removeprefix("**/")
        deep = pattern.startswith("**/")
        if any(fnmatch.fnmatchcase(PurePosixPath(way).name if deep else way, bare) for way in ways):
            ignored = not pattern.startswith("!")
    return ignored


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server on loopback that answers every GET with ``status``; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
            """Keep the test's output quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_what_it_copies_is_there(root: Path, instructions: list[Instruction]) -> None:
    """Every copied path exists, and .dockerignore lets it through."""
    lines = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    for path in copied(instructions):
        assert (root / path).exists(), path
        assert not is_ignored(path, patterns), path
    assert not is_ignored("monitor/cli/demo.py", patterns)


@pytest.mark.parametrize(
    "path",
    [
        "org.env",
        "timeout-monitor.toml",
        "timeout-monitor.db",
        ".git/config",
        ".venv/bin/python",
        "monitor/cli/__pycache__/demo.pyc",
    ],
)
def test_what_is_private_stays_outside(root: Path, path: str) -> None:
    """Credentials, state and history never get into the build's context."""
    lines = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert is_ignored(path, [line for line in lines if line and not line.startswith("#")])


def test_packages_come_from_our_lock(root: Path, instructions: list[Instruction]) -> None:
    """Every installation is by hash from a copied lock of ours, or needs no index at all."""
    installs = [
        command
        for rest in all_of(instructions, "RUN")
        for command in rest.split("&&")
        if "pip install" in command
    ]
    locks = [match[1] for command in installs if (match := re.search(r" -r (\S+)", command))]
    assert "requirements.lock" in locks
    assert set(locks) <= set(copied(instructions))
    assert all((root / lock).is_file() for lock in locks)
    for command in installs:
        assert "--require-hashes" in command or "--no-index --no-deps" in command


def test_base_is_pinned_and_new_enough(
    instructions: list[Instruction], pyproject: dict[str, Any]
) -> None:
    """Both stages stand on one tagged Python that the project supports."""
    bases = {rest.split()[0] for rest in all_of(instructions, "FROM")}
    assert len(bases) == 1
    match = re.fullmatch(r"python:(\d+\.\d+)-slim-\w+", bases.pop())
    assert match
    assert SpecifierSet(pyproject["project"]["requires-python"]).contains(match[1])


def test_entry_point_is_our_command(
    instructions: list[Instruction], pyproject: dict[str, Any]
) -> None:
    """What the container starts is a console script of the project."""
    (command,) = json.loads(all_of(instructions, "ENTRYPOINT")[-1])
    assert command in pyproject["project"]["scripts"]


def test_default_command_is_real(instructions: list[Instruction]) -> None:
    """The default command exists, and knows every option it is given."""
    command, *arguments = json.loads(all_of(instructions, "CMD")[-1])
    done = subprocess.run(
        [sys.executable, "-m", "monitor", command, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for option in arguments:
        assert not option.startswith("--") or option in done.stdout


def test_port_is_the_default_one(instructions: list[Instruction]) -> None:
    """The exposed port and the one whose health is asked are where the program listens."""
    port = str(config.ServeSettings().port)
    assert all_of(instructions, "EXPOSE") == [port]
    assert f"'127.0.0.1', {port}," in all_of(instructions, "HEALTHCHECK")[-1]


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_health_is_what_readyz_says(
    instructions: list[Instruction], status: int, *, healthy: bool
) -> None:
    """The health check passes when /readyz answers 200, and fails when the data is stale."""
    check = all_of(instructions, "HEALTHCHECK")[-1].partition("CMD ")[2]
    python, option, code = json.loads(check)
    assert python == "python"
    with answering(status) as port:
        asking = code.replace(str(config.ServeSettings().port), str(port))
        done = subprocess.run([sys.executable, option, asking], check=False)
    assert (done.returncode == 0) is healthy


def test_runs_as_nobody_in_particular(instructions: list[Instruction]) -> None:
    """The last user is a number other than root's, so that a cluster can check it."""
    user, _, group = all_of(instructions, "USER")[-1].partition(":")
    assert int(user) > 0
    assert int(group) > 0


def test_state_is_kept_in_the_volume(instructions: list[Instruction]) -> None:
    """The settings of the image are valid, and put the state file into the volume."""
    settings = config.load(None, variables(instructions))
    volume = all_of(instructions, "VOLUME")[-1]
    assert settings.state.url == f"sqlite:///{volume}/timeout-monitor.db"
    assert volume.startswith("/")


def test_daemon_can_be_reached_from_outside(instructions: list[Instruction]) -> None:
    """In a container loopback is out of reach, so `run` listens everywhere."""
    settings = config.load(None, variables(instructions))
    assert settings.serve.host == "0.0.0.0"  # noqa: S104 - the container's edge is docker's -p
