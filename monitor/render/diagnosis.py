"""Writes diagnoses down: the words that JSON, CSV, the API and an investigation share.

Words are snake_case, durations seconds, times ISO 8601 in UTC; what can't be known is null.
"""

from __future__ import annotations

from typing import Any

import msgspec

from monitor.diagnosis import (
    HOW_TO_CHANGE,
    Diagnosis,
    OrgDiagnosis,
    Recommendation,
    Verdict,
    advised_raise,
    severity_of,
)
from monitor.formats import iso_time, significant
from monitor.render.documents import (
    BunchDocument,
    ConcurrencyDocument,
    DiagnosedDocument,
    DiagnosisDocument,
    DriftDocument,
    EvidenceDocument,
    IncidentDocument,
    JudgedDocument,
    LowHighDocument,
    RaiseDocument,
    RecommendedTimeoutDocument,
    SlotsDocument,
)
from monitor.render.effect_documents import raise_effects_document
from monitor.render.effects import RaiseEffects, raise_effects
from monitor.time_ranges import TimeRange

COLUMNS = (
    "verdict", "severity", "why", "advice", "editable", "from_seconds", "to_seconds",
    "recommended_raw_seconds", "recommended_capped_seconds", "recommended_low_seconds",
    "recommended_high_seconds", "guards", "success_share", "expected_success_share",
    "timeouts_per_day", "timeouts_avoided_per_day", "extra_caller_seconds_per_day",
    "slots_before", "slots_after", "drift_ratio", "missing", "diagnosis_notes",
    "rescuable_low_share", "rescuable_high_share", "timeouts_avoided_low_per_day",
    "timeouts_avoided_high_per_day", "verdict_since", "verdict_since_at_least", "verdict_until",
    "incident_from", "incident_to", "incident_ongoing", "next_seconds", "next_rescued_per_day",
    "next_rescued_low_per_day", "next_rescued_high_per_day", "next_extra_wait_seconds_per_day",
    "next_slots", "changed_at", "judged_from", "judged_executions", "judged_timeouts",
)  # fmt: skip
"""The columns that a diagnosis adds to a CSV."""


def diagnosis_document(
    diagnosis: Diagnosis | None, time_range: TimeRange | None
) -> DiagnosisDocument:
    """Return a diagnosis as a document; all null where there is none.

    Args:
        diagnosis: The verdict with its evidence.
        time_range: The settled windows that were looked at.
    """
    if diagnosis is None or time_range is None:
        return DiagnosisDocument()
    step, period = advised_raise(diagnosis), diagnosis.period
    said = DiagnosisDocument(
        verdict=diagnosis.verdict,
        verdict_since=None if period is None else iso_time(period.since),
        verdict_since_at_least=None if period is None else period.is_since_start,
        verdict_until=None if period is None else iso_time(period.until),
        changed_at=iso_time(diagnosis.changed_at),
        incident=_incident(diagnosis),
        severity=severity_of(diagnosis, time_range.end),
        why=diagnosis.why,
        advice=diagnosis.advice,
        missing=list(diagnosis.missing),
        diagnosis_notes=list(diagnosis.notes),
        rescuable_share=_bounds(diagnosis.rescue_bounds),
        editable=diagnosis.editable,
        how_to_change=HOW_TO_CHANGE[diagnosis.editable],
        raise_=None if step is None else RaiseDocument(from_seconds=step[0], to_seconds=step[1]),
        drift=_drift(diagnosis),
        evidence=_evidence(diagnosis, time_range),
    )
    advice = diagnosis.recommendation
    return said if advice is None else _advised(said, advice, raise_effects(diagnosis))


def diagnosis_row(document: DiagnosisDocument) -> dict[str, Any]:
    """Return the same as columns of a CSV."""
    value, step = document.recommended_timeout_seconds, document.raise_
    slots, drift = document.concurrent_slots, document.drift
    incident, effects = document.incident, document.timeout_effects
    step_now = effects and effects.next
    judged = document.evidence and document.evidence.judged
    rescuable, avoided = document.rescuable_share, document.timeouts_avoided_range_per_day
    row = {
        **msgspec.structs.asdict(document),
        "from_seconds": step and step.from_seconds,
        "to_seconds": step and step.to_seconds,
        "recommended_raw_seconds": value and value.raw,
        "recommended_capped_seconds": value and value.capped,
        "recommended_low_seconds": value and value.low,
        "recommended_high_seconds": value and value.high,
        "guards": "; ".join(document.guards or ()),
        "rescuable_low_share": rescuable and rescuable.low,
        "rescuable_high_share": rescuable and rescuable.high,
        "timeouts_avoided_low_per_day": avoided and avoided.low,
        "timeouts_avoided_high_per_day": avoided and avoided.high,
        "next_seconds": step_now and step_now.timeout_seconds,
        "next_rescued_per_day": step_now and step_now.rescued_per_day,
        "next_rescued_low_per_day": step_now and step_now.rescued_low_per_day,
        "next_rescued_high_per_day": step_now and step_now.rescued_high_per_day,
        "next_extra_wait_seconds_per_day": step_now and step_now.extra_wait_seconds_per_day,
        "next_slots": step_now and step_now.slots,
        "judged_from": judged and judged.from_,
        "judged_executions": judged and judged.executions,
        "judged_timeouts": judged and judged.timeouts,
        "incident_from": incident and incident.from_,
        "incident_to": incident and incident.to,
        "incident_ongoing": incident and incident.ongoing,
        "slots_before": slots and slots.before,
        "slots_after": slots and slots.after,
        "drift_ratio": drift and drift.ratio,
        "missing": "; ".join(document.missing or ()),
        "diagnosis_notes": "; ".join(document.diagnosis_notes or ()),
    }
    return {name: row[name] for name in COLUMNS}


