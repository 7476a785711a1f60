"""How answers are written in each world, seen over the wire."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from monitor.simulator import World
from monitor.simulator.scenario_types import Arrivals, LatencyLaw, Scenario
from monitor.simulator.scenarios import LOYALTY_POINTS, ORDER_STATUS, TAKE_PAYMENT
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON, ManualClock
from tests.simulated_org import readable
from tests.simulator.conftest import Simulate
from tests.simulator_client import ACTIONS, AGGREGATES, DETAILS, GROUPS, SimulatorClient, interval

KIND = readable()
LAST_HOUR = TimeRange(NOON - HOUR, NOON)
HALF_HOUR = TimeRange(NOON - 1_800, NOON)
FAST = {"target": "tTotalExecution", "name": "fast", "function": "rangeBound", "range": {"lt": 1}}
REFUSING = Scenario(
    "refusing",
    seed=3,
    actions=(
        ORDER_STATUS,
        TAKE_PAYMENT,
        replace(
            LOYALTY_POINTS, law=LatencyLaw(300, rejected_share=0.5), arrivals=Arrivals(600, 1.0)
        ),
    ),
)


def ask(wire: SimulatorClient, time_range: TimeRange = HALF_HOUR, **more: object) -> Any:  # noqa: ANN401 - JSON
    """An aggregate query by action and ending, in buckets of five minutes."""
    usual: dict[str, object] = {"groupBy": list(GROUPS), "granularity": "PT5M"}
    return wire.aggregates(time_range, **{**usual, **more}).json()


def buckets(answer: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    """Every bucket of an answer."""
    return [bucket for group in answer.get("results", []) for bucket in group["data"]]


@pytest.mark.parametrize(("counts", "kind"), [("floats", float), ("integers", int), ("texts", str)])
def test_counts_are_written_as_the_world_has_it(
    simulate: Simulate, counts: str, kind: type[Any]
) -> None:
    """In every bucket."""
    answer = ask(simulate(world=replace(KIND, counts=counts), is_odd=True))
    written = {type(one["metrics"][0]["stats"]["count"]) for one in buckets(answer)}
    assert written == {kind}


@pytest.mark.parametrize(("percentiles", "filled"), [("absent", False), ("filled", True)])
def test_percentiles_are_there_where_the_world_has_them(
    simulate: Simulate, percentiles: str, *, filled: bool
) -> None:
    """Between the shortest and the longest."""
    answer = ask(simulate(world=replace(KIND, percentiles=percentiles), is_odd=True))
    for one in buckets(answer):
        stats = one["metrics"][0]["stats"]
        assert ("p95" in stats and "p99" in stats) is filled
        if filled:
            assert stats["min"] <= stats["p95"] <= stats["p99"] <= stats["max"]


@pytest.mark.parametrize(("empty", "shown"), [("omitted", None), ("zeros", 0)])
def test_empty_views_are_shown_as_the_world_has_it(
    simulate: Simulate, empty: str, shown: int | None
) -> None:
    """A view that counts nothing: left out, or a count of zero."""
    answer = ask(simulate(world=replace(KIND, empty_views=empty), is_odd=True), views=[FAST])
    for one in buckets(answer):
        views = one.get("views", [])
        assert [view["stats"]["count"] for view in views] == ([] if shown is None else [shown])


@pytest.mark.parametrize(
    ("absent", "shown"), [("omitted", "left out"), ("null", None), ("empty", "")]
)
def test_a_dimension_without_a_value_is_shown_as_the_world_has_it(
    simulate: Simulate, absent: str, shown: str | None
) -> None:
    """The status of a call without an answer."""
    world = replace(KIND, absent_dimension=absent, timeout_status="none")
    answer = ask(simulate(world=world, is_odd=True))
    statuses = [one["group"].get("responseStatus", "left out") for one in answer["results"]]
    assert shown in statuses
    assert {"left out", None, ""} & set(statuses) == {shown}


@pytest.mark.parametrize(("end", "minutes"), [("cut", 3), ("whole", 5)])
def test_the_last_bucket_ends_as_the_world_has_it(
    simulate: Simulate, end: str, minutes: int
) -> None:
    """At the end of what was asked for, or at its own."""
    time_range = TimeRange(NOON - 600, NOON - 120)
    answer = ask(simulate(world=replace(KIND, bucket_end=end), is_odd=True), time_range)
    ends = {one["interval"].split("/")[1] for one in buckets(answer)}
    assert max(ends) == f"2026-11-23T{'11:58' if minutes == 3 else '12:00'}:00.000Z"


@pytest.mark.parametrize(
    ("world", "status", "word"),
    [
        ({"granularity": "PT15M"}, 400, "granularity"),
        ({"granularity": "PT1H"}, 400, "granularity"),
        ({"longest_interval": "1h"}, 400, "interval"),
        ({"large_answers": "413"}, 413, "large"),
        ({"large_answers": "504"}, 504, "timed out"),
    ],
)
def test_a_world_refuses_what_it_does_not_take(
    simulate: Simulate, world: dict[str, str], status: int, word: str
) -> None:
    """Two hours in buckets of five minutes."""
    wire = simulate(world=replace(KIND, **world), is_odd=True)
    body = {
        "interval": interval(TimeRange(NOON - 2 * HOUR, NOON)),
        "granularity": "PT5M",
        "metrics": ["tTotalExecution"],
    }
    answer = wire.call("POST", f"{AGGREGATES}/query", json=body)
    assert answer.status_code == status
    assert word in answer.json()["message"]


@pytest.mark.parametrize(("reading", "status"), [("taken", 202), ("refused", 400)])
def test_a_job_takes_a_page_size_where_the_world_has_it(
    simulate: Simulate, reading: str, status: int
) -> None:
    """Without one it is always taken."""
    wire = simulate(world=replace(KIND, job_page_size=reading), is_odd=True)
    body: dict[str, object] = {"interval": interval(HALF_HOUR), "metrics": ["tTotalExecution"]}
    assert wire.call("POST", f"{AGGREGATES}/jobs", json=body).status_code == 202
    sized = wire.call("POST", f"{AGGREGATES}/jobs", json={**body, "pageSize": 100})
    assert sized.status_code == status
    assert status == 202 or "pageSize" in sized.json()["message"]


@pytest.mark.parametrize(("reading", "kind"), [("text", str), ("number", int)])
def test_a_lifetime_is_written_as_the_world_has_it(
    simulate: Simulate, reading: str, kind: type[Any]
) -> None:
    """A day, as a text or as a number."""
    wire = simulate(world=replace(KIND, expires_in=reading), is_odd=True)
    token = wire.token(wire.org.client_id, wire.org.client_secret).json()
    assert token["expires_in"] == kind(86_400)


@pytest.mark.parametrize("reading", ["bare", "retry_after"])
def test_a_429_says_how_long_to_wait_where_the_world_has_it(
    simulate: Simulate, reading: str
) -> None:
    """In its header and in its words, or in neither."""
    world = replace(KIND, too_many_requests=reading)
    wire = simulate(world=world, is_odd=True, requests_per_minute=1)
    wire.get("/api/v2/tokens/me")
    refused = wire.get("/api/v2/tokens/me")
    assert refused.status_code == 429
    says = reading == "retry_after"
    assert ("Retry-After" in refused.headers) is says
    assert ("seconds" in refused.json()["message"]) is says


@pytest.mark.parametrize("reading", ["absent", "shown"])
def test_rate_headers_are_there_where_the_world_has_them(simulate: Simulate, reading: str) -> None:
    """All three, or none."""
    answer = simulate(world=replace(KIND, rate_headers=reading), is_odd=True).get(
        "/api/v2/tokens/me"
    )
    shown = [name for name in answer.headers if name.lower().startswith("inin-ratelimit-")]
    assert len(shown) == (3 if reading == "shown" else 0)


@pytest.mark.parametrize("reading", ["punctual", "late"])
def test_executions_come_as_late_as_the_world_has_it(
    simulate: Simulate, clock: ManualClock, reading: str
) -> None:
    """At once, or up to forty minutes late."""
    wire = simulate("default", world=replace(KIND, lateness=reading), is_odd=True)
    soon = sum(one["metrics"][0]["stats"]["count"] for one in buckets(ask(wire)))
    clock.at += HOUR
    later = sum(one["metrics"][0]["stats"]["count"] for one in buckets(ask(wire)))
    assert (soon == later) is (reading == "punctual")


def test_what_is_older_than_two_days_is_gone_where_the_world_prunes(simulate: Simulate) -> None:
    """It comes as nothing."""
    wire = simulate(world=replace(KIND, retention="pruned"), is_odd=True)
    day = 24 * HOUR
    old = TimeRange(NOON - 2 * day - 1_800, NOON - 2 * day)
    assert ask(wire, old) == {}
    assert buckets(ask(wire, TimeRange(old.start + day, old.end + day)))


def test_the_truth_leaves_out_what_no_reader_can_count(simulate: Simulate) -> None:
    """And says how much that is."""
    odd = simulate(REFUSING, world=World(bad_records="some"), is_odd=True)
    plain = simulate(REFUSING, world=replace(KIND, bad_records="none"), is_odd=True)
    told = odd.truth(LAST_HOUR)
    whole = plain.truth(LAST_HOUR)
    assert told["spoiled"] > 0 == whole["spoiled"]
    assert told["executions"] + told["spoiled"] == whole["executions"]


def test_some_odd_records_are_on_every_endpoint_that_is_read(simulate: Simulate) -> None:
    """Among the good ones, which are all there."""
    wire = simulate(world=World(bad_records="some"), is_odd=True)
    listed = wire.get(ACTIONS, pageSize=100).json()["entities"]
    assert [one for one in listed if "id" not in one]
    assert len([one for one in listed if "id" in one]) > 5
    limits = wire.get("/api/v2/organizations/limits/namespaces/dataactions").json()["entities"]
    assert [one for one in limits if "key" not in one]
    assert [one for one in buckets(ask(wire)) if one["interval"] == "soon/later"]
    found = wire.call(
        "POST", f"{DETAILS}/query", json={"interval": interval(TimeRange(NOON - HOUR, NOON))}
    ).json()["conversations"]
    assert [one for one in found if "conversationId" not in one]


def test_hostile_records_are_no_json_that_a_writer_would_write(simulate: Simulate) -> None:
    """Broken UTF-8, a word that JSON has not, and nesting that no parser follows."""
    wire = simulate(world=World(bad_records="hostile"), is_odd=True)
    raw = wire.get(ACTIONS, pageSize=100).content
    with pytest.raises(UnicodeDecodeError):
        raw.decode()
    with pytest.raises(RecursionError):
        json.loads(raw.decode(errors="replace"))
    body = {
        "interval": interval(HALF_HOUR),
        "metrics": ["tTotalExecution"],
        "groupBy": ["actionId"],
    }
    assert b"NaN" in wire.call("POST", f"{AGGREGATES}/query", json=body).content
