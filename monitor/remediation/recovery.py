"""What became of a change whose program ended, or whose write got no answer: pure.

The intent was recorded before anything was sent, so that the platform's value tells the rest. A
value that equals the one that was to be written counts as written by us.
"""

from __future__ import annotations

from monitor.ledger import Change, ChangeState

ARRIVAL_SECONDS = 120.0
"""A write without an answer may still arrive while the platform works on it; only after so long is
it given up. Our own limit for an answer is 30 s."""

LATE_SECONDS = 900.0
"""A write that was given up and whose value shows within so long has arrived late; after that the
value is somebody else's."""


def what_became(change: Change, value_ms: int, now: float) -> tuple[ChangeState, str]:
    """The state that follows from the platform's value; the same state where nobody knows yet.

    Args:
        change: A change that is ``WRITING``, ``APPLIED`` or ``UNDOING``, or was ``ABANDONED``.
        value_ms: The timeout that the platform shows, read after everything that was sent.
        now: Epoch seconds.

    Returns:
        The state, and why in words.
    """
    unknown = (change.state, "nobody knows yet")
    if change.state is ChangeState.ABANDONED:
        arrived = value_ms == change.to_ms and is_late(change, now)
        return (ChangeState.APPLIED, "it arrived late") if arrived else unknown
    if change.state not in _BY_VALUE:
        return unknown
    by_value = dict(zip((change.to_ms, change.from_ms), _BY_VALUE[change.state], strict=True))
    if (change.state, value_ms) == (ChangeState.APPLIED, change.to_ms) and not change.measured:
        return ChangeState.KEPT, "read back"
    if value_ms not in by_value:
        return ChangeState.SUPERSEDED, f"somebody has set {value_ms / 1000:g} s"
    state, note = by_value[value_ms]
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


def is_late(change: Change, now: float) -> bool:
    """Whether a change that was given up may still arrive."""
    return (
        change.state is ChangeState.ABANDONED
        and change.sent_at is not None
        and abs(now - change.sent_at) < LATE_SECONDS
    )
