"""The one engine that writes a timeout: intent, write, proof; the daemon's, and by hand.

Every write is recorded before it is sent, upon the very revision of the record in which no guard
objects, and its end after it. ``send`` sends and proves it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from monitor.errors import BusyError, NotFoundError, RefusedError, TimeoutMonitorError
from monitor.formats import exact_seconds
from monitor.journal import (
    ASKED_FOR,
    NEXT,
    NOT_HELPED,
    NOT_SENT,
    AuditEntry,
    Change,
    ChangeState,
    Journal,
    Lease,
    RemediationState,
)
from monitor.remediation.actor import ActorContext
from monitor.remediation.change_recorder import WRITE_SECONDS, ChangeRecorder
from monitor.remediation.damage_repair import DamageRepair
from monitor.remediation.put_back import evidence_before, keeping_damage
from monitor.remediation.resolve import UNFIT_SECONDS, Resolver, Targets
from monitor.remediation.send import Sender, Sending
from monitor.remediation.targets import Target, TargetState, validate_write
from monitor.remediation.transitions import is_explained, later_one_in_force
from monitor.remediation.write_request import Guards, WriteRequest, WriteResult

LEASE_SECONDS = 240.0
"""Longer than a write takes with all the waiting for a rate limit, and reading it back."""

MOST_DECISIONS = 8
"""So often is decided anew where the record goes on in between; who is overtaken more often meets
programs that should not be there."""

NOT_IN_FORCE = "not_in_force"
"""Reason code: there is nothing of the change to undo."""

LATER_CHANGE = "later_change"
"""Reason code: a later change of the same timeout has to be undone first."""


class Writer:
    """Writes the timeouts of one org, one at a time, under one lease."""

    def __init__(self, org: str, journal: Journal, targets: Targets, context: ActorContext) -> None:
        """Change nothing yet."""
        self._org = org
        self._journal = journal
        self._context = context
        self._held: Lease | None = None
        self._recorder = ChangeRecorder(journal, context)
        repair = DamageRepair(journal, self._recorder, context.actor)
        self.resolver = Resolver(org, journal, targets, self._recorder, repair)
        self._sender = Sender(self._recorder, repair, self.resolver)

    @contextmanager
    def lease(self) -> Iterator[Lease]:
        """Hold the right to change timeouts of the org.

        Raises:
            BusyError: Another program has it.
        """
        lease = self.renew()
        try:
            yield lease
        finally:
            self._journal.give_back(self._held or lease)

    def renew(self) -> Lease:
        """Take the lease anew, as whoever waits in between has to.

        Raises:
            BusyError: Another program has it.
        """
        context = self._context
        now = context.machine.now()
        lease = self._journal.take_lease(self._org, context.holder, now, LEASE_SECONDS)
        if lease is None:
            raise BusyError(
                f"Another program is changing timeouts of {self._org} at this moment",
                "Wait until it has finished, which takes less than four minutes.",
            )
        self._held = lease
        return lease

    def write(self, lease: Lease, request: WriteRequest) -> WriteResult:
        """Write one timeout: record the intent, send it, read it back.

        Raises:
            BusyError: Another program has taken over.
            LedgerError: The state can't be written; nothing was sent, or it is found again.
        """
        begun = self._record(
            request.guards,
            None,
            lambda revision: self._journal.begin(
                lease,
                request.intent,
                request.entry,
                revision=revision,
                machine_now=self._recorder.machine(WRITE_SECONDS),
            ),
        )
        if isinstance(begun, str):
            return WriteResult(None, begun)
        self._recorder.tell(begun)
        found = self._before(lease, begun, request)
        if isinstance(found, WriteResult):
            return found
        target, before = found
        entry = replace(
            self._recorder.entry(begun, "about to be sent"),
            lock_before=before.lock,
            evidence=evidence_before(target, before, before),
        )
        sent = self._record_sending(lease, begun, ChangeState.WRITING, entry, request.guards)
        if isinstance(sent, str):
            called_off = self._abandoned(lease, begun, f"called off: {sent}")
            return replace(called_off, refused=sent)
        return self._sender.send(
            Sending(lease, sent, target, before, request.guards, request.wait_seconds)
        )

    def _before(
        self, lease: Lease, change: Change, request: WriteRequest
    ) -> tuple[Target, TargetState] | WriteResult:
        """Return what the write goes to and rests on, else how the change has ended before it."""
        try:
            target = self.resolver.target_of(change)
            before = request.reading or target.read(change.action_id)
        except RefusedError as error:
            return self._unfit(lease, change, error)
        except TimeoutMonitorError as error:
            return self._abandoned(lease, change, f"not read: {error.message}", NOT_SENT, error)
        if before.unfit is not None:
            return self._unfit(lease, change, before.unfit)
        obstacle = _obstacle_to(change, before)
        if obstacle:
            return self._abandoned(lease, change, obstacle, NOT_SENT)
        return target, before

    def undo(
        self, lease: Lease, change: Change, why: str, guards: Guards, *, asked: bool = False
    ) -> WriteResult:
        """Set the value before again, where the value in force is still ours.

        Args:
            lease: The right to change timeouts.
            change: The change.
            why: Why it is undone, in words.
            guards: What must hold when it is sent.
            asked: Whether somebody has asked for it; else it did not help.

        Raises:
            BusyError: Another program has taken over.
            GenesysError: The platform can't be asked; nothing was sent.
            LedgerError: The state can't be written.
        """
        if ChangeState.UNDOING not in NEXT[change.state]:
            return WriteResult(None, NOT_IN_FORCE)
        state = self.resolver.state()
        if later_one_in_force(change, state) is not None:
            return WriteResult(None, LATER_CHANGE)
        target = self.resolver.target_of(change)
        reading = self._still_ours(lease, change, target, state)
        if isinstance(reading, WriteResult):
            return reading
        validate_write(reading, change.from_ms)
        entry = replace(
            self._recorder.entry(change, keeping_damage(change, why)),
            lock_before=reading.lock,
            reason=ASKED_FOR if asked else NOT_HELPED,
            evidence=evidence_before(target, reading, reading),
        )
        sent = self._record_sending(lease, change, ChangeState.UNDOING, entry, guards)
        if isinstance(sent, str):
            return WriteResult(None, sent)
        return self._sender.send(Sending(lease, sent, target, reading, guards))

    def _still_ours(
        self, lease: Lease, change: Change, target: Target, state: RemediationState
    ) -> TargetState | WriteResult:
        """Return the action with our value in force, else how the change has ended before it."""
        try:
            reading = target.read(change.action_id)
        except NotFoundError:
            if not self.resolver.is_gone(change):
                raise
            return WriteResult(self.resolver.gone(lease, change))
        if reading.timeout_ms == change.to_ms:
            return reading
        if is_explained(change, reading.timeout_ms, state, self._recorder.now()):
            return WriteResult(None, LATER_CHANGE)
        return WriteResult(self.resolver.supersede(lease, change, reading))

    def give_up(self, lease: Lease, change: Change, why: str) -> Change:
        """Give up a write of which nothing shows; where it arrives after all, it is found."""
        return self._recorder.move(lease, change, ChangeState.ABANDONED, why)

    def overtaken(self, lease: Lease, change: Change, why: str) -> Change:
        """End a write of which nothing shows, and that can't arrive: somebody else wrote since."""
        return self._recorder.move(lease, change, ChangeState.CONFLICT, why)

    def _record(
        self,
        guards: Guards,
        change: Change | None,
        record: Callable[[int], Change | None],
    ) -> Change | str:
        """Record a step upon the very state in which no guard objects to it.

        Args:
            guards: What must hold.
            change: The change itself, which is nothing that stands in its own way.
            record: Records the step upon a revision of the state; None where that is over.

        Returns:
            The change, else the reason code of the guard that objects; then nothing was recorded.
        """
        for _ in range(MOST_DECISIONS):
            state = self.resolver.state()
            others = state if change is None else state.without(change)
            objection = self._recorder.objection(guards, others)
            if objection:
                return objection
            recorded = record(state.revision)
            if recorded is not None:
                return recorded
        raise BusyError(
            f"Other programs keep changing what is recorded of {self._org}",
            "Nothing was sent; find out who pauses, resumes or releases so often.",
        )

    def _record_sending(
        self, lease: Lease, change: Change, to: ChangeState, entry: AuditEntry, guards: Guards
    ) -> Change | str:
        sent = self._record(
            guards,
            change,
            lambda revision: self._journal.send(
                lease,
                change,
                to,
                entry,
                revision=revision,
                machine_now=self._recorder.machine(WRITE_SECONDS),
            ),
        )
        if isinstance(sent, Change):
            self._recorder.tell(sent)
        return sent

    def _unfit(self, lease: Lease, change: Change, error: RefusedError) -> WriteResult:
        """Give up what can't be sent back whole; it is not tried again at every poll."""
        quarantine = self._recorder.quarantine(change, error.guard, UNFIT_SECONDS)
        moved = self._recorder.move(
            lease,
            change,
            ChangeState.ABANDONED,
            f"not sent: {error.message}",
            quarantine=quarantine,
            reason=NOT_SENT,
        )
        return WriteResult(moved, error=error)

    def _abandoned(
        self,
        lease: Lease,
        change: Change,
        why: str,
        reason: str = "",
        error: TimeoutMonitorError | None = None,
    ) -> WriteResult:
        moved = self._recorder.move(lease, change, ChangeState.ABANDONED, why, reason=reason)
        return WriteResult(moved, error=error)


def _obstacle_to(change: Change, before: TargetState) -> str:
    """Why a change can't be sent, from what the platform shows; empty where it can."""
    if before.timeout_ms != change.from_ms:
        return f"{exact_seconds(before.timeout_ms)} is in force by now: somebody has changed it"
    if str(before.editable) != "yes":
        return f"it can't be changed: {before.by_hand}"
    if not before.lock:
        return "the platform gave no version, so that somebody else's change could be lost"
    return ""
