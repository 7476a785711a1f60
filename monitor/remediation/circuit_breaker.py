"""When failures in a row stop everything: pure."""

from __future__ import annotations

from monitor.formats import count_of
from monitor.journal import Change, ChangeState, RemediationState

_BAD = frozenset({ChangeState.FAILED, ChangeState.UNHELPFUL, ChangeState.ROLLED_BACK})


def trip_reason(remediation_state: RemediationState, trip_after: int) -> str:
    """Why all changes of an org must stop, in words; empty where they need not.

    What counts is how changes have ended since somebody last resumed, in the order in which they
    did, whenever they began: one that helped ends the row; one that met somebody else's edit, or
    never reached the platform, says nothing, and neither does a trial, which was to find out. A
    write that changed more than the timeout is not looked for here: what records it stops
    everything, once.

    Args:
        remediation_state: What was changed.
        trip_after: So many failures in a row are too many.
    """
    if remediation_state.tripped is not None:
        return ""
    failures = 0
    by_end = sorted(
        remediation_state.changes, key=lambda one: (one.touched_at, one.change_id), reverse=True
    )
    for change in by_end:
        if change.touched_at <= remediation_state.resumed_at:
            break
        if change.state is ChangeState.VERIFIED:
            break
        failures += change.state in _BAD and not _has_found_out(change)
    words = f"{count_of(failures, 'change')} in a row failed or did not help"
    return words if failures >= trip_after else ""


def _has_found_out(change: Change) -> bool:
    """Whether it is a trial that came to its end, whichever."""
    return bool(change.trial_seconds) and change.state is not ChangeState.FAILED
