"""Makes one change: intent, write, proof; and finds out what became of those that were cut short.

===========  ===================================  =============================================
it is        when                                 a program that ends here leaves it to the next,
                                                  which
===========  ===================================  =============================================
planned      the intent is recorded               abandons it: nothing was sent
writing      recorded just before it is sent      reads the platform: ours, old, or somebody's
applied      the platform has accepted it         reads it back
watching     it was read back                     measures its effect
undoing      recorded just before it is undone    reads the platform: old, ours, or somebody's
===========  ===================================  =============================================

Nothing is ever sent twice by us, and a proxy may do so: what can't be told from the answer is read,
a refusal too, and what the reading can't tell waits for the next turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

import structlog

from monitor.errors import (
    AmbiguousWriteError,
    BusyError,
    ConflictError,
    GenesysError,
    RateLimitedError,
    ReadBackError,
    RefusedError,
    TimeoutMonitorError,
)
from monitor.ledger import (
    ASKED_FOR,
    NEXT,
    Change,
    ChangeState,
    Journal,
    Lease,
    RemediationState,
    stand_down_note,
    who_overrode,
)
from monitor.remediation.actor import ActorContext
from monitor.remediation.audit_entries import about_decision
from monitor.remediation.change_recorder import (
    CHANGED_BY_OTHERS,
    NOT_HELPFUL,
    ROLLED_BACK,
    WRITE_SECONDS,
    ChangeRecorder,
)
from monitor.remediation.damage_repair import DamageRepair
from monitor.remediation.decision import Decision, DecisionKind
from monitor.remediation.intent import intent_of, obstacle_to
from monitor.remediation.put_back import (
    HIDDEN,
    NOBODY_COMPARED,
    damage_of,
    evidence_before,
    found_damage,
    is_being_put_back,
    keeping_damage,
)
from monitor.remediation.recovery import is_explained, later_one_in_force, resolve_state
from monitor.remediation.targets import (
    NOT_SHOWN,
    Target,
    TargetState,
    is_same_lock,
    shows_the_write,
    validate_write,
    was_answered,
)

log = structlog.get_logger()

LEASE_SECONDS = 180.0
UNFIT_SECONDS = 3_600.0
"""How long an action is left alone that can't be sent back whole; a person may mend that."""

NOT_UNDONE = "not undone"
"""How the note of a change begins that can't be undone."""

NOT_IN_FORCE = "not_in_force"
"""Reason code: there is nothing of the change to undo."""

LATER_CHANGE = "later_change"
"""Reason code: a later change of the same timeout has to be undone first."""


DecideAgain = Callable[[RemediationState, float], Decision]
"""The same decision once more, from what stands now; epoch seconds."""

MayUndo = Callable[[RemediationState], str]
"""The reason code of what forbids to undo a change, empty where nothing does."""


class Targets(Protocol):
    """Where the timeouts of an org are kept."""

    def find(self, kind: str, container_id: str) -> Target:
        """The target of this kind.

        Raises:
            TimeoutMonitorError: It can't be reached.
        """
        ...


def is_resting(change: Change, now: float) -> bool:
    """Return whether undoing a change was refused so recently that it is not tried again yet."""
    since = now - change.touched_at
    return change.note.startswith(NOT_UNDONE) and 0 <= since < UNFIT_SECONDS


def tell_that_it_waits(change: Change, error: TimeoutMonitorError) -> None:
    """Log that the platform can't be asked about a change; the next turn asks again."""
    log.warning(
        "change_waits",
        org=change.org,
        change_id=change.change_id,
        state=str(change.state),
        why=error.message,
        hint=error.hint,
    )


