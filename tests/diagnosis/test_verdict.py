"""What the rules say of bounds on a rescue, and the words of every verdict."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from monitor.diagnosis.action import diagnose
from monitor.diagnosis.explain import explanation
from monitor.diagnosis.model import Diagnosis, Verdict
from monitor.diagnosis.tail import Tail
from monitor.diagnosis.verdict import RULES, Findings, decide
from monitor.diagnosis.verdict_words import (
    ADVICE,
    OTHER_LIMITS,
    diagnosis_notes,
    verdict_reason,
)
from tests.diagnosis.diagnoses import slow_tail
from tests.diagnosis.synthetic_evidence import lognormal, observe, with_hangs

TOO_MANY = Findings(executions=10_000, timeouts=500, steady_timeouts=500, timeout_share=0.05)


def tail(**changed: object) -> Tail:
    """A tail at 5 s of which a raise to 10 s rescues between a tenth and four fifths."""
    at_ms = np.array([5_000.0, 10_000.0])
    made = Tail(
        families=("lognormal",),
        from_ms=0.0,
        never_share=0.01,
        raw_ms=9_000.0,
        low_ms=8_000.0,
        high_ms=10_000.0,
        reach_ms=10_000.0,
        capped_ms=10_000.0,
        middle_rescued=0.6,
        near_ratio=2.0,
        at_ms=at_ms,
        share=np.array([0.05, 0.02]),
        rescued=np.array([[0.0, 0.1], [0.0, 0.8]]),
    )
    return replace(made, **changed)  # type: ignore[arg-type]  # names of fields


def bounded(low: float, high: float, **changed: object) -> Findings:
    """Too many timeouts, of which a raise rescues between these shares."""
    seen = tail(rescued=np.array([[0.0, low], [0.0, high]]), **changed)
    return replace(TOO_MANY, tail=seen, rescue_bounds=(low, high))


def capped(
    to_cap: tuple[float, float], to_reach: tuple[float, float], cap_ms: float = 7_000.0
) -> Findings:
    """Too many timeouts, of which raises to the cap and to twice the timeout rescue so many."""
    seen = tail(
        capped_ms=cap_ms,
        at_ms=np.array([5_000.0, 7_000.0, 10_000.0]),
        share=np.array([0.05, 0.04, 0.02]),
        rescued=np.array([[0.0, to_cap[0], to_reach[0]], [0.0, to_cap[1], to_reach[1]]]),
    )
    return replace(TOO_MANY, tail=seen, rescue_bounds=seen.rescued_at(seen.raise_to_ms))


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        pytest.param(bounded(0.0, 0.01), Verdict.HANGS, id="nothing is rescued"),
        pytest.param(bounded(0.3, 0.49), Verdict.HANGS, id="less than half is"),
        pytest.param(bounded(0.3, 0.51), Verdict.UNCLEAR, id="perhaps half is"),
        pytest.param(bounded(0.0, 1.0), Verdict.UNCLEAR, id="nothing is known"),
        pytest.param(replace(TOO_MANY, rescue_bounds=(0, 1)), Verdict.UNCLEAR, id="no shape"),
        pytest.param(bounded(0.49, 1.0), Verdict.UNCLEAR, id="likely half, not shown"),
        pytest.param(bounded(0.5, 0.9), Verdict.SLOW_TAIL, id="half is"),
        pytest.param(capped((0.1, 0.3), (0.6, 1.0)), Verdict.AT_CAP, id="half is beyond the cap"),
        pytest.param(
            capped((0.1, 0.3), (0.6, 1.0), 5_000), Verdict.AT_CAP, id="in force is the cap"
        ),
        pytest.param(capped((0.0, 1.0), (0.0, 1.0)), Verdict.UNCLEAR, id="nothing is known at all"),
        pytest.param(capped((0.1, 0.6), (0.6, 1.0)), Verdict.UNCLEAR, id="perhaps below the cap"),
        pytest.param(capped((0.1, 0.3), (0.4, 1.0)), Verdict.UNCLEAR, id="perhaps beyond the cap"),
        pytest.param(capped((0.1, 0.3), (0.2, 0.4)), Verdict.HANGS, id="not beyond the cap either"),
        pytest.param(capped((0.5, 0.6), (0.7, 0.9)), Verdict.SLOW_TAIL, id="half below the cap"),
        pytest.param(
            replace(bounded(0.1, 0.3), second_mode=True), Verdict.BIMODAL, id="a second kind"
        ),
        pytest.param(
            replace(bounded(0.1, 0.8), timeout_share=0.005), Verdict.HEALTHY, id="target met"
        ),
    ],
)
def test_a_hang_is_said_only_where_it_was_shown(findings: Findings, expected: Verdict) -> None:
    """Absence of proof that a raise helps is unclear, after all that was shown."""
    assert decide(findings)[0] is expected


@pytest.mark.parametrize("told", Verdict)
def test_a_raise_is_not_begun_to_be_advised_where_the_target_is_met_by_now(told: Verdict) -> None:
    """What was told of a missed target may stay; it doesn't become a slow tail meanwhile."""
    by_now = replace(bounded(0.5, 0.9), timeout_share=0.0095, in_force_calls=1_000, told=told)
    assert not by_now.misses_target
    assert (decide(by_now)[0] is Verdict.SLOW_TAIL) == (told is Verdict.SLOW_TAIL)
    missed = replace(by_now, timeout_share=0.05)
    assert decide(missed)[0] is Verdict.SLOW_TAIL


