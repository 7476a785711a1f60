"""The control surface, and what every answer has."""

from __future__ import annotations

import uuid

import pytest

from monitor.simulator.scenarios import ORDER_STATUS
from tests.clocks import HOUR, NOON
from tests.simulator.conftest import Simulate
from tests.simulator_client import ACTIONS, SimulatorClient

LIMITS = "/api/v2/organizations/limits/namespaces"
CONSUMING = "/api/v2/architect/dependencytracking/consumingresources"


@pytest.fixture
def wire(simulate: Simulate) -> SimulatorClient:
    """The default org."""
    return simulate()


@pytest.mark.parametrize(
    "path", ["/api/v2/tokens/me", "/api/v2/nowhere", f"{ACTIONS}/nobody", "/simulator/"]
)
def test_every_answer_has_a_correlation_id(wire: SimulatorClient, path: str) -> None:
    """Another one each time."""
    ids = {wire.get(path).headers["ININ-Correlation-Id"] for _ in range(2)}
    assert len({uuid.UUID(one) for one in ids}) == 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/v2/nowhere", 404), ("DELETE", ACTIONS, 405), ("GET", "/oauth/token", 405)],
)
def test_every_error_has_the_platforms_body(
    wire: SimulatorClient, method: str, path: str, status: int
) -> None:
    """Unknown addresses and methods too."""
    answer = wire.call(method, path)
    assert answer.status_code == status
    body = answer.json()
    assert {"message", "code", "status", "contextId", "details", "errors"} <= set(body)
    assert body["contextId"] == answer.headers["ININ-Correlation-Id"]


def test_a_fault_of_the_simulators_own_is_an_answer_too(
    wire: SimulatorClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 in the platform's shape, without a word of what broke."""

    def broken(*_: object) -> None:
        message = "secret detail"
        raise RuntimeError(message)

    monkeypatch.setattr(wire.org, "truth", broken)
    answer = wire.get("/simulator/truth", to=1, **{"from": 0})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal.server.error")
    assert "secret detail" not in answer.text


def test_requests_are_counted_by_route_template(wire: SimulatorClient) -> None:
    """Ids are folded; the control surface is not counted; the count can start anew."""
    wire.call("DELETE", "/simulator/requests")
    for action_id in ("one", "two"):
        wire.get(f"{ACTIONS}/{action_id}")
    wire.get("/api/v2/nowhere")
    assert wire.get("/simulator/requests").json() == {
        "GET (unknown)": 1,
        "GET /api/v2/integrations/actions/{actionId}": 2,
    }


def test_permissions_can_be_changed_over_the_wire(wire: SimulatorClient) -> None:
    """For tests that run the simulator as a process of its own."""
    wire.call("PUT", "/simulator/permissions", json={"permissions": []})
    assert wire.get(ACTIONS).status_code == 403
    wire.call("PUT", "/simulator/permissions", json={"permissions": ["bridge:actions:view"]})
    assert wire.get(ACTIONS).status_code == 200


def test_it_says_what_it_simulates(wire: SimulatorClient) -> None:
    """Scenario, seed, contract, time and flows."""
    told = wire.get("/simulator/").json()
    assert (told["scenario"], told["contract"], told["now"]) == ("punctual", "platform", NOON)
    assert len(told["flows"]) == 5


@pytest.mark.parametrize("params", [{}, {"from": "then", "to": 1}])
def test_the_truth_needs_two_moments(wire: SimulatorClient, params: dict[str, object]) -> None:
    """400 otherwise."""
    assert wire.get("/simulator/truth", **params).status_code == 400


def test_the_truth_of_a_time_without_traffic_is_empty(simulate: Simulate) -> None:
    """Nothing happened, so nothing is waited for."""
    told = simulate("quiet").get("/simulator/truth", to=NOON, **{"from": NOON - HOUR}).json()
    assert (told["executions"], told["actions"], told["visible_by"]) == (0, {}, None)


def test_limits_are_the_orgs_own_and_the_defaults(wire: SimulatorClient) -> None:
    """No permission is needed."""
    wire.org.grant(())
    live = wire.get(f"{LIMITS}/dataactions").json()["entities"]
    default = wire.get(f"{LIMITS}/dataactions/defaults").json()["entities"]
    key = {"key": "actions.concurrent.executions.max", "namespace": "dataactions"}
    assert {**key, "value": 50} in live
    assert {**key, "value": 30} in default
    assert wire.get(f"{LIMITS}/elsewhere").status_code == 404


def test_dependency_tracking_repeats_a_flow_for_each_of_its_versions(wire: SimulatorClient) -> None:
    """Two flows call Order Status, beside a guide and a flow that is gone; no queue does."""
    asked = {"id": ORDER_STATUS.action_id, "objectType": "DATAACTION", "pageSize": "100"}
    pages = [wire.get(CONSUMING, pageNumber=number, **asked).json() for number in (1, 2, 3)]
    assert [page["pageCount"] for page in pages] == [3, 3, 3]
    assert {one["name"] for one in pages[0]["entities"] + pages[1]["entities"]} == {
        "Order Enquiries"
    }
    assert {(one["name"], one["type"]) for one in pages[2]["entities"]} == {
        ("Order Enquiries", "INBOUNDCALLFLOW"),
        ("Case Updates", "INBOUNDEMAILFLOW"),
        ("Old Menu", "INBOUNDCALLFLOW"),
        ("Agent Guide", "GUIDE"),
    }
    other = wire.get(CONSUMING, id=ORDER_STATUS.action_id, objectType="QUEUE").json()
    assert other["entities"] == []


def test_dependency_tracking_needs_a_question_and_a_permission(wire: SimulatorClient) -> None:
    """400 and 403."""
    assert wire.get(CONSUMING, id="x").status_code == 400
    wire.org.grant(())
    assert wire.get(CONSUMING, id="x", objectType="DATAACTION").status_code == 403
