"""Conversation detail records: what they tell, and how they are found."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from monitor.simulator import PUNCTUAL, World, scenario
from monitor.simulator.scenarios import PAYMENT_LINE, STOCK_LINE, TAKE_PAYMENT
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON, ManualClock
from tests.simulator.conftest import Simulate
from tests.simulator_client import DETAILS, SimulatorClient, interval, moment

LAST_HOUR = TimeRange(NOON - HOUR, NOON)
MIDNIGHT = NOON - 12 * HOUR
TIMED_OUT = {"DATA_ACTION_TIMED_OUT", "DATA_ACTION_GATEWAY_TIMEOUT"}
FAILED = [
    {
        "type": "or",
        "predicates": [
            {"type": "dimension", "dimension": "errorCode", "operator": "exists"},
            {"dimension": "exitReason", "value": "FLOW_ERROR_DISCONNECT"},
        ],
    }
]


@pytest.fixture
def simulate(simulate: Simulate) -> Simulate:
    """In a world whose records say which data action failed, and of nothing else that did."""
    return partial(simulate, world=World(detail_errors="named", telephony_errors="none"))


@pytest.fixture
def wire(simulate: Simulate) -> SimulatorClient:
    """The default org, with everything visible at once."""
    return simulate()


def flow_segments(conversation: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each segment of the IVR with the flow it ran in."""
    return [
        (session["flow"], segment)
        for participant in conversation["participants"]
        for session in participant["sessions"]
        for segment in session["segments"]
        if "flow" in session
    ]


def timeouts(
    conversations: list[dict[str, Any]], time_range: TimeRange
) -> Counter[tuple[str, str]]:
    """Timeouts per flow and action whose segment ended in a period."""
    found: Counter[tuple[str, str]] = Counter()
    for conversation in conversations:
        for flow, segment in flow_segments(conversation):
            if segment.get("errorCode") not in TIMED_OUT:
                continue
            if not moment(time_range.start) <= segment["segmentEnd"] < moment(time_range.end):
                continue
            told = {one["property"]: one["value"] for one in segment.get("properties", [])}
            found[flow["flowId"], told.get("actionId", TAKE_PAYMENT.action_id)] += 1
    return found


@pytest.mark.parametrize("name", ["default", "flow", "late"])
def test_records_tell_of_every_timeout_of_a_flow(
    simulate: Simulate, clock: ManualClock, name: str
) -> None:
    """Once everything is visible, records and truth agree per flow and action."""
    wire = simulate(name)
    time_range = TimeRange(NOON - 10 * HOUR, NOON)
    truth = wire.truth(time_range)
    clock.at = truth["visible_by"]
    wide = TimeRange(time_range.start, NOON + HOUR)
    found = timeouts(wire.all_details(wide, segmentFilters=FAILED), time_range)
    told = {(one["flow_id"], one["action_id"]): one["timeouts"] for one in truth["flows"]}
    assert found == told


def test_with_the_flow_contract_records_tell_of_every_timeout_there_is(simulate: Simulate) -> None:
    """Per action the flows' timeouts add up to the whole truth."""
    truth = simulate("flow").truth(TimeRange(NOON - 10 * HOUR, NOON))
    by_action: Counter[str] = Counter()
    for one in truth["flows"]:
        by_action[one["action_id"]] += one["timeouts"]
    told = {name: mine["timeout"] for name, mine in truth["actions"].items() if mine["timeout"]}
    assert dict(by_action) == told


def test_truth_counts_a_conversation_once_per_flow_and_action(wire: SimulatorClient) -> None:
    """Some conversations are hit twice, so there are fewer of them than timeouts."""
    time_range = TimeRange(NOON - 10 * HOUR, NOON)
    truth = wire.truth(time_range)["flows"]
    hit: dict[tuple[str, str], set[str]] = {}
    for conversation in wire.all_details(time_range, segmentFilters=FAILED):
        for pair in timeouts([conversation], time_range):
            hit.setdefault(pair, set()).add(conversation["conversationId"])
    told = {(one["flow_id"], one["action_id"]): one["conversations"] for one in truth}
    assert {pair: len(names) for pair, names in hit.items()} == told
    assert sum(told.values()) < sum(one["timeouts"] for one in truth)


def test_some_records_name_only_the_flow(wire: SimulatorClient) -> None:
    """The payment line's segments carry no properties; its document has one data action."""
    only = [{"type": "and", "predicates": [{"dimension": "flowId", "value": PAYMENT_LINE.flow_id}]}]
    found = wire.all_details(TimeRange(NOON - 10 * HOUR, NOON), segmentFilters=only)
    assert found
    assert not any("properties" in one for each in found for _, one in flow_segments(each))


