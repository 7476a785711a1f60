"""One watch of a small simulated org, over HTTP, with a ledger in a file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import stamina

from monitor.clock import SystemClock
from monitor.collect import open_reader
from monitor.config import load
from monitor.ledger import Ledger
from monitor.watch import OrgPoller
from tests.daemon.place import QUIET, SMALL, Place, flow_only, served

SCENARIOS = {"small": SMALL, "quiet": QUIET, "flow": flow_only(SMALL)}


@dataclass(frozen=True)
class PolledOrg:
    """A watch and what it stands between."""

    place: Place
    poller: OrgPoller
    ledger: Ledger


OpenPoller = Callable[..., PolledOrg]


@pytest.fixture
def open_poller(tmp_path: Path) -> Iterator[OpenPoller]:
    """Watch an org of a scenario; a request that fails is not repeated."""
    with ExitStack() as stack:
        stack.enter_context(stamina.set_testing(True, attempts=1))

        def make(scenario: str = "small", **changed: str) -> PolledOrg:
            simulator = stack.enter_context(served(SCENARIOS[scenario]))
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
