"""Makes places: each an org that speaks a target's contract, served over a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

from monitor.genesys import connect
from monitor.simulator import SimulatedOrg, scenario, serve
from monitor.simulator.world import World
from tests.clocks import NOON, ManualClock
from tests.remediation.places import PLACES, Place, org_settings
from tests.simulator.far_end import Wire
from tests.simulator.worlds import readable

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
            org = SimulatedOrg(
                plan, ManualClock(NOON), world=readable(world), requests_per_minute=100_000
            )
            simulator = stack.enter_context(serve(org))
            wire = stack.enter_context(Wire(simulator))
            client = connect(org_settings(simulator.url), deadline_seconds=deadline_seconds)
            stack.enter_context(closing(client))
            return PLACES[kind](wire, client, managed)

        yield make
