"""Flow aggregates: callers lost in flows, by window, in one request."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import requests

from monitor.simulator import World
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON, ManualClock
from tests.simulator.conftest import Simulate
from tests.simulator_client import SimulatorClient, interval

QUERY = "/api/v2/analytics/flows/aggregates/query"
PERIOD = TimeRange(NOON - 10 * HOUR, NOON)
ERRORS = {
    "type": "or",
    "predicates": [
        {"type": "dimension", "dimension": "exitReason", "operator": "matches", "value": reason}
        for reason in ("FLOW_ERROR_DISCONNECT", "FLOW_ERROR_EXIT")
    ],
}
GROUPED = World(flow_aggregates="grouped", flow_exits="ended")


def ask(wire: SimulatorClient, **more: object) -> requests.Response:
    """Runs of flows by flow and exit."""
    body: dict[str, object] = {
        "interval": interval(PERIOD),
        "granularity": "PT5M",
        "groupBy": ["flowId", "exitReason"],
        "metrics": ["nFlow"],
        **more,
    }
    return wire.call("POST", QUERY, json=body)


def counts(answer: requests.Response) -> Counter[tuple[str, str]]:
    """Runs by flow and exit."""
    found: Counter[tuple[str, str]] = Counter()
    results: list[dict[str, Any]] = answer.json()["results"]
    for result in results:
        key = result["group"]["flowId"], result["group"]["exitReason"]
        for bucket in result["data"]:
            found[key] += bucket["metrics"][0]["stats"]["count"]
    return found


@pytest.mark.parametrize("exits", ["begun", "ended"])
def test_it_counts_what_the_truth_tells(simulate: Simulate, clock: ManualClock, exits: str) -> None:
    """By flow and exit reason, in the window that the world dates it in."""
    wire = simulate(world=World(flow_aggregates="grouped", flow_exits=exits))
    clock.at = NOON + 5 * HOUR
    told = wire.truth(PERIOD)["flow_errors"]
    assert told
    assert counts(ask(wire, filter=ERRORS)) == {
        (one["flow_id"], one["exit_reason"]): one["callers"] for one in told
    }


def test_every_way_out_is_counted_where_none_is_asked_for(simulate: Simulate) -> None:
    """Not errors alone."""
    ways = {reason for _, reason in counts(ask(simulate(world=GROUPED)))}
    assert {"DISCONNECT", "TRANSFER", "FLOW_ERROR_DISCONNECT"} <= ways


@pytest.mark.parametrize(("reading", "status"), [("refused", 400), ("absent", 404)])
def test_a_world_may_not_group_by_exit(simulate: Simulate, reading: str, status: int) -> None:
    """400 that names the dimension, or no such endpoint."""
    assert ask(simulate(world=World(flow_aggregates=reading))).status_code == status


def test_a_world_may_ignore_the_grouping_by_exit(simulate: Simulate) -> None:
    """It counts as many callers, and says of none how they left."""
    grouped = sum(counts(ask(simulate(world=GROUPED), filter=ERRORS)).values())
    results = ask(
        simulate(world=World(flow_aggregates="ungrouped", flow_exits="ended")), filter=ERRORS
    )
    groups = results.json()["results"]
    assert [list(one["group"]) for one in groups] == [["flowId"]] * len(groups)
    runs = [one["metrics"][0]["stats"]["count"] for group in groups for one in group["data"]]
    assert sum(runs) == grouped > 0


def test_it_needs_a_permission_of_its_own(simulate: Simulate) -> None:
    """403 names it."""
    wire = simulate(world=GROUPED)
    wire.org.grant(())
    answer = ask(wire)
    assert answer.status_code == 403
    assert "analytics:flowAggregate:view" in answer.json()["message"]


def test_the_flow_contract_knows_no_such_thing(simulate: Simulate) -> None:
    """404, whatever the world."""
    assert ask(simulate("flow", world=GROUPED)).status_code == 404
