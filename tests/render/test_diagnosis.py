"""What a diagnosis says, in JSON and in CSV: all of it, and since when it is so."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import reduce

import pytest

from monitor.diagnosis import Diagnosis, JudgedEvidence, Verdict, VerdictPeriod
from monitor.render.diagnosis import diagnosis_document, diagnosis_row
from monitor.time_ranges import TimeRange
from tests.answers import as_json
from tests.diagnosis.diagnoses import slow_tail
from tests.evidence import T0
from tests.render.filled_documents import diagnosis as filled_diagnosis

PERIOD = TimeRange(T0, T0 + 86_400)
BEGAN, ENDED = "2027-01-15T09:00:00Z", "2027-01-15T10:00:00Z"

TOLD = {
    "verdict": "verdict",
    "rule": "evidence.rule",
    "why": "why",
    "advice": "advice",
    "notes": "diagnosis_notes",
    "missing": "missing",
    "executions": "evidence.executions",
    "successes": "evidence.successes",
    "timeouts": "evidence.timeouts",
    "errors": "evidence.errors",
    "throttled": "evidence.throttled",
    "timeout_ms": "evidence.timeout_seconds",
    "timeout_share": "evidence.timeout_share",
    "outages": "evidence.bunches",
    "outage_share": "evidence.bunched_share",
    "early_share": "evidence.early_share",
    "early_at_ms": "evidence.early_at_seconds",
    "drift": "drift",
    "families": "evidence.families",
    "editable": "editable",
    "recommendation": "recommended_timeout_seconds",
    "rescue_bounds": "rescuable_share",
    "period": "verdict_since",
    "changed_at": "changed_at",
    "judged": "evidence.judged",
    "last_called_at": "evidence.last_called_at",
    "timeouts_in_force": "evidence.timeouts_in_force",
    "misses_target": "evidence.misses_target",
}
"""Where each part of a diagnosis stands in its document."""

ELSEWHERE = {"curve", "incidents"}
"""What the document of a single action has beside it: ``curve``, and ``timeline.incidents``."""


def test_all_that_a_diagnosis_knows_is_told() -> None:
    """What the guards go by must not be theirs alone."""
    document = as_json(diagnosis_document(filled_diagnosis(), PERIOD))
    told = {name: reduce(dict.__getitem__, key.split("."), document) for name, key in TOLD.items()}

    assert TOLD.keys() | ELSEWHERE == {field.name for field in fields(Diagnosis)}
    assert [name for name, value in told.items() if value is None] == []


def test_what_was_judged_is_told_with_what_was_seen() -> None:
    """When it began to behave otherwise, and what came since; null where that is all of it."""
    judged = JudgedEvidence(T0 + 3_600.0, 7_200.0, 1_200.0, 60.0, 60.0)
    document = diagnosis_document(
        replace(slow_tail(), changed_at=T0 + 7_200.0, judged=judged), PERIOD
    )
    told = as_json(document)
    # What came since the newest change was too little: it is judged with what came before.
    assert told["changed_at"] == ENDED
    assert told["evidence"]["judged"] == {"from": BEGAN, "executions": 1_200, "timeouts": 60}
    row = diagnosis_row(document)
    assert (row["changed_at"], row["judged_from"]) == (ENDED, BEGAN)
    assert (row["judged_executions"], row["judged_timeouts"]) == (1_200, 60)

    steady = diagnosis_document(replace(slow_tail(), changed_at=None, judged=None), PERIOD)
    told = as_json(steady)
    assert told["changed_at"] is told["evidence"]["judged"] is None
    assert diagnosis_row(steady)["judged_from"] is None


def found(verdict: Verdict, until: float | None, *, since_start: bool = False) -> Diagnosis:
    """A verdict that is so since an hour after the evidence begins."""
    period = VerdictPeriod(T0 + 3_600.0, until, is_since_start=since_start)
    return replace(slow_tail(), verdict=verdict, period=period)


@pytest.mark.parametrize(
    ("until", "ended", "ongoing"), [(None, None, True), (T0 + 7_200.0, ENDED, False)]
)
def test_an_outage_is_an_incident(until: float | None, ended: str | None, ongoing: bool) -> None:  # noqa: FBT001 - what is expected
    """From when, to when, and whether it goes on; in a CSV each in a column of its own."""
    document = diagnosis_document(found(Verdict.OUTAGE, until), PERIOD)
    told = as_json(document)
    assert (told["verdict_since"], told["verdict_until"]) == (BEGAN, ended)
    assert told["incident"] == {"from": BEGAN, "to": ended, "ongoing": ongoing}
    row = diagnosis_row(document)
    assert (row["incident_from"], row["incident_to"]) == (BEGAN, ended)
    assert row["incident_ongoing"] is ongoing


def test_any_other_verdict_says_since_when_and_is_no_incident() -> None:
    """And whether it was so before too, as far as anybody looked."""
    told = as_json(diagnosis_document(found(Verdict.HANGS, None, since_start=True), PERIOD))
    assert told["verdict_since"] == BEGAN
    assert told["verdict_since_at_least"] is True
    assert told["verdict_until"] is told["incident"] is None


def test_a_verdict_of_no_time_in_particular_says_none() -> None:
    """A healthy action began at no moment to be healthy."""
    document = diagnosis_document(replace(slow_tail(), period=None), PERIOD)
    told = as_json(document)
    assert {told[word] for word in ("verdict_since", "verdict_since_at_least", "incident")} == {
        None
    }
    assert diagnosis_row(document)["verdict_since"] is None
