"""Flow documents over HTTP, ETag out, If-Match in; and which flows use a data action."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, request

from monitor.simulator.api_errors import bad_request
from monitor.simulator.permissions import READ_FLOWS, VIEW_DEPENDENCIES, WRITE_FLOWS
from monitor.simulator.responses import Json, answer, compressed, paged, require
from monitor.simulator.scenarios import identifier
from monitor.simulator.timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """Return a document in its own field order."""
    text = document.text
    if not whole:
        body = {k: value for k, value in document.body.items() if k not in _DATA_ACTION_PARTS}
        text = json.dumps(body, ensure_ascii=False).encode()
    return Response(text, headers={"ETag": document.etag}, content_type="application/json")


_TRACKING: Final = "/api/v2/architect/dependencytracking"
_CONSUMING: Final = f"{_TRACKING}/consumingresources"
_VERSIONS: Final = 220
"""Of the first flow that uses an action, where each counts: more than two pages of one flow."""

_DAY_MS: Final = 86_400_000


def tracking_routes(org: SimulatedOrg) -> Blueprint:
    """``/api/v2/architect/dependencytracking``."""
    routes = Blueprint("tracking", __name__)

    @routes.get(_CONSUMING)
    def consuming() -> Response:
        require(org, VIEW_DEPENDENCIES)
        action_id, kind = request.args.get("id"), request.args.get("objectType")
        if not action_id or not kind:
            message = "The query parameters 'id' and 'objectType' are required"
            raise bad_request(message)
        return answer(
            paged(org.odd.among_entities([*_consumers(org, action_id, kind)]), _CONSUMING)
        )

    @routes.get(f"{_TRACKING}/build")
    def build() -> Response:
        require(org, VIEW_DEPENDENCIES)
        told: Json = {"id": identifier("build", org.scenario.name), "selfUri": f"{_TRACKING}/build"}
        if org.world.dependency_tracking == "unbuilt":
            return answer({**told, "status": "NOTBUILT"})
        began, ended = org.now_ms() - 2 * _DAY_MS, org.now_ms() - _DAY_MS
        return answer(
            {
                **told,
                "buildId": identifier("build", org.scenario.name, "1"),
                "dateStarted": iso(began),
                "dateCompleted": iso(ended),
                "status": "OPERATIONAL",
                "failedObjects": [],
            }
        )

    return routes


def _consumers(org: SimulatedOrg, action_id: str, kind: str) -> Iterator[Json]:
    """Yield everything that uses an action, as ``Dependency``: flows, and what is none."""
    action = next((one for one in org.scenario.actions if one.action_id == action_id), None)
    own_kind = org.world.secure_type if action is not None and action.secure else "DATAACTION"
    if action is None or kind != own_kind or org.world.dependency_tracking == "unbuilt":
        return
    flows = [
        flow
        for flow in org.scenario.flows
        if any(step.action_id == action_id for step in flow.steps)
    ]
    for number, flow in enumerate(flows):
        repeats = number == 0 and org.world.dependency_tracking == "repeating"
        for version in range(_VERSIONS if repeats else 1, 0, -1):
            yield _dependency(flow.flow_id, flow.name, f"{flow.flow_type}FLOW", version)
    if flows:
        gone = identifier("flow", "gone", action_id)
        yield _dependency(gone, "Old Menu", "INBOUNDCALLFLOW", 1) | {"deleted": True}
        yield _dependency(identifier("guide", action_id), "Agent Guide", "GUIDE", 1)


def _dependency(object_id: str, name: str, kind: str, version: int) -> Json:
    """``Dependency``."""
    return {
        "id": object_id,
        "name": name,
        "version": f"{version}.0",
        "type": kind,
        "deleted": False,
        "updated": False,
        "stateUnknown": False,
        "selfUri": f"/api/v2/flows/{object_id}",
    }
