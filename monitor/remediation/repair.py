"""Ends a change whose write changed more than the timeout: recorded, stopped, put back."""

from __future__ import annotations

from dataclasses import replace

import structlog

from monitor.errors import BusyError
from monitor.ledger import Change, ChangeState, Journal, Lease, Switch
from monitor.remediation.change_recorder import NOT_HELPFUL, WRITE_SECONDS, ChangeRecorder
from monitor.remediation.put_back import PUTTING_BACK, Damage, evidence_before, put_back
from monitor.remediation.targets import Reading, Target

log = structlog.get_logger()


class Repair:
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
        after: Reading,
        note: str,
        *,
        is_being_put_back: bool = False,
    ) -> Change:
        """Record that a write has changed more than the timeout, and stop all others."""
        log.error(
            "write_changed_more",
            org=change.org,
            change_id=change.change_id,
            why=note,
            hint=f"Compare {change.action_name} with what its author saved, then let changes go "
            "on: timeout-monitor resume.",
        )
        now = self._recorder.now()
        reason = f"change {change.change_id}: {note}"
        if change.state in {ChangeState.WRITING, ChangeState.ABANDONED}:
            words = "the platform shows it"
            change = self._recorder.move(
                lease, change, ChangeState.APPLIED, words, lock_after=after.lock
            )
        if not is_being_put_back:
            note = f"{note}; not put back, for nobody can tell what was there, or who wrote since"
        if change.state is ChangeState.APPLIED:
            quarantine = self._recorder.quarantine(change, NOT_HELPFUL)
            change = self._recorder.move(
                lease,
                change,
                ChangeState.UNHELPFUL,
                note,
                lock_after=after.lock,
                quarantine=quarantine,
            )
        elif not is_being_put_back:
            change = self._recorder.rolled_back(lease, change, note, after.lock)
        self._journal.trip(lease, Switch(now, self._actor, reason))
        return change

    def put_back(  # noqa: PLR0913, PLR0917 - the write that went wrong, and what it met
        self,
        lease: Lease,
        change: Change,
        target: Target,
        damage: Damage,
        before: Reading,
        now: Reading,
    ) -> Change:
        """Put back what was read before the write; a pause does not stop what ends it.

        Raises:
            BusyError: Another program has taken over.
        """
        entry = replace(
            self._recorder.entry(change, f"{damage.note}; {PUTTING_BACK}"),
            lock_before=now.lock,
            evidence=evidence_before(target, before, now),
        )
        try:
            sending = self._journal.send(
                lease,
                change,
                ChangeState.UNDOING,
                entry,
                allows=lambda _: "",
                machine_now=self._recorder.machine(WRITE_SECONDS),
            )
        except BusyError as error:
            if change.state is ChangeState.UNDOING:
                words = f"{damage.note}; not put back: {error.message}"
                return self._recorder.rolled_back(lease, change, words, now.lock)
            raise
        if isinstance(sending, str):  # pragma: no cover - nothing forbids it
            return change
        self._recorder.tell(sending)
        ended = put_back(target, sending, damage, before, now, self._recorder.pre_send_check(lease))
        log.warning("write_put_back", change_id=change.change_id, why=ended.detail)
        if ended.state is None:
            return sending
        if ended.state is ChangeState.ROLLED_BACK:
            return self._recorder.rolled_back(lease, sending, ended.detail, ended.lock)
        return self._recorder.move(lease, sending, ended.state, ended.detail, lock_after=ended.lock)
