"""Ends a change whose write changed more than the timeout: recorded, stopped, put back."""

from __future__ import annotations

from dataclasses import replace

import structlog

from monitor.errors import BusyError
from monitor.journal import (
    PUTTING_BACK,
    Change,
    ChangeState,
    DamageFound,
    Journal,
    Lease,
    Switch,
)
from monitor.remediation.change_recorder import NOT_HELPFUL, WRITE_SECONDS, ChangeRecorder
from monitor.remediation.put_back import (
    BEING_PUT_BACK,
    Damage,
    PutBack,
    evidence_before,
    put_back,
    state_of,
)
from monitor.remediation.targets import Target, TargetState

log = structlog.get_logger()


class DamageRepair:
    """Stops all changes of an org after such a write, and puts back what it changed."""

    def __init__(self, journal: Journal, recorder: ChangeRecorder, actor: str) -> None:
        """Do nothing yet."""
        self._journal = journal
        self._recorder = recorder
        self._actor = actor

    def stop(
        self,
        lease: Lease,
        change: Change,
        after: TargetState | None,
        note: str,
        *,
        is_being_put_back: bool = False,
    ) -> Change:
        """Record that a write has changed more than the timeout, and stop all others.

        Args:
            lease: The right to change timeouts.
            change: The change that was sent.
            after: What is there now; None where the platform shows no configuration any more.
            note: What was changed besides.
            is_being_put_back: Whether it is put back next.
        """
        log.error(
            "write_changed_more",
            org=change.org,
            change_id=change.change_id,
            why=note,
            hint=f"Compare {change.action_name} with what its author saved, then let changes go "
            "on: timeout-monitor resume.",
        )
        found = self._found(change, note)
        lock = "" if after is None else after.lock
        if change.state in {ChangeState.WRITING, ChangeState.ABANDONED}:
            words = "the platform shows it" if after is not None else "the platform has changed it"
            change = self._recorder.move(
                lease, change, ChangeState.APPLIED, words, lock_after=lock, damage=found
            )
            found = None
        if not is_being_put_back:
            note = f"{note}; not put back, for nobody can tell what was there, or who wrote since"
        if change.state is ChangeState.APPLIED:
            quarantine = self._recorder.quarantine(change, NOT_HELPFUL)
            is_in_force = after is None or after.timeout_ms == change.to_ms
            stays = is_in_force or is_being_put_back
            return self._recorder.move(
                lease,
                change,
                ChangeState.UNHELPFUL if stays else ChangeState.SUPERSEDED,
                note,
                lock_after=lock,
                quarantine=quarantine,
                damage=found,
            )
        if is_being_put_back:
            return change if found is None else self._journal.record_damage(lease, change, found)
        if after is None:
            return self._recorder.move(lease, change, ChangeState.UNHELPFUL, note, damage=found)
        state = state_of(change, after.timeout_ms)
        if state is ChangeState.ROLLED_BACK:
            return self._recorder.rolled_back(lease, change, note, lock, damage=found)
        return self._recorder.move(lease, change, state, note, lock_after=lock, damage=found)

    def _found(self, change: Change, words: str) -> DamageFound | None:
        """Return what is to be recorded; None where that was done before its program ended."""
        if change.damage and change.state is ChangeState.APPLIED:
            return None
        trip = Switch(self._recorder.now(), self._actor, f"change {change.change_id}: {words}")
        return DamageFound(words, trip)

    def put_back(  # noqa: PLR0913, PLR0917 - the write that went wrong, and what it met
        self,
        lease: Lease,
        change: Change,
        target: Target,
        damage: Damage,
        before: TargetState,
        now: TargetState,
    ) -> tuple[Change, PutBack]:
        """Put back what was read before the write; a pause does not stop what ends it.

        Returns:
            The change as far as it has come, and how putting back has ended.
        """
        entry = replace(
            self._recorder.entry(change, f"{damage.note}; {BEING_PUT_BACK}"),
            reason=PUTTING_BACK,
            lock_before=now.lock,
            evidence=evidence_before(target, before, now),
        )
        try:
            sending = self._journal.send(
                lease,
                change,
                ChangeState.UNDOING,
                entry,
                revision=None,
                machine_now=self._recorder.machine(WRITE_SECONDS),
            )
        except BusyError as error:
            return self._not_put_back(lease, change, damage, now, error)
        assert sending is not None  # noqa: S101 - it depends on no revision
        self._recorder.tell(sending)
        check = self._recorder.pre_send_check(lease, sending, guards=None)
        ended = put_back(target, sending, damage, before, now, check)
        log.warning("write_put_back", change_id=change.change_id, why=ended.detail)
        if ended.state is None:
            return sending, ended
        if ended.state is ChangeState.ROLLED_BACK:
            moved = self._recorder.rolled_back(lease, sending, ended.detail, ended.lock)
        else:
            moved = self._recorder.move(
                lease, sending, ended.state, ended.detail, lock_after=ended.lock
            )
        return moved, ended

    def _not_put_back(
        self, lease: Lease, change: Change, damage: Damage, now: TargetState, error: BusyError
    ) -> tuple[Change, PutBack]:
        """Record that too little of the lease was left to put it back, as far as it still is ours.

        Whoever has taken over meanwhile knows of the damage, and changes nothing.
        """
        words = f"{damage.note}; not put back: {error.message}"
        log.error("write_not_put_back", change_id=change.change_id, why=words, hint=error.hint)
        state = state_of(change, now.timeout_ms)
        if change.state is not ChangeState.UNDOING and state is ChangeState.ROLLED_BACK:
            state = ChangeState.SUPERSEDED  # nobody has undone anything
        try:
            if state is ChangeState.ROLLED_BACK:
                moved = self._recorder.rolled_back(lease, change, words, now.lock)
            else:
                moved = self._recorder.move(lease, change, state, words, lock_after=now.lock)
        except BusyError:
            return change, PutBack(None, words, lock=now.lock)
        return moved, PutBack(state, words, lock=now.lock)
