"""The org's own limits on data actions."""

from __future__ import annotations

import msgspec

from monitor.errors import NotFoundError
from monitor.genesys.client import Client
from monitor.genesys.endpoint import Endpoint
from monitor.genesys.fitting import ImplausibleError, Record

LIMITS = Endpoint("GET", "/api/v2/organizations/limits/namespaces/{namespaceName}")
DEFAULT_LIMITS = Endpoint("GET", "/api/v2/organizations/limits/namespaces/{namespaceName}/defaults")
NAMESPACE = "dataactions"

CONCURRENT_EXECUTIONS = "actions.concurrent.executions.max"
"""How many executions may run at the same time in an org; more are refused."""

_HIGHEST_LIMIT = 10**9
"""A thousand times more than any that is published."""


class _Limit(Record, frozen=True):
    key: str
    value: int | None = None

    def __post_init__(self) -> None:
        if self.value is not None and not 0 <= self.value <= _HIGHEST_LIMIT:
            reason = "a limit that can't be"
            raise ImplausibleError("number", reason)


class _Limits(msgspec.Struct, frozen=True):
    entities: tuple[_Limit, ...] | None = None


def data_action_limits(client: Client) -> dict[str, int]:
    """Limit key -> value; the platform's defaults where the org has none of its own.

    Raises:
        GenesysError: One of the tree; no permission is needed.
    """
    try:
        own = _read(client, LIMITS)
    except NotFoundError:
        own = {}
    if CONCURRENT_EXECUTIONS in own:
        return own
    return _read(client, DEFAULT_LIMITS) | own


def _read(client: Client, endpoint: Endpoint) -> dict[str, int]:
    answer = client.call(endpoint, _Limits, path={"namespaceName": NAMESPACE})
    return {limit.key: limit.value for limit in answer.entities or () if limit.value is not None}
