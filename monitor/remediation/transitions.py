"""What became of a change whose program ended, or whose write got no answer: pure.

The intent was recorded before anything was sent, so that the platform's value tells the rest. A
value that equals the one that was to be written counts as written by us.
"""

from __future__ import annotations

from monitor.formats import exact_seconds
from monitor.journal import (
    HELPED,
    IN_FORCE_STATES,
    PUT_OFF,
    UNSETTLED_STATES,
    Change,
    ChangeState,
    RemediationState,
)

ARRIVAL_SECONDS = 120.0
"""A write without an answer may still arrive while the platform works on it; only after so long is
it given up. Our own limit for an answer is 30 s."""

LATE_SECONDS = 900.0
"""A write that was given up and whose value shows within so long, after it was sent or after it was
given up, has arrived late. The second is for clocks that jump: what was given up too early, because
a clock was set forward, is still looked for. After that the value is more likely that of a person
who has followed the same advice: it is recorded, and neither measured nor undone by itself."""


def resolve_state(change: Change, value_ms: int, now: float) -> tuple[ChangeState, str]:
    """The state that follows from the platform's value; the same state where nobody knows yet.

    Args:
        change: A change that is ``WRITING``, ``APPLIED`` or ``UNDOING``, or was ``ABANDONED``.
        value_ms: The timeout that the platform shows, read after everything that was sent.
        now: Epoch seconds.

    Returns:
        The state, and why in words.
    """
    unknown = (change.state, "nobody knows yet")
    if was_given_up(change) and value_ms == change.to_ms:
        return _LATE if is_late(change, now) else _VERY_LATE
    if change.state not in _BY_VALUE:
        return unknown
    by_value = dict(zip((change.to_ms, change.from_ms), _BY_VALUE[change.state], strict=True))
    if (change.state, value_ms) == (ChangeState.APPLIED, change.to_ms) and not change.measured:
        return ChangeState.KEPT, "read back"
    if value_ms not in by_value:
        return ChangeState.SUPERSEDED, f"somebody has set {exact_seconds(value_ms)}"
    state, note = by_value[value_ms]
    if state is ChangeState.ROLLED_BACK and change.note:
        note = f"{change.note}; {note}"
    if state is ChangeState.UNHELPFUL:
        note = with_asker(change, note)
    has_had_time = now - change.touched_at >= ARRIVAL_SECONDS
    # A clock that was set back makes this wait longer, never shorter.
    return unknown if state in _GIVEN_UP and not has_had_time else (state, note)


_BY_VALUE = {
    ChangeState.WRITING: (
        (ChangeState.APPLIED, "the platform shows it"),
        (ChangeState.ABANDONED, "it never arrived; it may be planned anew"),
    ),
    ChangeState.APPLIED: (
        (ChangeState.WATCHING, "read back"),
        (ChangeState.SUPERSEDED, "somebody has set the value before again"),
    ),
    ChangeState.UNDOING: (
        (ChangeState.UNHELPFUL, "the value before never arrived; it is sent anew"),
        (ChangeState.ROLLED_BACK, "the platform shows the value before"),
    ),
}
"""What follows where the platform shows the new value, and where it shows the old one."""

_GIVEN_UP = frozenset({ChangeState.ABANDONED, ChangeState.UNHELPFUL})
"""What is only said of a write that can't be under way any more."""


_LATE = (ChangeState.APPLIED, "it arrived late")
_VERY_LATE = (
    ChangeState.KEPT,
    "its value is in force: it arrived very late, or somebody has set the same",
)


def was_asked_for(change: Change) -> bool:
    """Whether a change that is being undone, or is to be, was not judged to be: somebody asked."""
    return change.effect in {"", HELPED}


def undone_because(change: Change) -> str:
    """Return why a change is undone: who has asked for it, else what it was measured to do."""
    return change.note.partition("; ")[0] if was_asked_for(change) else change.effect_note


def with_asker(change: Change, words: str) -> str:
    """Return what is told of an undo that did not come about, and of who has asked for it."""
    asker = undone_because(change) if was_asked_for(change) else ""
    return f"{asker}; {words}" if asker else words


def was_given_up(change: Change) -> bool:
    """Whether a change was sent, and given up because nothing was seen of it.

    One that was put off can't arrive: whatever shows its value is somebody else's.
    """
    is_given_up = change.state is ChangeState.ABANDONED and change.sent_at is not None
    return is_given_up and change.reason != PUT_OFF


def is_late(change: Change, now: float) -> bool:
    """Whether a change that was given up may still arrive."""
    if not was_given_up(change) or change.sent_at is None:
        return False
    return min(abs(now - change.sent_at), abs(now - change.touched_at)) < LATE_SECONDS


def later_ones(change: Change, remediation_state: RemediationState) -> list[Change]:
    """The changes of the same place that were begun after a change."""
    place = (change.target, change.container_id, change.action_id)
    return [
        one
        for one in remediation_state.changes
        if one.change_id > change.change_id
        and (one.target, one.container_id, one.action_id) == place
    ]


def was_overtaken(change: Change, remediation_state: RemediationState) -> bool:
    """Whether a later change of the same place was carried out: its lock keeps this one out."""
    return any(one.applied_at is not None for one in later_ones(change, remediation_state))


def later_one_in_force(change: Change, remediation_state: RemediationState) -> Change | None:
    """A later change of the same place whose value is, or may be, in force."""
    in_force = IN_FORCE_STATES | UNSETTLED_STATES
    return next(
        (one for one in later_ones(change, remediation_state) if one.state in in_force), None
    )


def is_explained(
    change: Change, value_ms: int, remediation_state: RemediationState, now: float
) -> bool:
    """Whether a value that is not a change's own may be that of a later one of ours.

    Args:
        change: The change whose value is not in force.
        value_ms: The timeout that the platform shows.
        remediation_state: What was changed.
        now: Epoch seconds.
    """
    if later_one_in_force(change, remediation_state) is not None:
        return True
    return any(
        one.to_ms == value_ms and is_late(one, now) for one in later_ones(change, remediation_state)
    )
