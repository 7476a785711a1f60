"""Sends one write that is recorded, and proves it: every way in which that may end is a state.

Nothing is ever sent twice by us, and a proxy may do so: what can't be told from the answer is read,
a refusal too, and what the reading can't tell waits for the next turn, which ``resolve`` takes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from monitor.errors import (
    AmbiguousWriteError,
    BusyError,
    ConflictError,
    ConnectionFailedError,
    GenesysError,
    LedgerError,
    RateLimitedError,
    ReadBackError,
    RefusedError,
    TimeoutMonitorError,
)
from monitor.genesys import Deadline, retry_attempts
from monitor.journal import PUT_OFF, Change, ChangeState, Lease
from monitor.remediation.change_recorder import CalledOffError, ChangeRecorder
from monitor.remediation.damage_repair import DamageRepair
from monitor.remediation.put_back import Damage, damage_of
from monitor.remediation.resolve import Resolver, log_waiting
from monitor.remediation.targets import (
    NOT_SHOWN,
    Target,
    TargetState,
    Written,
    is_same_lock,
    shows_the_write,
    was_answered,
)
from monitor.remediation.transitions import with_asker
from monitor.remediation.write_request import Guards, WriteResult

log = structlog.get_logger()


_NOT_SENT = (BusyError, RateLimitedError, LedgerError, CalledOffError, ConnectionFailedError)
"""Nothing came of the write, and no fault of its own: it was held back, or found no way out. A
state that can't be asked in the last moment has let nothing out either."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A write that is recorded, and about to be sent.

    Attributes:
        lease: The right to change timeouts.
        change: The change, ``WRITING`` or ``UNDOING``.
        target: Where the timeout is kept.
        before: What nothing but the timeout may differ from.
        guards: What must hold when it is sent, and again after every wait.
        wait_seconds: How long a rate limit is waited out.
    """

    lease: Lease
    change: Change
    target: Target
    before: TargetState
    guards: Guards
    wait_seconds: float = 0.0

    @property
    def is_undoing(self) -> bool:
        """Whether the value before is sent again."""
        return self.change.state is ChangeState.UNDOING

    @property
    def timeout_ms(self) -> int:
        """The timeout that is sent."""
        return self.change.from_ms if self.is_undoing else self.change.to_ms


class Sender:
    """Sends the recorded writes of one org."""

    def __init__(self, recorder: ChangeRecorder, repair: DamageRepair, resolver: Resolver) -> None:
        """Keep what it works with."""
        self._recorder = recorder
        self._repair = repair
        self._resolver = resolver

    def send(self, sending: Sending) -> WriteResult:
        """Send it once, read it back, and record how far the change has come.

        Raises:
            BusyError: Another program has taken over.
            LedgerError: The state can't be written; it is found again.
        """
        try:
            written = self._sent(sending)
        except CalledOffError as error:
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
            self._resolver.supersede_by_hand(sending.lease, change)
            sending = replace(sending, change=change)
        return replace(self._read_back(sending, written), written=written)

    def _sent(self, sending: Sending) -> Written:
        """Send it once; what was certainly not carried out is sent again while there is time."""

        def once() -> Written:
            check = self._recorder.pre_send_check(sending.lease, sending.change, sending.guards)
            return sending.target.write(sending.before, sending.timeout_ms, pre_send_check=check)

        if sending.wait_seconds <= 0:
            return once()
        deadline = Deadline.after(sending.wait_seconds)
        for _, attempt in retry_attempts(deadline, is_ending=lambda: False):
            with attempt:
                return once()
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    def _made_though_refused(
        self, sending: Sending, error: TimeoutMonitorError
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

    def _refused(self, sending: Sending, error: TimeoutMonitorError) -> WriteResult:
        """Record that a write was refused, or was not sent."""
        lease, change = sending.lease, sending.change
        is_put_off = isinstance(error, _NOT_SENT)
        if sending.is_undoing:
            if is_put_off or isinstance(error, ConflictError):
                words = with_asker(change, f"undoing put off: {error.message}")
                moved = self._recorder.move(lease, change, ChangeState.UNHELPFUL, words)
            else:
                moved = self._resolver.not_undone(lease, change, error)
            return WriteResult(moved, error=error)
        if is_put_off:
            words = f"put off: {error.message}"
            moved = self._recorder.move(lease, change, ChangeState.ABANDONED, words, reason=PUT_OFF)
            return WriteResult(moved, error=error)
        is_conflict = isinstance(error, ConflictError)
        state = ChangeState.CONFLICT if is_conflict else ChangeState.FAILED
        return WriteResult(self._recorder.move(lease, change, state, error.message), error=error)

    def _read_back(self, sending: Sending, written: Written | None) -> WriteResult:
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
                return WriteResult(
                    self._resolver.hidden(lease, change), unread=error, damage=hidden
                )
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
        sending: Sending,
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
        return self._resolver.settle(
            sending.lease, change, after, lock_after=lock_after, also_changed=also_changed
        )


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
