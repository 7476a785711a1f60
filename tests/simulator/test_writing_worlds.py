"""What the simulated platform does in each reading of what nobody knows about writes."""

from __future__ import annotations

import gzip

import pytest

from monitor.simulator.scenarios import ORDER_ENQUIRIES, ORDER_STATUS, SEND_CONFIRMATION
from monitor.simulator.world import World
from tests.simulator.conftest import Simulate
from tests.simulator_client import ACTIONS, SimulatorClient

ACTION = f"{ACTIONS}/{ORDER_STATUS.action_id}"
FLOW = f"/api/v2/flows/{ORDER_ENQUIRIES.flow_id}"


@pytest.mark.parametrize(
    ("shown", "fields"),
    [
        ("nothing", set()),
        ("uri", {"requestTemplateUri", "successTemplateUri"}),
        ("inline", {"requestTemplate", "successTemplate"}),
    ],
)
def test_a_configuration_shows_of_its_templates_what_the_world_says(
    simulate: Simulate, shown: str, fields: set[str]
) -> None:
    """In a list, alone, and in the answer to a change."""
    wire = simulate(world=World(templates_shown=shown))
    listed = wire.get(ACTIONS, includeConfig="true", ids=ORDER_STATUS.action_id).json()
    changed = wire.call("PATCH", ACTION, json={"version": 1}).json()
    read = wire.get(ACTION, includeConfig="true").json()

    for one in (*listed["entities"], changed, read):
        config = one["config"]
        assert {k for k in config["request"] | config["response"] if "Template" in k} - {
            "requestUrlTemplate"
        } == fields


@pytest.mark.parametrize(("unset", "shown"), [("absent", {}), ("null", {"timeoutSeconds": None})])
def test_an_unset_timeout_is_shown_as_the_world_has_it(
    simulate: Simulate, unset: str, shown: dict[str, object]
) -> None:
    """Not at all, or as null."""
    wire = simulate(world=World(unset_timeout=unset))
    config = wire.get(f"{ACTIONS}/{SEND_CONFIRMATION.action_id}", includeConfig="true").json()[
        "config"
    ]
    assert {k: v for k, v in config.items() if k == "timeoutSeconds"} == shown


def test_an_unset_timeout_may_be_shown_as_zero(simulate: Simulate) -> None:
    """And one that was set as what it is."""
    wire = simulate(world=World(unset_timeout="zero"))
    shown = [
        wire.get(f"{ACTIONS}/{one.action_id}", includeConfig="true").json()["config"]
        for one in (SEND_CONFIRMATION, ORDER_STATUS)
    ]
    assert [one["timeoutSeconds"] for one in shown] == [0, 5]


def test_a_change_that_merges_keeps_what_it_leaves_out(simulate: Simulate) -> None:
    """Parts, fields of parts, and templates."""
    wire = simulate(world=World(patch="merges", templates_shown="inline"))
    before = wire.get(ACTION, includeConfig="true").json()["config"]

    body = {"version": 1, "config": {"timeoutSeconds": 7, "request": {"requestType": "PUT"}}}
    after = wire.call("PATCH", ACTION, json=body).json()["config"]

    request = {**before["request"], "requestType": "PUT"}
    assert after == {**before, "timeoutSeconds": 7, "request": request}


@pytest.mark.parametrize("status", ["409", "400", "408"])
def test_a_stale_version_is_answered_as_the_world_has_it(simulate: Simulate, status: str) -> None:
    """Nothing is changed; a 408 does not even say why."""
    wire = simulate(world=World(conflict=status))

    answer = wire.call("PATCH", ACTION, json={"version": 9, "config": {"timeoutSeconds": 7}})

    assert answer.status_code == int(status)
    says_why = "does not match the current version" in answer.json()["message"]
    assert says_why is (status != "408")
    assert wire.get(ACTION).json()["version"] == 1


def tag(wire: SimulatorClient, encoding: str) -> str:
    """The flow's ETag as the gateway hands it out."""
    headers = {"Accept-Encoding": encoding}
    answer = wire.call("GET", FLOW, headers=headers)
    assert answer.json()["id"] == ORDER_ENQUIRIES.flow_id
    return answer.headers["ETag"]


@pytest.mark.parametrize(
    ("etag", "squeezed", "plain"),
    [
        ("suffixed", '"{}-gzip"', '"{}"'),
        ("weak", 'W/"{}"', '"{}"'),
        ("stubborn", '"{}-gzip"', '"{}-gzip"'),
        ("strong", '"{}"', '"{}"'),
    ],
)
def test_a_gateway_that_compresses_changes_the_tag_and_does_not_turn_it_back(
    simulate: Simulate, etag: str, squeezed: str, plain: str
) -> None:
    """A client that sends back what it was given is refused, but for the platform's own tag."""
    wire = simulate("flow", world=World(etag=etag))
    own = wire.org.flows.get(ORDER_ENQUIRIES.flow_id).etag

    assert tag(wire, "gzip") == squeezed.format(own.strip('"'))
    assert tag(wire, "identity") == plain.format(own.strip('"'))
    assert put(wire, own) == 200
    if etag != "strong":
        assert put(wire, tag(wire, "gzip")) == 412


def put(wire: SimulatorClient, etag: str) -> int:
    """Send the flow back as it is; the status of the answer."""
    document = wire.org.flows.get(ORDER_ENQUIRIES.flow_id).text
    headers = {"If-Match": etag, "Accept-Encoding": "identity"}
    return wire.call("PUT", FLOW, data=document, headers=headers).status_code


def test_an_answer_can_be_cut_where_only_its_encoding_shows_it(simulate: Simulate) -> None:
    """Its length is right for what is left of it."""
    wire = simulate()
    whole = wire.get(f"{ACTION}/templates/requesttemplate.vm").content
    wire.fault("cut", path_prefix=f"{ACTION}/templates/")

    answer = wire.call("GET", f"{ACTION}/templates/requesttemplate.vm", stream=True)
    sent = answer.raw.read(decode_content=False)

    assert int(answer.headers["Content-Length"]) == len(sent)
    with pytest.raises(EOFError):
        gzip.decompress(sent)
    assert len(gzip.decompress(gzip.compress(whole))) == len(whole)


@pytest.mark.parametrize("what", ["action", "flow"])
def test_a_write_can_change_more_than_it_was_asked_to(simulate: Simulate, what: str) -> None:
    """In one version, so that nobody else can be blamed; the next write does not."""
    if what == "action":
        wire = simulate(world=World(patch="merges"))
        wire.fault("spoilt", path_prefix=ACTION, method="PATCH")
        body = {"version": 1, "config": {"timeoutSeconds": 7}}
        shown = wire.call("PATCH", ACTION, json=body).json()
        assert (shown["version"], "X-Edited" in shown["config"]["request"]["headers"]) == (2, True)
        return
    wire = simulate("flow", world=World(etag="strong"))
    read = wire.get(FLOW, expand="dataActions")
    wire.fault("spoilt", path_prefix=FLOW, method="PUT")
    headers = {"If-Match": read.headers["ETag"]}
    shown = wire.call("PUT", FLOW, data=read.content, headers=headers).json()
    assert shown["version"] == read.json()["version"] + 1
    assert shown["description"] != read.json()["description"]
