"""Architect's dependency tracking: which flows use a data action, and whether that is known."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import structlog

from monitor.errors import BadRequestError, NotFoundError, TooMuchAskedError
from monitor.genesys.api.pagination import NamedRecord, paginate
from monitor.genesys.client.api_client import Client
from monitor.genesys.client.coercion import RecordPage
from monitor.genesys.client.endpoint import Endpoint
from monitor.sanitize import sanitize

log = structlog.get_logger()

CONSUMING_RESOURCES = Endpoint(
    "GET",
    "/api/v2/architect/dependencytracking/consumingresources",
    ("architect:dependencyTracking:view",),
)
TRACKING_BUILD = Endpoint(
    "GET",
    "/api/v2/architect/dependencytracking/build",
    ("architect:dependencyTracking:view",),
)

OBJECT_TYPES = ("DATAACTION", "SECUREACTION")
"""What dependency tracking calls a data action; only one that is secure may be the second."""

_BUILT = frozenset({"OPERATIONAL", "OPERATIONALNEEDSREBUILD"})
"""States in which a build of dependency tracking has once been completed (DependencyStatus)."""


class _Dependency(NamedRecord, frozen=True):
    type: str | None = None
    deleted: bool | None = None


class _DependencyPage(RecordPage, frozen=True, rename="camel"):
    entities: tuple[_Dependency, ...] | None = None
    page_count: int | None = None


class _Tracking(msgspec.Struct, frozen=True):
    status: str | None = None


def consuming_flows(
    client: Client, action_id: str, *, secure: bool | None = None
) -> dict[str, str]:
    """Return the flows that use a data action: flow id -> name.

    The platform's dependency tracking lists other users of an action too, such as scripts and
    guides; every type of flow ends in ``FLOW``. Flows that were deleted are left out. That none is
    listed means nothing before tracking was built: see ``tracking_is_built``.

    Args:
        client: Asks.
        action_id: The data action.
        secure: Whether it is secure: where it may be, it is looked for under both object types.

    Raises:
        GenesysError: One of the tree.
    """
    usual, other = OBJECT_TYPES
    consumers = [*_consumers(client, action_id, usual)]
    if secure is not False:
        try:
            consumers += _consumers(client, action_id, other)
        except TooMuchAskedError:
            raise
        except (BadRequestError, NotFoundError) as error:
            # A type that the platform does not take there has no users.
            log.debug("object_type_not_taken", object_type=other, why=error.message)
    return {
        consumer.id: sanitize(consumer.name or "")
        for consumer in consumers
        if (consumer.type or "").upper().endswith("FLOW") and not consumer.deleted
    }


def _consumers(client: Client, action_id: str, object_type: str) -> Iterator[_Dependency]:
    params = {"id": action_id, "objectType": object_type}
    return paginate(client, CONSUMING_RESOURCES, _DependencyPage, params)


def tracking_is_built(client: Client) -> bool:
    """Return whether dependency tracking was ever built, so that no user means that none is there.

    A build that is still under way, or that ended incomplete, has not seen everything.

    Raises:
        GenesysError: One of the tree.
    """
    return (client.call(TRACKING_BUILD, _Tracking).status or "").upper() in _BUILT
