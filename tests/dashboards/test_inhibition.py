"""What a real Alertmanager holds back with the shipped configuration, and what it does not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from dashboards.source.alerts import alerts
from dashboards.source.objectives import OBJECTIVES
from tests.dashboards.servers import Server, alertmanager

SHIPPED = Path(__file__).parents[2] / "dashboards" / "alertmanager" / "alertmanager.yml"
PATIENCE_SECONDS = 20.0
SEVERITIES = {one.name: one.severity for one in alerts(OBJECTIVES)}

Firing = tuple[str, str, str]
"""Alert, org, action id; empty for none."""

FAST = "GenesysDataActionTimeoutsBurningFast"
OUTAGE = "GenesysDataActionOutage"
BUDGET = "GenesysDataActionTimeoutBudgetUsed"
THROTTLED = "GenesysDataActionThrottled"
STALE = "TimeoutMonitorDataStale"
REFUSED = "TimeoutMonitorCredentialsRefused"
FAILING = "TimeoutMonitorCollectionFailing"
TRIPPED = "TimeoutMonitorRemediationTripped"
ABSENT = "TimeoutMonitorAbsent"
REQUIRED_OFF = "TimeoutMonitorRequiredSourceOff"
CLOCK_WRONG = "TimeoutMonitorClockWrong"


@pytest.fixture
def told(tmp_path: Path, require_tool: Callable[[str], str]) -> Iterator[Server]:
    """An Alertmanager with the shipped configuration, whose receivers tell nobody."""
    config: dict[str, Any] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    with alertmanager(require_tool("prometheus-alertmanager"), tmp_path / "am", config) as server:
        yield server


def fire(server: Server, firing: Sequence[Firing]) -> None:
    """Tell Alertmanager what fires, as Prometheus would."""
    body = [
        {
            "labels": {"alertname": name, "severity": SEVERITIES[name]}
            | ({"org": org} if org else {})
            | ({"action_id": action} if action else {})
        }
        for name, org, action in firing
    ]
    answer = requests.post(f"{server.address}/api/v2/alerts", json=body, timeout=10)
    assert answer.ok, answer.text


def held_back(server: Server) -> set[Firing]:
    """What Alertmanager tells nobody at the moment."""
    return {
        (
            one["labels"]["alertname"],
            one["labels"].get("org", ""),
            one["labels"].get("action_id", ""),
        )
        for one in server.get("/api/v2/alerts")
        if one["status"]["inhibitedBy"]
    }


def wait_until_held_back(server: Server, expected: set[Firing]) -> set[Firing]:
    """What is held back once it is what is expected, or when patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := held_back(server)) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


CASES: dict[str, tuple[list[Firing], set[Firing]]] = {
    "a page holds back what is for office hours about the same action": (
        [
            *((FAST, "a", "x"), (OUTAGE, "a", "x"), (BUDGET, "a", "x"), (THROTTLED, "a", "x")),
            *((BUDGET, "a", "y"), (BUDGET, "b", "x"), (TRIPPED, "a", "")),
        ],
        {(BUDGET, "a", "x"), (THROTTLED, "a", "x")},
    ),
    "data that is old holds back what it says of actions": (
        [
            *((STALE, "a", ""), (FAST, "a", "x"), (BUDGET, "a", "x"), (FAST, "b", "x")),
            *((FAILING, "a", ""), (TRIPPED, "a", "")),
        ],
        {(FAST, "a", "x"), (BUDGET, "a", "x")},
    ),
    "a refused login holds back what follows from it": (
        [
            *((REFUSED, "a", ""), (STALE, "a", ""), (FAILING, "a", ""), (OUTAGE, "a", "x")),
            *((FAILING, "b", ""), (OUTAGE, "b", "x"), (TRIPPED, "a", "")),
        ],
        {(STALE, "a", ""), (FAILING, "a", ""), (OUTAGE, "a", "x")},
    ),
    "so does a permission that is missing": (
        [
            *((REQUIRED_OFF, "a", ""), (STALE, "a", ""), (FAILING, "a", ""), (OUTAGE, "a", "x")),
            *((FAILING, "b", ""), (TRIPPED, "a", ""), (CLOCK_WRONG, "c", ""), (OUTAGE, "c", "x")),
        ],
        {(STALE, "a", ""), (FAILING, "a", ""), (OUTAGE, "a", "x"), (OUTAGE, "c", "x")},
    ),
    "without a monitor nothing else is told": (
        [(ABSENT, "", ""), (FAST, "a", "x"), (STALE, "b", ""), (TRIPPED, "a", "")],
        {(FAST, "a", "x"), (STALE, "b", ""), (TRIPPED, "a", "")},
    ),
}


@pytest.mark.parametrize(("firing", "expected"), CASES.values(), ids=list(CASES))
def test_what_follows_from_something_else_is_held_back(
    told: Server, firing: list[Firing], expected: set[Firing]
) -> None:
    """And nothing else is: neither another org's, nor another action's, nor the cause itself."""
    fire(told, firing)

    assert wait_until_held_back(told, expected) == expected
    assert {
        (one["labels"]["alertname"], one["labels"].get("org", ""))
        for one in told.get("/api/v2/alerts")
    } == {one[:2] for one in firing}
