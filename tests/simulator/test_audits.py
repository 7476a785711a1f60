"""The simulated platform's audit log: who saved an action, some time after they did."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from monitor.simulator import World
from monitor.simulator.scenarios import ORDER_STATUS, TAKE_PAYMENT
from tests.clocks import NOON, ManualClock
from tests.simulator.conftest import Simulate
from tests.simulator_client import ACTIONS, SimulatorClient

PATH = "/api/v2/audits/query/realtime"
DAY = "2026-11-23T00:00:00Z/2026-11-24T00:00:00Z"
ACTION = f"{ACTIONS}/{ORDER_STATUS.action_id}"
LATE_SECONDS = 240
"""Every entry shows by then."""


def ask(wire: SimulatorClient, **more: object) -> requests.Response:
    """Ask for the day's entries about integrations."""
    body = {"interval": DAY, "serviceName": "Integrations", **more}
    return wire.call("POST", PATH, json=body, params={"expand": "user"})


def entries(wire: SimulatorClient, **more: object) -> list[dict[str, Any]]:
    """Those that show by now."""
    found: list[dict[str, Any]] = ask(wire, **more).json()["entities"]
    return found


def test_a_persons_edit_is_there_some_time_later(simulate: Simulate, clock: ManualClock) -> None:
    """With their name, the moment of the edit and the values before and after."""
    wire = simulate(world=World(audit_properties="paths"))
    wire.org.edit(ACTION, ORDER_STATUS.action_id, 9_000)
    assert entries(wire) == []

    clock.at += LATE_SECONDS

    (entry,) = entries(wire)
    assert entry["user"]["name"] == wire.org.audits.editors[0].user_name
    assert entry["entity"] == {"id": ORDER_STATUS.action_id}
    assert entry["eventDate"] == "2026-11-23T12:00:00.000Z"
    told = {
        one["property"]: (one["oldValues"], one["newValues"]) for one in entry["propertyChanges"]
    }
    assert told == {"config.timeoutSeconds": (["5"], ["9"]), "version": (["1"], ["2"])}


def test_a_client_is_named_by_its_id_and_a_refused_write_is_not_there(
    simulate: Simulate, clock: ManualClock
) -> None:
    """Whoever signs in with client credentials is no user."""
    wire = simulate()
    body = {"version": 1, "config": {"timeoutSeconds": 7}}
    assert wire.call("PATCH", ACTION, json=body).status_code == 200
    assert wire.call("PATCH", ACTION, json=body).status_code == 409
    clock.at += LATE_SECONDS

    (entry,) = entries(wire)
    assert entry["client"]["id"] == wire.org.client_id
    assert "user" not in entry


@pytest.mark.parametrize(
    ("told", "properties"), [("none", []), ("paths", ["version"]), ("config", ["config"])]
)
def test_what_an_entry_tells_is_the_worlds(
    simulate: Simulate, clock: ManualClock, told: str, properties: list[str]
) -> None:
    """Nothing, each property, or the whole configuration."""
    wire = simulate(world=World(audit_properties=told))
    wire.org.edit(ACTION, ORDER_STATUS.action_id, None)
    clock.at += LATE_SECONDS

    (entry,) = entries(wire)
    names = [one["property"] for one in entry["propertyChanges"]]
    assert [name for name in names if "X-Edited" not in name] == properties


def test_entries_come_page_by_page_in_the_order_that_was_asked_for(
    simulate: Simulate, clock: ManualClock
) -> None:
    """And only those of the interval, the entity and the service that were."""
    wire = simulate()
    for minute in range(5):
        wire.org.edit(ACTION, ORDER_STATUS.action_id, 9_000 + 1_000 * minute)
        clock.at += 60
    wire.org.edit(f"{ACTIONS}/{TAKE_PAYMENT.action_id}", TAKE_PAYMENT.action_id, 9_000)
    clock.at += LATE_SECONDS
    mine = {"property": "EntityId", "value": ORDER_STATUS.action_id}
    sort = [{"name": "Timestamp", "sortOrder": "ascending"}]

    pages = [
        [one["eventDate"][14:16] for one in entries(
            wire, filters=[mine], sort=sort, pageSize=2, pageNumber=number
        )]
        for number in (1, 2, 3, 4)
    ]  # fmt: skip

    assert pages == [["00", "01"], ["02", "03"], ["04"], []]
    assert len(entries(wire)) == 6
    early = "2026-11-23T00:00:00Z/2026-11-23T12:02:00Z"
    assert [one["eventDate"][14:16] for one in entries(wire, interval=early)] == ["01", "00"]
    assert entries(wire, serviceName="Architect") == []


def test_the_log_reaches_back_a_fortnight(simulate: Simulate, clock: ManualClock) -> None:
    """What is older is gone, and a longer interval is refused."""
    wire = simulate()
    wire.org.edit(ACTION, ORDER_STATUS.action_id, 9_000)
    clock.at = NOON + 15 * 86_400

    assert entries(wire) == []
    month = "2026-11-01T00:00:00Z/2026-12-01T00:00:00Z"
    assert ask(wire, interval=month).status_code == 400


def test_the_permission_is_asked_for_and_an_absent_endpoint_is_404(simulate: Simulate) -> None:
    """As the platform words it."""
    wire = simulate()
    wire.org.grant([])
    assert ask(wire).status_code == 403

    nowhere = simulate(world=World(audits="absent"))
    answer = ask(nowhere)
    assert (answer.status_code, answer.json()["code"]) == (404, "not.found")


@pytest.mark.parametrize(
    "wrong",
    [
        {"pageSize": 101},
        {"pageNumber": 0},
        {"filters": [{"property": "Colour", "value": "red"}]},
        {"sort": [{"name": "Name", "sortOrder": "ascending"}]},
        {"interval": "yesterday"},
        {"service": "Integrations"},
    ],
)
def test_a_query_that_no_model_describes_is_refused(
    simulate: Simulate, wrong: dict[str, object]
) -> None:
    """With 400."""
    assert ask(simulate(), **wrong).status_code == 400
