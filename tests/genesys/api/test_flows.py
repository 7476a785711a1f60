"""Flow documents: the whole document, its ETag, and every data action inside it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import WrongShapeError
from monitor.genesys import Client
from monitor.genesys.api.flows import FlowDataAction, _entries, get_flow
from monitor.remediation.targets import versions_between
from tests.genesys.far_side import FarSide, Reply

FLOW = "GET /api/v2/flows/f-1"


def entry(action_id: str, **data: object) -> dict[str, object]:
    """A data action as it stands in a flow document."""
    return {"id": action_id, "name": f"Name {action_id}", "type": "data", "data": data}


def read(client: Client, far_side: FarSide, document: object) -> tuple[FlowDataAction, ...]:
    """The data actions that are found in a document."""
    far_side.on(FLOW, Reply(body=document))
    return get_flow(client, "f-1").data_actions


def test_another_flows_document_is_not_this_ones(client: Client, far_side: FarSide) -> None:
    """A cache mixed two answers up; written back, this flow would become the other."""
    far_side.on(FLOW, Reply(body={"id": "f-2", "actions": []}, headers={"ETag": '"1"'}))

    with pytest.raises(WrongShapeError, match="for f-1 is about f-2"):
        get_flow(client, "f-1")


def test_a_version_without_end_is_cut(client: Client, far_side: FarSide) -> None:
    """It is kept with every change, and nothing counts with it."""
    far_side.on(FLOW, Reply(body={"id": "f-1", "version": "9" * 5_000, "actions": []}))

    version = get_flow(client, "f-1").version

    assert len(version) == 200
    assert versions_between(version, version) is None
    assert versions_between("6", "7") == 1


def test_a_flow_is_read_whole_with_its_etag(client: Client, far_side: FarSide) -> None:
    """Byte for byte as it came: a write must send it back so."""
    raw = b'{"name": "Main",\n "id":"f-1", "actions": [], "x": 1.10}'
    far_side.on(FLOW, Reply(body=raw, headers={"ETag": '"7"'}))

    flow = get_flow(client, "f-1")

    assert (flow.flow_id, flow.name, flow.etag, flow.raw) == ("f-1", "Main", '"7"', raw)
    assert far_side.requests(FLOW)[0].query == {"expand": "dataActions"}


def test_a_flow_without_etag_or_name_is_read(client: Client, far_side: FarSide) -> None:
    """Both are then empty; whoever wants to write has to look."""
    far_side.on(FLOW, Reply(body={"id": "f-1"}))

    flow = get_flow(client, "f-1")

    assert (flow.etag, flow.name, flow.data_actions) == ("", "", ())


def test_a_data_action_is_read(client: Client, far_side: FarSide) -> None:
    """Id, name, method, address and timeout."""
    document = {"actions": [entry("1", url="https://crm/a", method="POST", timeout=5000)]}

    assert read(client, far_side, document) == (
        FlowDataAction("1", "Name 1", "POST", "https://crm/a", 5000),
    )


@pytest.mark.parametrize("data", [{}, {"timeout": None}])
def test_an_absent_timeout_is_three_seconds(
    client: Client, far_side: FarSide, data: dict[str, object]
) -> None:
    """The contract's default."""
    (action,) = read(client, far_side, {"actions": [entry("1", **data)]})

    assert (action.timeout_ms, action.method, action.url) == (3000, "", "")


def test_actions_are_found_wherever_they_are_nested(client: Client, far_side: FarSide) -> None:
    """In tasks, states, menus and inside each other, in the order of the document."""
    document = {
        "menus": [{"choices": [{"action": entry("1")}]}],
        "actions": [
            {"type": "decision", "outcomes": {"yes": [entry("2", then=[entry("3")])]}},
            entry("4"),
        ],
        "states": {"s": {"tasks": [[entry("5")]]}},
    }

    found = [action.action_id for action in read(client, far_side, document)]

    assert found == ["1", "2", "3", "4", "5"]


def test_other_entries_are_no_data_actions(client: Client, far_side: FarSide) -> None:
    """Another type, no data, no id."""
    document = {
        "actions": [
            {"id": "1", "type": "transfer", "data": {}},
            {"id": "2", "type": "data"},
            {"type": "data", "data": {}},
        ]
    }

    assert read(client, far_side, document) == ()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@crm:8443/a?key=k#f", "https://crm:8443/a"),
        ("https://crm/a/b", "https://crm/a/b"),
        ("https://user:pw@[host/a?key=k", "[host/a"),
        ("/relative?key=k", "/relative"),
    ],
)
def test_an_address_is_shown_without_its_secrets(
    client: Client, far_side: FarSide, url: str, shown: str
) -> None:
    """Queries and credentials of back ends stay in the document."""
    (action,) = read(client, far_side, {"actions": [entry("1", url=url)]})

    assert action.url == shown


@pytest.mark.parametrize("timeout", ["5000", 2.5, True])
def test_a_timeout_that_is_no_number_is_told(
    client: Client, far_side: FarSide, timeout: object
) -> None:
    """Guessing would end in a wrong raise."""
    with pytest.raises(WrongShapeError, match=r"flow f-1 .*, '1': .* `\$\.data\.timeout`"):
        read(client, far_side, {"actions": [entry("1", timeout=timeout)]})


def test_a_document_that_is_no_object_is_a_wrong_shape(client: Client, far_side: FarSide) -> None:
    """A list is no flow."""
    with pytest.raises(WrongShapeError):
        read(client, far_side, [])


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(DOCUMENTS, st.lists(st.text(min_size=1), max_size=4))
def test_walking_finds_each_entry_once(around: object, ids: list[str]) -> None:
    """Whatever stands around them, entries are found in order, and nothing else is."""
    document: dict[str, object] = {"around": around}
    for number, action_id in enumerate(ids):
        document[f"part {number}"] = [{"deep": [around, entry(action_id)]}]

    found = [part["id"] for part in _entries(json.loads(json.dumps(document)))]

    assert found == ids


def test_a_document_nested_a_thousand_deep_is_walked() -> None:
    """The walk has no depth of its own."""
    document: dict[str, object] = entry("1")
    for _ in range(5000):
        document = {"in": [document]}

    assert [part["id"] for part in _entries(document)] == ["1"]
