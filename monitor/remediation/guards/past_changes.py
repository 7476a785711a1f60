"""Guards about what happened before: people come first, and mistakes are remembered."""

from __future__ import annotations

from itertools import takewhile

from monitor.formats import exact_seconds
from monitor.journal import NOT_SENT, PUT_OFF, Change, ChangeState, stand_down_note, who_overrode
from monitor.remediation.decision import GuardInput, GuardResult, Initiator


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


FIRST_WAIT_SECONDS = 300.0
"""How long an action waits whose change was refused at the last look; twice as long each further
time in a row."""

LONGEST_WAIT_SECONDS = 86_400.0
"""It is tried once a day at least: what stands in its way may be gone without a word."""


def back_off(case: GuardInput) -> GuardResult:
    """What can't be made is not tried at every poll, and keeps no other from its turn."""
    in_vain = _in_vain(case)
    left_seconds = _wait_seconds(in_vain, case.now)
    if left_seconds <= 0:
        return GuardResult("back_off", passed=True, detail="nothing was tried in vain just now")
    binds = case.initiator is Initiator.AUTO and case.settings.mode == "auto"
    detail = (
        f"change {in_vain[0].change_id} was not made: {in_vain[0].note}; the daemon tries again in "
        f"{left_seconds / 60:.0f} min"
    )
    return GuardResult("back_off", not binds, detail)


def _in_vain(case: GuardInput) -> list[Change]:
    """Return the newest changes of the action that came to nothing, the newest first."""
    own = (
        one
        for one in case.remediation_state.changes
        if one.action_id == case.candidate.action_id and not one.is_open
    )
    return list(takewhile(_came_to_nothing, own))


def _came_to_nothing(change: Change) -> bool:
    if change.state is ChangeState.ABANDONED:
        return change.reason in {NOT_SENT, PUT_OFF}
    # Failures don't wait: so many in a row stop everything.
    return change.state is ChangeState.CONFLICT


def _wait_seconds(in_vain: list[Change], now: float) -> float:
    """Return how long an action still waits; what was sent once may go at once."""
    if not in_vain or (len(in_vain) == 1 and in_vain[0].sent_at is not None):
        return 0.0
    # So many doublings are longer than the longest wait.
    times = min(len(in_vain) - 1, 20)
    wait_seconds = min(FIRST_WAIT_SECONDS * 2.0**times, LONGEST_WAIT_SECONDS)
    # A change in the future tells of a clock that was set back: it is as recent as can be.
    return min(in_vain[0].touched_at + wait_seconds - now, wait_seconds)


_WHY = {
    "nothing_shown": "a trial of it was over before it showed anything",
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