def test_unclear_says_both_bounds_and_the_experiment() -> None:
    """In plain words, with how far the raise goes that they speak of."""
    why = verdict_reason(Verdict.UNCLEAR, bounded(0.052, 0.798), 5_000, 0.0)

    assert "5 % of the calls do not answer within 5 s" in why
    assert "between 5 % and 80 % of them would within 10 s" in why
    assert "supervised" in ADVICE[Verdict.UNCLEAR]
    assert "long timeout" in ADVICE[Verdict.UNCLEAR]


def test_a_second_kind_is_told_as_such_and_not_as_a_smooth_tail() -> None:
    """Where it is surely in reach too: two humps are no curve that runs smoothly on."""
    findings = replace(bounded(0.76, 0.99), second_mode=True)
    why = verdict_reason(Verdict.SLOW_TAIL, findings, 8_000, 0.0)

    assert decide(findings)[0] is Verdict.SLOW_TAIL
    assert "second, slower kind" in why
    assert "between 76 % and 99 % of them would within 10 s" in why
    assert "smoothly" not in why


def test_an_estimate_is_told_as_that() -> None:
    """And not as if it were shown; one that speaks against a raise is not mentioned."""
    likely = diagnosis_notes(Verdict.UNCLEAR, bounded(0.2, 0.8), None)
    unlikely = diagnosis_notes(Verdict.UNCLEAR, bounded(0.1, 0.6, middle_rescued=0.1), None)

    assert any("an estimate, and not shown" in note for note in likely)
    assert unlikely == ()


def test_what_the_cap_stands_against_is_told_with_its_bounds() -> None:
    """To the cap and beyond; where the timeout in force is the cap, only beyond."""
    below = verdict_reason(Verdict.AT_CAP, capped((0.1, 0.3), (0.6, 1.0)), 5_000, 0.0)
    at_it = verdict_reason(Verdict.AT_CAP, capped((0.1, 0.3), (0.6, 1.0), 5_000), 5_000, 0.0)

    told = "between 10 % and 30 % of them would within 7 s, the cap, and at least 60 % within 10 s"
    assert told in below
    assert "at least 60 % of them would within 10 s" in at_it
    assert "likely" not in below + at_it


def test_an_outage_says_where_nothing_tells_it_from_slowness() -> None:
    """Where nothing answered at all; what was told apart needs no such words."""
    outage = replace(TOO_MANY, outage_share=0.9)
    untold = diagnosis_notes(Verdict.OUTAGE, replace(outage, untold_share=0.8), None)

    assert [note for note in untold if "down, or slower than the timeout" in note]
    assert diagnosis_notes(Verdict.OUTAGE, outage, None) == ()


def test_unclear_says_what_of_it_is_clear() -> None:
    """That they answer in twice the time may be shown where it is not how many would by the cap."""
    known = diagnosis_notes(Verdict.UNCLEAR, capped((0.3, 0.6), (0.8, 1.0)), None)
    unknown = diagnosis_notes(Verdict.UNCLEAR, capped((0.3, 0.6), (0.4, 1.0)), None)

    told = "That half of them would answer within 10 s was shown"
    assert [note.startswith(told) for note in known] == [True]
    assert not any(note.startswith(told) for note in unknown)


def test_a_raise_is_told_with_its_bounds() -> None:
    """Of the raise that may be made: where the cap comes before the reach, of that to the cap."""
    advice = slow_tail().recommendation
    whole = diagnosis_notes(Verdict.SLOW_TAIL, bounded(0.61, 0.8), advice)
    to_cap = diagnosis_notes(Verdict.SLOW_TAIL, capped((0.61, 0.8), (0.7, 0.9)), advice)

    told = "a raise to {} would rescue between 61 % and 80 % of the timeouts"
    assert any(told.format("10 s") in note for note in whole)
    assert any(told.format("7 s") in note for note in to_cap)


def test_a_raise_names_the_limits_that_nobody_sees() -> None:
    """A gateway that gives up just above our timeout shows in nothing that was counted."""
    assert OTHER_LIMITS in slow_tail().notes
    assert OTHER_LIMITS not in hangs().notes


@cache
def hangs() -> Diagnosis:
    """Fast, and three in a hundred never answer."""
    return diagnose(observe(with_hangs(lognormal(10_000, 900, 0.3), 0.03), 15_000, 288))


CLAIMS = re.compile(
    r"\b(100|0) % certain|only makes callers|never helps|can't help|likely|smoothly"
)
"""What nothing that is counted could show."""


@pytest.mark.parametrize("verdict", Verdict)
def test_no_sentence_claims_what_was_not_shown(verdict: Verdict) -> None:
    """Neither why, nor advice, nor a note, whatever the bounds are."""
    advice = slow_tail().recommendation
    for low, high in ((0.0, 0.0), (0.0, 0.3), (0.0, 1.0), (0.3, 0.8), (1.0, 1.0)):
        findings = bounded(low, high, middle_rescued=high)
        why = verdict_reason(verdict, findings, 5_000, 1_000)
        for made in (None, advice):
            notes = diagnosis_notes(verdict, findings, made)
            told = explanation(
                replace(slow_tail(), verdict=verdict, why=why, notes=notes, recommendation=made)
            )
            said = " ".join((told, *notes, ADVICE[verdict]))
            assert not CLAIMS.search(said), said


def test_the_page_has_a_row_for_each_verdict_with_its_advice() -> None:
    """docs/verdicts.md lists them in the order of their rules, in the program's own words."""
    text = (Path(__file__).parents[2] / "docs" / "verdicts.md").read_text(encoding="utf-8")
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    rows = {name.strip("`"): advice for name, _, advice in (row for row in cells if len(row) == 3)}
    order = list(dict.fromkeys([*(verdict for verdict, _ in RULES), Verdict.HEALTHY]))

    assert rows == {verdict.value: ADVICE[verdict] for verdict in Verdict}
    assert list(rows) == [verdict.value for verdict in order]
