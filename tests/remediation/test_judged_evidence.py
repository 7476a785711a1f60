"""The guard ``evidence`` against what a verdict was given of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.diagnosis import Diagnosis, DiagnosisSettings, diagnose
from monitor.remediation.decision import GuardResult
from tests.diagnosis.synthetic_evidence import T0, lognormal, observe
from tests.diagnosis.test_verdict_onset import in_a_row
from tests.remediation.guard_inputs import DAY, HOUR, candidate
from tests.remediation.test_decide import decided

FEW = DiagnosisSettings(step_ms=1_000.0, min_executions=50, min_timeouts=3)
"""A floor for verdicts that lies below the one for a change."""


def judged(seed: int, *, outage_calls: int) -> Diagnosis:
    """Sixty calls a day for three days, and an hour without an answer a day in."""
    before = observe(lognormal(60, 2_200, 0.4, seed), 5_000.0, 24 * 12, start=T0)
    outage = observe(np.full(outage_calls, np.inf), 5_000.0, 12, start=T0 + DAY)
    after = observe(lognormal(60, 2_600, 0.45, seed + 2), 5_000.0, 47 * 12, start=T0 + DAY + HOUR)
    evidence = in_a_row(before, outage, after)
    return diagnose(evidence, FEW, settled_until=T0 + 3 * DAY)


def guard_of(diagnosis: Diagnosis) -> GuardResult:
    """What the guard says of it."""
    decision = decided(one=replace(candidate(), diagnosis=diagnosis))
    return next(one for one in decision.guards if one.name == "evidence")


@pytest.mark.parametrize("seed", range(6))
def test_an_outage_that_the_verdict_leaves_out_is_no_evidence(seed: int) -> None:
    """Its executions and timeouts alone would be enough for a change."""
    found = judged(seed, outage_calls=160)
    assert found.outages
    assert found.timeouts >= 160
    assert found.judged is not None
    assert found.judged.left_out_outages
    assert found.judged.since == T0
    assert found.judged.seconds <= 3 * DAY - HOUR
    assert found.judged.executions <= found.executions - 160
    assert found.judged.timeouts <= found.timeouts - 160

    result = guard_of(replace(found, missing=()))

    assert not result.passed
    assert "without outages that are over; a change needs 200 and 10" in result.detail


def test_where_nothing_is_left_out_all_of_it_is_the_evidence() -> None:
    """Nothing is told apart then."""
    evidence = observe(lognormal(600, 2_200, 0.4), 5_000.0, 72 * 12, start=T0)

    found = diagnose(evidence, FEW, settled_until=T0 + 3 * DAY)

    assert found.judged is None
    assert guard_of(found).detail.startswith("600 executions")
