"""Integration actions: listed, shown, and changed under a version lock."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.simulator.scenario_types import SimulatedAction
from monitor.simulator.scenarios import (
    BRANCH_FINDER,
    GET_CUSTOMER,
    ORDER_STATUS,
    PARTNER_TOKEN,
    PRICE_QUOTE,
    SEND_CONFIRMATION,
)
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON, ManualClock
from tests.simulator.conftest import Simulate
from tests.simulator_client import ACTIONS, GROUPS, SimulatorClient, counts

TEMPLATE = f"{ACTIONS}/{ORDER_STATUS.action_id}/templates/requesttemplate.vm"


@pytest.fixture
def wire(simulate: Simulate) -> SimulatorClient:
    """The default org."""
    return simulate()


def fetched(wire: SimulatorClient, action_id: str) -> dict[str, Any]:
    """An action with its config."""
    action: dict[str, Any] = wire.get(f"{ACTIONS}/{action_id}", includeConfig="true").json()
    return action


def patched(wire: SimulatorClient, action_id: str, **changed: Any) -> Any:  # noqa: ANN401
    """The answer to a PATCH of everything that a GET shows, but for what was changed."""
    action = fetched(wire, action_id)
    config = {**action["config"], **changed.pop("config", {})}
    body = {"version": action["version"], "name": action["name"], "config": config, **changed}
    return wire.call("PATCH", f"{ACTIONS}/{action_id}", json=body)


def test_pages_add_up_to_all_actions(wire: SimulatorClient) -> None:
    """Every page is full but the last, and nothing is missing or twice."""
    pages = [wire.get(ACTIONS, pageSize=5, pageNumber=n).json() for n in (1, 2, 3, 4)]
    assert [len(page["entities"]) for page in pages] == [5, 5, 3, 0]
    assert len({one["id"] for page in pages for one in page["entities"]}) == 13
    assert (pages[0]["total"], pages[0]["pageCount"]) == (13, 3)
    assert "nextUri" in pages[1]
    assert "nextUri" not in pages[2]


@pytest.mark.parametrize("params", [{"pageSize": 101}, {"pageNumber": 0}, {"includeConfig": "x"}])
def test_a_strange_page_is_refused(wire: SimulatorClient, params: dict[str, object]) -> None:
    """400 for what the platform would not understand."""
    assert wire.get(ACTIONS, **params).status_code == 400


def test_the_timeout_is_only_shown_with_its_config(wire: SimulatorClient) -> None:
    """Without includeConfig there is no config at all."""
    [bare] = wire.get(ACTIONS, ids=ORDER_STATUS.action_id).json()["entities"]
    [whole] = wire.get(ACTIONS, ids=ORDER_STATUS.action_id, includeConfig="true").json()["entities"]
    assert "config" not in bare
    assert whole["config"]["timeoutSeconds"] == 5


@pytest.mark.parametrize("action", [SEND_CONFIRMATION, BRANCH_FINDER, PRICE_QUOTE])
def test_an_unset_timeout_is_absent(wire: SimulatorClient, action: SimulatedAction) -> None:
    """Nothing set, static, and function actions show none."""
    assert "timeoutSeconds" not in fetched(wire, action.action_id)["config"]


def test_actions_are_found_by_ids_name_and_category(wire: SimulatorClient) -> None:
    """Each filter narrows the list."""
    both = f"{GET_CUSTOMER.action_id},{ORDER_STATUS.action_id}"
    assert wire.get(ACTIONS, ids=both).json()["total"] == 2
    assert wire.get(ACTIONS, name="order st").json()["total"] == 1
    assert wire.get(ACTIONS, category="Pricing Functions").json()["total"] == 1
    assert [one["name"] for one in wire.get(ACTIONS, secure="true").json()["entities"]] == [
        "Take Payment"
    ]


def test_more_than_fifty_ids_are_refused(wire: SimulatorClient) -> None:
    """400, as on the platform."""
    assert wire.get(ACTIONS, ids=",".join("x" * 51)).status_code == 400


def test_authentication_actions_are_listed_on_request_only(wire: SimulatorClient) -> None:
    """They are told apart by comparing the two lists."""
    listed = {one["id"] for one in wire.get(ACTIONS, pageSize=100).json()["entities"]}
    everything = wire.get(ACTIONS, pageSize=100, includeAuthActions="true").json()["entities"]
    assert {one["id"] for one in everything} - listed == {PARTNER_TOKEN.action_id}


def test_an_unknown_action_is_not_found(wire: SimulatorClient) -> None:
    """404 with the platform's error body."""
    answer = wire.get(f"{ACTIONS}/custom_-_nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "not.found")


def test_templates_are_fetched_by_their_name(wire: SimulatorClient) -> None:
    """They are plain text, whatever the config shows of them."""
    answer = wire.get(TEMPLATE)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "${input.id}" in answer.text
    assert wire.get(f"{ACTIONS}/{ORDER_STATUS.action_id}/templates/other.vm").status_code == 404


def test_a_change_needs_a_new_version(wire: SimulatorClient) -> None:
    """A PATCH bumps the version; the answer and the next GET agree."""
    answer = patched(wire, ORDER_STATUS.action_id, config={"timeoutSeconds": 7}).json()
    assert (answer["version"], answer["config"]["timeoutSeconds"]) == (2, 7)
    assert fetched(wire, ORDER_STATUS.action_id) == answer


def test_a_stale_version_conflicts(wire: SimulatorClient) -> None:
    """409 in the platform's words, and nothing is changed."""
    before = fetched(wire, ORDER_STATUS.action_id)
    answer = patched(wire, ORDER_STATUS.action_id, version=9, config={"timeoutSeconds": 7})
    assert answer.status_code == 409
    assert "does not match the current version" in answer.json()["message"]
    assert fetched(wire, ORDER_STATUS.action_id) == before


@pytest.mark.parametrize("seconds", [0, 61, -1, 2.5, "7", True])
def test_a_timeout_out_of_range_is_refused(wire: SimulatorClient, seconds: object) -> None:
    """Whole seconds from 1 to 60, nothing else."""
    answer = patched(wire, ORDER_STATUS.action_id, config={"timeoutSeconds": seconds})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad.request")


def test_a_change_without_a_version_is_refused(wire: SimulatorClient) -> None:
    """The lock is not optional."""
    answer = wire.call("PATCH", f"{ACTIONS}/{ORDER_STATUS.action_id}", json={"config": {}})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("action_id", "status"),
    [(BRANCH_FINDER.action_id, 405), (PRICE_QUOTE.action_id, 400), (PARTNER_TOKEN.action_id, 400)],
    ids=["static", "function", "authentication"],
)
def test_some_actions_take_no_timeout(wire: SimulatorClient, action_id: str, status: int) -> None:
    """Static, function and authentication actions refuse one."""
    assert patched(wire, action_id, config={"timeoutSeconds": 7}).status_code == status


