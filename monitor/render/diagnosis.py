"""Writes diagnoses down: the words that JSON, CSV, the API and an investigation share.

Words are snake_case, durations seconds, times ISO 8601 in UTC; what can't be known is null.
"""

from __future__ import annotations

from typing import Any

from monitor.diagnosis import (
    HOW_TO_CHANGE,
    Diagnosis,
    OrgDiagnosis,
    Recommendation,
    advised_raise,
    severity_of,
)
from monitor.formats import iso_time, significant
from monitor.time_ranges import TimeRange

COLUMNS = (
    "verdict", "severity", "why", "advice", "editable", "from_seconds", "to_seconds",
    "recommended_raw_seconds", "recommended_capped_seconds", "recommended_low_seconds",
    "recommended_high_seconds", "guards", "success_share", "expected_success_share",
    "timeouts_per_day", "timeouts_avoided_per_day", "extra_caller_seconds_per_day",
    "slots_before", "slots_after", "drift_ratio", "missing", "diagnosis_notes",
    "rescuable_low_share", "rescuable_high_share", "timeouts_avoided_low_per_day",
    "timeouts_avoided_high_per_day",
)  # fmt: skip
"""The columns that a diagnosis adds to a CSV."""


def diagnosis_document(diagnosis: Diagnosis | None, time_range: TimeRange | None) -> dict[str, Any]:
    """Return a diagnosis as plain values; all null where there is none.

    Args:
        diagnosis: The verdict with its evidence.
        time_range: The settled windows that were looked at.
    """
    if diagnosis is None or time_range is None:
        return dict.fromkeys(
            (
                *("verdict", "severity", "why", "advice", "missing", "diagnosis_notes"),
                *("rescuable_share", "editable", "how_to_change", "raise"),
                *("recommended_timeout_seconds", *_RECOMMENDED),
                *("drift", "evidence"),
            )
        )
    step = advised_raise(diagnosis)
    return {
        "verdict": diagnosis.verdict.value,
        "severity": severity_of(diagnosis, time_range.end).value,
        "why": diagnosis.why,
        "advice": diagnosis.advice,
        "missing": list(diagnosis.missing),
        "diagnosis_notes": list(diagnosis.notes),
        "rescuable_share": _range(diagnosis.rescue_bounds),
        "editable": diagnosis.editable.value,
        "how_to_change": HOW_TO_CHANGE[diagnosis.editable],
        "raise": None if step is None else {"from_seconds": step[0], "to_seconds": step[1]},
        **_recommended(diagnosis.recommendation),
        "drift": _drift(diagnosis),
        "evidence": _evidence(diagnosis, time_range),
    }


def diagnosis_row(document: dict[str, Any]) -> dict[str, Any]:
    """Return the same as columns of a CSV."""
    value = document["recommended_timeout_seconds"] or {}
    step = document["raise"] or {}
    slots = document["concurrent_slots"] or {}
    rescuable = document["rescuable_share"] or {}
    avoided = document["timeouts_avoided_range_per_day"] or {}
    row = {
        **document,
        "from_seconds": step.get("from_seconds"),
        "to_seconds": step.get("to_seconds"),
        **{
            f"recommended_{kind}_seconds": value.get(kind)
            for kind in ("raw", "capped", "low", "high")
        },
        "guards": "; ".join(document["guards"] or ()),
        "rescuable_low_share": rescuable.get("low"),
        "rescuable_high_share": rescuable.get("high"),
        "timeouts_avoided_low_per_day": avoided.get("low"),
        "timeouts_avoided_high_per_day": avoided.get("high"),
        "slots_before": slots.get("before"),
        "slots_after": slots.get("after"),
        "drift_ratio": (document["drift"] or {}).get("ratio"),
        "missing": "; ".join(document["missing"] or ()),
        "diagnosis_notes": "; ".join(document["diagnosis_notes"] or ()),
    }
    return {name: row[name] for name in COLUMNS}


