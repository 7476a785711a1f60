"""What somebody else does to a simulated org, and what its far side remembers of a write."""

from __future__ import annotations

import json

import pytest

from monitor.simulator.flow_documents import timeouts_of
from monitor.simulator.scenarios import ORDER_ENQUIRIES, ORDER_STATUS
from monitor.simulator.world import World
from tests.simulator.conftest import Simulate
from tests.simulator_client import ACTIONS, SimulatorClient

FLOW = f"/api/v2/flows/{ORDER_ENQUIRIES.flow_id}"
CONTROL = f"/simulator/flows/{ORDER_ENQUIRIES.flow_id}"
ACTION = f"{ACTIONS}/{ORDER_STATUS.action_id}"


@pytest.fixture
def wire(simulate: Simulate) -> SimulatorClient:
    """An org that speaks the flow-document contract, without a gateway in front of it."""
    return simulate("flow", world=World(etag="strong"))


def put(wire: SimulatorClient, document: bytes, tag: str) -> int:
    """Send a document back; the status of the answer."""
    return wire.call("PUT", FLOW, data=document, headers={"If-Match": tag}).status_code


def test_an_author_can_save_a_flow_first(wire: SimulatorClient) -> None:
    """The write that comes next names a document that is gone, and theirs stands."""
    read = wire.get(FLOW, expand="dataActions")
    wire.fault(
        "edited",
        path_prefix=FLOW,
        method="PUT",
        action_id=ORDER_STATUS.action_id,
        timeout_ms=4_000,
    )

    assert put(wire, read.content, read.headers["ETag"]) == 412

    now = wire.get(FLOW, expand="dataActions").json()
    assert timeouts_of(now)[ORDER_STATUS.action_id] == 4_000
    assert (now["version"], now["modifiedBy"]["name"]) == (2, "Flow author")


def test_an_author_can_save_an_action_first(simulate: Simulate) -> None:
    """Another header, another version; the write that comes next is a conflict."""
    wire = simulate()
    wire.fault("edited", path_prefix=ACTION, method="PATCH")

    answer = wire.call("PATCH", ACTION, json={"version": 1, "config": {"timeoutSeconds": 7}})

    shown = wire.get(ACTION, includeConfig="true").json()
    assert answer.status_code == 409
    assert (shown["version"], shown["config"]["timeoutSeconds"]) == (2, 5)
    assert "X-Edited" in shown["config"]["request"]["headers"]


def test_an_author_can_change_an_actions_timeout(simulate: Simulate) -> None:
    """In whole seconds, as the platform keeps it."""
    wire = simulate()
    wire.org.edit(ACTION, ORDER_STATUS.action_id, 9_000)

    assert wire.get(ACTION, includeConfig="true").json()["config"]["timeoutSeconds"] == 9


def test_any_document_can_be_placed_and_is_served_byte_for_byte(wire: SimulatorClient) -> None:
    """Also one that no library would write so."""
    raw = b'{ "id":"f",\n"big":12345678901234567890123, "small": 1e-7, "e":"\\u00e9" , "x":[]}'

    assert wire.call("PUT", CONTROL, data=raw).status_code == 200

    read = wire.get(FLOW, expand="dataActions")
    assert read.content == raw
    assert put(wire, raw, read.headers["ETag"]) == 200


def test_what_was_sent_is_kept_byte_for_byte(wire: SimulatorClient) -> None:
    """Whether or not it was accepted; before the first there is nothing."""
    assert wire.get(f"{CONTROL}/sent").status_code == 404
    read = wire.get(FLOW, expand="dataActions")
    sent = b" " + read.content + b"\n"

    assert put(wire, sent, '"another"') == 412
    assert wire.get(f"{CONTROL}/sent").content == sent
    assert json.loads(sent) == wire.get(FLOW, expand="dataActions").json()
