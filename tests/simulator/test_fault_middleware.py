"""Faults to order, seen from the client's side of the wire."""

from __future__ import annotations

import time

import pytest
import requests

from monitor.errors import ConfigurationError
from monitor.simulator.faults import FAULT_KINDS, Fault
from monitor.simulator.scenarios import ORDER_STATUS
from monitor.time_ranges import TimeRange
from tests.clocks import NOON
from tests.simulator.conftest import Simulate
from tests.simulator_client import ACTIONS, AGGREGATES, SimulatorClient, interval

ME = "/api/v2/tokens/me"


@pytest.fixture
def wire(simulate: Simulate) -> SimulatorClient:
    """The default org."""
    return simulate()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("rate_limited", 429),
        ("unauthorized", 401),
        ("forbidden", 403),
        ("not_found", 404),
        ("bad_request", 400),
        ("conflict", 409),
        ("request_timeout", 408),
        ("server_error", 500),
        ("unavailable", 503),
    ],
)
def test_a_refusal_has_the_platforms_body(wire: SimulatorClient, kind: str, status: int) -> None:
    """Status, body and correlation id, once; then all is well again."""
    wire.fault(kind)
    answer = wire.get(ME)
    assert answer.status_code == answer.json()["status"] == status
    assert answer.json()["contextId"] == answer.headers["ININ-Correlation-Id"]
    assert wire.get(ME).status_code == 200


@pytest.mark.parametrize(("seconds", "header"), [(120, "120"), (None, None)])
def test_a_rate_limit_says_when_to_come_back(
    wire: SimulatorClient, seconds: int | None, header: str | None
) -> None:
    """As many seconds as ordered; the header can be left out."""
    wire.fault("rate_limited", retry_after_seconds=seconds)
    assert wire.get(ME).headers.get("Retry-After") == header


@pytest.mark.parametrize("kind", ["reset", "hang", "reset_after", "hang_after"])
def test_a_connection_can_just_end(wire: SimulatorClient, kind: str) -> None:
    """The client sees no answer at all."""
    wire.fault(kind, hang_seconds=0.01)
    with pytest.raises(requests.ConnectionError):
        wire.get(ME)
    assert wire.get(ME).status_code == 200


@pytest.mark.parametrize(("kind", "version"), [("reset", 1), ("reset_after", 2)])
def test_a_lost_answer_is_not_a_lost_write(wire: SimulatorClient, kind: str, version: int) -> None:
    """Cut before it is served nothing happened; cut after it, it did."""
    action = wire.get(f"{ACTIONS}/{ORDER_STATUS.action_id}", includeConfig="true").json()
    body = {"version": action["version"], "config": action["config"]}
    wire.fault(kind, method="PATCH")
    with pytest.raises(requests.ConnectionError):
        wire.call("PATCH", f"{ACTIONS}/{ORDER_STATUS.action_id}", json=body)
    now = wire.get(f"{ACTIONS}/{ORDER_STATUS.action_id}").json()
    assert now["version"] == version


def test_a_proxy_can_answer_instead(wire: SimulatorClient) -> None:
    """200 with a page of HTML."""
    wire.fault("html")
    answer = wire.get(ME)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "<html>" in answer.text


@pytest.mark.parametrize(("kind", "status"), [("html_forbidden", 403), ("html_not_found", 404)])
def test_a_proxy_can_refuse_instead(wire: SimulatorClient, kind: str, status: int) -> None:
    """With the same page, and none of the platform's words."""
    wire.fault(kind)
    answer = wire.get(ME)
    assert (answer.status_code, "<html>" in answer.text) == (status, True)


def test_an_answer_can_have_the_wrong_shape(wire: SimulatorClient) -> None:
    """JSON whose lists are numbers, or nothing at all."""
    wire.fault("wrong_shape")
    assert wire.get(ACTIONS).json()["entities"] == 17
    wire.fault("empty")
    assert wire.get(ACTIONS).content == b""


@pytest.mark.parametrize("state", ["pending", "failed", "cancelled", "expired"])
def test_a_job_can_end_without_results_or_not_at_all(wire: SimulatorClient, state: str) -> None:
    """The state that was ordered, in the platform's spelling."""
    body = {"interval": interval(TimeRange(NOON - 60, NOON)), "metrics": ["tTotalExecution"]}
    job = wire.call("POST", f"{AGGREGATES}/jobs", json=body).json()["jobId"]
    wire.fault(f"job_{state}", path_prefix=f"{AGGREGATES}/jobs", count=3)
    answers = [wire.get(f"{AGGREGATES}/jobs/{job}").json()["state"] for _ in range(3)]
    assert answers == [state.upper()] * 3


def test_a_fault_hits_its_path_its_method_and_its_number_of_times(wire: SimulatorClient) -> None:
    """Others pass; so does the one after the last."""
    wire.fault("server_error", path_prefix=ACTIONS, method="GET", count=2, skip=1)
    assert wire.get(ME).status_code == 200
    assert wire.call("PATCH", f"{ACTIONS}/nobody", json={}).status_code == 404
    assert [wire.get(ACTIONS).status_code for _ in range(4)] == [200, 500, 500, 200]


def test_the_login_can_fail_too(wire: SimulatorClient) -> None:
    """Faults reach every address but the control surface."""
    wire.fault("unavailable", path_prefix="/oauth/")
    assert wire.token("simulated-client", "simulated-secret").status_code == 503
    wire.fault("server_error")
    assert wire.get("/simulator/").status_code == 200


def test_waiting_faults_are_listed_and_cleared(wire: SimulatorClient) -> None:
    """What has not happened yet can be seen and forgotten."""
    wire.fault("html", count=3)
    wire.get(ME)
    [waiting] = wire.get("/simulator/faults").json()["faults"]
    assert (waiting["kind"], waiting["count"]) == ("html", 2)
    wire.call("DELETE", "/simulator/faults")
    assert wire.get(ME).status_code == 200


@pytest.mark.parametrize("body", [{"kind": "flood"}, {"kind": "html", "count": 0}, {}])
def test_a_strange_order_is_refused(wire: SimulatorClient, body: dict[str, object]) -> None:
    """400, so that a test with a typing error fails."""
    assert wire.call("POST", "/simulator/faults", json=body).status_code == 400


def test_a_fault_that_could_never_happen_is_refused() -> None:
    """From Python it is an error of ours, with a hint."""
    with pytest.raises(ConfigurationError, match="flood") as unknown:
        Fault("flood")  # type: ignore[arg-type]  # what a caller without a type checker may do
    assert FAULT_KINDS[0] in unknown.value.hint
    with pytest.raises(ConfigurationError):
        Fault("html", count=0)


def test_a_hanging_request_ends_when_the_simulator_does(simulate: Simulate) -> None:
    """Nobody waits half a minute for a test to end."""
    wire = simulate()
    wire.fault("hang", path_prefix=ME, hang_seconds=60)
    with pytest.raises(requests.RequestException):
        wire.session.get(wire.base + ME, timeout=0.05)
    started = time.monotonic()
    wire.simulator.close()
    assert time.monotonic() - started < 5
