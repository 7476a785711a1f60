"""How much a verdict matters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.diagnosis.model import Verdict
from monitor.diagnosis.severity import Severity, severity_of
from tests.diagnosis.diagnoses import END, healthy

EXPECTED = {
    Verdict.INSUFFICIENT: Severity.UNKNOWN,
    Verdict.HEALTHY: Severity.GOOD,
    Verdict.TOO_LONG: Severity.GOOD,
    Verdict.SLOW_TAIL: Severity.WARNING,
    Verdict.HANGS: Severity.WARNING,
    Verdict.BIMODAL: Severity.WARNING,
    Verdict.OUTAGE: Severity.WARNING,
    Verdict.THROTTLED: Severity.WARNING,
    Verdict.REMOTE_TIMEOUT: Severity.WARNING,
    Verdict.AT_CAP: Severity.WARNING,
    Verdict.UNCLEAR: Severity.WARNING,
}


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_its_severity(verdict: Verdict) -> None:
    """Where few calls are lost: what can't be judged is not called good."""
    rare = replace(healthy(), verdict=verdict, executions=10_000, timeouts=300)

    assert severity_of(rare, END) is EXPECTED[verdict]


@pytest.mark.parametrize("verdict", Verdict)
def test_one_lost_call_in_twenty_makes_a_warning_critical(verdict: Verdict) -> None:
    """Timed out or throttled; what is good or unknown stays so."""
    often = replace(healthy(), verdict=verdict, executions=1_000, timeouts=30, throttled=20)
    usual = EXPECTED[verdict]
    expected = Severity.CRITICAL if usual is Severity.WARNING else usual

    assert severity_of(often, END) is expected


@pytest.mark.parametrize(
    ("ended", "expected"), [(END, Severity.CRITICAL), (END - 3_600, Severity.WARNING)]
)
def test_an_outage_that_goes_on_is_critical(ended: int, expected: Severity) -> None:
    """One that is over is a warning."""
    found = replace(healthy(), verdict=Verdict.OUTAGE, outages=((END - 7_200, ended),))

    assert severity_of(found, END) is expected


def test_severities_can_be_sorted() -> None:
    """From what is not known to what can't wait."""
    ranks = [Severity(word).rank for word in ("unknown", "good", "warning", "critical")]

    assert ranks == [0, 1, 2, 3]
