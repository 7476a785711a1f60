"""Simulators over a real socket, with a clock that only moves when a test moves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from monitor.simulator import RunningSimulator, Scenario, SimulatedOrg, World, scenario, serve
from tests.clocks import NOON, ManualClock
from tests.simulated_org import readable, serve_org
from tests.simulator_client import SimulatorClient

Simulate = Callable[..., SimulatorClient]


@pytest.fixture
def clock() -> ManualClock:
    """The time of the traffic: noon of a Monday."""
    return ManualClock(NOON)


@pytest.fixture
def wall() -> ManualClock:
    """The time that tokens and rate limits live by."""
    return ManualClock(NOON)


@pytest.fixture
def simulate(clock: ManualClock, wall: ManualClock) -> Iterator[Simulate]:
    """Serve an org and sign in to it; everything is closed when the test ends."""
    with ExitStack() as stack:

        def start(
            what: str | Scenario = "punctual",
            *,
            world: World | None = None,
            is_odd: bool = False,
            **more: Any,  # noqa: ANN401 - what SimulatedOrg takes
        ) -> SimulatorClient:
            # A test of odd answers says so; to all others their writing is no matter.
            told = (world or World()) if is_odd else readable(world)
            more.setdefault("wall", wall)
            running = stack.enter_context(serve_org(what, clock, world=told, **more))
            return stack.enter_context(SimulatorClient(running))

        yield start


@pytest.fixture
def running_simulator(clock: ManualClock) -> Iterator[RunningSimulator]:
    """The default org."""
    with serve(SimulatedOrg(scenario("default"), clock)) as simulator:
        yield simulator
