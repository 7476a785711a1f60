"""The audit log over HTTP: who saved an integration action."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, request

from monitor.simulator.api_errors import not_found
from monitor.simulator.audit_log import RealtimeQuery
from monitor.simulator.permissions import VIEW_AUDITS
from monitor.simulator.queries import parse_body
from monitor.simulator.responses import answer, require

if TYPE_CHECKING:
    from flask import Response

    from monitor.simulator.org import SimulatedOrg


def audit_routes(org: SimulatedOrg) -> Blueprint:
    """The realtime query, where the world has one."""
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
