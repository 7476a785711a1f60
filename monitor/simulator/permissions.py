"""Which permission opens which door, any one of a tuple is enough; and the roles that hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from monitor.simulator.api_errors import not_found
from monitor.simulator.scenarios import identifier

if TYPE_CHECKING:
    from monitor.simulator.org import SimulatedOrg

VIEW_ACTIONS: Final = ("integrations:action:view", "bridge:actions:view")
EDIT_ACTIONS: Final = ("integrations:action:edit",)
VIEW_FUNCTIONS: Final = ("integrations:actionFunction:view",)
VIEW_INTEGRATIONS: Final = ("integrations:integration:view",)
VIEW_DETAILS: Final = ("analytics:conversationDetail:view", "analytics:detail:view")
VIEW_FLOW_AGGREGATES: Final = ("analytics:flowAggregate:view",)
VIEW_DEPENDENCIES: Final = ("architect:dependencyTracking:view",)
VIEW_AUDITS: Final = ("audits:audit:view",)
READ_FLOWS: Final = ("flow:flow:read", "architect:flow:view")
WRITE_FLOWS: Final = ("flow:flow:write", "architect:flow:edit")

ALL_PERMISSIONS: Final = (
    *VIEW_ACTIONS,
    *EDIT_ACTIONS,
    *VIEW_FUNCTIONS,
    *VIEW_INTEGRATIONS,
    *VIEW_DETAILS,
    *VIEW_FLOW_AGGREGATES,
    *VIEW_DEPENDENCIES,
    *VIEW_AUDITS,
    *READ_FLOWS,
    *WRITE_FLOWS,
)


def own_roles(org: SimulatedOrg, client_id: str, *, full: bool) -> dict[str, Any]:
    """Return one grant of one role that holds every permission of the client.

    Args:
        org: The org.
        client_id: Who asks.
        full: Whether the role comes with its policies.

    Raises:
        ApiError: 404; a client is no user, and has no roles to be shown.
    """
    if org.world.own_roles == "users_only":
        message = "the subject of this token"
        raise not_found(message)
    role: dict[str, Any] = {
        "id": identifier("role", client_id),
        "name": "Timeout Monitor",
        "default": False,
    }
    if full and org.world.own_roles == "policies":
        role["policies"] = [
            {"domain": domain, "entityName": entity, "actions": [action]}
            for domain, entity, action in (
                one.split(":") for one in sorted(org.permissions_of(client_id))
            )
        ]
    grant = {
        "subjectId": client_id,
        "division": {"id": identifier("division", "home"), "name": "Home"},
        "role": role,
        "grantMadeAt": "2026-01-01T00:00:00.000Z",
    }
    return {"id": client_id, "name": "Timeout Monitor", "grants": [grant], "version": 1}
