"""The client of one org: tokens, retries, rate limits, an HTTP exchange, and reading its answer."""

from __future__ import annotations

from monitor.genesys.client.api_client import (
    CALL_SECONDS,
    Client,
)
from monitor.genesys.client.api_stats import (
    ApiCounters,
    ApiStats,
)
from monitor.genesys.client.auth import (
    TokenProvider,
)
from monitor.genesys.client.budget import (
    Deadline,
    RequestBudget,
)
from monitor.genesys.client.decoding import (
    DroppedRecord,
    DropReason,
    decode_strictly,
    unusable_response,
    wrong_entity_error,
)
from monitor.genesys.client.endpoint import (
    Endpoint,
)
from monitor.genesys.client.org_client import connect
from monitor.genesys.client.rate_limiter import (
    EndpointBackoff,
    RateLimiter,
    TokenBucket,
    pace,
)
from monitor.genesys.client.retry import (
    retry_attempts,
)
from monitor.genesys.client.transport import (
    READ_FIRST,
    HttpTransport,
    Request,
    Response,
    Transport,
    skew_seconds,
)

__all__ = [
    "CALL_SECONDS",
    "READ_FIRST",
    "ApiCounters",
    "ApiStats",
    "Client",
    "Deadline",
    "DropReason",
    "DroppedRecord",
    "Endpoint",
    "EndpointBackoff",
    "HttpTransport",
    "RateLimiter",
    "Request",
    "RequestBudget",
    "Response",
    "TokenBucket",
    "TokenProvider",
    "Transport",
    "connect",
    "decode_strictly",
    "pace",
    "retry_attempts",
    "skew_seconds",
    "unusable_response",
    "wrong_entity_error",
]
