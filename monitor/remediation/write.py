"""The one engine that writes a timeout: intent, write, proof; the daemon's, and by hand.

Every write is recorded before it is sent, and its end after it. Nothing is ever sent twice by us,
and a proxy may do so: what can't be told from the answer is read, a refusal too, and what the
reading can't tell waits for the next turn, which ``settle`` takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import structlog

from monitor.errors import (
    AmbiguousWriteError,
    BusyError,
    ConflictError,
    GenesysError,
    LedgerError,
    RateLimitedError,
    ReadBackError,
    RefusedError,
    TimeoutMonitorError,
)
from monitor.formats import exact_seconds
from monitor.genesys import Deadline, retry_attempts
from monitor.journal import ASKED_FOR, NEXT, AuditEntry, Change, ChangeState, Journal, Lease
from monitor.remediation.actor import ActorContext
from monitor.remediation.change_recorder import WRITE_SECONDS, ChangeRecorder
from monitor.remediation.damage_repair import DamageRepair
from monitor.remediation.put_back import (
    Damage,
    damage_of,
    evidence_before,
    keeping_damage,
)
from monitor.remediation.resolve import Resolver, Targets, log_waiting
from monitor.remediation.targets import (
    NOT_SHOWN,
    Target,
    TargetState,
    Written,
    is_same_lock,
    shows_the_write,
    validate_write,
    was_answered,
)
from monitor.remediation.transitions import PUT_OFF, is_explained, later_one_in_force
from monitor.remediation.write_request import Guards, WriteRequest, WriteResult

log = structlog.get_logger()

LEASE_SECONDS = 240.0
"""Longer than a write takes with all the waiting for a rate limit, and reading it back."""

UNFIT_SECONDS = 3_600.0
"""How long an action is left alone that can't be sent back whole; a person may mend that."""

MOST_DECISIONS = 8
"""So often is decided anew where the record goes on in between; who is overtaken more often meets
programs that should not be there."""

NOT_UNDONE = "not undone"
"""How the note of a change begins that can't be undone."""

NOT_IN_FORCE = "not_in_force"
"""Reason code: there is nothing of the change to undo."""

LATER_CHANGE = "later_change"
"""Reason code: a later change of the same timeout has to be undone first."""


class _CalledOffError(RefusedError):
    """A guard has objected while a rate limit was waited out; nothing was sent."""


@dataclass(frozen=True, slots=True)
class _Sending:
    """A write that is recorded, and about to be sent.

    Attributes:
        guards: What must hold when it is sent, and again after every wait.
        wait_seconds: How long a rate limit is waited out.
        lease: The right to change timeouts.
        change: The change, ``WRITING`` or ``UNDOING``.
        target: Where the timeout is kept.
        before: What nothing but the timeout may differ from.
    """

    lease: Lease
    change: Change
    target: Target
    before: TargetState
    guards: Guards
    wait_seconds: float = 0.0

    @property
    def is_undoing(self) -> bool:
        return self.change.state is ChangeState.UNDOING

    @property
    def timeout_ms(self) -> int:
        """The timeout that is sent."""
        return self.change.from_ms if self.is_undoing else self.change.to_ms


def is_resting(change: Change, now: float) -> bool:
    """Return whether undoing a change was refused so recently that it is not tried again yet."""
    return NOT_UNDONE in change.note and 0 <= now - change.touched_at < UNFIT_SECONDS


