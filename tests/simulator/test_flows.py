"""Flow documents: whole in, whole out, under an ETag."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from monitor.simulator.flow_documents import data_actions, timeouts_of
from monitor.simulator.scenarios import (
    ORDER_ENQUIRIES,
    ORDER_STATUS,
    SEND_CONFIRMATION,
    STOCK_LINE,
)
from monitor.simulator.world import World
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON, ManualClock
from tests.simulator.conftest import Simulate
from tests.simulator_client import SimulatorClient

FLOW = f"/api/v2/flows/{ORDER_ENQUIRIES.flow_id}"


@pytest.fixture
def wire(simulate: Simulate) -> SimulatorClient:
    """An org that speaks the flow-document contract, without a gateway in front of it."""
    return simulate("flow", world=World(etag="strong"))


def whole(wire: SimulatorClient) -> requests.Response:
    """The flow with its data actions."""
    return wire.get(FLOW, expand="dataActions")


def put(wire: SimulatorClient, document: dict[str, Any], tag: str | None) -> requests.Response:
    """Send a document back."""
    headers = {} if tag is None else {"If-Match": tag}
    return wire.call("PUT", FLOW, json=document, headers=headers)


def with_timeout(document: dict[str, Any], action_id: str, timeout_ms: object) -> dict[str, Any]:
    """The document with one timeout changed."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    for entry in data_actions(copy):
        if entry["id"] == action_id:
            entry["data"]["timeout"] = timeout_ms
    return copy


def test_data_actions_stand_nested_in_the_document(wire: SimulatorClient) -> None:
    """All five of the flow are found, one of them alone at the top."""
    document = whole(wire).json()
    assert set(timeouts_of(document)) == {step.action_id for step in ORDER_ENQUIRIES.steps}
    top = [entry for entry in document["actions"] if entry["type"] == "data"]
    assert len(top) == 1


def test_data_actions_are_only_shown_when_asked_for(wire: SimulatorClient) -> None:
    """Without expand the document has no actions."""
    assert "actions" not in wire.get(FLOW).json()


def test_an_absent_timeout_is_the_default(wire: SimulatorClient) -> None:
    """An action whose author named none waits three seconds."""
    document = wire.get(f"/api/v2/flows/{STOCK_LINE.flow_id}", expand="dataActions").json()
    assert timeouts_of(document)[SEND_CONFIRMATION.action_id] == 3_000


def test_a_timeout_of_null_is_the_default(wire: SimulatorClient) -> None:
    """A document that writes null for a timeout says as little as one that leaves it out."""
    first = whole(wire)
    document = with_timeout(first.json(), ORDER_STATUS.action_id, None)
    written = put(wire, document, first.headers["ETag"])
    assert written.status_code == 200
    assert timeouts_of(written.json())[ORDER_STATUS.action_id] == 3_000


def test_the_tag_changes_with_the_document_only(wire: SimulatorClient) -> None:
    """Two reads agree; a write gives another tag."""
    first, second = whole(wire), whole(wire)
    assert first.headers["ETag"] == second.headers["ETag"]
    changed = with_timeout(first.json(), ORDER_STATUS.action_id, 7_000)
    assert put(wire, changed, first.headers["ETag"]).headers["ETag"] != first.headers["ETag"]


def test_a_write_changes_the_timeout_and_the_servers_own_fields_only(wire: SimulatorClient) -> None:
    """Everything else reads back as it was, in its order."""
    first = whole(wire)
    sent = with_timeout(first.json(), ORDER_STATUS.action_id, 7_000)
    assert put(wire, sent, first.headers["ETag"]).status_code == 200
    kept = whole(wire).json()
    assert kept["version"] == first.json()["version"] + 1
    assert list(kept) == list(first.json())
    own = {"version", "dateModified", "modifiedBy"}
    assert {k: v for k, v in kept.items() if k not in own} == {
        k: v for k, v in sent.items() if k not in own
    }


def test_a_write_without_a_tag_is_refused(wire: SimulatorClient) -> None:
    """428: the lock is not optional."""
    assert put(wire, whole(wire).json(), None).status_code == 428


@pytest.mark.parametrize("tag", ['"stale"', "*"])
def test_a_write_with_another_tag_is_refused(wire: SimulatorClient, tag: str) -> None:
    """412: somebody else wrote first, or the client does not care."""
    assert put(wire, whole(wire).json(), tag).status_code == 412


def _drop_unknown(document: dict[str, Any]) -> None:
    del document["x-authoring"]["palette"]


def _drop_nested(document: dict[str, Any]) -> None:
    del next(data_actions(document["tasks"]))["outcomes"]


def _drop_an_action(document: dict[str, Any]) -> None:
    document["actions"].pop()


