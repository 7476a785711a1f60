"""An investigation as it is shown, where something is missing or strange."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs
from rich.console import Console

from monitor.cli.investigation_view import investigation_view
from monitor.contract import Contract
from monitor.investigation import DiagnosisInPeriod, InvestigationData, build_investigation
from monitor.model import Action, Execution, ExecutionList, Incident
from monitor.summary import TimeoutsInForce
from monitor.time_ranges import TimeRange
from tests.diagnosis.diagnoses import END, slow_tail
from tests.evidence import THROTTLED, TIMED_OUT
from tests.filled_ledger import CLASSIFIER, HOUR

ID = "0f4b2a31-7a52-4c39-8f5e-2d8f9a1b3c4d"
ACTION = Action("custom_-_1", "CRM Lookup")
BARE = InvestigationData(
    "acme", Contract.PLATFORM, ACTION, HOUR, missing_detail_seconds=HOUR.seconds
)
HIT = Incident("conversation-1", 0, HOUR.start, "custom_-_1", "", "", "", "")


def took(duration_ms: float, error_type: str = "NONE", status: str = "200") -> Execution:
    """An execution."""
    return Execution(ID, error_type, status, HOUR.start, duration_ms)


def shown(data: InvestigationData, width: int = 100) -> str:
    """The text of an investigation."""
    console = Console(width=width)
    with console.capture() as captured:
        console.print(
            investigation_view(build_investigation(data, CLASSIFIER, 5), width, ascii_only=True)
        )
    return captured.get()


def test_without_anything_there_is_a_heading_and_what_is_not_known() -> None:
    """No empty table, no picture of nothing."""
    text = shown(replace(BARE, execution_list=ExecutionList((), 60)))

    assert "CRM Lookup  acme\n" in text
    assert "timeout -\n" in text
    assert "0 executions\n" in text
    assert "Note: No execution was seen" in text
    for title in ("How long", "Timed out", "Slowest", "Flows", "hit\n", "Outcome", "p50"):
        assert title not in text


def test_under_the_contract_flow_no_executions_are_spoken_of() -> None:
    """What can be seen is shown."""
    text = shown(replace(BARE, contract=Contract.FLOW, incidents=[HIT], missing_detail_seconds=0))

    assert " executions" not in text.split("Note:")[0]
    assert "1 conversation hit" in text
    assert "conversation-1" in text
    assert "Note: Single executions can't be seen" in text


def test_detail_records_without_a_hit_are_none() -> None:
    """0 is known, and says so."""
    text = shown(replace(BARE, missing_detail_seconds=0))

    assert "0 conversations hit" in text
    assert "Conversation id" not in text


def test_what_the_platform_left_out_is_a_dash() -> None:
    """An empty word would look like a mistake."""
    nameless = Execution("", "", "", HOUR.start, 5.0, is_exact=False)
    text = shown(
        replace(BARE, execution_list=ExecutionList((nameless,), 60), tracked_flows={"f": ""})
    )

    assert "about 0.005 s  error         -" in text
    assert "f     f                        -" in text


def test_each_ending_is_told_in_the_platforms_words() -> None:
    """A success by its status, a failure by its error type too."""
    execution_list = ExecutionList(
        (took(3_000, TIMED_OUT, ""), took(900), took(1, THROTTLED, "429")), 60
    )
    text = shown(
        replace(
            BARE, execution_list=execution_list, in_force=TimeoutsInForce(frozenset({3_000}), 3_000)
        )
    )

    assert f"3.000 s  {TIMED_OUT}  {ID}" in text
    assert "0.900 s  success 200" in text
    assert f"0.001 s  {THROTTLED} 429" in text


@pytest.mark.parametrize("width", [80, 100, 200])
def test_ids_stay_in_one_piece(width: int) -> None:
    """They are there to be copied; other columns give way."""
    execution_list = ExecutionList((took(3_000, THROTTLED, "429"),), 60)
    hit = structs.replace(HIT, conversation_id=ID, flow_name="A flow of a very long name" * 3)
    text = shown(
        replace(BARE, execution_list=execution_list, incidents=[hit], missing_detail_seconds=0),
        width,
    )

    assert text.count(ID) == 2
    assert max(map(len, text.splitlines())) <= width


def test_markup_in_a_name_is_only_text() -> None:
    """A name is what its author typed."""
    text = shown(replace(BARE, action=replace(ACTION, name="[red]Lookup[/red]")))

    assert "[red]Lookup[/red]  acme" in text


def test_the_verdict_stands_with_its_evidence() -> None:
    """What it is, how much it matters, the raise, why, and in which windows it was seen."""
    time_range = TimeRange(END - 86_400, END)
    text = shown(
        replace(
            BARE,
            execution_list=ExecutionList((), 60),
            diagnosed=DiagnosisInPeriod(slow_tail(), time_range),
        )
    )

    assert "Verdict: slow_tail, CRITICAL  5 s -> " in text
    assert slow_tail().why[:60] in text
    assert "Seen in settled windows from " in text
    assert "10,000 executions" in text


def test_without_a_verdict_none_is_spoken_of() -> None:
    """Nothing stands for it."""
    assert "Verdict" not in shown(BARE)
