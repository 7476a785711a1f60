"""Who am I, and what are my limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, g

from monitor.simulator.api_errors import not_found
from monitor.simulator.permissions import own_roles
from monitor.simulator.responses import answer, flag
from monitor.simulator.scenario_types import shown_limits

if TYPE_CHECKING:
    from flask import Response

    from monitor.simulator.org import SimulatedOrg

_LIMITS = "/api/v2/organizations/limits/namespaces/<namespaceName>"
_DEFAULT_LIMITS = (
    ("actions.concurrent.executions.max", 30),
    ("requests.volume.max", 2_500),
    ("actions.function.concurrent.executions.max", 25),
)


def whoami_routes(org: SimulatedOrg) -> Blueprint:
    """``tokens/me`` and ``organizations/me``: no permission needed."""
    routes = Blueprint("whoami", __name__)
    itself = {"id": org.organization_id, "name": f"Simulated ({org.scenario.name})"}

    @routes.get("/api/v2/tokens/me")
    def token() -> Response:
        client_id = g.usage.client_id
        client = {
            "id": client_id,
            "name": "Timeout Monitor",
            "authorizedGrantType": "CLIENT-CREDENTIALS",
            "scope": [],
            "state": "active",
            "organization": itself,
        }
        return answer(
            {
                "organization": itself,
                "homeOrganization": itself,
                "authorizedScope": sorted(org.permissions_of(client_id)),
                "OAuthClient": client,
            }
        )

    @routes.get("/api/v2/organizations/me")
    def organization() -> Response:
        return answer(
            {
                **itself,
                "defaultLanguage": "en-gb",
                "defaultCountryCode": "GB",
                "thirdPartyOrgName": f"simulated-{org.scenario.name}",
                "domain": f"simulated-{org.scenario.name}",
                "version": 1,
                "state": "active",
                "voicemailEnabled": False,
                "productPlatform": "GenesysCloud",
                "features": {"callMonitor": False, "realtimeCIC": True},
                "selfUri": f"/api/v2/organizations/{org.organization_id}",
            }
        )

    @routes.get("/api/v2/authorization/subjects/me")
    def roles() -> Response:
        return answer(own_roles(org, g.usage.client_id, full=flag("includeFullRoles")))

    return routes


def organization_routes(org: SimulatedOrg) -> Blueprint:
    """Limits."""
    routes = Blueprint("organization", __name__)

    @routes.get(_LIMITS)
    def limits(namespaceName: str) -> Response:  # noqa: N803 - the platform's path
        return answer(_limits(org, namespaceName, org.scenario.limits))

    @routes.get(f"{_LIMITS}/defaults")
    def default_limits(namespaceName: str) -> Response:  # noqa: N803 - the platform's path
        return answer(_limits(org, namespaceName, shown_limits(_DEFAULT_LIMITS, org.world)))

    return routes


def _limits(
    org: SimulatedOrg, namespace: str, limits: tuple[tuple[str, int], ...]
) -> dict[str, object]:
    """``LimitsEntityListing`` of the only namespace that is simulated."""
    if namespace != "dataactions":
        message = f"limits of namespace {namespace}"
        raise not_found(message)
    shown: list[dict[str, object]] = [
        {"key": key, "namespace": namespace, "value": value} for key, value in limits
    ]
    return {"entities": org.odd.among_limits(shown)}
