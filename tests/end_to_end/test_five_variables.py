"""The five variables of the flow contract alone, through a proxy that sees each connection.

The gateway behind it speaks what the contract lists, and answers 404 to all else.
"""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.daemon.place import eventually
from tests.end_to_end.flow_shell import ACTION_ID
from tests.end_to_end.proxied_flow_shell import CONTRACT, HOST, Desk, desk_in


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk of one test."""
    with desk_in(tmp_path) as one:
        yield one


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def test_everything_goes_to_one_host(desk: Desk) -> None:
    """Check, look, set, poll: the login too is asked of the API's host, and says so in `aud`."""
    checked = desk.run("check")
    assert checked.code == 0, checked.out + checked.err
    assert {line.split()[0] for line in checked.out.splitlines()} == {"ok"}
    assert "Logged in at api.mypurecloud.com" in checked.out

    assert "Order Status" in desk.run("flow", "show").out

    desk.shell.place(desk.shell.served().replace(b'"timeout": 5000', b'"timeout": 3000'))
    assert desk.run("flow", "set-timeout").code == 0
    assert desk.shell.timeout_ms() == 5_000

    assert desk.run("poll").code == 0
    # Whether or not a record has named it, the flow's document has been read.
    rows = json.loads(desk.run("report", "--format", "json").out)["actions"]
    assert {row["action_id"]: row["timeout_seconds"] for row in rows}[ACTION_ID] == 5

    assert desk.proxy.hosts == {HOST}
    assert all(line.startswith("CONNECT ") for line in desk.proxy.asked_for)
    assert desk.audiences() == {"https://api.mypurecloud.com/oauth/token"}
    assert desk.routes() == CONTRACT


def test_the_daemon_goes_to_one_host(desk: Desk) -> None:
    """It polls, reads the flow's document and is ready."""
    port = free_port()
    desk.shell.variables["TIMEOUT_MONITOR__SERVE__PORT"] = str(port)
    process = desk.shell.start("run")
    try:
        eventually(lambda: _is_ready(port), "the daemon")
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert desk.proxy.hosts == {HOST}
    assert desk.routes() == CONTRACT - {"PUT /api/v2/flows/{flowId}"}


def _is_ready(port: int) -> bool:
    time.sleep(0.1)
    try:
        answer = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
    except requests.ConnectionError:
        return False
    return answer.status_code == 200