def _round(document: dict[str, Any]) -> None:
    document["outcomes"][0]["value"] = float(document["outcomes"][0]["value"])


def _drop_version(document: dict[str, Any]) -> None:
    del document["version"]


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (_drop_unknown, "$.x-authoring.palette"),
        (_drop_nested, "$.tasks[0].states[0].actions[0].branches.yes[0].outcomes"),
        (_drop_an_action, "$.actions"),
        (_round, "$.outcomes[0].value"),
        (_drop_version, "$.version"),
    ],
)
def test_a_document_that_is_not_whole_is_refused(
    wire: SimulatorClient, spoil: Callable[[dict[str, Any]], None], place: str
) -> None:
    """400 names where it differs, and nothing is written."""
    first = whole(wire)
    document = first.json()
    spoil(document)
    answer = put(wire, document, first.headers["ETag"])
    assert answer.status_code == 400
    assert [detail["fieldName"] for detail in answer.json()["details"]] == [place]
    assert whole(wire).headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize("timeout", [0, 60_001, 2.5, "7000", True])
def test_a_timeout_out_of_range_is_refused(wire: SimulatorClient, timeout: object) -> None:
    """Whole milliseconds from 1 to 60000."""
    first = whole(wire)
    document = with_timeout(first.json(), ORDER_STATUS.action_id, timeout)
    assert put(wire, document, first.headers["ETag"]).status_code == 400


@pytest.mark.parametrize("body", ["{", "[]"])
def test_something_that_is_no_document_is_refused(wire: SimulatorClient, body: str) -> None:
    """400 for broken JSON and for JSON that is no object."""
    tag = whole(wire).headers["ETag"]
    answer = wire.call("PUT", FLOW, data=body, headers={"If-Match": tag})
    assert answer.status_code == 400


def test_an_unknown_flow_is_not_found(wire: SimulatorClient) -> None:
    """404."""
    assert wire.get("/api/v2/flows/nobody").status_code == 404


@pytest.mark.parametrize(("method", "word"), [("GET", "read"), ("PUT", "write")])
def test_a_missing_scope_is_named(wire: SimulatorClient, method: str, word: str) -> None:
    """403 names the scope."""
    wire.org.grant(())
    answer = wire.call(method, FLOW)
    assert answer.status_code == 403
    assert f"flow:flow:{word}" in answer.json()["message"]


def test_a_longer_timeout_changes_what_arrives_later(
    wire: SimulatorClient, clock: ManualClock
) -> None:
    """In this contract the flow document decides: fewer timeouts after, the same before."""
    before, after = TimeRange(NOON - HOUR, NOON), TimeRange(NOON + 60, NOON + HOUR)
    told, foretold = wire.truth(before), wire.truth(after)
    first = whole(wire)
    longer = with_timeout(first.json(), ORDER_STATUS.action_id, 20_000)
    put(wire, longer, first.headers["ETag"])
    clock.at += 2 * HOUR
    assert wire.truth(before) == told
    assert _hits(wire.truth(after)) < _hits(foretold) / 2


def test_on_the_platform_a_step_does_not_cut_an_execution_short(simulate: Simulate) -> None:
    """With contract ``platform`` the action's own timeout decides, whatever the step says."""
    wire = simulate("punctual")
    later = TimeRange(NOON + 60, NOON + HOUR)
    foretold = wire.truth(later)
    first = whole(wire)
    put(wire, with_timeout(first.json(), ORDER_STATUS.action_id, 1), first.headers["ETag"])
    assert wire.truth(later) == foretold


def _hits(truth: dict[str, Any]) -> int:
    """Timeouts of Order Status in this flow."""
    wanted = (ORDER_ENQUIRIES.flow_id, ORDER_STATUS.action_id)
    return sum(
        one["timeouts"] for one in truth["flows"] if (one["flow_id"], one["action_id"]) == wanted
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v2/integrations/actions"),
        ("GET", "/api/v2/integrations"),
        ("POST", "/api/v2/analytics/actions/aggregates/query"),
        ("POST", "/api/v2/analytics/actions/aggregates/jobs"),
        ("GET", "/api/v2/organizations/limits/namespaces/dataactions"),
        ("GET", "/api/v2/architect/dependencytracking/consumingresources"),
        ("GET", "/api/v2/tokens/me"),
        ("GET", "/api/v2/organizations/me"),
        ("POST", "/api/v2/analytics/conversations/details/jobs"),
        ("GET", "/api/v2/analytics/conversations/details/jobs/availability"),
    ],
)
def test_the_flow_contract_knows_nothing_else(
    wire: SimulatorClient, method: str, path: str
) -> None:
    """Every documented platform address answers 404."""
    assert wire.call(method, path, json={}).status_code == 404
