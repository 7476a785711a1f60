"""Orgs of a simulated platform with their pollers, on a clock that a benchmark moves."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from monitor.config import Settings
from monitor.ledger import Ledger
from monitor.poller import OrgPoller, open_reader
from monitor.simulator import BELIEVABLE, Scenario, SimulatedOrg, serve
from monitor.simulator.org import REQUESTS_PER_MINUTE

PATIENCE = 1_000.0
"""Seconds of the clock that the machine waits for in one: no pace holds a benchmark up."""


@dataclass
class SteppedClock:
    """Stands still until it is moved, so that hours of polls take seconds.

    Attributes:
        at: The time; epoch seconds.
    """

    at: float

    def now(self) -> float:
        """Return the time; epoch seconds."""
        return self.at

    def monotonic(self) -> float:
        """Return the same: it is never set back."""
        return self.at

    def machine_seconds(self, seconds: float) -> float:
        """Return how long the machine waits for so many seconds of this clock."""
        return seconds / PATIENCE


@dataclass(frozen=True, slots=True)
class WatchedOrgs:
    """What a benchmark polls.

    Attributes:
        platform: What happens in each of the orgs.
        clock: The time of all of it.
        ledger: What was counted.
        pollers: One of each org.
        settings: What they are watched by.
    """

    platform: SimulatedOrg
    clock: SteppedClock
    ledger: Ledger
    pollers: tuple[OrgPoller, ...]
    settings: Settings


@contextmanager
def watch(
    scenario: Scenario,
    *,
    orgs: int = 1,
    at: float,
    sections: Mapping[str, Mapping[str, object]] | None = None,
    requests_per_minute: int = REQUESTS_PER_MINUTE,
) -> Iterator[WatchedOrgs]:
    """Serve a scenario over a socket, and wire the program's own pollers to it.

    Args:
        scenario: What happens.
        orgs: How many orgs; it happens in each.
        at: The time; epoch seconds.
        sections: What else the settings say, by section.
        requests_per_minute: What the platform lets one token ask in a minute of the machine.
    """
    clock = SteppedClock(at)
    platform = SimulatedOrg(
        scenario, clock, world=BELIEVABLE, requests_per_minute=requests_per_minute
    )
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        simulator = stack.enter_context(serve(platform))
        settings = Settings.model_validate(
            {
                "collect": {"initial": "1h"},
                **(sections or {}),
                "state": {"url": f"sqlite:///{Path(folder) / 'state.db'}"},
                "org": [
                    {
                        "name": f"org-{number}",
                        "api_url": simulator.url,
                        "client_id": platform.client_id,
                        "client_secret": platform.client_secret,
                    }
                    for number in range(orgs)
                ],
            }
        )
        ledger = stack.enter_context(Ledger.open(settings.state.url))
        pollers = []
        for org in settings.org:
            reader = open_reader(org, settings, ledger=ledger, clock=clock, stop=threading.Event())
            pollers.append(OrgPoller(reader, settings, ledger=ledger, clock=clock))
            stack.callback(pollers[-1].close)
        yield WatchedOrgs(platform, clock, ledger, tuple(pollers), settings)
