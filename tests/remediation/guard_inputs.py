"""Cases in which every guard says yes, to be spoilt one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from monitor.config import RemediationSettings
from monitor.contract import Contract
from monitor.diagnosis import (
    Concurrency,
    Diagnosis,
    DiagnosisSettings,
    Editable,
    OrgDiagnosis,
    Recommendation,
    TimeoutCurve,
    TimeoutEffect,
    Verdict,
    diagnose,
)
from monitor.journal import Change, ChangeState, RemediationState
from monitor.remediation.decision import Candidate, Data
from monitor.time_ranges import TimeRange
from tests.diagnosis.synthetic_evidence import lognormal, observe

NOW = 1_800_000_000.0
"""A Friday, 08:00 UTC."""

HOUR = 3_600
DAY = 24 * HOUR
ORG = "acme"
ACTION = "custom_-_lookup"
NAME = "Look Up Customer"

AUTO = RemediationSettings.model_validate({"mode": "auto", "allow": ["Look Up *"]})


def recommendation(
    capped_ms: float | None = 8_000.0, timeout_ms: float = 4_000.0
) -> Recommendation:
    """What the data ask for."""
    return Recommendation(
        timeout_ms=timeout_ms,
        raw_ms=capped_ms or timeout_ms,
        capped_ms=capped_ms,
        low_ms=capped_ms or timeout_ms,
        high_ms=capped_ms or timeout_ms,
        guards=(),
        success_share=0.95,
        expected_success_share=0.99,
        never_share=0.0,
        timeouts_per_day=500.0,
        avoided_per_day=400.0,
        avoided_low_per_day=350.0,
        avoided_high_per_day=450.0,
        extra_caller_seconds_per_day=900.0,
        slots_before=2.0,
        slots_after=3.0,
        busiest_slots_before=4.0,
        busiest_slots_after=6.0,
    )


def diagnosis(timeout_ms: float = 4_000.0, required_ms: float | None = 8_000.0) -> Diagnosis:
    """A slow tail with plenty of evidence."""
    return Diagnosis(
        verdict=Verdict.SLOW_TAIL,
        rule="slow_tail",
        why="The tail runs on beyond the timeout.",
        advice="Raise it, in steps.",
        notes=(),
        missing=(),
        executions=10_000,
        successes=9_500,
        timeouts=500,
        errors=0,
        throttled=0,
        timeout_ms=timeout_ms,
        timeout_share=0.05,
        outages=(),
        outage_share=0.0,
        early_share=0.0,
        early_at_ms=None,
        drift=None,
        families=("lognormal",),
        editable=Editable.YES,
        recommendation=None if required_ms is None else recommendation(required_ms, timeout_ms),
        last_called_at=NOW - 300,
        timeouts_in_force=500,
    )


def unclear_diagnosis(timeout_ms: float = 4_000.0, reach_ratio: float = 2.0) -> Diagnosis:
    """Plenty of timeouts, of which nobody knows how many a longer timeout would rescue."""
    one = TimeoutEffect(timeout_ms, 0.95, 0.94, 0.96, 0.0, 0.0, 0.0, 0.0, 2.0, is_measured=True)
    reach_ms = timeout_ms * reach_ratio
    other = replace(one, timeout_ms=reach_ms, slots=4.0, is_measured=False)
    return replace(
        diagnosis(timeout_ms, None),
        verdict=Verdict.UNCLEAR,
        rule="unclear",
        why="Nobody knows whether more time would help.",
        rescue_bounds=(0.0, 1.0),
        curve=TimeoutCurve(timeout_ms, timeout_ms, reach_ms, (one, other), busiest_ratio=2.0),
    )


def org_diagnosis(
    diagnoses: Mapping[str, Diagnosis], concurrency: Concurrency | None = None
) -> OrgDiagnosis:
    """What was found out of an org in the day until now, a minute ago."""
    return OrgDiagnosis(
        org=ORG,
        contract=Contract.PLATFORM,
        time_range=TimeRange(int(NOW) - DAY, int(NOW)),
        taken_at=NOW - 60,
        missing_seconds=0,
        diagnoses=diagnoses,
        concurrency=concurrency,
    )


def candidate(timeout_ms: int = 4_000, required_ms: float | None = 8_000.0) -> Candidate:
    """An action of the platform, where timeouts are whole seconds."""
    return Candidate(ORG, ACTION, NAME, timeout_ms, 1_000, diagnosis(timeout_ms, required_ms))


def measured_candidate() -> Candidate:
    """An action of which 7 % take longer than its 5 s, as it was diagnosed from a day of calls."""
    found = diagnose(
        observe(lognormal(20_000, 1_800, 0.7), 5_000, windows=288),
        DiagnosisSettings(step_ms=1_000),
    )
    return Candidate(ORG, ACTION, NAME, 5_000, 1_000, found)


def data() -> Data:
    """Everything read half a minute ago."""
    return Data(
        last_success_at=NOW - 30,
        stale_after_seconds=180,
        diagnosed_at=NOW - 200,
        diagnosis_lasts_seconds=480,
        slots=10.0,
        limit=50,
    )


def remediation_state(*changes: Change) -> RemediationState:
    """What was changed, the newest last."""
    newest_first = tuple(reversed(changes))
    latest = {one.action_id: one for one in changes if one.sent_at is not None}
    return RemediationState(ORG, changes=newest_first, latest=latest)


def change(
    state: ChangeState = ChangeState.VERIFIED, ago: float = 2 * DAY, **other: object
) -> Change:
    """A change from 3 s to 4 s that was made ``ago`` seconds before now."""
    at = NOW - ago
    made = Change(
        change_id=7,
        org=ORG,
        action_id=ACTION,
        action_name=NAME,
        target="integration-action",
        container_id="",
        from_ms=3_000,
        to_ms=4_000,
        state=state,
        actor="auto@host",
        began_at=at,
        sent_at=at,
        applied_at=at,
    )
    return replace(made, **other)  # type: ignore[arg-type]  # fields of Change
