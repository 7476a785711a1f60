"""The roles of whoever asks, as ``AuthzSubject``: for a client, where the world has it so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.simulator.api_errors import not_found
from monitor.simulator.scenarios import identifier

if TYPE_CHECKING:
    from monitor.simulator.org import SimulatedOrg


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
