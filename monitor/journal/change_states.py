"""How far a change has come, what may follow, and the codes that say why it stands there.

``NEXT`` says which state may follow which; ``docs/remediation.md`` draws it, and tells what each
state means to people.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class ChangeState(StrEnum):
    """How far a change has come."""

    PLANNED = "planned"
    """Decided and recorded; nothing was sent."""
    WRITING = "writing"
    """About to be sent, or sent; only the platform knows."""
    APPLIED = "applied"
    """The platform has carried it out; it was not read back yet."""
    WATCHING = "watching"
    """Read back; its effect is being measured."""
    VERIFIED = "verified"
    """It helped."""
    KEPT = "kept"
    """Read back; somebody set this value by hand, or may have, and its effect is not measured."""
    UNHELPFUL = "unhelpful"
    """It did not help, and is to be undone."""
    UNDOING = "undoing"
    """The value before is about to be sent, or was."""
    ROLLED_BACK = "rolled_back"
    """The value before is in force again."""
    FAILED = "failed"
    """The platform refused it; nothing was changed."""
    CONFLICT = "conflict"
    """Somebody else wrote first; nothing was changed."""
    SUPERSEDED = "superseded"
    """Somebody else has changed the value since; it is theirs."""
    ABANDONED = "abandoned"
    """It never reached the platform: its program ended, or it was called off."""


OPEN_STATES = frozenset(
    {
        ChangeState.PLANNED,
        ChangeState.WRITING,
        ChangeState.APPLIED,
        ChangeState.WATCHING,
        ChangeState.UNHELPFUL,
        ChangeState.UNDOING,
    }
)
"""States that still want something done."""

UNSETTLED_STATES = frozenset(
    {ChangeState.PLANNED, ChangeState.WRITING, ChangeState.APPLIED, ChangeState.UNDOING}
)
"""States in which only the platform's value tells how far a change has come."""

IN_FORCE_STATES = frozenset(
    {
        ChangeState.APPLIED,
        ChangeState.WATCHING,
        ChangeState.VERIFIED,
        ChangeState.KEPT,
        ChangeState.UNHELPFUL,
    }
)
"""States in which our value is believed to be in force."""

NEXT: Mapping[ChangeState, frozenset[ChangeState]] = {
    ChangeState.PLANNED: frozenset({ChangeState.WRITING, ChangeState.ABANDONED}),
    ChangeState.WRITING: frozenset(
        {
            ChangeState.APPLIED,
            ChangeState.FAILED,
            ChangeState.CONFLICT,
            ChangeState.SUPERSEDED,
            ChangeState.ABANDONED,
        }
    ),
    ChangeState.APPLIED: frozenset(
        {
            ChangeState.WATCHING,
            ChangeState.KEPT,
            ChangeState.UNHELPFUL,
            ChangeState.SUPERSEDED,
        }
    ),
    ChangeState.WATCHING: frozenset(
        {
            ChangeState.VERIFIED,
            ChangeState.UNHELPFUL,
            ChangeState.UNDOING,
            ChangeState.SUPERSEDED,
        }
    ),
    ChangeState.VERIFIED: frozenset({ChangeState.UNDOING, ChangeState.SUPERSEDED}),
    ChangeState.KEPT: frozenset({ChangeState.UNDOING, ChangeState.SUPERSEDED}),
    ChangeState.UNHELPFUL: frozenset(
        {
            ChangeState.UNDOING,
            ChangeState.SUPERSEDED,
            # It could not be undone or put back, and why is recorded.
            ChangeState.UNHELPFUL,
        }
    ),
    ChangeState.UNDOING: frozenset(
        {
            ChangeState.ROLLED_BACK,
            ChangeState.UNHELPFUL,
            ChangeState.SUPERSEDED,
            # Undoing it changed more than the timeout, and all of that is put back.
            ChangeState.UNDOING,
        }
    ),
    ChangeState.ROLLED_BACK: frozenset({ChangeState.SUPERSEDED}),
    ChangeState.FAILED: frozenset(),
    ChangeState.CONFLICT: frozenset(),
    ChangeState.SUPERSEDED: frozenset(),
    # A write that was still under way when it was looked for, and arrived after all; or so much
    # later that nobody can tell whether it did, or somebody has set the same.
    ChangeState.ABANDONED: frozenset({ChangeState.APPLIED, ChangeState.KEPT}),
}
"""What may follow; anything else is a mistake of the program, and refused."""

ASKED_FOR = "asked_for"
"""Reason code of an undoing that somebody has asked for."""

NOT_HELPED = "not_helped"
"""Reason code of an undoing that what was measured asks for."""

PUTTING_BACK = "putting_back"
"""Reason code of an undoing that puts back what a write has changed beside the timeout."""

PUT_OFF = "put_off"
"""Reason code of a change whose write was certainly not carried out."""

NOT_SENT = "not_sent"
"""Reason code of a change that the last look at the action stood in the way of."""

HELPED = "helped"
"""Effect code: fewer calls time out, so that only somebody who asks undoes it."""

NOTHING_SHOWN = "nothing_shown"
"""Effect and reason code: its time was over before it had shown whether it helps."""

NOT_UNDONE = "not_undone"
"""Reason code of a change that can't be undone; it is tried again after a while."""

GONE = "gone"
"""Reason code of a change whose action, or whose flow, was deleted: nothing of it is in force."""
