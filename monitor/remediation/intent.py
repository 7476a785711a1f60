"""What a decision wants to be done, and what stands in its way when it is read afresh: pure."""

from __future__ import annotations

from monitor.formats import exact_seconds
from monitor.ledger import Change, Intent
from monitor.model import CAP_MS
from monitor.remediation.decision import Decision, DecisionKind
from monitor.remediation.targets import TargetState


def intent_of(decision: Decision, actor: str, at: float) -> Intent:
    """What a decision wants.

    Raises:
        ValueError: It wants nothing, or what no decision may want: a mistake of the program.
    """
    one, from_ms, to_ms = decision.candidate, decision.from_ms, decision.to_ms
    if decision.kind is DecisionKind.KEEP or from_ms is None or to_ms is None:
        reason = "only a decision to raise can be carried out"
        raise ValueError(reason)
    if not from_ms < to_ms <= CAP_MS:
        reason = f"{from_ms} ms to {to_ms} ms is no raise within the cap"
        raise ValueError(reason)
    return Intent(
        org=one.org,
        action_id=one.action_id,
        action_name=one.action_name,
        target=one.target,
        container_id=one.container_id,
        from_ms=from_ms,
        to_ms=to_ms,
        actor=actor,
        at=at,
    )


def obstacle_to(change: Change, before: TargetState) -> str:
    """Why a change can't be sent, from what the platform shows; empty where it can."""
    if before.timeout_ms != change.from_ms:
        return f"{exact_seconds(before.timeout_ms)} is in force by now: somebody has changed it"
    if str(before.editable) != "yes":
        return f"it can't be changed: {before.by_hand}"
    if not before.lock:
        return "the platform gave no version, so that somebody else's change could be lost"
    return ""
