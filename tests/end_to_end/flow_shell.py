"""Somebody at a shell with nothing but a few variables, and a simulated org that speaks flows."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from monitor.clock import SystemClock
from monitor.simulator import serve
from monitor.simulator.scenarios import ORDER_ENQUIRIES, ORDER_STATUS
from tests.daemon.place import Finished
from tests.simulated_org import simulated_org
from tests.simulator_client import SimulatorClient

FLOW_ID = ORDER_ENQUIRIES.flow_id
FLOW = f"/api/v2/flows/{FLOW_ID}"
ACTION_ID = ORDER_STATUS.action_id
CLIENT_ID = "signing-client"


def pair_of_keys() -> tuple[str, str]:
    """A private key and its public half, as PEM."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@dataclass
class Shell:
    """A directory without a configuration, and the variables that are set.

    Attributes:
        folder: Where the commands run.
        wire: The org.
        variables: What is set beside the usual ones.
        command: Runs the program in the test's own process, whose variables are set already; None
            for a process of its own.
    """

    folder: Path
    wire: SimulatorClient
    variables: dict[str, str] = field(default_factory=dict)
    command: Callable[..., Finished] | None = None

    @property
    def state(self) -> Path:
        """Where the state is kept."""
        return self.folder / "timeout-monitor.db"

    def run(self, *arguments: str, **variables: str) -> Finished:
        """``timeout-monitor`` with these arguments, to its end."""
        if self.command is not None:
            return self.command(*arguments)
        done = subprocess.run(
            [sys.executable, "-m", "monitor", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.variables, **variables},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The same, and go on while it runs."""
        return subprocess.Popen(
            [sys.executable, "-m", "monitor", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def fault(self, kind: str, **more: object) -> None:
        """Let the next write go wrong."""
        self.wire.fault(kind, path_prefix=FLOW, method="PUT", **more)

    def served(self) -> bytes:
        """The document as the platform serves it."""
        return self.wire.org.flows.get(FLOW_ID).text

    def sent(self) -> bytes:
        """The document as it was sent, byte for byte."""
        return self.wire.get(f"/simulator/flows/{FLOW_ID}/sent").content

    def place(self, document: bytes) -> None:
        """Put a document in the flow's place."""
        answer = self.wire.call("PUT", f"/simulator/flows/{FLOW_ID}", data=document)
        assert answer.status_code == 200, answer.text

    def writes(self) -> int:
        """How many writes arrived."""
        counts: dict[str, int] = self.wire.get("/simulator/requests").json()
        return counts.get("PUT /api/v2/flows/{flowId}", 0)

    def timeout_ms(self) -> int:
        """The timeout as the platform has it."""
        (found,) = _timeouts(json.loads(self.served()), ACTION_ID)
        return found

    def let_the_lease_run_out(self) -> None:
        """Do as if a few minutes had passed."""
        with closing(sqlite3.connect(self.state)) as state, state:
            state.execute("UPDATE leases SET until = 0")

    def audit(self, what: str = "event") -> list[Any]:
        """A column of the audit trail, the oldest line first."""
        with closing(sqlite3.connect(self.state)) as state:
            return [row[0] for row in state.execute(f"SELECT {what} FROM audit ORDER BY id")]  # noqa: S608 - the tests' own words


def _timeouts(node: object, action_id: str) -> Iterator[int]:
    if isinstance(node, dict):
        if node.get("type") == "data" and node.get("id") == action_id:
            yield node["data"]["timeout"]
        for child in node.values():
            yield from _timeouts(child, action_id)
    elif isinstance(node, list):
        for child in node:
            yield from _timeouts(child, action_id)


def lines(text: str) -> dict[str, str]:
    """What was printed, by the first word of its line."""
    return {line.split()[0]: line.split(maxsplit=1)[1] for line in text.splitlines() if line}


@contextmanager
def shell_in(folder: Path) -> Iterator[Shell]:
    """A shell whose client signs its logins with a private key; Order Status has 5 s."""
    private, public = pair_of_keys()
    org = simulated_org("flow", SystemClock())
    org.register_public_key(CLIENT_ID, public)
    with serve(org) as simulator, SimulatorClient(simulator) as wire:
        yield Shell(
            folder,
            wire,
            {
                "GENESYS_ORG_ID": "acme",
                "GENESYS_CLIENT_ID": CLIENT_ID,
                "GENESYS_PRIVATE_KEY": private,
                "GENESYS_API_URL": simulator.url,
                "FLOW_ID": FLOW_ID,
                "ACTION_ID": ACTION_ID,
            },
        )
