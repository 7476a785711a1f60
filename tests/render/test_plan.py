"""A plan in words and as a document."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.config import RemediationSettings
from monitor.diagnosis import Verdict, VerdictPeriod
from monitor.formats import significant
from monitor.remediation import Decision, Initiator
from monitor.remediation.decide import decide
from monitor.render import plan_document, summary_of, why_not_raised, worst_first
from tests.answers import as_json
from tests.diagnosis.diagnoses import slow_tail
from tests.remediation.guard_inputs import (
    AUTO,
    NOW,
    candidate,
    data,
    measured_candidate,
    remediation_state,
)

END = int(NOW)
DOWN = "Its back end is down: an incident, which no timeout mends"


def decided(
    verdict: Verdict = Verdict.SLOW_TAIL, settings: RemediationSettings = AUTO, **changed: object
) -> Decision:
    """What is decided of an action whose data ask for 10 s or more, and of which this is known."""
    one = measured_candidate()
    told = replace(one.diagnosis, verdict=verdict, **changed)  # type: ignore[arg-type]  # fields
    return decide(
        replace(one, diagnosis=told, action_name=str(verdict)),
        data(),
        remediation_state(),
        settings,
        initiator=Initiator.HUMAN,
        now=NOW,
    )


def test_every_verdict_says_in_its_own_words_why_nothing_is_raised() -> None:
    """No two of them the same, none a code."""
    told = {why_not_raised(replace(slow_tail(), verdict=one)) for one in Verdict}
    assert len(told) == len(Verdict)
    assert all(sentence[0].isupper() and " " in sentence for sentence in told)


@pytest.mark.parametrize(
    ("period", "said"),
    [
        (None, DOWN),
        (
            VerdictPeriod(NOW - 3_600),
            f"{DOWN} (since 2027-01-15 07:00 UTC, and it goes on)",
        ),
        (
            VerdictPeriod(NOW - 7_200, NOW - 3_600),
            f"{DOWN.replace('is', 'was', 1)} (2027-01-15 06:00 to 07:00 UTC)",
        ),
    ],
)
def test_an_outage_says_when_and_whether_it_goes_on(
    period: VerdictPeriod | None, said: str
) -> None:
    """A reader of a plan is not sent elsewhere for it."""
    found = replace(slow_tail(), verdict=Verdict.OUTAGE, period=period)
    assert why_not_raised(found) == said


def test_a_raise_says_what_it_brings() -> None:
    """What would be set now: rescued a day with bounds, and the longer wait."""
    said = summary_of(decided())
    assert "more calls a day would succeed, and callers wait" in said


def test_a_raise_that_a_guard_refuses_names_the_guard_and_what_it_says() -> None:
    """The detail in words, not the code alone."""
    said = summary_of(decided(missing=("6 of 8 windows",)))
    assert said == (
        "A raise to 7 s would help, and the guard evidence stands against it: only 6 of 8 windows"
    )


def test_the_document_has_the_numbers_of_the_curve() -> None:
    """Of the timeout in force, of what would be set now, and of what the data ask for."""
    decision = decided()
    (told,) = as_json(plan_document([decision]))["actions"]
    curve = decision.candidate.diagnosis.curve
    advice = decision.candidate.diagnosis.recommendation
    assert curve is not None
    assert advice is not None
    assert advice.capped_ms is not None
    for name, timeout_ms in (("in_force", 5_000), ("next", 7_000), ("required", advice.capped_ms)):
        effect = curve.at(timeout_ms)
        assert effect is not None
        told_effect = told["timeout_effects"][name]
        assert told_effect["timeout_seconds"] == timeout_ms / 1000
        assert told_effect["rescued_low_per_day"] == significant(effect.rescued_low_per_day)
        assert told_effect["slots"] == significant(effect.slots)
    assert told["to_seconds"] == 7
    assert told["timeout_effects"]["required"]["rescued_per_day"] == significant(
        advice.avoided_per_day
    )


def test_what_was_measured_under_another_timeout_says_nothing() -> None:
    """The timeout was changed a moment ago: no numbers, and the guard says why."""
    one = replace(measured_candidate(), timeout_ms=6_000)
    decision = decide(one, data(), remediation_state(), AUTO, initiator=Initiator.AUTO, now=NOW)
    (told,) = as_json(plan_document([decision]))["actions"]
    assert told["timeout_effects"] is None
    assert "guard in_force" in told["summary"]


def test_the_worst_comes_first() -> None:
    """Critical before a warning, a warning before what is well; then by calls that failed."""
    decisions = [
        decided(Verdict.INSUFFICIENT),
        decided(Verdict.HEALTHY),
        decided(Verdict.HANGS, timeouts=20.0),
        decided(Verdict.UNCLEAR, timeouts=30.0),
        decided(Verdict.BIMODAL, timeouts=9_000.0),
    ]
    ends = {candidate().org: END}
    assert [one.candidate.action_name for one in worst_first(decisions, ends)] == [
        "bimodal",
        "unclear",
        "hangs",
        "healthy",
        "insufficient",
    ]
