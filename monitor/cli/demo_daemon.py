"""A daemon that watches a simulated org, both in this process, and leaves nothing behind."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.config import Settings
    from monitor.daemon import Daemon
    from monitor.simulator import RunningSimulator, SimulatedOrg

POLL_INTERVAL = "10s"
FIRST_POLL_SECONDS = 120.0
_LOOK_SECONDS = 0.05


class Ending(Protocol):
    """Tells that it is time to end; a ``ShutdownSignal`` or an ``Event``."""

    def wait(self, timeout: float | None, /) -> bool:
        """Wait for so many seconds, and return whether it has come."""
        ...


@contextmanager
def demo_daemon(
    clock: Clock, *, scenario: str, seed: int, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Daemon]:
    """Start the daemon and what it watches, and end both afterwards.

    Args:
        clock: The time of the data.
        scenario: Which org to play.
        seed: The same seed gives the same traffic.
        host: Address of the status page.
        port: Its port; 0 for any.

    Raises:
        ConfigurationError: The port can't be had, or there is no such scenario.
    """
    from monitor.daemon import Daemon
    from monitor.simulator import BELIEVABLE, SimulatedOrg, serve
    from monitor.simulator import scenario as named

    org = SimulatedOrg(named(scenario, seed=seed), clock, world=BELIEVABLE)
    with (
        tempfile.TemporaryDirectory(prefix="timeout-monitor-") as folder,
        serve(org) as simulator,
    ):
        daemon = Daemon(_settings(org, simulator, Path(folder), host, port), clock=clock)
        try:
            daemon.start()
            yield daemon
        finally:
            daemon.close()


def await_first_verdicts(daemon: Daemon, ending: Ending) -> None:
    """Wait for the first poll, and for what it says of each action where it read anything."""
    patience = time.monotonic() + FIRST_POLL_SECONDS
    while not ending.wait(_LOOK_SECONDS) and time.monotonic() < patience:
        if any(
            org_snapshot.diagnosis or org_snapshot.health.polls.get("failed")
            for org_snapshot in daemon.holder.current.orgs
        ):
            return


def _settings(
    org: SimulatedOrg, simulator: RunningSimulator, folder: Path, host: str, port: int
) -> Settings:
    from monitor.config import OrgSettings, Settings

    return Settings.model_validate(
        {
            "collect": {"interval": POLL_INTERVAL},
            "serve": {"host": host, "port": port},
            "state": {"url": f"sqlite:///{folder / 'demo.db'}"},
            "org": [
                OrgSettings.model_validate(
                    {
                        "name": "demo",
                        "client_id": org.client_id,
                        "client_secret": org.client_secret,
                        "api_url": simulator.url,
                        "contract": org.contract,
                    }
                )
            ],
        }
    )
