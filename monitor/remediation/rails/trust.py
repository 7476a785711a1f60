"""Rails about what happened before: people come first, and mistakes are remembered."""

from __future__ import annotations

from monitor.remediation.case import Case, Guard


def changed_since(case: Case) -> Guard:
    """Whoever changed the value after us had a reason that the data don't show."""
    latest = case.latest
    left_ms = None if latest is None else latest.left_ms
    if latest is None or left_ms is None or case.from_ms is None:
        return Guard("changed_since", passed=True, detail="no change of ours is in force")
    return Guard(
        "changed_since",
        left_ms == case.from_ms,
        f"change {latest.change_id} left {left_ms / 1000:g} s"
        + (
            ", which is still in force"
            if left_ms == case.from_ms
            else f", and somebody has set {case.from_ms / 1000:g} s since"
        ),
    )


def quarantine(case: Case) -> Guard:
    """An action whose last change did not help, or was changed by others, is left alone."""
    found = case.quarantine
    if found is None or case.now >= found.until:
        return Guard("quarantine", passed=True, detail="not in quarantine")
    days = (found.until - case.now) / 86_400
    why = found.reason.replace("_", " ")
    return Guard(
        "quarantine",
        passed=False,
        detail=f"in quarantine for {days:.1f} more days: {why} (change {found.change_id})",
    )
