"""An action of which nothing shows whether more time would help, wherever a verdict is met."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from monitor.simulator import PUNCTUAL, Scenario
from monitor.simulator.scenario_types import LatencyLaw
from monitor.simulator.scenarios import ORDER_STATUS, TAKE_PAYMENT
from tests.daemon.conftest import MakeDaemon
from tests.daemon.daemon_process import families
from tests.daemon.place import Place, eventually
from tests.simulated_org import STEADY, serve_live_org

SILENT = replace(
    TAKE_PAYMENT, name="Silent", arrivals=STEADY, law=LatencyLaw(900, 0.3, never_share=1.0)
)
"""Nothing has ever answered within its timeout: what would with more time nobody can know."""

ORG = Scenario("silent", 1, (replace(ORDER_STATUS, arrivals=STEADY), SILENT), (), PUNCTUAL)
BOUNDS = "anything from none to all of them would answer with more time"


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The org, with three hours of history to be read."""
    monkeypatch.setenv("TIMEOUT_MONITOR__COLLECT__INITIAL", "3h")
    with serve_live_org(ORG) as simulator:
        yield Place(tmp_path, simulator)


def test_what_is_unclear_is_told_as_such_everywhere(silent: Place, make_daemon: MakeDaemon) -> None:
    """In metrics, API, page, report and plan: with its bounds, and never raised."""
    daemon = make_daemon(silent)
    daemon.start()
    eventually(lambda: daemon.holder.current.orgs[0].diagnosis, "a diagnosis")

    scraped = families(daemon.address)
    assert [
        (one.labels["verdict"], one.value)
        for one in scraped["genesys_data_action_verdict"].samples
        if one.labels["action_id"] == SILENT.action_id
    ] == [("unclear", 1)]
    actions = requests.get(f"{daemon.address}/api/v1/actions", timeout=10).json()["actions"]
    page = requests.get(f"{daemon.address}/", timeout=10).text
    report = silent.run("report", "--format", "json")
    [reported] = [
        one for one in json.loads(report.out)["actions"] if one["action_id"] == SILENT.action_id
    ]
    [served] = [one for one in actions if one["action_id"] == SILENT.action_id]
    plan = silent.run("plan", "--format", "json")
    [planned] = [
        one for one in json.loads(plan.out)["actions"] if one["action_id"] == SILENT.action_id
    ]

    for shown in (reported, served):
        assert (shown["verdict"], shown["severity"], shown["raise"]) == (
            "unclear",
            "critical",
            None,
        )
        assert shown["rescuable_share"] == {"low": 0.0, "high": 1.0}
        assert BOUNDS in shown["why"]
        assert "supervised" in shown["advice"]
    assert BOUNDS in page
    assert (planned["decision"], planned["reason"]) == ("keep", "verdict")
    assert planned["to_seconds"] is None
    assert BOUNDS in planned["why"]
    [guard] = [one for one in planned["guards"] if one["name"] == "verdict"]
    assert "the verdict is unclear" in guard["detail"]
