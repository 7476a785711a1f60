"""From single executions and incidents to what they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.contract import Contract
from monitor.investigation.investigate import (
    ExecutionStatistics,
    Investigation,
    InvestigationData,
    build_investigation,
)
from monitor.model import Action, Execution, ExecutionList, Outcome, Truncation
from monitor.render import investigation_document
from monitor.summary import TimeoutsInForce
from tests.answers import as_json
from tests.evidence import BROKEN, THROTTLED, TIMED_OUT, timed_out
from tests.filled_ledger import CLASSIFIER, HOUR

T0 = HOUR.start
ACTION = Action("crm", "CRM Lookup", integration_name="CRM")
DATA = InvestigationData(
    "acme", Contract.PLATFORM, ACTION, HOUR, in_force=TimeoutsInForce(frozenset({3_000}), 3_000)
)


def took(
    duration_ms: float,
    error_type: str = "NONE",
    status: str = "200",
    *,
    at: int = T0,
    name: str = "id",
) -> Execution:
    """An execution."""
    return Execution(name, error_type, status, at, duration_ms)


def listed(
    *executions: Execution, truncation: Truncation | None = None, seconds: int = 60
) -> ExecutionList:
    """A list of them."""
    return ExecutionList(executions, seconds, truncation)


def seen(
    *executions: Execution, limit: int = 20, timeout_ms: int | None = 3_000
) -> ExecutionStatistics:
    """What executions show."""
    in_force = TimeoutsInForce(frozenset([timeout_ms] if timeout_ms else []), timeout_ms)
    data = replace(DATA, execution_list=listed(*executions), in_force=in_force)
    shown = build_investigation(data, CLASSIFIER, limit).executions
    assert shown is not None
    return shown


def investigated(data: InvestigationData, limit: int = 20) -> Investigation:
    """Return the investigation of some data."""
    return build_investigation(data, CLASSIFIER, limit)


def durations_ms(shown: Sequence[object]) -> list[float]:
    """The durations of a list."""
    return [one.execution.duration_ms for one in shown]  # type: ignore[attr-defined]  # slow ones


def test_executions_are_counted_by_outcome_and_by_the_platforms_words() -> None:
    """Every outcome is there; the words come most frequent first."""
    shown = seen(
        took(10), took(20), took(30), took(3_000, TIMED_OUT, ""), took(3_000, TIMED_OUT, ""),
        took(5, BROKEN, "500"),
    )  # fmt: skip

    assert shown.by_outcome == {
        Outcome.SUCCESS: 3,
        Outcome.TIMEOUT: 2,
        Outcome.ERROR: 1,
        Outcome.THROTTLED: 0,
    }
    assert [(one.outcome, one.error_type, one.executions) for one in shown.endings] == [
        (Outcome.SUCCESS, "NONE", 3),
        (Outcome.TIMEOUT, TIMED_OUT, 2),
        (Outcome.ERROR, BROKEN, 1),
    ]


def test_timeouts_have_a_list_of_their_own() -> None:
    """The newest first; the slowest of the others stand beside it, errors among them."""
    shown = seen(
        took(3_000, TIMED_OUT, "", at=T0),
        took(3_000, TIMED_OUT, "", at=T0 + 60),
        took(2_900),
        took(100),
        took(2_950, BROKEN, "500"),
    )

    assert [one.execution.at for one in shown.timed_out] == [T0 + 60, T0]
    assert durations_ms(shown.slowest) == [2_950, 2_900, 100]


def test_lists_are_no_longer_than_their_limit() -> None:
    """The counts are whole all the same."""
    shown = seen(*(took(at) for at in range(50)), *[took(3_000, TIMED_OUT)] * 50, limit=3)

    assert durations_ms(shown.slowest) == [49, 48, 47]
    assert len(shown.timed_out) == 3
    assert shown.total == 100


def test_percentiles_are_exact() -> None:
    """Nearest rank over successes and timeouts; errors and throttles answered no question."""
    shown = seen(
        *(took(at * 10) for at in range(1, 100)),
        took(3_000, TIMED_OUT),
        took(9_000, BROKEN, "500"),
        took(1, THROTTLED, "429"),
    )

    assert (shown.p50_seconds, shown.p95_seconds, shown.p99_seconds) == (0.5, 0.95, 0.99)


def test_without_a_duration_there_is_no_percentile() -> None:
    """None, never 0."""
    shown = seen(took(9_000, BROKEN, "500"))

    assert shown.p50_seconds is shown.p99_seconds is None


def test_bands_are_cut_at_the_timeout_in_force() -> None:
    """An edge of its own, where the ledger's bands have none; on it counts as beyond."""
    shown = seen(took(7_999), took(8_000, TIMED_OUT), took(9_000), timeout_ms=8_000)

    bands = {(band.from_ms, band.to_ms): band for band in shown.latency}
    assert bands[7_500, 8_000].successes == 1
    assert (bands[8_000, 10_000].timeouts, bands[8_000, 10_000].successes) == (1, 1)


