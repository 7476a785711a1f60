"""The action aggregates query, against the truth and against plain counting."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model import BAND_EDGES_MS, Outcome
from monitor.simulator import scenario
from monitor.simulator.aggregates import Aggregation
from monitor.simulator.endings import ENDINGS
from monitor.simulator.queries import ActionView, AggregateQuery
from monitor.simulator.scenarios import GET_CUSTOMER, ORDER_STATUS, TAKE_PAYMENT
from monitor.simulator.timestamps import iso_interval
from monitor.simulator.traffic import Traffic
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON, ManualClock
from tests.simulated_org import readable
from tests.simulator.conftest import Simulate
from tests.simulator_client import AGGREGATES, GROUPS, SimulatorClient, counts, interval

LAST_HOUR = TimeRange(NOON - HOUR, NOON)
ORG = scenario("punctual")
TRAFFIC = Traffic(ORG, "platform")


@pytest.fixture
def wire(simulate: Simulate) -> SimulatorClient:
    """The default org, with everything visible at once."""
    return simulate()


def outcomes(wire: SimulatorClient, time_range: TimeRange) -> dict[str, dict[str, int]]:
    """Executions per action and outcome, as aggregates show them."""
    told = {(ending.error_type, ending.response_status or ""): ending.outcome for ending in ENDINGS}
    answer = wire.aggregates(time_range, groupBy=list(GROUPS), granularity="PT5M")
    found: dict[str, dict[str, int]] = {}
    for (action_id, error_type, status), count in counts(answer).items():
        mine = found.setdefault(action_id, {str(one): 0 for one in Outcome})
        mine[told[error_type, status]] += count
    return found


@pytest.mark.parametrize("name", ["default", "late", "punctual"])
def test_aggregates_show_the_truth_once_everything_is_visible(
    simulate: Simulate, clock: ManualClock, name: str
) -> None:
    """Exactly: per action and outcome, over a day; and not before."""
    wire = simulate(name)
    day = TimeRange(NOON - 24 * HOUR, NOON)
    truth = wire.truth(day)
    clock.at = truth["visible_by"]
    assert outcomes(wire, day) == truth["actions"]
    assert sum(sum(one.values()) for one in truth["actions"].values()) == truth["executions"]


def test_aggregates_show_less_than_the_truth_while_data_is_late(simulate: Simulate) -> None:
    """What is not visible yet is missing, and nothing else is there instead."""
    wire = simulate("late")
    shown, truth = outcomes(wire, LAST_HOUR), wire.truth(LAST_HOUR)["actions"]
    assert shown != truth
    for action_id, mine in shown.items():
        assert all(mine[one] <= truth[action_id][one] for one in mine)


def test_windows_add_up_to_the_whole(wire: SimulatorClient) -> None:
    """Twelve buckets of five minutes hold what one bucket of an hour holds."""
    whole = counts(wire.aggregates(LAST_HOUR, groupBy=list(GROUPS)))
    cut = counts(wire.aggregates(LAST_HOUR, groupBy=list(GROUPS), granularity="PT5M"))
    assert whole == cut


def test_halves_of_an_interval_neither_share_nor_lose(wire: SimulatorClient) -> None:
    """Intervals are half-open: each execution is in exactly one of two neighbours."""
    middle = NOON - HOUR + 1_234
    parts = [TimeRange(NOON - HOUR, middle), TimeRange(middle, NOON)]
    found = [counts(wire.aggregates(part, groupBy=["actionId", "errorType"])) for part in parts]
    whole = counts(wire.aggregates(LAST_HOUR, groupBy=["actionId", "errorType"]))
    assert {key: sum(part.get(key, 0) for part in found) for key in whole} == whole


def test_views_cut_the_executions_into_bands(wire: SimulatorClient) -> None:
    """Bands from 0 to infinity hold every execution once, each within its own range."""
    edges = (0, *BAND_EDGES_MS, None)
    views = [
        {
            "target": "tTotalExecution",
            "name": f"band{at}",
            "function": "rangeBound",
            "range": {"gte": low} if high is None else {"gte": low, "lt": high},
        }
        for at, (low, high) in enumerate(pairwise(edges))
    ]
    found: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for some in (views[:10], views[10:20], views[20:]):
        answer = wire.aggregates(LAST_HOUR, groupBy=["actionId"], views=some).json()
        for result in answer["results"]:
            [bucket] = result["data"]
            seen = found.setdefault(
                result["group"]["actionId"], (bucket["metrics"][0]["stats"], {})
            )[1]
            seen |= {view["name"]: view["stats"] for view in bucket.get("views", ())}
    assert found
    for whole, bands in found.values():
        assert sum(stats["count"] for stats in bands.values()) == whole["count"]
        assert math.isclose(sum(stats["sum"] for stats in bands.values()), whole["sum"])
        for name, stats in bands.items():
            at = int(name.removeprefix("band"))
            assert edges[at] <= stats["min"] <= stats["max"]
            assert edges[at + 1] is None or stats["max"] < edges[at + 1]


def test_a_single_execution_is_found_by_its_correlation_id(wire: SimulatorClient) -> None:
    """Grouped by correlationId there is one execution a group; its id finds it again."""
    only = {
        "type": "and",
        "predicates": [{"dimension": "actionId", "value": ORDER_STATUS.action_id}],
    }
    time_range = TimeRange(NOON - 300, NOON)
    results = wire.aggregates(time_range, groupBy=["correlationId"], filter=only).json()["results"]
    assert {one["data"][0]["metrics"][0]["stats"]["count"] for one in results} == {1}
    name = results[0]["group"]["correlationId"]
    found = {"type": "and", "predicates": [{"dimension": "correlationId", "value": name}]}
    again = wire.aggregates(time_range, groupBy=["correlationId"], filter=found).json()["results"]
    assert again == results[:1]


@pytest.mark.parametrize(
    "dimension",
    ["actionCategory", "actionName", "integrationId", "integrationName", "responseStatus"],
)
def test_every_dimension_groups(wire: SimulatorClient, dimension: str) -> None:
    """Each value stands once, and together they hold everything."""
    results = wire.aggregates(LAST_HOUR, groupBy=[dimension]).json()["results"]
    values = [one["group"].get(dimension) for one in results]
    assert len(set(values)) == len(values) > 1
    total = sum(one["data"][0]["metrics"][0]["stats"]["count"] for one in results)
    assert total == wire.truth(LAST_HOUR)["executions"]


def test_a_timeout_has_no_response_status(wire: SimulatorClient) -> None:
    """The dimension is missing from the group where no response came."""
    only = {"type": "and", "predicates": [{"dimension": "responseStatus", "operator": "notExists"}]}
    answer = wire.aggregates(LAST_HOUR, groupBy=["errorType", "responseStatus"], filter=only)
    assert [one["group"] for one in answer.json()["results"]] == [
        {"errorType": "EXECUTION_TIMEOUT"}
    ]


def test_filters_join_by_and_or_and_clauses(wire: SimulatorClient) -> None:
    """``or`` of two actions, ``and`` an outcome that exists."""
    either = {
        "type": "or",
        "predicates": [
            {"dimension": "actionId", "operator": "matches", "value": GET_CUSTOMER.action_id},
            {"type": "dimension", "dimension": "actionId", "value": TAKE_PAYMENT.action_id},
        ],
    }
    answered = {
        "type": "and",
        "predicates": [{"dimension": "responseStatus", "operator": "exists"}],
    }
    both = {"type": "and", "clauses": [either, answered]}
    answer = wire.aggregates(LAST_HOUR, groupBy=list(GROUPS), filter=both)
    assert {(key[0], key[2]) for key in counts(answer)} == {
        (GET_CUSTOMER.action_id, "200"),
        (TAKE_PAYMENT.action_id, "201"),
    }


def test_buckets_stand_on_whole_granules_and_are_cut_at_both_ends(wire: SimulatorClient) -> None:
    """A bucket begins on a multiple of the granularity, or where the query does."""
    time_range = TimeRange(NOON - 700, NOON - 100)
    results = wire.aggregates(time_range, granularity="PT5M").json()["results"]
    assert [bucket["interval"] for bucket in results[0]["data"]] == [
        interval(TimeRange(NOON - 700, NOON - 600)),
        interval(TimeRange(NOON - 600, NOON - 300)),
        interval(TimeRange(NOON - 300, NOON - 100)),
    ]


def test_days_follow_the_time_zone(wire: SimulatorClient) -> None:
    """A day of Auckland begins at 11:00 UTC in November."""
    time_range = TimeRange(NOON - 3 * HOUR, NOON)
    results = wire.aggregates(time_range, granularity="P1D", timeZone="Pacific/Auckland").json()
    cut = NOON - HOUR
    assert [bucket["interval"] for bucket in results["results"][0]["data"]] == [
        interval(TimeRange(time_range.start, cut)),
        interval(TimeRange(cut, time_range.end)),
    ]


def test_an_answer_without_executions_is_empty(wire: SimulatorClient) -> None:
    """Results are omitted altogether."""
    assert wire.aggregates(TimeRange(NOON + HOUR, NOON + 2 * HOUR)).json() == {}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"metrics": []}, "metrics"),
        ({"metrics": ["nTimeouts"]}, "metrics"),
        ({"groupBy": ["conversationId"]}, "groupBy"),
        ({"interval": "yesterday"}, "interval"),
        ({"interval": "yesterday/today"}, "interval"),
        ({"interval": interval(TimeRange(NOON, NOON))}, "interval"),
        ({"interval": interval(TimeRange(NOON - 32 * 86_400, NOON))}, "31 days"),
        ({"granularity": "five minutes"}, "granularity"),
        ({"granularity": "PT0S"}, "granularity"),
        ({"granularity": "PT30S"}, "granularity"),
        ({"timeZone": "Mars/Olympus"}, "time zone"),
        ({"views": [{"target": "tTotalExecution", "name": "a", "function": "sum"}]}, "views"),
        ({"groupby": ["actionId"]}, "groupby"),
        ({"filter": {"type": "not"}}, "filter"),
    ],
)
def test_a_wrong_query_is_refused_by_name(
    wire: SimulatorClient, changed: dict[str, object], word: str
) -> None:
    """400 says what is wrong."""
    body = {"interval": interval(LAST_HOUR), "metrics": ["tTotalExecution"], **changed}
    answer = wire.call("POST", f"{AGGREGATES}/query", json=body)
    assert answer.status_code == 400
    assert word in answer.json()["message"]


def test_views_need_names_of_their_own(wire: SimulatorClient) -> None:
    """Two views of one name could not be told apart."""
    view = {"target": "tTotalExecution", "name": "a", "function": "rangeBound", "range": {"gte": 1}}
    assert wire.aggregates(LAST_HOUR, views=[view, view]).status_code == 400


def test_a_query_has_at_most_ten_views(wire: SimulatorClient) -> None:
    """The platform refuses an eleventh."""

    def views(number: int) -> list[dict[str, Any]]:
        return [
            {"target": "tTotalExecution", "name": f"v{at}", "function": "rangeBound"}
            | {"range": {"gte": at}}
            for at in range(number)
        ]

    assert wire.aggregates(LAST_HOUR, views=views(10)).status_code == 200
    refused = wire.aggregates(LAST_HOUR, views=views(11))
    assert refused.status_code == 400
    assert "at most 10 views" in refused.json()["message"]


def test_a_missing_permission_is_named(wire: SimulatorClient) -> None:
    """403; either of two permissions is enough."""
    wire.org.grant(())
    assert "integrations:action:view" in wire.aggregates(LAST_HOUR).json()["message"]
    wire.org.grant(["bridge:actions:view"])
    assert wire.aggregates(LAST_HOUR).status_code == 200


def test_a_job_gives_what_the_query_gives(wire: SimulatorClient, clock: ManualClock) -> None:
    """Polled until fulfilled, read through the cursor, fixed at its submission."""
    body: dict[str, Any] = {"groupBy": list(GROUPS), "granularity": "PT15M"}
    expected = wire.aggregates(LAST_HOUR, **body).json()["results"]
    whole = {"interval": interval(LAST_HOUR), "metrics": ["tTotalExecution"], **body, "pageSize": 4}
    submitted = wire.call("POST", f"{AGGREGATES}/jobs", json=whole)
    job = f"{AGGREGATES}/jobs/{submitted.json()['jobId']}"
    clock.at += HOUR
    assert wire.get(f"{job}/results").status_code == 400
    assert [wire.get(job).json()["state"] for _ in range(2)] == ["PENDING", "FULFILLED"]
    found: list[object] = []
    page = wire.get(f"{job}/results").json()
    found += page["results"]
    while "cursor" in page:
        assert len(page["results"]) == 4
        page = wire.get(f"{job}/results", cursor=page["cursor"]).json()
        found += page["results"]
    assert found == expected


def test_a_strange_job_or_cursor_is_refused(wire: SimulatorClient) -> None:
    """404 and 400."""
    assert wire.get(f"{AGGREGATES}/jobs/nobody").status_code == 404
    body = {"interval": interval(LAST_HOUR), "metrics": ["tTotalExecution"]}
    name = wire.call("POST", f"{AGGREGATES}/jobs", json=body).json()["jobId"]
    for _ in range(2):
        wire.get(f"{AGGREGATES}/jobs/{name}")
    assert wire.get(f"{AGGREGATES}/jobs/{name}/results", cursor="later").status_code == 400


@given(
    start=st.integers(NOON - 6 * HOUR, NOON),
    length=st.integers(1, 2 * HOUR),
    minutes=st.sampled_from([1, 5, 7, 30, 60]),
    group_by=st.lists(
        st.sampled_from(["actionId", "actionName", "errorType", "integrationName"]), unique=True
    ),
    low=st.integers(0, 6_000),
)
def test_columns_count_as_plain_counting_does(
    start: int, length: int, minutes: int, group_by: list[Any], low: int
) -> None:
    """Groups, buckets, sums and views equal a loop over single executions."""
    from_ms, to_ms, step_ms = start * 1_000, (start + length) * 1_000, minutes * 60_000
    view = {"target": "tTotalExecution", "name": "v", "function": "rangeBound"}
    query = AggregateQuery(
        interval=iso_interval(from_ms, to_ms),
        metrics=["tTotalExecution"],
        granularity=f"PT{minutes}M",
        group_by=group_by,
        views=[_view(view, low)],
    )
    rows = TRAFFIC.ended_between(from_ms, to_ms)
    expected: dict[tuple[object, ...], list[int]] = {}
    columns = (rows.action.tolist(), rows.ending.tolist(), rows.end_ms.tolist())
    for action, ending, end_ms, took in zip(*columns, rows.duration_ms.tolist(), strict=True):
        one = ORG.actions[action]
        values = {
            "actionId": one.action_id,
            "actionName": one.name,
            "errorType": ENDINGS[ending].error_type,
            "integrationName": one.integration.name,
        }
        bucket = max(end_ms // step_ms * step_ms, from_ms)
        key = (*(values[name] for name in sorted(group_by)), bucket)
        expected.setdefault(key, []).append(took)
    found: dict[tuple[object, ...], list[float]] = {}
    for result in Aggregation(query, ORG, readable()).results(rows):
        group: Any = result["group"]
        entries: Any = result["data"]
        for entry in entries:
            key = (*(group[name] for name in sorted(group_by)), entry["interval"].split("/")[0])
            stats, seen = entry["metrics"][0]["stats"], entry.get("views", [])
            found[key] = [stats["count"], stats["sum"], stats["min"], stats["max"]]
            found[key].append(seen[0]["stats"]["count"] if seen else 0)
    assert found == {
        (*key[:-1], iso_interval(key[-1], key[-1]).split("/")[0]): [  # type: ignore[arg-type]
            len(took),
            sum(took),
            min(took),
            max(took),
            sum(low <= each < low + 1_000 for each in took),
        ]
        for key, took in expected.items()
    }


def _view(view: dict[str, str], low: int) -> Any:  # noqa: ANN401
    """A view of a second's width."""
    return msgspec.convert({**view, "range": {"gte": low, "lt": low + 1_000}}, ActionView)
