"""A small simulated org, and a directory from which the real program is pointed at it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monitor.ledger import Ledger
from monitor.simulator import RunningSimulator
from tests.configuration_file import FILE_NAME, write_configuration
from tests.simulated_org import (
    ORG,
    SECRET,
    faults_left,
    mend,
    order_fault,
    org_table,
    request_counts,
)

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 100.0


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> list[str]:
        """What stderr says to people: its lines but for the log's."""
        return [line for line in self.err.splitlines() if not line.startswith("{")]


@dataclass
class Place:
    """A directory with a configuration and a state, and a simulated org to point them at."""

    folder: Path
    simulator: RunningSimulator
    secret: str = SECRET
    contract: str = "platform"
    interval: str = "1h"
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Write the configuration."""
        self.configure()

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / FILE_NAME

    @property
    def state(self) -> Path:
        """The file that holds the state."""
        return self.folder / "state.db"

    def configure(
        self, *names: str, state: str = "", url: str = "", more: str = "", **changed: str
    ) -> None:
        """Write the configuration for orgs of these names; one called ``acme`` if none."""
        orgs = [
            org_table(
                url or self.simulator.url,
                name,
                client_secret=changed.get("secret", self.secret),
                contract=changed.get("contract", self.contract),
            )
            for name in names or (ORG,)
        ]
        write_configuration(
            self.folder,
            *orgs,
            collect={
                "interval": changed.get("interval", self.interval),
                "initial": "1h",
                "max_backfill": changed.get("max_backfill", "7d"),
            },
            # Every edge that is counted is held against what happened.
            serve={"port": 0, "histogram": "full"},
            state={"url": state or f"sqlite:///{self.state}"},
            more=more,
        )

    def make_state(self) -> None:
        """Make the state, with nothing in it yet."""
        Ledger.open(f"sqlite:///{self.state}").close()

    def run(self, *arguments: str, **environment: str) -> Finished:
        """Run ``timeout-monitor`` with these arguments to its end, as a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "monitor", *arguments],
            cwd=self.folder,
            env=self._variables(environment),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:  # noqa: ANN401
        """Start ``timeout-monitor`` with these arguments; ``more`` goes to Popen."""
        settings: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        return subprocess.Popen(
            [sys.executable, "-m", "monitor", *arguments],
            cwd=self.folder,
            env=self._variables({}),
            text=True,
            **settings,
        )

    def order(self, kind: str, path_prefix: str = "/", **more: float | str | None) -> None:
        """Let the org answer wrongly."""
        order_fault(self.simulator.url, kind, path_prefix=path_prefix, **more)

    def forgive(self) -> None:
        """Let the org answer rightly again."""
        mend(self.simulator.url)

    def faults_left(self) -> int:
        """How many faults have not happened yet."""
        return faults_left(self.simulator.url)

    def asked(self, route: str) -> int:
        """How often a route was asked whose name holds this text."""
        counts = request_counts(self.simulator.url)
        return sum(count for name, count in counts.items() if route in name)

    def _variables(self, environment: dict[str, str]) -> dict[str, str]:
        # The tests' own environment is clean already; what they measure is kept in one place.
        return {**os.environ, "PYTHONPATH": str(ROOT), **self.environment, **environment}


def eventually(holds: Callable[[], object], what: str = "it") -> None:
    """Wait until something holds that another thread or process brings about.

    Raises:
        AssertionError: It does not come to hold.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"{what} does not come to hold"
        time.sleep(0.01)
