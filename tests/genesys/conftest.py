"""A scripted far side, a clock that tests move, and a client that is wired to both."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest

from monitor.clock import Clock
from monitor.genesys import Client, EndpointBackoff
from monitor.genesys.client.api_stats import ApiCounters
from monitor.genesys.client.auth import ClientCredentials, Grant, TokenCache
from monitor.genesys.client.rate_limiter import RateLimiter, TokenBucket
from monitor.genesys.client.transport import HttpTransport
from tests.clocks import ManualClock
from tests.genesys.far_side import FarSide, listening


class MakeClient(Protocol):
    """Wires a client of the real parts to the far side."""

    def __call__(  # noqa: PLR0913 - what tests vary
        self,
        *,
        deadline_seconds: float = 10.0,
        stop: threading.Event | None = None,
        backoff: EndpointBackoff | None = None,
        bucket: TokenBucket | None = None,
        grant: Grant | None = None,
        clock: Clock | None = None,
    ) -> Client:
        """A client whose pauses are a millisecond."""
        ...


@pytest.fixture
def far_side() -> Iterator[FarSide]:
    """A scripted platform on loopback."""
    with listening() as far_side:
        yield far_side


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still until a test moves it."""
    return ManualClock()


@pytest.fixture
def make_client(far_side: FarSide, clock: ManualClock) -> Iterator[MakeClient]:
    """Wires a client of the real parts to the far side, and closes it."""
    default_clock = clock
    with ExitStack() as stack:

        def make(  # noqa: PLR0913 - what tests vary
            *,
            deadline_seconds: float = 10.0,
            stop: threading.Event | None = None,
            backoff: EndpointBackoff | None = None,
            bucket: TokenBucket | None = None,
            grant: Grant | None = None,
            clock: Clock | None = None,
        ) -> Client:
            counters = ApiCounters()
            transport = HttpTransport(counters)
            clock = clock or default_clock
            stop = stop or threading.Event()
            backoff = backoff or EndpointBackoff()
            rate_limiter = RateLimiter(
                bucket=bucket or TokenBucket(),
                backoff=backoff,
                counters=counters,
                clock=clock,
                stop=stop,
            )
            grant = grant or ClientCredentials("id-1", "secret-1", far_side.url + "/oauth/token")
            client = Client(
                far_side.url,
                tokens=TokenCache(grant, transport, rate_limiter=rate_limiter, clock=clock),
                transport=transport,
                rate_limiter=rate_limiter,
                counters=counters,
                clock=clock,
                stop=stop,
                deadline_seconds=deadline_seconds,
                first_pause_seconds=0.001,
            )
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture
def client(make_client: MakeClient) -> Client:
    """A client with everything usual."""
    return make_client()