def test_a_failure_ends_the_call_in_a_flow_that_disconnects(wire: SimulatorClient) -> None:
    """Every finished failed call of the stock line says so in two places."""
    only = [
        {
            "type": "and",
            "predicates": [
                {"dimension": "flowId", "value": STOCK_LINE.flow_id},
                {"dimension": "errorCode", "operator": "exists"},
            ],
        }
    ]
    found = wire.all_details(TimeRange(NOON - 10 * HOUR, NOON), segmentFilters=only)
    ended = [one for one in found if "conversationEnd" in one]
    assert ended
    for conversation in ended:
        flow, last = flow_segments(conversation)[-1]
        assert (flow["exitReason"], last["disconnectType"]) == ("FLOW_ERROR_DISCONNECT", "error")


def test_the_query_misses_calls_that_began_before_midnight(
    simulate: Simulate, clock: ManualClock
) -> None:
    """Facts of the platform: started on a UTC day that the interval touches; jobs find all."""
    clock.at = MIDNIGHT + HOUR
    wire = simulate(replace(scenario("punctual"), healthy_record_share=1.0))
    early = TimeRange(MIDNIGHT, MIDNIGHT + 1_800)
    found = {one["conversationId"] for one in wire.all_details(early)}
    from_before = {
        one["conversationId"]: one for one in wire.all_details(TimeRange(MIDNIGHT - 60, early.end))
    }
    missed = {
        name for name, one in from_before.items() if one["conversationStart"] < moment(MIDNIGHT)
    }
    assert missed
    assert not missed & found
    job = job_conversations(wire, {"interval": interval(early)})
    assert {one["conversationId"] for one in job} > found
    same_day = {"interval": interval(early), "startOfDayIntervalMatching": True}
    assert {one["conversationId"] for one in job_conversations(wire, same_day)} == found


def job_conversations(wire: SimulatorClient, body: dict[str, object]) -> list[dict[str, Any]]:
    """Everything that a job finds, page by page."""
    job = wire.call("POST", f"{DETAILS}/jobs", json=body).json()["jobId"]
    while wire.get(f"{DETAILS}/jobs/{job}").json()["state"] != "FULFILLED":
        pass
    page = wire.get(f"{DETAILS}/jobs/{job}/results", pageSize=7).json()
    found: list[dict[str, Any]] = list(page.get("conversations", []))
    while "cursor" in page:
        params = {"pageSize": 7, "cursor": page["cursor"]}
        page = wire.get(f"{DETAILS}/jobs/{job}/results", **params).json()
        found += page["conversations"]
    return found


def test_a_job_can_be_limited_and_says_how_fresh_it_is(wire: SimulatorClient) -> None:
    """``limit`` cuts; the availability stands in the results and on its own."""
    body = {"interval": interval(LAST_HOUR), "limit": 3}
    assert len(job_conversations(wire, body)) == 3
    assert wire.get(f"{DETAILS}/jobs/availability").json() == {"dataAvailabilityDate": moment(NOON)}


