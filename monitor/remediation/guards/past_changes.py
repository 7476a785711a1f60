"""Guards about what happened before: people come first, and mistakes are remembered."""

from __future__ import annotations

from monitor.formats import exact_seconds
from monitor.journal import ChangeState, stand_down_note, who_overrode
from monitor.remediation.decision import GuardInput, GuardResult


def changed_since(case: GuardInput) -> GuardResult:
    """Whoever changed the value after us had a reason that the data don't show."""
    latest = case.latest
    left_ms = None if latest is None else latest.left_ms
    if latest is None or left_ms is None or case.from_ms is None:
        return GuardResult("changed_since", passed=True, detail="no change of ours is in force")
    left = f"change {latest.change_id} left {exact_seconds(left_ms)}"
    if left_ms == case.from_ms:
        return GuardResult("changed_since", passed=True, detail=f"{left}, which is still in force")
    by = who_overrode(latest, case.remediation_state.edits, case.from_ms, case.now)
    note = stand_down_note(case.from_ms, by)
    return GuardResult("changed_since", passed=False, detail=f"{left}, and since then {note}")


_WHY = {
    "whole_answer": "nothing shows that it came whole",
    "whole_templates": "one of its templates is not there",
    "whole_configuration": "it was not shown whole",
    "unambiguous_document": "which bytes are its timeout is not certain",
}
"""Reasons that say little by themselves; others do."""


def quarantine(case: GuardInput) -> GuardResult:
    """An action whose last change went wrong, or was changed by others, is left alone."""
    found = case.quarantine
    if found is None or case.now >= found.until:
        return GuardResult("quarantine", passed=True, detail="not in quarantine")
    days = (found.until - case.now) / 86_400
    time_left = f"{days:.1f} more days" if days >= 1 else f"{days * 24:.1f} more hours"
    why = _WHY.get(found.reason, found.reason.replace("_", " "))
    detail = f"in quarantine for {time_left}: {why} (change {found.change_id})"
    led_to_it = case.latest
    if led_to_it is not None and led_to_it.state is ChangeState.SUPERSEDED:
        # It names whoever has changed the timeout, where that is known.
        detail += f": {led_to_it.note}"
    return GuardResult("quarantine", passed=False, detail=detail)