def diagnosed_document(diagnosis: OrgDiagnosis | None) -> DiagnosedDocument | None:
    """Return what the verdicts of an org rest on; None where there are none yet."""
    if diagnosis is None:
        return None
    return DiagnosedDocument(
        at=iso_time(diagnosis.taken_at),
        from_=iso_time(diagnosis.time_range.start),
        to=iso_time(diagnosis.time_range.end),
        complete=diagnosis.complete,
        missing_seconds=diagnosis.missing_seconds,
    )


def concurrency_document(diagnosis: OrgDiagnosis | None) -> ConcurrencyDocument | None:
    """Return how many executions of an org run at a time; None where that is not known."""
    concurrency = None if diagnosis is None else diagnosis.concurrency
    if concurrency is None:
        return None
    return ConcurrencyDocument(
        mean=significant(concurrency.mean),
        busiest=significant(concurrency.busiest),
        busiest_seconds=concurrency.busiest_seconds,
        limit=concurrency.limit,
        recommended_adds=significant(concurrency.recommended),
    )


def _advised(
    said: DiagnosisDocument, advice: Recommendation, effects: RaiseEffects | None
) -> DiagnosisDocument:
    return msgspec.structs.replace(
        said,
        recommended_timeout_seconds=RecommendedTimeoutDocument(
            raw=_seconds(advice.raw_ms),
            capped=_seconds(advice.capped_ms),
            low=_seconds(advice.low_ms),
            high=_seconds(advice.high_ms),
        ),
        guards=list(advice.guards),
        success_share=significant(advice.success_share),
        expected_success_share=significant(advice.expected_success_share),
        never_answers_share=significant(advice.never_share),
        timeouts_per_day=significant(advice.timeouts_per_day),
        timeouts_avoided_per_day=significant(advice.avoided_per_day),
        timeouts_avoided_range_per_day=_bounds(
            (advice.avoided_low_per_day, advice.avoided_high_per_day)
        ),
        extra_caller_seconds_per_day=significant(advice.extra_caller_seconds_per_day),
        concurrent_slots=SlotsDocument(
            before=significant(advice.slots_before),
            after=significant(advice.slots_after),
            busiest_before=significant(advice.busiest_slots_before),
            busiest_after=significant(advice.busiest_slots_after),
        ),
        timeout_effects=raise_effects_document(effects),
    )


def _bounds(bounds: tuple[float, float] | None) -> LowHighDocument | None:
    if bounds is None:
        return None
    return LowHighDocument(low=significant(bounds[0]), high=significant(bounds[1]))


def _incident(diagnosis: Diagnosis) -> IncidentDocument | None:
    period = diagnosis.period
    if period is None or diagnosis.verdict is not Verdict.OUTAGE:
        return None
    return IncidentDocument(
        from_=iso_time(period.since), to=iso_time(period.until), ongoing=period.is_ongoing
    )


def _drift(diagnosis: Diagnosis) -> DriftDocument | None:
    drift = diagnosis.drift
    if drift is None:
        return None
    return DriftDocument(
        drifting=drift.drifting,
        ratio=significant(drift.ratio),
        median_before_seconds=_seconds(drift.median_before_ms),
        median_recent_seconds=_seconds(drift.median_recent_ms),
    )


def _evidence(diagnosis: Diagnosis, time_range: TimeRange) -> EvidenceDocument:
    return EvidenceDocument(
        from_=iso_time(time_range.start),
        to=iso_time(time_range.end),
        rule=diagnosis.rule,
        families=list(diagnosis.families),
        executions=int(diagnosis.executions),
        successes=int(diagnosis.successes),
        timeouts=int(diagnosis.timeouts),
        errors=int(diagnosis.errors),
        throttled=int(diagnosis.throttled),
        timeout_seconds=_seconds(diagnosis.timeout_ms),
        timeout_share=significant(diagnosis.timeout_share),
        bunched_share=significant(diagnosis.outage_share),
        bunches=[
            BunchDocument(from_=iso_time(begin), to=iso_time(end))
            for begin, end in diagnosis.outages
        ],
        early_share=significant(diagnosis.early_share),
        early_at_seconds=_seconds(diagnosis.early_at_ms),
        judged=_judged(diagnosis),
        last_called_at=iso_time(diagnosis.last_called_at),
        timeouts_in_force=int(diagnosis.timeouts_in_force),
        misses_target=diagnosis.misses_target,
    )


def _judged(diagnosis: Diagnosis) -> JudgedDocument | None:
    judged = diagnosis.judged
    if judged is None:
        return None
    return JudgedDocument(
        from_=iso_time(judged.since),
        executions=int(judged.executions),
        timeouts=int(judged.timeouts),
    )


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else significant(milliseconds / 1000)