def test_pages_add_up_to_the_hits(wire: SimulatorClient) -> None:
    """No conversation is missing or twice while time stands still."""
    total = wire.details(LAST_HOUR).json()["totalHits"]
    paging = [{"pageSize": 20, "pageNumber": page} for page in range(1, -(-total // 20) + 1)]
    pages = [wire.details(LAST_HOUR, paging=each).json()["conversations"] for each in paging]
    names = [one["conversationId"] for page in pages for one in page]
    assert len(set(names)) == len(names) == total > 40


def test_a_page_beyond_the_last_is_empty(wire: SimulatorClient) -> None:
    """The field is omitted; the total stays."""
    answer = wire.details(LAST_HOUR, paging={"pageSize": 100, "pageNumber": 99}).json()
    assert set(answer) == {"totalHits"}


@pytest.mark.parametrize("order_by", ["conversationStart", "conversationEnd"])
def test_the_order_is_what_was_asked_for(wire: SimulatorClient, order_by: str) -> None:
    """Ascending and descending, by either end."""
    time_range = TimeRange(NOON - 3 * HOUR, NOON - 2 * HOUR)
    up = wire.all_details(time_range, order="asc", orderBy=order_by)
    down = wire.all_details(time_range, order="desc", orderBy=order_by)
    moments = [one[order_by] for one in up]
    assert moments == sorted(moments)
    assert [one["conversationId"] for one in down] == [one["conversationId"] for one in up][::-1]


@pytest.mark.parametrize(
    "predicate",
    [
        {"dimension": "errorCode", "value": "DATA_ACTION_GATEWAY_TIMEOUT"},
        {
            "type": "property",
            "propertyType": "string",
            "property": "actionName",
            "value": "Address Lookup",
        },
        {"type": "metric", "metric": "tSegmentDuration", "range": {"gte": 1_501, "lt": 1_541}},
    ],
)
def test_a_segment_filter_finds_what_one_segment_satisfies(
    wire: SimulatorClient, predicate: dict[str, Any]
) -> None:
    """By dimension, by property and by metric."""
    wanted = [{"type": "and", "predicates": [predicate]}]
    found = wire.details(LAST_HOUR, segmentFilters=wanted).json()
    assert 0 < found["totalHits"] < wire.details(LAST_HOUR).json()["totalHits"]


def test_all_conditions_of_a_segment_filter_must_hold_for_one_segment(
    wire: SimulatorClient,
) -> None:
    """The IVR's segment has the error and the customer's has the ANI, so both together match."""
    purpose = {"dimension": "purpose", "value": "customer"}
    failed = {"dimension": "errorCode", "operator": "exists"}
    together = [{"type": "and", "predicates": [purpose, failed]}]
    apart = [{"type": "and", "predicates": [each]} for each in (purpose, failed)]
    assert wire.details(LAST_HOUR, segmentFilters=together).json()["totalHits"] == 0
    assert wire.details(LAST_HOUR, segmentFilters=apart).json()["totalHits"] > 0


def test_clauses_join_on_two_levels(wire: SimulatorClient) -> None:
    """An ``and`` of an ``or`` clause and a ``notExists``."""
    codes = [{"dimension": "errorCode", "value": code} for code in sorted(TIMED_OUT)]
    either = {"type": "or", "predicates": codes}
    silent = {"type": "and", "predicates": [{"dimension": "queueId", "operator": "notExists"}]}
    wanted = [{"type": "and", "clauses": [either, silent]}]
    found = wire.all_details(LAST_HOUR, segmentFilters=wanted)
    assert found
    for conversation in found:
        assert {one.get("errorCode") for _, one in flow_segments(conversation)} & TIMED_OUT


def test_conversation_filters_narrow_too(wire: SimulatorClient) -> None:
    """By id, by direction, by a metric of the whole conversation."""
    everything = wire.all_details(LAST_HOUR)
    name = everything[0]["conversationId"]
    one = [{"type": "and", "predicates": [{"dimension": "conversationId", "value": name}]}]
    assert wire.all_details(LAST_HOUR, conversationFilters=one) == everything[:1]
    out = [{"type": "and", "predicates": [{"dimension": "originatingDirection", "value": "out"}]}]
    assert wire.all_details(LAST_HOUR, conversationFilters=out) == []
    long = {"type": "metric", "metric": "tConversationDuration", "range": {"gt": 3_600_000}}
    found = wire.all_details(LAST_HOUR, conversationFilters=[{"type": "or", "predicates": [long]}])
    assert 0 < len(found) < len(everything)


@pytest.mark.parametrize(
    "body",
    [
        {"paging": {"pageSize": 101}},
        {"paging": {"pageNumber": 0}},
        {"order": "upwards"},
        {"interval": interval(TimeRange(NOON - 32 * 86_400, NOON)), "segmentFilters": FAILED},
        {"interval": interval(TimeRange(NOON - 31 * 86_400, NOON)), "segmentFilters": FAILED},
        {"interval": interval(TimeRange(NOON - 7 * 86_400, NOON))},
        {"segmentFilters": [{"type": "and", "predicates": [{"dimension": "actionId"}]}]},
        {"conversationFilters": [{"type": "and", "predicates": [{"dimension": "errorCode"}]}]},
        {"segmentFilters": [{"type": "and", "predicates": [{"type": "metric"}]}]},
        {
            "segmentFilters": [
                {"type": "or", "clauses": [{"type": "and", "predicates": [{"dimension": "no"}]}]}
            ]
        },
    ],
    ids=str,
)
def test_a_wrong_query_is_refused(wire: SimulatorClient, body: dict[str, Any]) -> None:
    """400 for pages, orders, intervals and dimensions that do not exist."""
    whole = {"interval": interval(LAST_HOUR), **body}
    assert wire.call("POST", f"{DETAILS}/query", json=whole).status_code == 400


def test_either_name_of_the_permission_opens(wire: SimulatorClient) -> None:
    """The platform's name or the scope's; without both, 403 names them."""
    wire.org.grant(())
    answer = wire.details(LAST_HOUR)
    assert answer.status_code == 403
    for permission in ("analytics:conversationDetail:view", "analytics:detail:view"):
        assert permission in answer.json()["message"]
        wire.org.grant([permission])
        assert wire.details(LAST_HOUR).status_code == 200


def test_a_conversation_grows_while_its_calls_become_visible(
    simulate: Simulate, clock: ManualClock
) -> None:
    """Its segments come late one by one, and never go away again."""
    wire = simulate("late")
    time_range = TimeRange(NOON - HOUR, NOON)
    seen: dict[str, int] = {}
    grown = 0
    for _ in range(8):
        for one in wire.all_details(time_range, segmentFilters=FAILED):
            codes = sum("errorCode" in each for _, each in flow_segments(one))
            before = seen.get(one["conversationId"], codes)
            assert codes >= before
            grown += codes > before
            seen[one["conversationId"]] = codes
        clock.at += 300
    assert grown


def test_healthy_records_are_a_sprinkle(simulate: Simulate) -> None:
    """A share of the successes has a record too; none when the scenario says so."""
    dry = replace(scenario("default"), lateness=PUNCTUAL, healthy_record_share=0.0)
    wet = replace(dry, healthy_record_share=1.0)
    failed = simulate(dry).details(LAST_HOUR).json()["totalHits"]
    everything = simulate(wet).details(LAST_HOUR).json()["totalHits"]
    assert failed < everything / 5