class Executor:
    """Changes the timeouts of one org, one at a time, under one lease."""

    def __init__(self, org: str, journal: Journal, targets: Targets, context: ActorContext) -> None:
        """Change nothing yet."""
        self._org = org
        self._journal = journal
        self._targets = targets
        self._context = context
        self._recorder = ChangeRecorder(journal, context)
        self._repair = DamageRepair(journal, self._recorder, context.actor)

    @contextmanager
    def lease(self) -> Iterator[Lease]:
        """The right to change timeouts of the org.

        Raises:
            BusyError: Another program has it.
        """
        lease = self._journal.take_lease(
            self._org, self._context.holder, self._context.machine.now(), LEASE_SECONDS
        )
        if lease is None:
            raise BusyError(
                f"Another program is changing timeouts of {self._org} at this moment",
                "Wait until it has finished, which takes less than three minutes.",
            )
        try:
            yield lease
        finally:
            self._journal.give_back(lease)

    def recover(self, lease: Lease, change: Change) -> Change:
        """Find out what became of a change that was cut short; it is read, never sent again.

        Raises:
            BusyError: Another program has taken over.
            GenesysError: The platform can't be asked; the change stays as it is.
        """
        if change.state is ChangeState.PLANNED:
            return self._recorder.move(
                lease, change, ChangeState.ABANDONED, "its program ended before it was sent"
            )
        if change.state not in _CUT_SHORT:
            return change
        target = self._target(change)
        try:
            reading = target.read(change.action_id)
        except RefusedError as error:
            if error.guard != NOT_SHOWN or change.state is ChangeState.ABANDONED:
                raise
            return self._hidden(lease, change)
        evidence = self._journal.evidence_of_sending(change)
        found = found_damage(target, change, reading, evidence)
        if found and not is_being_put_back(change):
            return self._repair.stop(lease, change, reading, NOBODY_COMPARED)
        if found is not None and is_being_put_back(change):
            # It was being put back when its program ended: what is there tells how far that came.
            done = (
                "not all of it was put back" if found else "it was put back as it was read before"
            )
            return self._recorder.move(
                lease, change, ChangeState.ROLLED_BACK, done, lock_after=reading.lock
            )
        return self._settle(lease, change, reading)

    def make(self, lease: Lease, decision: Decision, decide_again: DecideAgain) -> Change | str:
        """Make the change that was decided.

        Args:
            lease: The right to.
            decision: What was decided.
            decide_again: Decides once more, inside the transactions that record the intent and
                that the write is sent.

        Returns:
            The change as far as it has come, else the reason code of the guard that spoke.

        Raises:
            BusyError: Another program has taken over.
            LedgerError: The state can't be written; nothing was sent, or it is found again.
        """
        at = self._recorder.now()
        intent = intent_of(decision, self._context.actor, at)

        def still(remediation_state: RemediationState) -> str:
            again = decide_again(remediation_state, self._recorder.now())
            same = (again.from_ms, again.to_ms) == (intent.from_ms, intent.to_ms)
            if again.kind is not DecisionKind.RAISE:
                return again.reason
            return "" if same else "in_force"

        entry = about_decision(decision, "", self._context.actor, at)
        change = self._journal.begin(
            lease, intent, entry, still, self._recorder.machine(WRITE_SECONDS)
        )
        if isinstance(change, str):
            return change
        self._recorder.tell(change)
        return self._raise(lease, change, still)

    def undo(
        self, lease: Lease, change: Change, why: str, may_undo: MayUndo, *, asked: bool = False
    ) -> Change | str:
        """Set the value before again, where the value in force is still ours.

        Args:
            lease: The right to change timeouts.
            change: The change.
            why: Why it is undone, in words.
            may_undo: Whether it may be.
            asked: Whether somebody has asked for it; else it did not help.

        Returns:
            The change as far as it has come, else the reason code of what forbids it.

        Raises:
            BusyError: Another program has taken over.
            GenesysError: The platform can't be asked; nothing was sent.
            LedgerError: The state can't be written.
        """
        if ChangeState.UNDOING not in NEXT[change.state]:
            return NOT_IN_FORCE
        remediation_state = self._journal.remediation_state(self._org, self._recorder.now())
        if later_one_in_force(change, remediation_state) is not None:
            return LATER_CHANGE
        target = self._target(change)
        reading = target.read(change.action_id)
        if reading.timeout_ms != change.to_ms:
            if is_explained(change, reading.timeout_ms, remediation_state, self._recorder.now()):
                return LATER_CHANGE
            return self.supersede(lease, change, reading)
        validate_write(reading, change.from_ms)
        entry = replace(
            self._recorder.entry(change, keeping_damage(change, why)),
            lock_before=reading.lock,
            reason=ASKED_FOR if asked else "",
            evidence=evidence_before(target, reading, reading),
        )
        sending = self._journal.send(
            lease,
            change,
            ChangeState.UNDOING,
            entry,
            allows=may_undo,
            machine_now=self._recorder.machine(WRITE_SECONDS),
        )
        if isinstance(sending, str):
            return sending
        self._recorder.tell(sending)
        return self._send_back(lease, sending, target, reading)

    def not_undone(self, lease: Lease, change: Change, error: TimeoutMonitorError) -> Change:
        """Record why a change can't be undone; it is tried again after a while."""
        words = f"{NOT_UNDONE}: {error.message}"
        return self._recorder.move(lease, change, ChangeState.UNHELPFUL, words)

    def supersede(self, lease: Lease, change: Change, reading: TargetState) -> Change:
        """Stand down: the value in force is somebody else's; the note names them where it can."""
        now = self._recorder.now()
        edits = self._journal.remediation_state(self._org, now).edits
        by = who_overrode(change, edits, reading.timeout_ms, now)
        return self._recorder.move(
            lease,
            change,
            ChangeState.SUPERSEDED,
            stand_down_note(reading.timeout_ms, by),
            quarantine=self._recorder.quarantine(change, CHANGED_BY_OTHERS),
        )

    def look(self, change: Change) -> TargetState:
        """The action of a change as it is now.

        Raises:
            GenesysError: The platform can't be asked.
        """
        return self._target(change).read(change.action_id)

    def judged(self, lease: Lease, change: Change, detail: str, *, helped: bool) -> Change:
        """Record what a change has done."""
        if helped:
            return self._recorder.move(lease, change, ChangeState.VERIFIED, detail)
        return self._recorder.move(
            lease,
            change,
            ChangeState.UNHELPFUL,
            detail,
            quarantine=self._recorder.quarantine(change, NOT_HELPFUL),
        )

    def _raise(self, lease: Lease, change: Change, still: MayUndo) -> Change:
        try:
            target = self._target(change)
            before = target.read(change.action_id)
        except RefusedError as error:
            return self._unfit(lease, change, error)
        except TimeoutMonitorError as error:
            return self._recorder.move(
                lease, change, ChangeState.ABANDONED, f"not read: {error.message}"
            )
        if before.unfit is not None:
            return self._unfit(lease, change, before.unfit)
        obstacle = obstacle_to(change, before)
        if obstacle:
            return self._recorder.move(lease, change, ChangeState.ABANDONED, obstacle)

        def without_itself(remediation_state: RemediationState) -> str:
            others = tuple(o for o in remediation_state.changes if o.change_id != change.change_id)
            return still(replace(remediation_state, changes=others))

        entry = replace(
            self._recorder.entry(change, "about to be sent"),
            lock_before=before.lock,
            evidence=evidence_before(target, before, before),
        )
        sending = self._journal.send(
            lease,
            change,
            ChangeState.WRITING,
            entry,
            allows=without_itself,
            machine_now=self._recorder.machine(WRITE_SECONDS),
        )
        if isinstance(sending, str):
            return self._recorder.move(
                lease, change, ChangeState.ABANDONED, f"called off: {sending}"
            )
        self._recorder.tell(sending)
        return self._send(lease, sending, target, before)

    def _unfit(self, lease: Lease, change: Change, error: RefusedError) -> Change:
        """Give up what can't be sent back whole; it is not tried again at every poll."""
        quarantine = self._recorder.quarantine(change, error.guard, UNFIT_SECONDS)
        words = f"not sent: {error.message}"
        return self._recorder.move(
            lease, change, ChangeState.ABANDONED, words, quarantine=quarantine
        )

    def _send(self, lease: Lease, change: Change, target: Target, before: TargetState) -> Change:
        try:
            written = target.write(
                before, change.to_ms, pre_send_check=self._recorder.pre_send_check(lease)
            )
        except AmbiguousWriteError as error:
            log.warning("write_unanswered", change_id=change.change_id, why=error.message)
            return self._look_back(lease, change, target, before, lock_after=None)
        except TimeoutMonitorError as error:
            made = self._made_though_refused(lease, change, target, before, error)
            return made or self._refused(lease, change, error)
        change = self._recorder.move(
            lease, change, ChangeState.APPLIED, "accepted", lock_after=written.lock
        )
        return self._look_back(lease, change, target, before, lock_after=written.lock)

    def _send_back(
        self, lease: Lease, change: Change, target: Target, before: TargetState
    ) -> Change:
        try:
            written = target.write(
                before, change.from_ms, pre_send_check=self._recorder.pre_send_check(lease)
            )
        except AmbiguousWriteError as error:
            log.warning("write_unanswered", change_id=change.change_id, why=error.message)
            return self._look_back(lease, change, target, before, lock_after=None)
        except TimeoutMonitorError as error:
            made = self._made_though_refused(lease, change, target, before, error)
            return made or self._refused(lease, change, error)
        return self._look_back(lease, change, target, before, lock_after=written.lock)

    def _made_though_refused(
        self,
        lease: Lease,
        change: Change,
        target: Target,
        before: TargetState,
        error: TimeoutMonitorError,
    ) -> Change | None:
        """Go on with a write that was carried out though it was refused: a proxy sent it twice.

        Returns:
            The change as far as it has come: as it is, where nothing can be read at the moment, for
            the next turn reads it. None where the refusal stands.
        """
        if not was_answered(error):
            return None
        try:
            after = target.read(change.action_id)
        except GenesysError as unread:
            log.warning("write_refused", change_id=change.change_id, why=error.message)
            tell_that_it_waits(change, unread)
            return change
        except TimeoutMonitorError:
            return None
        is_undone = change.state is ChangeState.UNDOING
        sent_ms = change.from_ms if is_undone else change.to_ms
        if not shows_the_write(target, before, after, sent_ms):
            return None
        log.warning("write_made_though_refused", change_id=change.change_id, why=error.message)
        return self._settle(lease, change, after)

    def _refused(self, lease: Lease, change: Change, error: TimeoutMonitorError) -> Change:
        """Record that a write was refused, or was not sent."""
        if change.state is ChangeState.UNDOING:
            if isinstance(error, BusyError | ConflictError | RateLimitedError):
                words = f"undoing put off: {error.message}"
                return self._recorder.move(lease, change, ChangeState.UNHELPFUL, words)
            return self.not_undone(lease, change, error)
        words = error.message
        state = ChangeState.FAILED
        if isinstance(error, ConflictError):
            state = ChangeState.CONFLICT
        elif isinstance(error, BusyError | RateLimitedError):
            state, words = ChangeState.ABANDONED, f"put off: {error.message}"
        return self._recorder.move(lease, change, state, words)

    def _look_back(
        self,
        lease: Lease,
        change: Change,
        target: Target,
        before: TargetState,
        *,
        lock_after: str | None,
    ) -> Change:
        """Read back what was written and compare; what can't be read now, the next turn reads.

        Args:
            lease: The right to change timeouts.
            change: The change that was sent.
            target: Where the timeout is kept.
            before: What nothing but the timeout may differ from.
            lock_after: The lock that the platform named in its answer; may be empty. None where
                the answer was lost.
        """
        try:
            after = target.read(change.action_id)
            if _is_older(target, before, after, lock_after):
                # A cache may show for a while what was there before: that is nobody's work, and
                # tells of no damage either.
                raise _too_old(change)
        except TimeoutMonitorError as error:
            if isinstance(error, RefusedError) and error.guard == NOT_SHOWN:
                return self._hidden(lease, change)
            tell_that_it_waits(change, error)
            return change
        is_undone = change.state is ChangeState.UNDOING
        wanted_ms = change.from_ms if is_undone else change.to_ms
        damage = damage_of(target, before, after, wanted_ms, lock_after)
        if damage is None:
            return self._settle(lease, change, after, lock_after=lock_after or "")
        change = self._repair.stop(
            lease, change, after, damage.note, is_being_put_back=damage.is_ours
        )
        if not damage.is_ours:
            return change
        return self._repair.put_back(lease, change, target, damage, before, after)

    def _hidden(self, lease: Lease, change: Change) -> Change:
        """Stop everything: what was shown before a write is not shown after it."""
        if is_being_put_back(change):
            note = "the platform shows no configuration any more"
            return self._recorder.move(lease, change, ChangeState.UNHELPFUL, note)
        return self._repair.stop(lease, change, None, HIDDEN)

    def _settle(
        self, lease: Lease, change: Change, reading: TargetState, *, lock_after: str = ""
    ) -> Change:
        """Go on as the platform's value says, as far as it says anything."""
        while True:
            state, note = resolve_state(change, reading.timeout_ms, self._recorder.now())
            if state is change.state:
                return change
            if state is ChangeState.SUPERSEDED:
                return self.supersede(lease, change, reading)
            lock = lock_after or reading.lock
            quarantine = (
                self._recorder.quarantine(change, ROLLED_BACK)
                if state is ChangeState.ROLLED_BACK
                else None
            )
            change = self._recorder.move(
                lease, change, state, note, lock_after=lock, quarantine=quarantine
            )
            if state is not ChangeState.APPLIED:
                return change

    def _target(self, change: Change) -> Target:
        return self._targets.find(change.target, change.container_id)


def _is_older(
    target: Target, before: TargetState, after: TargetState, lock_after: str | None
) -> bool:
    """Whether what was read after a write that was accepted is what was there before it."""
    if not (lock_after and before.lock) or is_same_lock(lock_after, before.lock):
        return False
    return is_same_lock(before.lock, after.lock) and target.is_unchanged(before, after)


def _too_old(change: Change) -> ReadBackError:
    return ReadBackError(
        f"The platform took the change of {change.action_name}, and still shows what was there "
        "before it",
        "It is read again at the next turn.",
    )


_CUT_SHORT = frozenset(
    {ChangeState.WRITING, ChangeState.APPLIED, ChangeState.UNDOING, ChangeState.ABANDONED}
)
