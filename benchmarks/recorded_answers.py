"""Answers of a simulated org, recorded once, for benchmarks that read the very same bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final

from benchmarks.detail_reads import WINDOW_SECONDS, Details, incidents
from monitor.clock import SystemClock
from monitor.genesys import (
    ApiCounters,
    Client,
    EndpointBackoff,
    HttpTransport,
    RateLimiter,
    Request,
    Response,
    TokenBucket,
)
from monitor.genesys.client.auth import TOKEN, ClientCredentials, TokenCache
from monitor.simulator import PUNCTUAL, SimulatedOrg, World, scaled, serve
from monitor.simulator.scenario_types import Arrivals, LatencyLaw, Scenario
from monitor.sources import ActionsSource
from monitor.time_ranges import TimeRange

START: Final = 1_790_000_000 // 86_400 * 86_400 + 43_200

WORLD: Final = World(
    bad_records="none",
    large_answers="served",
    detail_errors="named",
    timeout_status="504",
)
"""Without records that the rivals can't read; counts are written as ``3.0``."""


class RecordingTransport(HttpTransport):
    """Carries requests to a simulator, and keeps what came back.

    Attributes:
        bodies: The answers, but for those to logins.
    """

    def __init__(self) -> None:
        """Begin with nothing kept."""
        super().__init__(ApiCounters())
        self.bodies: list[bytes] = []

    def send(self, request: Request) -> Response:
        """Send once, and keep the answer."""
        response = super().send(request)
        if request.endpoint_label != TOKEN.label:
            self.bodies.append(response.body)
        return response


class StillClock(SystemClock):
    """A clock whose wall stands still."""

    def __init__(self, at: float) -> None:
        """Show this moment, epoch seconds."""
        self._at = at

    def now(self) -> float:
        """Return the moment."""
        return self._at


def recording_client(transport: RecordingTransport, url: str) -> Client:
    """Return a client of the real parts that keeps to no pace."""
    counters, clock, stop = ApiCounters(), SystemClock(), threading.Event()
    limiter = RateLimiter(
        bucket=TokenBucket(per_second=1e6, burst=1_000_000),
        backoff=EndpointBackoff(),
        counters=counters,
        clock=clock,
        stop=stop,
    )
    grant = ClientCredentials("simulated-client", "simulated-secret", f"{url}/oauth/token")
    return Client(
        url,
        tokens=TokenCache(grant, transport, rate_limiter=limiter, clock=clock),
        transport=transport,
        rate_limiter=limiter,
        counters=counters,
        clock=clock,
        stop=stop,
        deadline_seconds=600.0,
    )


def recorded(plan: Scenario, end: float, ask: Callable[[Client], object]) -> list[bytes]:
    """Return what a simulated org answers to a read at a moment."""
    org = SimulatedOrg(plan, StillClock(end), world=WORLD, requests_per_minute=1_000_000)
    transport = RecordingTransport()
    with serve(org) as simulator, closing(recording_client(transport, simulator.url)) as client:
        ask(client)
    return transport.bodies


def busy_org(actions: int, per_hour: float, never_share: float) -> Scenario:
    """Return an org that is called so often at every hour, with names beyond ASCII."""
    plan = scaled(actions)
    law = LatencyLaw(900, 0.7, never_share=never_share, error_share=0.004)
    return replace(
        plan,
        actions=tuple(
            replace(
                one,
                name=f"{one.name} «é Ünï»",
                arrivals=Arrivals(per_hour, night_share=1.0),
                law=law,
            )
            for one in plan.actions
        ),
        flows=tuple(replace(one, name=f"{one.name} · Größe") for one in plan.flows),
        lateness=PUNCTUAL,
    )


@dataclass(frozen=True, slots=True)
class Aggregates:
    """What the platform answers to a deep read of a period."""

    period: TimeRange
    bodies: Sequence[bytes]


def made_aggregates(actions: int, windows: int) -> Aggregates:
    """Return the answers about an org in which every action runs in every window."""
    period = TimeRange(START, START + windows * WINDOW_SECONDS)

    def ask(client: Client) -> None:
        ActionsSource(client).read(period, WINDOW_SECONDS, deep=True)

    return Aggregates(period, recorded(busy_org(actions, 144.0, 0.003), period.end, ask))


def made_details(per_hour: float) -> Details:
    """Return the answers about an hour of an org whose calls fail in many ways."""
    period = TimeRange(START, START + 3_600)
    org = busy_org(200, per_hour, 0.02)
    return Details(period, recorded(org, period.end, lambda client: incidents(client, period)))
