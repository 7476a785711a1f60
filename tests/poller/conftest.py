"""Orgs that are read, real ledgers, and the log as a list."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
import stamina
import structlog

from monitor.clock import SystemClock
from monitor.config import CollectSettings, load
from monitor.ledger import Ledger
from monitor.poller import open_reader
from monitor.poller.org_poller import OrgPoller
from monitor.simulator import Scenario, World, scenario
from tests.clocks import NOON, ManualClock
from tests.daemon.place import Place
from tests.poller.watched_org import WatchedOrg, client_of
from tests.simulated_org import QUIET, SMALL, flow_only, readable, serve_live_org, serve_org

KIND = World(detail_errors="named", telephony_errors="none", dependency_tracking="built")
"""Detail records name the data action that failed, and a page of flows holds no flow twice."""


class Watch(Protocol):
    """Serves an org and wires its reader."""

    def __call__(
        self,
        what: str | Scenario = "punctual",
        *names: str,
        deadline_seconds: float = 20.0,
        world: World | None = None,
        clock: ManualClock | None = None,
        **settings: str,
    ) -> WatchedOrg:
        """Watch an org, with its usual sources or those named, and an hour of history.

        Where no world is named, it is ``KIND``. A clock that is set is ours alone: the platform
        has the true time.
        """
        ...


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where no ledger is yet."""
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """A fresh ledger."""
    with Ledger.open(url) as opened:
        yield opened


@pytest.fixture
def clock() -> ManualClock:
    """The time of the data: noon of a Monday."""
    return ManualClock(NOON)


@pytest.fixture
def watch(ledger: Ledger, clock: ManualClock) -> Iterator[Watch]:
    """Serves orgs and wires their readers; everything is closed when the test ends."""
    with ExitStack() as stack:
        still = clock

        def start(
            what: str | Scenario = "punctual",
            *names: str,
            deadline_seconds: float = 20.0,
            world: World | None = None,
            clock: ManualClock | None = None,
            **settings: str,
        ) -> WatchedOrg:
            plan = scenario(what) if isinstance(what, str) else what
            true = clock.true if clock else still
            served = serve_org(plan, true, world=world or readable(KIND))
            simulator = stack.enter_context(served)
            stop = threading.Event()
            client = client_of(simulator.url, deadline_seconds=deadline_seconds, stop=stop)
            stack.callback(client.close)
            usual = ("conversations",) if plan.contract == "flow" else ("actions", "conversations")
            return WatchedOrg(
                simulator=simulator,
                clock=clock or still,
                ledger=ledger,
                client=client,
                settings=CollectSettings.model_validate({"initial": "1h", **settings}),
                stop=stop,
                contract=plan.contract,
                names=names or usual,
            )

        yield start


@pytest.fixture
def logged() -> Iterator[list[dict[str, Any]]]:
    """What is logged, from now on; whatever another test made of the log."""
    before = structlog.get_config()
    structlog.reset_defaults()
    with structlog.testing.capture_logs() as lines:
        yield lines  # type: ignore[misc]  # its mappings are dictionaries
    structlog.configure(**before)


SCENARIOS = {"small": SMALL, "quiet": QUIET, "flow": flow_only(SMALL)}


@dataclass(frozen=True)
class PolledOrg:
    """A poller and what it stands between."""

    place: Place
    poller: OrgPoller
    ledger: Ledger


OpenPoller = Callable[..., PolledOrg]


@pytest.fixture
def open_poller(tmp_path: Path) -> Iterator[OpenPoller]:
    """Poll an org of a scenario; a request that fails is not repeated."""
    with ExitStack() as stack:
        stack.enter_context(stamina.set_testing(True, attempts=1))

        def make(scenario: str = "small", **changed: str) -> PolledOrg:
            simulator = stack.enter_context(serve_live_org(SCENARIOS[scenario]))
            place = Place(tmp_path, simulator, contract=simulator.org.contract)
            place.configure(**changed)
            return again(place)

        def again(place: Place) -> PolledOrg:
            settings, clock = load(place.config), SystemClock()
            ledger = stack.enter_context(Ledger.open(settings.state.url))
            reader = open_reader(
                settings.org[0], settings, ledger=ledger, clock=clock, stop=threading.Event()
            )
            made = OrgPoller(reader, settings, ledger=ledger, clock=clock)
            stack.callback(made.close)
            return PolledOrg(place, made, ledger)

        make.again = again  # type: ignore[attr-defined]
        yield make
