"""``investigate`` as a process, beside a simulated org."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from monitor.clock import SystemClock
from monitor.simulator import RunningSimulator, World
from monitor.simulator.scenario_types import Arrivals
from monitor.simulator.scenarios import LOYALTY_POINTS, ORDER_STATUS
from tests.configuration_file import write_configuration
from tests.poller.watched_org import SMALL
from tests.simulated_org import org_table, readable, serve_org
from tests.simulator_client import AGGREGATES, SimulatorClient

DAY_AND_NIGHT = Arrivals(420, night_share=1.0)
STEADY = replace(
    SMALL,
    actions=tuple(replace(action, arrivals=DAY_AND_NIGHT) for action in SMALL.actions),
)
"""As busy at night as by day: these tests live in the machine's own time."""


@dataclass(frozen=True)
class Shell:
    """A user with a configuration."""

    simulator: RunningSimulator
    config: Path

    def command(self, *arguments: str) -> list[str]:
        """What they type."""
        return [sys.executable, "-m", "monitor", "--config", str(self.config), *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command whose output goes into a pipe."""
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, check=False, timeout=60
        )

    def fault(self, kind: str) -> None:
        """Let the state of every job go wrong."""
        with SimulatorClient(self.simulator) as wire:
            wire.fault(kind, path_prefix=f"{AGGREGATES}/jobs", method="GET", count=10_000)


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """An org of which the last hour has been collected."""
    folder = tmp_path_factory.mktemp("state")
    world = readable(World(detail_errors="named", timeout_duration="at_limit"))
    with serve_org(STEADY, SystemClock(), world=world) as simulator:
        org = org_table(simulator.url)
        config = write_configuration(folder, org, collect={"initial": "1h"})
        shell = Shell(simulator, config)
        polled = shell.run("poll")
        assert polled.returncode == 0, polled.stderr
        yield shell


@pytest.fixture
def shell(collected: Shell) -> Iterator[Shell]:
    """The same, without what another test made of it."""
    yield collected
    with SimulatorClient(collected.simulator) as wire:
        wire.call("DELETE", "/simulator/faults")


def test_a_pipe_gets_plain_text_in_a_readers_order(shell: Shell) -> None:
    """Heading, counts, picture, lists; ASCII, without colour, and nothing on stderr."""
    done = shell.run("investigate", ORDER_STATUS.name.upper(), "--limit", "3")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout
    titles = [
        "Order Status  acme, Order Service",
        " executions: ",
        "How long they took",
        "-- timeout 5 s ----",
        "Timed out, newest first (3 of ",
        "Slowest of the others",
        "Flows that use it",
        " conversations hit",
    ]
    places = [done.stdout.find(title) for title in titles]
    assert -1 not in places
    assert places == sorted(places)


def test_an_action_is_found_by_its_id(shell: Shell) -> None:
    """As other commands print it."""
    done = shell.run("investigate", LOYALTY_POINTS.action_id, "--format", "json", "--limit", "2")

    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert document["action_name"] == LOYALTY_POINTS.name
    assert len(document["slowest"]) == 2
    assert document["executions"] == sum(band["executions"] for band in document["latency"]) > 0
    assert document["truncated"] is None


def test_a_terminal_gets_a_bar_blocks_and_colours_in_its_own_width(shell: Shell) -> None:
    """No line is wider than the terminal, and ids stay in one piece."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        shell.command("investigate", "Order Status", "--limit", "2"),
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
    ) as process:
        os.close(follower)
        shown = _all_from(leader)
    os.close(leader)

    assert process.returncode == 0
    assert "Reading Order Status" in shown
    assert "\N{FULL BLOCK}" in shown
    assert "\x1b[31m" in shown
    result = shown[shown.rindex("acme") :]
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", result)
    assert max(len(line) for line in plain.splitlines()) <= 80
    assert re.search(r"5\.000 s +EXECUTION_TIMEOUT +[0-9a-f-]{36}\b", plain)


def _all_from(terminal: int) -> str:
    """Everything that is written to a terminal until its last user closes it."""
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # Linux's way to say that nobody is left
            part = b""
        if not part:
            return b"".join(parts).decode()
        parts.append(part)


def test_an_unknown_name_is_one_sentence_and_a_hint(shell: Shell) -> None:
    """Exit code 2, and near names."""
    done = shell.run("investigate", "Order Statsu")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "No data action is called Order Statsu, nor has one this id.",
        "Perhaps it is Order Status.",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "soon"], "--since: 'soon' is no time that is understood"),
        (["--since", "4000d"], "--since: 4000d is too long"),
        (["--wait", "2"], "--wait: '2' is not a duration"),
        (["--limit", "0"], "--limit"),
        (["--format", "csv"], "--format"),
        (["--org", "initech"], "No org is called initech"),
    ],
)
def test_a_strange_option_is_refused(shell: Shell, arguments: list[str], words: str) -> None:
    """Exit code 2, and the option's name."""
    done = shell.run("investigate", "Order Status", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_a_job_that_never_ends_is_given_up(shell: Shell) -> None:
    """After --wait, with exit code 6."""
    shell.fault("job_pending")

    done = shell.run("investigate", "Order Status", "--wait", "3s")

    assert (done.returncode, done.stdout) == (6, "")
    assert "was still listing the executions (PENDING)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_it_at_once(shell: Shell) -> None:
    """While the platform's job is waited for: exit code 130, and no traceback."""
    shell.fault("job_pending")

    assert _interrupted(shell, f"GET {AGGREGATES}/jobs/{{jobId}}", 1) == (130, "", "")


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_shows_what_was_read(shell: Shell) -> None:
    """While the second page is waited for: the first is shown, with exit code 130."""
    with SimulatorClient(shell.simulator) as wire:
        wire.fault("hang", path_prefix=f"{AGGREGATES}/jobs", method="GET", skip=3, hang_seconds=5)

    code, out, err = _interrupted(
        shell, f"GET {AGGREGATES}/jobs/{{jobId}}/results", 2, "--since", "4h"
    )

    assert (code, err) == (130, "")
    assert "1,000 executions: " in out
    assert "only 1,000: reading was interrupted" in out


def _interrupted(shell: Shell, request: str, number: int, *options: str) -> tuple[int, str, str]:
    """Press Ctrl-C when this request is asked for the so manieth time; code, stdout, stderr."""
    with SimulatorClient(shell.simulator) as wire:
        wire.call("DELETE", "/simulator/requests")
        with subprocess.Popen(
            shell.command("investigate", "Order Status", *options),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            while wire.get("/simulator/requests").json().get(request, 0) < number:
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
    return process.returncode, out, err
