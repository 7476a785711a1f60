"""Simulators over a real socket, with a clock that only moves when a test moves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from monitor.simulator import RunningSimulator, Scenario, SimulatedOrg, World, scenario, serve
from tests.clocks import NOON, ManualClock
from tests.simulator.far_end import Wire
from tests.simulator.worlds import readable

Simulate = Callable[..., Wire]


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
            **more: object,
        ) -> Wire:
            plan = scenario(what) if isinstance(what, str) else what
            # A test of odd answers says so; to all others their writing is no matter.
            told = world if is_odd else readable(world)
            settings = {"requests_per_minute": 100_000, "wall": wall, "world": told, **more}
            org = SimulatedOrg(plan, clock, **settings)  # type: ignore[arg-type]  # a test's own
            return stack.enter_context(Wire(stack.enter_context(serve(org))))

        yield start


@pytest.fixture
def running_simulator(clock: ManualClock) -> Iterator[RunningSimulator]:
    """The default org."""
    with serve(SimulatedOrg(scenario("default"), clock)) as simulator:
        yield simulator
