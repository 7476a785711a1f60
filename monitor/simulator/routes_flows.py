"""Flow documents over HTTP: ETag out, If-Match in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, request

from monitor.simulator.gateway import compressed
from monitor.simulator.permissions import READ_FLOWS, WRITE_FLOWS
from monitor.simulator.responses import require

if TYPE_CHECKING:
    from monitor.simulator.flow_documents import StoredFlow
    from monitor.simulator.org import SimulatedOrg

_FLOW: Final = "/api/v2/flows/<flowId>"
_DATA_ACTION_PARTS: Final = frozenset({"actions", "tasks", "menus"})
"""What is only shown with ``expand=dataActions``."""


def flow_routes(org: SimulatedOrg) -> Blueprint:
    """Get and put."""
    routes = Blueprint("flows", __name__)

    @routes.get(_FLOW)
    def get_flow(flowId: str) -> Response:  # noqa: N803 - the platform's path
        require(org, READ_FLOWS)
        whole = "dataActions" in request.args.get("expand", "").split(",")
        return compressed(_answer(org.flows.get(flowId), whole=whole), request, org.world)

    @routes.put(_FLOW)
    def put_flow(flowId: str) -> Response:  # noqa: N803 - the platform's path
        require(org, WRITE_FLOWS)
        tag = request.headers.get("If-Match")
        document = org.flows.put(flowId, tag, request.get_data(), org.now_ms())
        return compressed(_answer(document, whole=True), request, org.world)

    return routes


def _answer(document: StoredFlow, *, whole: bool) -> Response:
    """A document in its own field order."""
    text = document.text
    if not whole:
        body = {k: value for k, value in document.body.items() if k not in _DATA_ACTION_PARTS}
        text = json.dumps(body, ensure_ascii=False).encode()
    return Response(text, headers={"ETag": document.etag}, content_type="application/json")