class Writer:
    """Writes the timeouts of one org, one at a time, under one lease."""

    def __init__(self, org: str, journal: Journal, targets: Targets, context: ActorContext) -> None:
        """Change nothing yet."""
        self._org = org
        self._journal = journal
        self._context = context
        self._held: Lease | None = None
        self._recorder = ChangeRecorder(journal, context)
        self._repair = DamageRepair(journal, self._recorder, context.actor)
        self.resolver = Resolver(org, journal, targets, self._recorder, self._repair)

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
        return self._send(
            _Sending(lease, sent, target, before, request.guards, request.wait_seconds)
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
            return self._abandoned(lease, change, f"not read: {error.message}", error)
        if before.unfit is not None:
            return self._unfit(lease, change, before.unfit)
        obstacle = _obstacle_to(change, before)
        if obstacle:
            return self._abandoned(lease, change, obstacle)
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
        reading = target.read(change.action_id)
        if reading.timeout_ms != change.to_ms:
            if is_explained(change, reading.timeout_ms, state, self._recorder.now()):
                return WriteResult(None, LATER_CHANGE)
            return WriteResult(self.resolver.supersede(lease, change, reading))
        validate_write(reading, change.from_ms)
        entry = replace(
            self._recorder.entry(change, keeping_damage(change, why)),
            lock_before=reading.lock,
            reason=ASKED_FOR if asked else "",
            evidence=evidence_before(target, reading, reading),
        )
        sent = self._record_sending(lease, change, ChangeState.UNDOING, entry, guards)
        if isinstance(sent, str):
            return WriteResult(None, sent)
        return self._send(_Sending(lease, sent, target, reading, guards))

    def not_undone(self, lease: Lease, change: Change, error: TimeoutMonitorError) -> Change:
        """Record why a change can't be undone; it is tried again after a while."""
        words = f"{NOT_UNDONE}: {error.message}"
        return self._recorder.move(lease, change, ChangeState.UNHELPFUL, words)

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
            objection = guards.objection(others, self._recorder.now())
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

    def _send(self, sending: _Sending) -> WriteResult:
        try:
            written = self._sent(sending)
        except _CalledOffError as error:
            called_off = self._refused(sending, error)
            return replace(called_off, refused=error.guard)
        except (AmbiguousWriteError, KeyboardInterrupt) as error:
            change_id = sending.change.change_id
            log.warning("write_unanswered", change_id=change_id, why=_words(error))
            return replace(self._read_back(sending, None), error=error)
        except TimeoutMonitorError as error:
            return self._made_though_refused(sending, error) or self._refused(sending, error)
        if not sending.is_undoing:
            change = self._recorder.move(
                sending.lease,
                sending.change,
                ChangeState.APPLIED,
                "accepted",
                lock_after=written.lock,
            )
            self.resolver.supersede_by_hand(sending.lease, change)
            sending = replace(sending, change=change)
        return replace(self._read_back(sending, written), written=written)

    def _sent(self, sending: _Sending) -> Written:
        """Send it once; what was certainly not carried out is sent again while there is time."""

        def once() -> Written:
            check = self._recorder.pre_send_check(sending.lease)
            return sending.target.write(sending.before, sending.timeout_ms, pre_send_check=check)

        if sending.wait_seconds <= 0:
            return once()
        deadline = Deadline.after(sending.wait_seconds)
        for number, attempt in retry_attempts(deadline, is_ending=lambda: False):
            with attempt:
                if number > 1:
                    self._ask_again(sending)
                return once()
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    def _ask_again(self, sending: _Sending) -> None:
        """Ask the guards after a wait: somebody may have paused everything meanwhile.

        Raises:
            _CalledOffError: One objects.
        """
        others = self.resolver.state().without(sending.change)
        objection = sending.guards.objection(others, self._recorder.now())
        if objection:
            raise _CalledOffError(f"{objection} forbids it by now", guard=objection)

    def _made_though_refused(
        self, sending: _Sending, error: TimeoutMonitorError
    ) -> WriteResult | None:
        """Go on with a write that was carried out though it was refused: a proxy sent it twice.

        Returns:
            The change as far as it has come: as it is, where nothing can be read at the moment, for
            the next turn reads it. None where the refusal stands.
        """
        if not was_answered(error):
            return None
        change = sending.change
        try:
            after = sending.target.read(change.action_id)
        except GenesysError as unread:
            log.warning("write_refused", change_id=change.change_id, why=error.message)
            log_waiting(change, unread)
            return WriteResult(change, error=error, unread=unread)
        except TimeoutMonitorError:
            return None
        if not shows_the_write(sending.target, sending.before, after, sending.timeout_ms):
            return None
        log.warning("write_made_though_refused", change_id=change.change_id, why=error.message)
        return WriteResult(self._settled(sending, after), error=error, after=after)

    def _refused(self, sending: _Sending, error: TimeoutMonitorError) -> WriteResult:
        """Record that a write was refused, or was not sent."""
        lease, change = sending.lease, sending.change
        # A state that can't be asked in the last moment has let nothing out either.
        is_put_off = isinstance(error, BusyError | RateLimitedError | LedgerError | _CalledOffError)
        if sending.is_undoing:
            if is_put_off or isinstance(error, ConflictError):
                words = f"undoing put off: {error.message}"
                moved = self._recorder.move(lease, change, ChangeState.UNHELPFUL, words)
            else:
                moved = self.not_undone(lease, change, error)
            return WriteResult(moved, error=error)
        if is_put_off:
            return self._abandoned(lease, change, f"{PUT_OFF}: {error.message}", error)
        is_conflict = isinstance(error, ConflictError)
        state = ChangeState.CONFLICT if is_conflict else ChangeState.FAILED
        return WriteResult(self._recorder.move(lease, change, state, error.message), error=error)

    def _read_back(self, sending: _Sending, written: Written | None) -> WriteResult:
        """Read back what was written and compare; what can't be read now, the next turn reads.

        Args:
            sending: What was sent.
            written: What the platform said; None where its answer was lost.
        """
        lease, change = sending.lease, sending.change
        target, before = sending.target, sending.before
        try:
            after = target.read(change.action_id)
        except TimeoutMonitorError as error:
            if isinstance(error, RefusedError) and error.guard == NOT_SHOWN:
                hidden = Damage(("$.config",), is_ours=False)
                return WriteResult(self.resolver.hidden(lease, change), unread=error, damage=hidden)
            log_waiting(change, error)
            return WriteResult(change, unread=error)
        lock_after = None if written is None else written.lock
        if _is_older(target, before, after, lock_after):
            # A cache may show for a while what was there before: that is nobody's work, and tells
            # of no damage either.
            too_old = _too_old(change)
            log_waiting(change, too_old)
            return WriteResult(change, unread=too_old, after=after)
        damage = damage_of(target, before, after, sending.timeout_ms, lock_after)
        if damage is None:
            also_changed = tuple(target.differences(before, after))
            settled = self._settled(sending, after, lock_after or "", also_changed)
            return WriteResult(settled, after=after, also_changed=also_changed)
        stopped = self._repair.stop(
            lease, change, after, damage.note, is_being_put_back=damage.is_ours
        )
        if not damage.is_ours:
            return WriteResult(stopped, after=after, damage=damage)
        ended, put_back = self._repair.put_back(lease, stopped, target, damage, before, after)
        return WriteResult(ended, after=after, damage=damage, put_back=put_back)

    def _settled(
        self,
        sending: _Sending,
        after: TargetState,
        lock_after: str = "",
        also_changed: tuple[str, ...] = (),
    ) -> Change:
        """Go on as the platform shows; a default that was written down has the value before."""
        change = sending.change
        is_written_down = (
            change.state is ChangeState.WRITING
            and change.from_ms == change.to_ms
            and shows_the_write(sending.target, sending.before, after, change.to_ms)
        )
        if is_written_down:
            change = self._recorder.move(
                sending.lease,
                change,
                ChangeState.APPLIED,
                "the platform shows it",
                lock_after=after.lock,
            )
        return self.resolver.settle(
            sending.lease, change, after, lock_after=lock_after, also_changed=also_changed
        )

    def _unfit(self, lease: Lease, change: Change, error: RefusedError) -> WriteResult:
        """Give up what can't be sent back whole; it is not tried again at every poll."""
        quarantine = self._recorder.quarantine(change, error.guard, UNFIT_SECONDS)
        moved = self._recorder.move(
            lease,
            change,
            ChangeState.ABANDONED,
            f"not sent: {error.message}",
            quarantine=quarantine,
        )
        return WriteResult(moved, error=error)

    def _abandoned(
        self, lease: Lease, change: Change, why: str, error: TimeoutMonitorError | None = None
    ) -> WriteResult:
        moved = self._recorder.move(lease, change, ChangeState.ABANDONED, why)
        return WriteResult(moved, error=error)


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


def _words(error: BaseException) -> str:
    return "it was interrupted" if isinstance(error, KeyboardInterrupt) else str(error)


def _obstacle_to(change: Change, before: TargetState) -> str:
    """Why a change can't be sent, from what the platform shows; empty where it can."""
    if before.timeout_ms != change.from_ms:
        return f"{exact_seconds(before.timeout_ms)} is in force by now: somebody has changed it"
    if str(before.editable) != "yes":
        return f"it can't be changed: {before.by_hand}"
    if not before.lock:
        return "the platform gave no version, so that somebody else's change could be lost"
    return ""
