"""The client of one org, made of the real parts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from monitor.clock import Clock, SystemClock
from monitor.genesys.client.api_client import CALL_SECONDS, Client
from monitor.genesys.client.api_stats import ApiCounters
from monitor.genesys.client.auth import TokenCache
from monitor.genesys.client.credentials import OrgCredentials
from monitor.genesys.client.rate_limiter import (
    REQUESTS_PER_SECOND,
    EndpointBackoff,
    RateLimiter,
    TokenBucket,
)
from monitor.genesys.client.transport import HttpTransport

if TYPE_CHECKING:
    from monitor.config import OrgSettings


def connect(  # noqa: PLR0913 - what callers differ in; all but the org have a usual value
    org: OrgSettings,
    *,
    stop: threading.Event | None = None,
    deadline_seconds: float = CALL_SECONDS,
    clock: Clock | None = None,
    backoff: EndpointBackoff | None = None,
    requests_per_second: float = REQUESTS_PER_SECOND,
) -> Client:
    """Return a client for one org, made of the real parts; no request is sent yet.

    Args:
        org: Where the org is, and how to log in.
        stop: Set it to end every wait at once.
        deadline_seconds: The most that one call takes, repetitions and waits included.
        clock: The machine's time, not the time of the data; the system's own where None.
        backoff: Endpoints that were closed earlier; keep it where clients come and go.
        requests_per_second: The pace to keep to, by the machine's time; more than usual only
            where the org is simulated and its time runs faster.

    Raises:
        ConfigurationError: A credential is missing, can't be read or can't be used.
    """
    stop = stop or threading.Event()
    clock = clock or SystemClock()
    backoff = backoff if backoff is not None else EndpointBackoff()
    credentials = OrgCredentials(org, clock)
    counters = ApiCounters()
    transport = HttpTransport(counters)
    bucket = TokenBucket(per_second=requests_per_second)
    rate_limiter = RateLimiter(
        bucket=bucket, backoff=backoff, counters=counters, clock=clock, stop=stop
    )
    return Client(
        org.api_base,
        tokens=TokenCache(
            credentials.grant,
            transport,
            rate_limiter=rate_limiter,
            clock=clock,
            reload=credentials.reload,
        ),
        transport=transport,
        rate_limiter=rate_limiter,
        counters=counters,
        clock=clock,
        stop=stop,
        deadline_seconds=deadline_seconds,
        org=org.name,
    )
