"""The command line at a moment of its own, beside a simulated org in one world."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import stamina
import time_machine

from monitor.ledger import Ledger, OrgState
from monitor.simulator import RunningSimulator, World
from monitor.simulator.scenario_types import Contract
from tests.cli.conftest import command as command  # noqa: PLC0414 - a fixture of other tests
from tests.clocks import NOON, ManualClock
from tests.daemon.place import Finished, Place
from tests.simulated_org import serve_org
from tests.worlds.small_org import HALF_WAY, ORG

NAME = "acme"
NO_FAULT_OF_OURS = ("Traceback", "went wrong inside")


@dataclass
class WatchedWorld:
    """One org in one world, and the program that watches it.

    Attributes:
        world: How the platform behaves.
        simulator: The org.
        clock: The org's time, and the program's.
        place: The configuration.
    """

    world: World
    simulator: RunningSimulator
    clock: ManualClock
    place: Place
    _command: Callable[..., Finished]

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> Finished:
        """Run a command at the clock's moment; it ends as it should, and never in a traceback."""
        # An answer is asked for more than once, as it is outside of tests.
        with (
            time_machine.travel(self.clock.at, tick=True),
            stamina.set_testing(True, attempts=3),
        ):
            done = self._command("--config", str(self.place.config), *arguments)
        said = done.out + done.err
        assert not any(word in said for word in NO_FAULT_OF_OURS), said
        assert done.code in codes, (arguments, done.code, done.err)
        return done

    def read_all(self) -> None:
        """Poll in the middle of the org's day, when all of it is visible, and once more."""
        for moment in (HALF_WAY, NOON, NOON + 60):
            self.clock.at = moment
            self.run("poll")

    def report(self) -> dict[str, Any]:
        """What ``report --format json`` says."""
        document: dict[str, Any] = json.loads(self.run("report", "--format", "json").out)
        return document

    def state(self) -> OrgState:
        """What the ledger holds."""
        with Ledger.open(f"sqlite:///{self.place.state}") as ledger:
            return ledger.state(NAME)


Watch = Callable[..., WatchedWorld]


@pytest.fixture
def watch(
    tmp_path: Path,
    command: Callable[..., Finished],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Watch]:
    """Serve the org in a world, and point the program at it."""
    monkeypatch.setenv("TIMEOUT_MONITOR__COLLECT__INITIAL", "12h")
    with ExitStack() as stack:

        def start(world: World, contract: Contract = "platform") -> WatchedWorld:
            clock = ManualClock(HALF_WAY)
            plan = replace(ORG, contract=contract)
            simulator = stack.enter_context(serve_org(plan, clock, world=world, wall=clock))
            place = Place(tmp_path, simulator, contract=contract, interval="1m")
            return WatchedWorld(world, simulator, clock, place, command)

        yield start
