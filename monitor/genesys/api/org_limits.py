"""The org's own limits on data actions."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from monitor.errors import NotFoundError
from monitor.genesys.client.api_client import Client
from monitor.genesys.client.coercion import ImplausibleError, Record
from monitor.genesys.client.endpoint import Endpoint
from monitor.model import (
    CONCURRENT_EXECUTIONS,
    EXECUTIONS_PER_MINUTE,
    FUNCTION_CONCURRENT_EXECUTIONS,
)

LIMITS = Endpoint("GET", "/api/v2/organizations/limits/namespaces/{namespaceName}")
DEFAULT_LIMITS = Endpoint("GET", "/api/v2/organizations/limits/namespaces/{namespaceName}/defaults")
NAMESPACE = "dataactions"

LIMIT_NAMES: Mapping[str, str] = {
    "actions.concurrent.executions.max": CONCURRENT_EXECUTIONS,
    "requests.volume.max": EXECUTIONS_PER_MINUTE,
    "actions.function.concurrent.executions.max": FUNCTION_CONCURRENT_EXECUTIONS,
}
"""The platform's keys, and what this program calls those limits; more are refused."""

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
    """Return limits by their names; the platform's defaults where the org has none of its own.

    What neither shows is left out: a limit is not guessed.

    Raises:
        GenesysError: One of the tree; no permission is needed.
    """
    try:
        own = _read(client, LIMITS)
    except NotFoundError:
        own = {}
    if own.keys() >= set(LIMIT_NAMES.values()):
        return own
    try:
        return _read(client, DEFAULT_LIMITS) | own
    except NotFoundError:
        if own:
            return own
        raise


def _read(client: Client, endpoint: Endpoint) -> dict[str, int]:
    response = client.call(endpoint, _Limits, path={"namespaceName": NAMESPACE})
    return {
        LIMIT_NAMES[limit.key]: int(limit.value)
        for limit in response.entities or ()
        if limit.key in LIMIT_NAMES and limit.value is not None and limit.value >= 1
    }
