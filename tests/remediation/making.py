"""Makes places: each an org that speaks a target's contract, served over a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

from monitor.genesys import connect
from monitor.simulator import scenario
from monitor.simulator.world import World
from tests.remediation.places import PLACES, Place
from tests.simulated_org import org_settings, readable, serve_org
from tests.simulator_client import SimulatorClient

MakePlace = Callable[..., Place]


@contextmanager
def places() -> Iterator[MakePlace]:
    """Serves an org and looks at one of its places; everything is closed at the end."""
    with ExitStack() as stack:

        def make(
            kind: str,
            managed: tuple[str, ...] = (),
            *,
            deadline_seconds: float = 10.0,
            world: World | None = None,
        ) -> Place:
            plan = scenario("flow" if kind == "flow" else "punctual")
            simulator = stack.enter_context(serve_org(plan, world=readable(world)))
            wire = stack.enter_context(SimulatorClient(simulator))
            client = connect(org_settings(simulator.url), deadline_seconds=deadline_seconds)
            stack.enter_context(closing(client))
            return PLACES[kind](wire, client, managed)

        yield make