def test_the_last_band_is_open() -> None:
    """However long it took, it is in the picture."""
    shown = seen(took(1_000_000), timeout_ms=None)

    assert shown.latency[-1].to_ms is None
    assert shown.latency[-1].executions == 1


@given(
    durations=st.lists(st.floats(0, 1e7), max_size=50),
    timeout_ms=st.none() | st.integers(1, 100_000),
)
def test_bands_hold_every_execution_once(durations: list[float], timeout_ms: int | None) -> None:
    """They adjoin, they cover everything, and they sum to the whole."""
    shown = seen(*(took(duration) for duration in durations), timeout_ms=timeout_ms)

    assert sum(band.executions for band in shown.latency) == len(durations)
    assert [band.to_ms for band in shown.latency[:-1]] == [b.from_ms for b in shown.latency[1:]]
    for band in shown.latency:
        upper = float("inf") if band.to_ms is None else band.to_ms
        assert band.executions == sum(band.from_ms <= one < upper for one in durations)


def test_conversations_are_counted_once_and_listed_newest_first() -> None:
    """A caller who was hit twice is one conversation."""
    hits = [timed_out("a", at=T0), timed_out("a", at=T0 + 9), timed_out("b", at=T0 + 5)]

    found = investigated(replace(DATA, incidents=hits), limit=2)

    assert found.conversations == 2
    assert [hit.at for hit in found.hits] == [T0 + 9, T0 + 5]


def test_flows_that_were_hit_come_first() -> None:
    """Those of dependency tracking, and those that only detail records name."""
    hits = [timed_out("a", flow_id="seen"), timed_out("b", flow_id="tracked")]
    hits.append(timed_out("c", flow_id="tracked"))

    found = investigated(
        replace(DATA, tracked_flows={"tracked": "Main", "idle": "Idle"}, incidents=hits)
    )

    assert [(flow.flow_id, flow.is_tracked, flow.conversations) for flow in found.flows] == [
        ("tracked", True, 2),
        ("seen", False, 1),
        ("idle", True, 0),
    ]


def test_a_flow_that_was_known_before_counts_where_nobody_says_more() -> None:
    """Dependency tracking knows better, when it answers."""
    known = replace(DATA, known_flows={"old": "Old Line"})

    assert [flow.name for flow in investigated(known).flows] == ["Old Line"]
    assert investigated(replace(known, tracked_flows={})).flows == ()


def test_without_detail_records_conversations_are_unknown() -> None:
    """None, never 0; and it is said."""
    found = investigated(
        replace(DATA, tracked_flows={"m": "Main"}, missing_detail_seconds=HOUR.seconds)
    )

    assert found.conversations is None
    assert found.flows[0].conversations is None
    assert any("No conversation detail records were read" in note for note in found.notes)


@pytest.mark.parametrize(("missing", "said"), [(120, False), (1_200, True)])
def test_a_gap_in_detail_records_is_said_unless_it_is_the_usual_one(
    missing: int,
    said: bool,  # noqa: FBT001 - what is expected
) -> None:
    """The newest minutes are not there yet, which is no news."""
    found = investigated(replace(DATA, missing_detail_seconds=missing))

    assert any("20 min" in note for note in found.notes) is said


