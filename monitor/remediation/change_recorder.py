"""Records how far a change has come: its state, its line in the audit trail, its quarantine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf

import structlog

from monitor.errors import RefusedError
from monitor.journal import (
    NOTHING_SHOWN,
    AuditEntry,
    Change,
    ChangeState,
    DamageFound,
    Journal,
    Lease,
    Quarantine,
    RemediationState,
)
from monitor.remediation.actor import ActorContext
from monitor.remediation.audit_entries import about_change
from monitor.remediation.effect import Judgement
from monitor.remediation.put_back import keeping_damage
from monitor.remediation.trials import UNSHOWN_REST_SECONDS
from monitor.remediation.write_request import Guards

log = structlog.get_logger()

WRITE_SECONDS = 90.0
"""The longest that a write and what is recorded after it take: a lease with less time left sends
nothing. A request takes 45 s at most, waiting for an answer included."""

ANSWER_SECONDS = 45.0
"""The longest that one request takes: a lease with less time left does not let it go out."""

NOT_HELPFUL = "not_helpful"
ROLLED_BACK = "rolled_back"
CHANGED_BY_OTHERS = "changed_by_others"

BY_HAND = "set by hand"
"""How the note of a change begins that a person has set to a value of their own."""


ENDED = "ended"
"""Reason code: the settings that it was decided by are read anew, or the program ends."""


_OVER = "its settings were read anew, or its program ends"


def why_left_alone(change: Change, usual: str) -> str:
    """Return why an action is left alone after a change: a trial may have shown nothing.

    Args:
        change: The change, as it was judged.
        usual: The reason where it has shown something, or was no trial.
    """
    is_unshown = bool(change.trial_seconds) and change.effect == NOTHING_SHOWN
    return NOTHING_SHOWN if is_unshown else usual


class CalledOffError(RefusedError):
    """A guard has objected while a write waited; nothing was sent."""


class ChangeRecorder:
    """Records the changes of one actor, each step under a lease."""

    def __init__(self, journal: Journal, context: ActorContext) -> None:
        """Record nothing yet.

        Args:
            journal: Where it is recorded.
            context: Who changes timeouts, and by which clocks.
        """
        self._journal = journal
        self._context = context

    def move(  # noqa: PLR0913 - what is recorded with a state
        self,
        lease: Lease,
        change: Change,
        to: ChangeState,
        detail: str,
        *,
        lock_after: str = "",
        effect: Judgement | None = None,
        quarantine: Quarantine | None = None,
        reason: str = "",
        damage: DamageFound | None = None,
    ) -> Change:
        """Record how far a change has come; what it has damaged stays told in its note.

        Raises:
            BusyError: Another program has taken over.
            LedgerError: The state can't be written.
        """
        entry = replace(
            self.entry(change, keeping_damage(change, detail)),
            lock_after=lock_after or change.lock_after,
            reason=reason,
        )
        measured = None if effect is None else (effect.effect.value, effect.detail)
        moved = self._journal.move(
            lease, change, to, entry, effect=measured, quarantine=quarantine, damage=damage
        )
        self.tell(moved)
        return moved

    def tell(self, change: Change) -> None:
        """Log how far a change has come."""
        log.info(
            "change",
            org=change.org,
            change_id=change.change_id,
            action_id=change.action_id,
            action_name=change.action_name,
            state=str(change.state),
            from_seconds=change.from_ms / 1000,
            to_seconds=change.to_ms / 1000,
            actor=self._context.actor,
            why=change.note,
        )

    def entry(self, change: Change, detail: str) -> AuditEntry:
        """Return a line of the audit trail about a change."""
        if not change.measured and not detail.startswith(BY_HAND):
            detail = f"{BY_HAND}, {detail}"
        return about_change(change, self._context.actor, self.now(), detail)

    def quarantine(self, change: Change, reason: str, longest_seconds: float = inf) -> Quarantine:
        """Return why an action is left alone from now on, and until when."""
        if reason == NOTHING_SHOWN:
            longest_seconds = UNSHOWN_REST_SECONDS
        now = self.now()
        until = now + min(self._context.quarantine_seconds, longest_seconds)
        return Quarantine(change.action_id, reason, now, until, change.change_id)

    def rolled_back(
        self,
        lease: Lease,
        change: Change,
        note: str,
        lock: str,
        *,
        damage: DamageFound | None = None,
    ) -> Change:
        """Record that the value before is in force again, and leave the action alone."""
        quarantine = self.quarantine(change, why_left_alone(change, ROLLED_BACK))
        state = ChangeState.ROLLED_BACK
        return self.move(
            lease, change, state, note, lock_after=lock, quarantine=quarantine, damage=damage
        )

    def objection(self, guards: Guards, state: RemediationState) -> str:
        """Return the reason code of what forbids a write by now; empty where nothing does."""
        return ENDED if self._context.ended.is_set() else guards.objection(state, self.now())

    def pre_send_check(
        self, lease: Lease, change: Change, guards: Guards | None
    ) -> Callable[[], None]:
        """Return what is asked right before a request goes out: it may have waited for long.

        The program may have been stopped, somebody may have paused everything or have read the
        settings anew. What is left between it and the wire can't be closed by anybody; there the
        platform's own lock keeps others' edits safe, and the write is found where it arrives late.

        Args:
            lease: The right to change timeouts.
            change: What is sent, which is nothing that stands in its own way.
            guards: What must hold; None where it ends what is under way, and a pause is no reason
                to leave that half done.
        """

        def check() -> None:
            state = self._journal.last_look(lease, self.now(), self.machine(ANSWER_SECONDS))
            objection = ENDED if self._context.ended.is_set() else ""
            if guards is not None:
                objection = self.objection(guards, state.without(change))
            if objection:
                words = _OVER if objection == ENDED else f"{objection} forbids it by now"
                raise CalledOffError(words, guard=objection)

        return check

    def now(self) -> float:
        """Return the time of the data; epoch seconds."""
        return self._context.clock.now()

    def machine(self, margin_seconds: float) -> float:
        """Return the machine's time so many seconds from now; epoch seconds."""
        return self._context.machine.now() + margin_seconds
