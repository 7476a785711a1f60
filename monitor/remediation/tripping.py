"""When failures in a row stop everything: pure."""

from __future__ import annotations

from monitor.ledger import ChangeState, Standing
from monitor.remediation.put_back import is_damaged

_BAD = frozenset({ChangeState.FAILED, ChangeState.UNHELPFUL, ChangeState.ROLLED_BACK})


def damage_since_resumed(standing: Standing) -> str:
    """Return what a change has changed beside the timeout since somebody last resumed, in words.

    Args:
        standing: What was changed.

    Returns:
        Empty where nothing was, or everything has stopped already.
    """
    if standing.tripped is not None:
        return ""
    return next(
        (
            f"change {change.change_id}: {change.note}"
            for change in standing.changes
            if is_damaged(change) and change.touched_at > standing.resumed_at
        ),
        "",
    )


def why_trip(standing: Standing, trip_after: int) -> str:
    """Why all changes of an org must stop, in words; empty where they need not.

    What counts is how changes have ended since somebody last resumed, in the order in which they
    did, whenever they began: one that helped ends the row; one that met somebody else's edit, or
    never reached the platform, says nothing.

    Args:
        standing: What was changed.
        trip_after: So many failures in a row are too many.
    """
    if standing.tripped is not None:
        return ""
    damage = damage_since_resumed(standing)
    if damage:
        return damage
    failures = 0
    by_end = sorted(standing.changes, key=lambda one: (one.touched_at, one.change_id), reverse=True)
    for change in by_end:
        if change.touched_at <= standing.resumed_at:
            break
        if change.state is ChangeState.VERIFIED:
            break
        failures += change.state in _BAD
    return f"{failures} changes in a row failed or did not help" if failures >= trip_after else ""
