"""Lines of the audit trail: who did what to which action, on what grounds; pure."""

from __future__ import annotations

from monitor.journal import AuditEntry, Change
from monitor.remediation.decision import Decision


def about_change(change: Change, actor: str, at: float, detail: str) -> AuditEntry:
    """A line about a change; its event is the state that the change comes to."""
    return AuditEntry(
        at=at,
        org=change.org,
        event="",
        actor=actor,
        action_id=change.action_id,
        action_name=change.action_name,
        change_id=change.change_id,
        from_ms=change.from_ms,
        to_ms=change.to_ms,
        detail=detail,
        lock_before=change.lock_before,
        lock_after=change.lock_after,
    )


def about_decision(decision: Decision, event: str, actor: str, at: float) -> AuditEntry:
    """A line about a decision, with the verdict, its evidence and every guard's answer."""
    one = decision.candidate
    return AuditEntry(
        at=at,
        org=one.org,
        event=event,
        actor=actor,
        action_id=one.action_id,
        action_name=one.action_name,
        from_ms=decision.from_ms,
        to_ms=decision.to_ms,
        reason="" if decision.reason == "ok" else decision.reason,
        detail=decision.detail,
        evidence=evidence_of(decision),
    )


def evidence_of(decision: Decision) -> dict[str, object]:
    """What a decision rests on, as plain values."""
    diagnosis = decision.candidate.diagnosis
    found: dict[str, object] = {
        "verdict": str(diagnosis.verdict),
        "why": diagnosis.why,
        "executions": diagnosis.executions,
        "timeouts": diagnosis.timeouts,
        "timeout_share": diagnosis.timeout_share,
    }
    recommendation = diagnosis.recommendation
    if recommendation is not None:
        found |= {
            "raw_ms": recommendation.raw_ms,
            "capped_ms": recommendation.capped_ms,
            "expected_success_share": recommendation.expected_success_share,
            "avoided_per_day": recommendation.avoided_per_day,
            "avoided_low_per_day": recommendation.avoided_low_per_day,
            "avoided_high_per_day": recommendation.avoided_high_per_day,
        }
    return found | {
        "guards": [
            {"name": guard.name, "passed": guard.passed, "detail": guard.detail}
            for guard in decision.guards
        ]
    }