def org_document(diagnosis: OrgDiagnosis | None) -> dict[str, Any]:
    """Return what was diagnosed of an org as a whole; null where nothing was yet."""
    if diagnosis is None:
        return {"diagnosed": None, "concurrency": None}
    concurrency = diagnosis.concurrency
    return {
        "diagnosed": {
            "at": iso_time(diagnosis.taken_at),
            "from": iso_time(diagnosis.time_range.start),
            "to": iso_time(diagnosis.time_range.end),
            "complete": diagnosis.complete,
            "missing_seconds": diagnosis.missing_seconds,
        },
        "concurrency": None
        if concurrency is None
        else {
            "mean": significant(concurrency.mean),
            "busiest": significant(concurrency.busiest),
            "busiest_seconds": concurrency.busiest_seconds,
            "limit": concurrency.limit,
            "recommended_adds": significant(concurrency.recommended),
        },
    }


_RECOMMENDED = (
    "guards", "success_share", "expected_success_share", "never_answers_share",
    "timeouts_per_day", "timeouts_avoided_per_day", "timeouts_avoided_range_per_day",
    "extra_caller_seconds_per_day", "concurrent_slots",
)  # fmt: skip


def _recommended(advice: Recommendation | None) -> dict[str, Any]:
    if advice is None:
        return {"recommended_timeout_seconds": None, **dict.fromkeys(_RECOMMENDED)}
    return {
        "recommended_timeout_seconds": {
            "raw": _seconds(advice.raw_ms),
            "capped": _seconds(advice.capped_ms),
            "low": _seconds(advice.low_ms),
            "high": _seconds(advice.high_ms),
        },
        "guards": list(advice.guards),
        "success_share": significant(advice.success_share),
        "expected_success_share": significant(advice.expected_success_share),
        "never_answers_share": significant(advice.never_share),
        "timeouts_per_day": significant(advice.timeouts_per_day),
        "timeouts_avoided_per_day": significant(advice.avoided_per_day),
        "timeouts_avoided_range_per_day": _range(
            (advice.avoided_low_per_day, advice.avoided_high_per_day)
        ),
        "extra_caller_seconds_per_day": significant(advice.extra_caller_seconds_per_day),
        "concurrent_slots": {
            "before": significant(advice.slots_before),
            "after": significant(advice.slots_after),
            "busiest_before": significant(advice.busiest_slots_before),
            "busiest_after": significant(advice.busiest_slots_after),
        },
    }


def _range(bounds: tuple[float, float] | None) -> dict[str, float] | None:
    if bounds is None:
        return None
    return {"low": significant(bounds[0]), "high": significant(bounds[1])}


def _drift(diagnosis: Diagnosis) -> dict[str, Any] | None:
    drift = diagnosis.drift
    if drift is None:
        return None
    return {
        "drifting": drift.drifting,
        "ratio": significant(drift.ratio),
        "median_before_seconds": _seconds(drift.median_before_ms),
        "median_recent_seconds": _seconds(drift.median_recent_ms),
    }


def _evidence(diagnosis: Diagnosis, time_range: TimeRange) -> dict[str, Any]:
    return {
        "from": iso_time(time_range.start),
        "to": iso_time(time_range.end),
        "rule": diagnosis.rule,
        "families": list(diagnosis.families),
        "executions": int(diagnosis.executions),
        "successes": int(diagnosis.successes),
        "timeouts": int(diagnosis.timeouts),
        "errors": int(diagnosis.errors),
        "throttled": int(diagnosis.throttled),
        "timeout_seconds": _seconds(diagnosis.timeout_ms),
        "timeout_share": significant(diagnosis.timeout_share),
        "bunched_share": significant(diagnosis.outage_share),
        "bunches": [
            {"from": iso_time(begin), "to": iso_time(end)} for begin, end in diagnosis.outages
        ],
        "early_share": significant(diagnosis.early_share),
        "early_at_seconds": _seconds(diagnosis.early_at_ms),
    }


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else significant(milliseconds / 1000)
