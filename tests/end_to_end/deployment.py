"""A simulated org and a daemon that watches it, as two processes over HTTP."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families

from monitor.ledger import Ledger
from monitor.model import UNKNOWN_ACTION
from monitor.simulator import scenario
from tests.clocks import ScaledClock
from tests.configuration_file import FILE_NAME, write_configuration
from tests.simulated_org import happened, order_fault, org_table

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PATIENCE_SECONDS = 60.0

COLLECT = {
    "interval": "10m",
    "window": "5m",
    "settle": "10m",
    "near": "30m",
    "lookback": "1h",
    "initial": "2h",
}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Deployment:
    """Two processes that agree on an accelerated time."""

    folder: Path
    contract: str
    clock: ScaledClock
    ends: float
    port: int = field(default_factory=free_port)
    simulator_port: int = field(default_factory=free_port)
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Write the configuration."""
        org = org_table(self.simulator, contract=self.contract)
        write_configuration(self.folder, org, collect=COLLECT, serve={"port": self.port})

    @property
    def config(self) -> Path:
        """The daemon's configuration file."""
        return self.folder / FILE_NAME

    @property
    def simulator(self) -> str:
        """Base URL of the simulated org."""
        return f"http://127.0.0.1:{self.simulator_port}"

    @property
    def monitor(self) -> str:
        """Base URL of the daemon."""
        return f"http://127.0.0.1:{self.port}"

    def start_simulator(self) -> None:
        """Start the org and wait until it answers."""
        self._start("simulator", str(self.simulator_port), self.contract, repr(self.ends))
        await_answer(f"{self.simulator}/simulator/")

    def start_daemon(self) -> None:
        """Start the daemon and wait until it serves."""
        self._start("daemon", str(self.config))
        await_answer(f"{self.monitor}/healthz")

    def kill_daemon(self) -> None:
        """End the daemon as kill -9 does."""
        self._processes["daemon"].kill()
        self._processes["daemon"].wait()

    def terminate_daemon(self) -> float:
        """Ask the daemon to end; seconds that it took."""
        began = time.monotonic()
        self._processes["daemon"].send_signal(signal.SIGTERM)
        assert self._processes["daemon"].wait(PATIENCE_SECONDS) == 0
        return time.monotonic() - began

    def close(self) -> None:
        """End whatever runs."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.wait(PATIENCE_SECONDS)

    def command(self, *arguments: str) -> str:
        """Run a ``timeout-monitor`` command; its standard output."""
        finished = subprocess.run(
            [sys.executable, "-m", "monitor", "--config", str(self.config), *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def wait_until(self, moment: float) -> None:
        """Wait until the accelerated clock shows a moment."""
        time.sleep(max(0.0, self.clock.machine_seconds(moment - self.clock.now())))

    def await_poll(self) -> None:
        """Wait until the daemon has finished a poll that began from now on."""
        begun = self._polls()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._polls() < begun + 2:
            assert time.monotonic() < deadline, "the daemon has stopped polling"
            time.sleep(0.05)

    def order_fault(self, kind: str, **fault: str | float) -> None:
        """Let the org answer wrongly."""
        order_fault(self.simulator, kind, **fault)

    def first_window(self) -> int:
        """When the first window in the ledger began; epoch seconds."""
        source = "conversations" if self.contract == "flow" else "actions"
        with Ledger.open(f"sqlite:///{self.folder}/state.db") as ledger:
            return ledger.coverage("acme", source)[0].start

    def truth(self) -> dict[str, Any]:
        """What happened from the ledger's first window on, by the org's own law."""
        # What began before the end of the traffic may end after it.
        document = happened(self.simulator, self.first_window(), self.ends + 3_600)
        assert document["executions"] > 10_000, "a day without traffic proves nothing"
        assert document["visible_by"] <= self.clock.now()
        return document

    def metrics_text(self) -> str:
        """What a scrape gets."""
        return requests.get(f"{self.monitor}/metrics", timeout=30).text

    def metric(self, name: str) -> dict[tuple[str, ...], float]:
        """Samples of a metric by the values of their labels, sorted by label name, without org."""
        text = self.metrics_text()
        return {
            tuple(value for label, value in sorted(sample.labels.items()) if label != "org"): (
                sample.value
            )
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        }

    def _polls(self) -> int:
        status = requests.get(f"{self.monitor}/api/v1/status", timeout=30).json()
        return sum(status["orgs"][0]["polls"].values())

    def _start(self, role: str, *arguments: str) -> None:
        clock = (repr(self.clock.origin), repr(self.clock.started), repr(self.clock.speed))
        log = (self.folder / f"{role}.log").open("ab")
        self._processes[role] = subprocess.Popen(
            [sys.executable, str(HERE / "accelerated_process.py"), *clock, role, *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
        )
        log.close()


def await_answer(url: str) -> None:
    """Wait until something answers there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            requests.get(url, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(url)


def executions(truth: dict[str, Any]) -> dict[tuple[str, str], int]:
    """Executions by (action id, outcome), those that happened at least once."""
    return {
        (action_id, outcome): count
        for action_id, outcomes in truth["actions"].items()
        for outcome, count in outcomes.items()
        if count
    }


def timeouts_by_action(truth: dict[str, Any], contract: str) -> dict[str, int]:
    """Timeouts that detail records tell of, by the action that can be known."""
    counts: Counter[str] = Counter()
    for entry in truth["flows"]:
        counts[told_action(entry, contract)] += entry["timeouts"]
    return dict(counts)


def conversations_by_flow(truth: dict[str, Any], contract: str) -> dict[tuple[str, str], int]:
    """Conversations by (action id, flow id), where every action is told apart."""
    return {
        (told_action(entry, contract), entry["flow_id"]): entry["conversations"]
        for entry in truth["flows"]
    }


def told_action(entry: dict[str, Any], contract: str) -> str:
    """The action that can be known of a timeout: the record's, or with flows alone the only one."""
    flow = next(one for one in scenario("late").flows if one.flow_id == entry["flow_id"])
    known = flow.names_action or (contract == "flow" and len(flow.steps) == 1)
    action_id: str = entry["action_id"]
    return action_id if known else UNKNOWN_ACTION
