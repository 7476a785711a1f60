"""A far side that echoes credentials, and everything the program writes while it does."""

from __future__ import annotations

import base64
import json
import socket
import sqlite3
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.genesys.far_side import TOKEN, FarSide, Reply, listening

SECRET = 'p"a\\ss/word-1'  # noqa: S105 - it protects nothing
ACCESS = "tok-en.1234567890-abcdef"
BASIC = base64.b64encode(f"client-1:{SECRET}".encode()).decode()

COMMANDS = (("check",), ("poll",), ("-v", "poll"), ("poll", "--json"), ("report",))

CONFIG = """
[state]
url = "sqlite:///{folder}/state.db"

[[org]]
name = "acme"
client_id = "client-1"
client_secret = '{secret}'
api_url = "{url}"
"""


@pytest.fixture
def far_side() -> Iterator[FarSide]:
    """A scripted platform on loopback."""
    with listening() as far_side:
        yield far_side


@pytest.fixture
def config(tmp_path: Path, far_side: FarSide) -> Path:
    """A configuration that points at it."""
    path = tmp_path / "timeout-monitor.toml"
    path.write_text(
        CONFIG.format(folder=tmp_path, secret=SECRET, url=far_side.url), encoding="utf-8"
    )
    return path


def written(command: Command, config: Path) -> str:
    """All that the commands write: to both streams and into the state."""
    said = ""
    for arguments in COMMANDS:
        done = command("--config", str(config), *arguments)
        said += done.out + done.err
    state = config.parent / "state.db"
    if state.exists():
        with sqlite3.connect(state) as database:
            said += "\n".join(database.iterdump())
    return said


def assert_no_secret(said: str) -> None:
    """None of them, in none of the forms that the far side used."""
    escaped = json.dumps(SECRET)[1:-1]
    for secret in (SECRET, escaped, json.dumps(escaped)[1:-1], ACCESS, BASIC, "ss/word-1"):
        assert secret not in said


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 302])
def test_an_answer_that_echoes_the_token_leaves_it_nowhere(
    command: Command, config: Path, far_side: FarSide, status: int
) -> None:
    """In its message, its code, a redirect's address, and inside JSON inside JSON."""
    far_side.on(TOKEN, Reply(body={"access_token": ACCESS, "expires_in": 3600}))
    echo = f"headers were Authorization: Bearer {ACCESS} " + json.dumps({"token": ACCESS})
    far_side.otherwise = Reply(
        status,
        {"message": json.dumps(echo), "code": f"bad.{ACCESS}", "status": status},
        {"Location": f"https://elsewhere.example/?token={ACCESS}"},
    )

    said = written(command, config)
    assert_no_secret(said)
    assert "***" in said or status == 302  # of a redirect only the host is told


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
def test_a_login_that_echoes_the_secret_leaves_it_nowhere(
    command: Command, config: Path, far_side: FarSide, status: int
) -> None:
    """As it is, in escapes of JSON, and as the Basic header had it."""
    far_side.on(
        TOKEN,
        Reply(
            status,
            {
                "error": "invalid_client",
                "error_description": f"{SECRET} and {json.dumps(SECRET)} and Basic {BASIC}",
            },
        ),
    )

    said = written(command, config)
    assert_no_secret(said)
    assert "***" in said


def test_a_message_that_is_cut_does_not_end_in_half_a_token(
    command: Command, config: Path, far_side: FarSide
) -> None:
    """Half of it would be known for what it is by whoever finds it, and by no search."""
    far_side.on(TOKEN, Reply(body={"access_token": ACCESS, "expires_in": 3600}))
    far_side.otherwise = Reply(400, {"message": "x" * (300 - len(ACCESS) // 2) + ACCESS})

    said = written(command, config)
    assert ACCESS[:8] not in said


def test_a_crash_that_is_asked_for_shows_its_place_without_the_secret(
    command: Command, config: Path, far_side: FarSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the command line itself, which has a hook for crashes of its own."""
    far_side.on(TOKEN, Reply(body={"access_token": ACCESS, "expires_in": 3600}))

    def crash(*_: object, **__: object) -> None:
        raise KeyError(ACCESS)

    monkeypatch.setattr("monitor.genesys.client.api_client.error_for", crash)
    done = command("-v", "--config", str(config), "check")

    assert done.code == 1
    assert "Traceback" in done.err
    assert ACCESS not in done.out + done.err


def test_a_broken_connection_says_nothing_of_what_was_sent(
    command: Command, config: Path, far_side: FarSide
) -> None:
    """Also at the highest verbosity, where libraries log too."""

    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    far_side.on(TOKEN, hang_up)

    said = written(command, config)
    assert SECRET not in said
    assert BASIC not in said
