"""Integration actions, integrations and the audit log of both over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, g, request

from monitor.platform_limits import MOST_IDS
from monitor.simulator.api_errors import bad_request, not_found
from monitor.simulator.audit_log import RealtimeQuery
from monitor.simulator.integration_actions import BASE, function_json
from monitor.simulator.permissions import (
    EDIT_ACTIONS,
    VIEW_ACTIONS,
    VIEW_AUDITS,
    VIEW_FUNCTIONS,
    VIEW_INTEGRATIONS,
)
from monitor.simulator.queries import parse_body
from monitor.simulator.responses import answer, flag, paged, require

if TYPE_CHECKING:
    from monitor.simulator.org import SimulatedOrg
    from monitor.simulator.scenario_types import Integration

_INTEGRATIONS = "/api/v2/integrations"


def action_routes(org: SimulatedOrg) -> Blueprint:
    """List, get, change; templates and functions."""
    routes = Blueprint("actions", __name__)

    @routes.get(BASE)
    def list_actions() -> Response:
        require(org, VIEW_ACTIONS)
        return answer(_listing(org))

    @routes.get(f"{BASE}/<actionId>")
    def get_action(actionId: str) -> Response:  # noqa: N803 - the platform's path
        require(org, VIEW_ACTIONS)
        with_config = flag("includeConfig")
        with_contract = with_config or "contract" in request.args.get("expand", "")
        stored = org.actions.get(actionId)
        shown = org.actions.shown(stored, with_config=with_config, with_contract=with_contract)
        return answer(shown)

    @routes.patch(f"{BASE}/<actionId>")
    def update_action(actionId: str) -> Response:  # noqa: N803 - the platform's path
        require(org, EDIT_ACTIONS)
        stored = org.actions.update(actionId, request.get_data(), g.usage.client_id)
        return answer(org.actions.shown(stored, with_config=True, with_contract=True))

    @routes.get(f"{BASE}/<actionId>/templates/<fileName>")
    def template(actionId: str, fileName: str) -> Response:  # noqa: N803 - the platform's path
        require(org, VIEW_ACTIONS)
        text = org.actions.template(actionId, fileName)
        return Response(text, content_type="text/plain; charset=utf-8")

    @routes.get(f"{BASE}/<actionId>/function")
    def function(actionId: str) -> Response:  # noqa: N803 - the platform's path
        require(org, VIEW_FUNCTIONS)
        return answer(function_json(org.actions.get(actionId)))

    @routes.get(_INTEGRATIONS)
    def integrations() -> Response:
        require(org, VIEW_INTEGRATIONS)
        known = {one.integration.integration_id: one.integration for one in org.scenario.actions}
        return answer(
            paged(
                org.odd.among_entities([_integration(one) for one in known.values()]),
                _INTEGRATIONS,
            )
        )

    return routes


def _listing(org: SimulatedOrg) -> dict[str, object]:
    """``ActionEntityListing``, filtered by ids, name, category and secure."""
    wanted = [one for one in request.args.get("ids", "").split(",") if one]
    if len(wanted) > MOST_IDS:
        message = f"The query parameter 'ids' holds more than {MOST_IDS} ids"
        raise bad_request(message)
    name, category = request.args.get("name", "").lower(), request.args.get("category")
    with_config = flag("includeConfig")
    found = [
        one
        for one in org.actions.listed(authentication=flag("includeAuthActions"))
        if (not wanted or one.action.action_id in wanted)
        and name in one.name.lower()
        and category in {None, one.category}
        and request.args.get("secure", "").lower() in {"", str(one.action.secure).lower()}
    ]
    shown = [
        org.actions.shown(one, with_config=with_config, with_contract=with_config) for one in found
    ]
    return paged(shown if wanted else org.odd.among_entities(shown), BASE)


def _integration(integration: Integration) -> dict[str, object]:
    """``Integration``."""
    return {
        "id": integration.integration_id,
        "name": integration.name,
        "integrationType": {
            "id": integration.type_id,
            "name": integration.type_id.replace("-", " ").title(),
            "provider": "Genesys",
            "category": "Data Actions",
            "selfUri": f"{_INTEGRATIONS}/types/{integration.type_id}",
        },
        "intendedState": "ENABLED",
        "reportedState": {"code": "ACTIVE", "effective": "Active"},
        "selfUri": f"{_INTEGRATIONS}/{integration.integration_id}",
    }


def audit_routes(org: SimulatedOrg) -> Blueprint:
    """Return the realtime query, where the world has one."""
    routes = Blueprint("audits", __name__)

    @routes.post("/api/v2/audits/query/realtime")
    def query() -> Response:
        if org.world.audits == "absent":
            raise not_found(request.path)
        require(org, VIEW_AUDITS)
        asked = parse_body(request.get_data(), RealtimeQuery)
        with_names = "user" in request.args.getlist("expand")
        return answer(org.audits.query(asked, org.now_ms(), with_names=with_names))

    return routes
