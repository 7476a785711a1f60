"""``demo`` and ``simulate``: processes that go on until they are ended."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest
import requests

from monitor.errors import ConnectionFailedError
from monitor.genesys import HttpTransport, Request, Response
from tests.cli.conftest import Command
from tests.cli.error_messages import assert_refused
from tests.daemon.place import PATIENCE_SECONDS, Place, eventually
from tests.simulated_org import serve_live_org

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A directory without a configuration: neither command needs one."""
    with serve_live_org() as simulator:
        there = Place(tmp_path, simulator)
    there.config.unlink()
    return there


def read_until(descriptor: int, wanted: str) -> str:
    """What a terminal shows until this text has come."""
    shown, deadline = "", time.monotonic() + PATIENCE_SECONDS
    while wanted not in shown:
        assert time.monotonic() < deadline, shown
        if select.select([descriptor], [], [], 0.1)[0]:
            shown += os.read(descriptor, 65_536).decode(errors="replace")
    return shown


def test_the_demo(place: Place) -> None:
    """It prints the table, the addresses and a summary, leaves nothing behind, and exits 0."""
    finished = place.run("demo", "--port", "0", "--duration", "0.1")

    assert finished.code == 0
    assert "Traceback" not in finished.err
    for text in ("Order Status", "Delivery Slots", "Verify Identity", "Timeouts"):
        assert text in finished.out
    for text in ("Status page  http://127.0.0.1:", "/metrics\n", "/api/v1/actions\n"):
        assert text in finished.out
    assert re.search(
        r"\nWatched demo with \d+ polls? \(0 failed\): [\d,]+ executions counted, "
        r"[\d,]+ timeouts in 24 h\.\n$",
        finished.out,
    )
    assert list(place.folder.iterdir()) == []


def test_the_demo_behind_a_proxy(place: Place) -> None:
    """Its simulated org is on this machine, which no proxy reaches."""
    proxies = dict.fromkeys(("http_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:1")
    words = ("demo", "--port", "0", "--duration", "0", "--scenario", "quiet")
    finished = place.run(*words, **proxies)

    assert finished.code == 0, finished.err
    assert "No data actions" in finished.out
    assert "(0 failed)" in finished.out


def test_a_demo_that_shows_nothing_has_failed(
    place: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the simulated org can't be read there is a sentence and exit code 6, no empty table."""

    def refuse(_self: HttpTransport, request: Request) -> Response:
        raise ConnectionFailedError("No connection to the moon", endpoint=request.endpoint_label)

    monkeypatch.setattr(HttpTransport, "send", refuse)
    finished = command("demo", "--port", "0", "--duration", "0", "--scenario", "quiet")

    assert place.folder.exists()
    assert_refused(finished, 6, "The simulated org could not be read: No connection to the moon")
    assert "Status page" not in finished.out


def test_the_demo_of_a_flow_org(place: Place) -> None:
    """Another scenario is played by its name."""
    finished = place.run("demo", "--port", "0", "--duration", "0", "--scenario", "flow")

    assert finished.code == 0
    assert "without successes there is no share of timeouts" in finished.out


def test_the_demo_shows_what_it_says(place: Place) -> None:
    """The addresses that it prints answer, until SIGTERM ends it with exit code 0."""
    process = place.start("demo", "--port", "0", "--scenario", "quiet")
    assert process.stdout
    text = ""
    while "JSON" not in text:
        line = process.stdout.readline()
        assert line, process.stderr and process.stderr.read()
        text += line
    for address in re.findall(r"http://\S+", text):
        assert requests.get(address, timeout=10).status_code == 200
    began = time.monotonic()
    process.terminate()
    out, err = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 0
    assert time.monotonic() - began < 10
    assert "Watched demo with" in out
    assert "Traceback" not in err


def test_the_demo_on_a_terminal(place: Place) -> None:
    """On a terminal a bar moves first and the table is drawn; Ctrl-C ends it with exit code 0."""
    here, there = pty.openpty()
    process = place.start(
        "demo", "--port", "0", "--scenario", "quiet", stdout=there, stderr=there, stdin=there
    )
    os.close(there)
    shown = read_until(here, "Ctrl-C ends it")
    process.send_signal(signal.SIGINT)
    shown += read_until(here, "Watched demo with")
    assert process.wait(PATIENCE_SECONDS) == 0
    os.close(here)

    assert "Reading 24 h of history" in shown
    assert "No data actions" in shown
    assert "Traceback" not in shown


def test_the_demo_on_a_terminal_ends_by_itself(place: Place) -> None:
    """--duration counts on a terminal too."""
    here, there = pty.openpty()
    process = place.start(
        "demo", "--port", "0", "--scenario", "quiet", "--duration", "2", stdout=there, stderr=there
    )
    os.close(there)
    shown = read_until(here, "Watched demo with")
    assert process.wait(PATIENCE_SECONDS) == 0
    os.close(here)

    assert "Ctrl-C ends it" in shown


def test_the_demo_ended_while_it_reads(place: Place) -> None:
    """Ctrl-C during the first poll is heard."""
    process = place.start("--verbose", "demo", "--port", "0", "--scenario", "large")
    assert process.stderr
    while "started" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 0
    assert "Watched demo with" in out
    assert "Traceback" not in err


def variables(text: str) -> dict[str, str]:
    """What the simulator tells people to export."""
    return dict(re.findall(r"^  export (\w+)=(\S+)$", text, re.MULTILINE))


@pytest.mark.parametrize("contract", ["platform", "flow"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_simulation_can_be_watched_as_it_says(
    place: Place, contract: str, number: signal.Signals
) -> None:
    """The variables that it prints are all that a poll needs; a signal ends it with exit code 0."""
    process = place.start("simulate", "--port", "0", "--contract", contract)
    assert process.stdout
    text = ""
    while "timeout-monitor run" not in text:
        line = process.stdout.readline()
        assert line
        text += line
    polled = place.run("poll", **variables(text), TIMEOUT_MONITOR__COLLECT__INITIAL="10m")
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE_SECONDS)

    assert polled.code == 0, polled.err
    assert polled.out.startswith("simulated: ok, ")
    assert process.returncode == 0
    assert err == ""


def test_a_simulation_on_a_chosen_port(place: Place) -> None:
    """--port is the port that it listens on."""
    with serve_live_org() as simulator:
        port = simulator.port
    process = place.start("simulate", "--port", str(port), stdout=subprocess.DEVNULL)

    def answers() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/simulator/", timeout=10).ok
        except requests.ConnectionError:
            return False

    eventually(answers, "an answer")
    process.terminate()
    process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