def test_the_contract_flow_says_what_it_can_show() -> None:
    """One sentence; no executions, but the conversations and flows."""
    found = investigated(replace(DATA, contract=Contract.FLOW, incidents=[timed_out("a")]))

    assert found.executions is None
    assert found.conversations == 1
    [note] = found.notes
    assert note.startswith("Single executions can't be seen under the contract flow; what can")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (listed(took(1), truncation=Truncation.ROWS), "only 1: there are more than"),
        (listed(took(1), truncation=Truncation.TIME), "taken too long"),
        (listed(took(1), truncation=Truncation.INTERRUPTED), "interrupted"),
        (listed(), "No execution was seen"),
        (listed(took(1, name="")), "no correlation id"),
        (listed(replace(took(1), is_exact=False)), "mean duration"),
        (listed(took(1), seconds=900), "dates executions to 15 min"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_what_is_not_known_is_said(data: ExecutionList, words: str) -> None:
    """One sentence for it, and for nothing else."""
    [note] = investigated(replace(DATA, execution_list=data)).notes

    assert words in note


def test_nothing_is_said_where_all_is_known() -> None:
    """No notes."""
    assert investigated(replace(DATA, execution_list=listed(took(1)))).notes == ()


def test_a_timeout_that_changed_is_said() -> None:
    """With all values, and the one that the picture shows."""
    found = investigated(replace(DATA, in_force=TimeoutsInForce(frozenset({3_000, 4_500}), 4_500)))

    assert found.timeout_seconds == 4.5
    [note] = found.notes
    assert "3 s, 4.5 s; the picture shows the newest, 4.5 s" in note


def test_an_unknown_timeout_is_said() -> None:
    """It may be seen in the data without being in the catalogue."""
    found = investigated(replace(DATA, in_force=TimeoutsInForce()))

    assert found.timeout_seconds is None
    assert found.notes == ("The timeout in force is not known.",)


def test_why_flows_are_unknown_is_said() -> None:
    """As a sentence of its own."""
    found = investigated(replace(DATA, flows_problem="Not allowed: grant it"))

    assert found.notes == ("Not allowed: grant it.",)


def test_the_document_speaks_the_words_of_the_report() -> None:
    """Snake case, seconds, ISO times; whole, and plain JSON."""
    data = replace(
        DATA,
        execution_list=listed(took(1_500), took(3_000, TIMED_OUT, ""), truncation=Truncation.ROWS),
        tracked_flows={"main": "Main"},
        incidents=[timed_out("call-1")],
    )

    document = as_json(investigation_document(investigated(data), T0 + 3_600))

    assert document["generated_at"] == document["to"] == "2027-01-15T09:00:00Z"
    assert (document["executions"], document["timeouts"], document["throttled"]) == (2, 1, 0)
    assert document["timeout_seconds"] == 3.0
    assert document["truncated"] == "rows"
    assert document["timed_out"] == [
        {
            "correlation_id": "id",
            "at": "2027-01-15T08:00:00Z",
            "duration_seconds": 3.0,
            "exact": True,
            "outcome": "timeout",
            "error_type": TIMED_OUT,
            "response_status": "",
        }
    ]
    assert [one["duration_seconds"] for one in document["slowest"]] == [1.5]
    assert {
        "from_seconds": 1.5,
        "to_seconds": 2.0,
        "executions": 1,
        "successes": 1,
        "timeouts": 0,
        "others": 0,
    } in document["latency"]
    assert document["flows"] == [
        {"flow_id": "main", "flow_name": "Main", "tracked": True, "conversations": 1}
    ]
    assert document["hits"][0]["conversation_id"] == "call-1"


def test_the_document_has_the_same_words_without_executions() -> None:
    """Null for what can't be known, so that whoever reads it need not ask first."""
    whole = as_json(
        investigation_document(investigated(replace(DATA, execution_list=listed(took(1)))), T0)
    )

    bare = as_json(investigation_document(investigated(replace(DATA, contract=Contract.FLOW)), T0))

    assert bare.keys() == whole.keys()
    assert bare["executions"] is bare["successes"] is bare["p99_seconds"] is None
    assert bare["latency"] == bare["slowest"] == []
