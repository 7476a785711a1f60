"""An org in the simulator, served over a socket, and the knobs that make it answer wrongly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import requests

from monitor.clock import Clock, SystemClock
from monitor.config import OrgSettings
from monitor.simulator import (
    PUNCTUAL,
    RunningSimulator,
    Scenario,
    SimulatedOrg,
    World,
    scenario,
    serve,
)
from monitor.simulator.executions import ExecutionColumns
from monitor.simulator.scenario_types import Arrivals
from monitor.simulator.scenarios import BRANCH_FINDER, ORDER_STATUS, PAYMENT_LINE, TAKE_PAYMENT
from tests.clocks import NOON, ManualClock

ORG = "acme"
CLIENT_ID = "simulated-client"
SECRET = "simulated-secret"  # noqa: S105 - it protects nothing
PATIENCE_SECONDS = 30

STEADY = Arrivals(500, night_share=1.0)
"""Tests run at any hour, and must find timeouts in the last hour all the same; but fewer than the
hundred that fit a page of detail records."""

SMALL = Scenario(
    "small",
    1,
    tuple(replace(one, arrivals=STEADY) for one in (ORDER_STATUS, TAKE_PAYMENT, BRANCH_FINDER)),
    (replace(PAYMENT_LINE, names_action=True),),
    PUNCTUAL,
)
"""Two actions that time out, one that does not, and a flow: an hour of it is read in no time."""

QUIET = Scenario("quiet", 1)
"""An org without a single action."""


def flow_only(scenario: Scenario) -> Scenario:
    """Return the same org where only flow documents and detail records are spoken."""
    return replace(scenario, contract="flow")


def readable(world: World | None = None) -> World:
    """Return a world, the default one where None, whose answers are as the models have them.

    For tests that are about something else than how answers are written. Every other field stays
    as it is; in the default world timeouts also last exactly as long as they were given.
    """
    return replace(
        world or World(timeout_duration="at_limit"),
        counts="integers",
        large_answers="served",
        bad_records="none",
        expires_in="number",
        too_many_requests="retry_after",
        rate_headers="shown",
    )


def simulated_org(
    what: str | Scenario = "punctual",
    clock: Clock | None = None,
    *,
    world: World | None = None,
    **more: Any,  # noqa: ANN401 - what SimulatedOrg takes
) -> SimulatedOrg:
    """Return an org that takes as many requests as tests like.

    Args:
        what: A scenario, or the name of one.
        clock: The time of its traffic; noon where None.
        world: How it behaves where nobody could ask the platform; readable where None.
        **more: Whatever else ``SimulatedOrg`` takes.
    """
    plan = scenario(what) if isinstance(what, str) else what
    more.setdefault("requests_per_minute", 1_000_000)
    return SimulatedOrg(plan, clock or ManualClock(NOON), world=world or readable(), **more)


@contextmanager
def serve_org(
    what: str | Scenario = "punctual",
    clock: Clock | None = None,
    *,
    port: int = 0,
    **more: Any,  # noqa: ANN401 - what SimulatedOrg takes
) -> Iterator[RunningSimulator]:
    """Serve an org on loopback, on a free port if 0, until the block ends."""
    with serve(simulated_org(what, clock, **more), port=port) as simulator:
        yield simulator


@contextmanager
def serve_live_org(
    scenario: Scenario = SMALL,
    clock: Clock | None = None,
    *,
    port: int = 0,
    world: World | None = None,
) -> Iterator[RunningSimulator]:
    """Serve an org whose clock is the machine's where None, and whose errors name their action."""
    told = readable(world or World(detail_errors="named"))
    with serve_org(scenario, clock or SystemClock(), port=port, world=told) as simulator:
        yield simulator


def org_table(url: str, name: str = ORG, **more: object) -> dict[str, Any]:
    """Return the ``[[org]]`` table of the org that is served at an address."""
    login = {"client_id": CLIENT_ID, "client_secret": SECRET}
    return {"name": name, **login, "api_url": url, **more}


def org_settings(url: str, contract: str = "platform") -> OrgSettings:
    """Return the settings of the org that is served at an address."""
    return OrgSettings.model_validate(org_table(url, contract=contract))


def order_fault(url: str, kind: str, **more: object) -> None:
    """Let the org at an address answer wrongly, as a fault of the simulator has it."""
    fault = {"kind": kind, **more}
    answer = requests.post(f"{url}/simulator/faults", json=fault, timeout=PATIENCE_SECONDS)
    assert answer.status_code == requests.codes.created, answer.text


def faults_left(url: str) -> int:
    """Return how many faults that were ordered have not happened yet."""
    answer = requests.get(f"{url}/simulator/faults", timeout=PATIENCE_SECONDS)
    return len(answer.json()["faults"])


def mend(url: str) -> None:
    """Let the org answer rightly again."""
    requests.delete(f"{url}/simulator/faults", timeout=PATIENCE_SECONDS).raise_for_status()


def request_counts(url: str, *, reset: bool = False) -> Counter[str]:
    """Return how many requests arrived, by method and route; count anew from here with reset."""
    address = f"{url}/simulator/requests"
    counts: dict[str, int] = requests.get(address, timeout=PATIENCE_SECONDS).json()
    if reset:
        requests.delete(address, timeout=PATIENCE_SECONDS)
    return Counter(counts)


def executions_from(org: SimulatedOrg, begin: float, end: float) -> ExecutionColumns:
    """Return every execution between two moments (epoch seconds), by the org's own law."""
    return org._traffic.ended_between(int(begin * 1_000), int(end * 1_000))  # noqa: SLF001 - no other list has all


def happened(url: str, begin: float, end: float) -> dict[str, Any]:
    """Return what really happened between two moments (epoch seconds), by the org's own law."""
    answer = requests.get(
        f"{url}/simulator/truth",
        params={"from": repr(begin), "to": repr(end)},
        timeout=PATIENCE_SECONDS,
    )
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found
