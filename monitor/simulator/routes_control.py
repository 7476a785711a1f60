"""``/simulator``: the truth, ordered faults and request counts, for tests and the curious."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import msgspec
from flask import Blueprint, Response, request

from monitor.simulator.api_errors import bad_request
from monitor.simulator.faults import Fault
from monitor.simulator.queries import parse_body
from monitor.simulator.responses import answer

if TYPE_CHECKING:
    from monitor.simulator.faults import FaultQueue
    from monitor.simulator.org import SimulatedOrg


class _Permissions(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``PUT /simulator/permissions``."""

    permissions: list[str]


def control_routes(org: SimulatedOrg, faults: FaultQueue, requests: RequestLog) -> Blueprint:
    """Return what stands outside ``/api/v2`` and needs no token."""
    routes = Blueprint("control", __name__, url_prefix="/simulator")

    @routes.get("/")
    def about() -> Response:
        return answer(
            {
                "scenario": org.scenario.name,
                "seed": org.scenario.seed,
                "contract": org.contract,
                "world": asdict(org.world),
                "now": org.now_ms() / 1_000,
                "actions": len(org.scenario.actions),
                "flows": [
                    {"flow_id": flow.flow_id, "name": flow.name} for flow in org.scenario.flows
                ],
            }
        )

    @routes.get("/truth")
    def show_truth() -> Response:
        start, end = _seconds("from"), _seconds("to")
        told = org.truth(int(start * 1_000), int(end * 1_000))
        return answer({"from": start, "to": end, **told})

    @routes.get("/faults")
    def list_faults() -> Response:
        waiting = [{**asdict(fault), "count": left} for fault, left in faults.waiting()]
        return answer({"faults": waiting})

    @routes.post("/faults")
    def add_fault() -> Response:
        fault = parse_body(request.get_data(), Fault)
        faults.add(fault)
        return answer(asdict(fault), 201)

    @routes.delete("/faults")
    def clear_faults() -> Response:
        faults.clear()
        return answer({"faults": []})

    @routes.get("/requests")
    def count_requests() -> Response:
        return answer(requests.counts())

    @routes.delete("/requests")
    def clear_requests() -> Response:
        requests.clear()
        return answer({})

    @routes.put("/permissions")
    def set_permissions() -> Response:
        org.grant(parse_body(request.get_data(), _Permissions).permissions)
        return answer({"permissions": sorted(org.permissions)})

    @routes.delete("/tokens")
    def revoke_tokens() -> Response:
        org.tokens.revoke_all()
        return answer({})

    _documents(routes, org)
    return routes


def _documents(routes: Blueprint, org: SimulatedOrg) -> None:
    """Flow documents as they are: to place any, and to see what was sent."""

    @routes.put("/flows/<flowId>")
    def place_flow(flowId: str) -> Response:  # noqa: N803 - as the platform's path has it
        placed = org.flows.place(flowId, request.get_data())
        return answer({"etag": placed.etag})

    @routes.get("/flows/<flowId>/sent")
    def sent_flow(flowId: str) -> Response:  # noqa: N803 - as the platform's path has it
        return Response(org.flows.sent(flowId), content_type="application/json")


def _seconds(name: str) -> float:
    """Return a moment in epoch seconds from the query string."""
    try:
        return float(request.args[name])
    except (KeyError, ValueError):
        message = f"The query parameter '{name}' must be a moment in epoch seconds"
        raise bad_request(message) from None


class RequestLog:
    """Counts requests per method and route. Thread-safe."""

    def __init__(self) -> None:
        """Start at nothing."""
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def note(self, method: str, route: str) -> None:
        """Count one."""
        with self._lock:
            self._counts[f"{method} {route}"] += 1

    def counts(self) -> dict[str, int]:
        """Requests by method and route template."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    def clear(self) -> None:
        """Start again at nothing."""
        with self._lock:
            self._counts.clear()