def test_a_template_left_out_falls_back(wire: SimulatorClient) -> None:
    """A client that forgets a template loses it, and can see that it did."""
    request = fetched(wire, ORDER_STATUS.action_id)["config"]["request"]
    patched(wire, ORDER_STATUS.action_id, config={"timeoutSeconds": 7, "request": request})
    assert wire.get(TEMPLATE).text == "${input.rawRequest}"


def test_a_template_sent_along_stays(wire: SimulatorClient) -> None:
    """A client that sends everything changes nothing else."""
    config = fetched(wire, ORDER_STATUS.action_id)["config"]
    text = wire.get(TEMPLATE).text
    request = {**config["request"], "requestTemplate": text}
    patched(wire, ORDER_STATUS.action_id, config={"timeoutSeconds": 7, "request": request})
    assert wire.get(TEMPLATE).text == text


def test_a_part_of_a_config_replaces_the_whole(wire: SimulatorClient) -> None:
    """What is not sent is gone."""
    version = fetched(wire, ORDER_STATUS.action_id)["version"]
    body = {"version": version, "config": {"timeoutSeconds": 7}}
    answer = wire.call("PATCH", f"{ACTIONS}/{ORDER_STATUS.action_id}", json=body)
    assert answer.json()["config"] == {"timeoutSeconds": 7}


def test_a_function_has_its_own_address(wire: SimulatorClient) -> None:
    """Function actions show their function; others have none."""
    answer = wire.get(f"{ACTIONS}/{PRICE_QUOTE.action_id}/function").json()
    assert answer["function"]["runtime"] == "nodejs22.x"
    assert wire.get(f"{ACTIONS}/{ORDER_STATUS.action_id}/function").status_code == 404


def test_integrations_have_names(wire: SimulatorClient) -> None:
    """Every action's integration is listed."""
    known = {one["id"] for one in wire.get("/api/v2/integrations").json()["entities"]}
    used = {one["integrationId"] for one in wire.get(ACTIONS, pageSize=100).json()["entities"]}
    assert used <= known


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", ACTIONS, "integrations:action:view"),
        ("PATCH", f"{ACTIONS}/{ORDER_STATUS.action_id}", "integrations:action:edit"),
        ("GET", f"{ACTIONS}/{PRICE_QUOTE.action_id}/function", "integrations:actionFunction:view"),
        ("GET", "/api/v2/integrations", "integrations:integration:view"),
    ],
)
def test_a_missing_permission_is_named(
    wire: SimulatorClient, method: str, path: str, permission: str
) -> None:
    """403 says which one is missing."""
    wire.org.grant(())
    answer = wire.call(method, path, json={})
    assert answer.status_code == 403
    assert permission in answer.json()["message"]


def test_a_longer_timeout_changes_what_arrives_later_and_nothing_else(
    wire: SimulatorClient, clock: ManualClock
) -> None:
    """The same hour before the change stays as it was; the hour after it has fewer timeouts."""
    before, after = TimeRange(NOON - HOUR, NOON), TimeRange(NOON + 60, NOON + HOUR)
    told, foretold = wire.truth(before), wire.truth(after)
    patched(wire, ORDER_STATUS.action_id, config={"timeoutSeconds": 20})
    clock.at += 2 * HOUR
    assert wire.truth(before) == told
    fewer = wire.truth(after)["actions"][ORDER_STATUS.action_id]["timeout"]
    assert fewer < foretold["actions"][ORDER_STATUS.action_id]["timeout"] / 2
    shown = counts(wire.aggregates(after, groupBy=list(GROUPS)))
    assert shown.get((ORDER_STATUS.action_id, "EXECUTION_TIMEOUT", ""), 0) == fewer


def test_an_unset_timeout_becomes_the_platform_default(
    wire: SimulatorClient, clock: ManualClock
) -> None:
    """Without a timeout an execution may take a minute."""
    action = fetched(wire, ORDER_STATUS.action_id)
    config = {name: value for name, value in action["config"].items() if name != "timeoutSeconds"}
    body = {"version": action["version"], "config": config}
    assert wire.call("PATCH", f"{ACTIONS}/{ORDER_STATUS.action_id}", json=body).status_code == 200
    clock.at += 2 * HOUR
    results = wire.aggregates(
        TimeRange(NOON + 60, NOON + HOUR), groupBy=["actionId", "errorType"]
    ).json()["results"]
    [slow] = [
        one["data"][0]["metrics"][0]["stats"]["max"]
        for one in results
        if one["group"] == {"actionId": ORDER_STATUS.action_id, "errorType": "NONE"}
    ]
    assert slow > 5_000
