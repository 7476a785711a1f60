"""Since when a verdict is so, in JSON and in CSV."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.diagnosis import Diagnosis, Verdict, VerdictPeriod
from monitor.render.diagnosis import diagnosis_document, diagnosis_row
from monitor.time_ranges import TimeRange
from tests.answers import as_json
from tests.diagnosis.diagnoses import slow_tail
from tests.evidence import T0

PERIOD = TimeRange(T0, T0 + 86_400)
BEGAN, ENDED = "2027-01-15T09:00:00Z", "2027-01-15T10:00:00Z"


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
