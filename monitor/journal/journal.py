"""The journal of changes: intents before writes, states after them, and who may write at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from monitor.journal.audit import (
    add_entries,
    newest_entry_id,
    newest_evidence,
)
from monitor.journal.audit_trail import AuditTrail
from monitor.journal.change_states import OPEN_STATES, ChangeState
from monitor.journal.changes import (
    add_change,
    get_change,
    mark_damaged,
    move_change,
    newest_changes,
)
from monitor.journal.leases import give_back, take_lease, verify_lease
from monitor.journal.model import (
    AuditEntry,
    Change,
    DamageFound,
    Intent,
    Lease,
    Quarantine,
    RemediationState,
    Switch,
)
from monitor.journal.platform_audit import PlatformAudit
from monitor.journal.remediation_state import (
    PAUSED,
    RESUMED,
    TRIPPED,
    bring_back,
    clear_switches,
    current_state,
    end_quarantine,
    moments_ahead,
    set_quarantine,
    set_switch,
)
from monitor.journal.timeouts import last_timeout_change, note_timeout
from monitor.journal.trail import Trail, TrailQuery, read_trail
from monitor.store import Database, find_org, lock_org


class Journal:
    """What was intended, done and refused, and by whom; each call is one transaction.

    Whoever changes anything has a lease. An intent is recorded only on the revision of the record
    that it was decided upon: so budgets and switches hold whatever else goes on at the same time,
    and no write is ever sent that is not recorded.

    Attributes:
        audit: The lines of the audit trail.
        platform_audit: What the platform's own audit log tells of others' changes.
    """

    def __init__(self, database: Database) -> None:
        """Use the ledger's database."""
        self._database = database
        self.audit = AuditTrail(database)
        self.platform_audit = PlatformAudit(database)

    def remediation_state(self, org: str, now: float) -> RemediationState:
        """What was changed in an org, and what stands in the way of more."""
        with self._database.reading() as connection:
            return current_state(connection, org, find_org(connection, org), now)

    def take_lease(self, org: str, holder: str, now: float, seconds: float) -> Lease | None:
        """Take or renew the right to change timeouts; None where another program has it.

        Args:
            org: The org's configured name.
            holder: Who wants it; unique to one running program.
            now: By the machine's clock, which programs share; epoch seconds.
            seconds: How long it lasts if nobody gives it back.
        """
        with self._database.writing() as connection:
            org_id = lock_org(connection, org)
            return take_lease(connection, org, org_id, holder=holder, now=now, seconds=seconds)

    def give_back(self, lease: Lease) -> None:
        """End a lease; whoever comes next need not wait for its end."""
        with self._database.writing() as connection:
            give_back(connection, lock_org(connection, lease.org), lease)

    def last_look(self, lease: Lease, now: float, machine_now: float) -> RemediationState:
        """Return what stands in the way of a write, where its lease is still held.

        It is asked right before a request goes out, after every wait.

        Args:
            lease: The lease that is relied on.
            now: By the clock of the data; epoch seconds.
            machine_now: By the machine's clock; epoch seconds.

        Raises:
            BusyError: It is over, or another program's.
        """
        with self._database.reading() as connection:
            org_id = find_org(connection, lease.org)
            verify_lease(connection, org_id or -1, lease, now=machine_now)
            return current_state(connection, lease.org, org_id, now)

    def begin(
        self,
        lease: Lease,
        intent: Intent,
        entry: AuditEntry,
        *,
        revision: int,
        machine_now: float,
    ) -> Change | None:
        """Record that a change is about to be made.

        Args:
            lease: The lease under which it is made.
            intent: The change.
            entry: Its line in the audit trail; its change's number is filled in.
            revision: That of the state which the change was decided upon.
            machine_now: The machine's clock; epoch seconds.

        Returns:
            The change; None where the record has gone on since that revision: decide again.

        Raises:
            BusyError: The lease is over, or another program's.
        """
        with self._database.writing() as connection:
            org_id = lock_org(connection, intent.org)
            verify_lease(connection, org_id, lease, now=machine_now)
            if newest_entry_id(connection, org_id) != revision:
                return None
            change = add_change(connection, org_id, intent)
            _note(connection, org_id, change, entry, ChangeState.PLANNED)
            return change

    def send(  # noqa: PLR0913 - what a write depends on
        self,
        lease: Lease,
        change: Change,
        to: ChangeState,
        entry: AuditEntry,
        *,
        revision: int | None,
        machine_now: float,
    ) -> Change | None:
        """Record that a write is about to be sent.

        Args:
            lease: The lease under which it is sent.
            change: The change.
            to: ``WRITING`` or ``UNDOING``.
            entry: Its line in the audit trail.
            revision: That of the state on which it was decided that it may be sent; None where it
                depends on nothing that is recorded.
            machine_now: The machine's clock; epoch seconds.

        Returns:
            The change as it is then; None where the record has gone on since that revision.

        Raises:
            BusyError: The lease is over, or another program's.
        """
        with self._database.writing() as connection:
            org_id = lock_org(connection, change.org)
            verify_lease(connection, org_id, lease, now=machine_now)
            if revision is not None and newest_entry_id(connection, org_id) != revision:
                return None
            values: dict[str, Any] = {
                "note": entry.detail,
                "reason": entry.reason,
                "touched_at": entry.at,
            }
            if to is ChangeState.WRITING:
                values |= {"sent_at": entry.at, "lock_before": entry.lock_before}
            move_change(connection, change, to, values)
            _note(connection, org_id, change, entry, to)
            return get_change(connection, change.org, org_id, change.change_id)

    def move(  # noqa: PLR0913 - what is recorded with a state
        self,
        lease: Lease,
        change: Change,
        to: ChangeState,
        entry: AuditEntry,
        *,
        effect: tuple[str, str] | None = None,
        quarantine: Quarantine | None = None,
        damage: DamageFound | None = None,
    ) -> Change:
        """Record how far a change has come.

        The timeout that is in force from now on is noted with it, so that what is measured later is
        measured against it.

        Args:
            lease: The lease under which that was found out or done.
            change: The change as it was.
            to: Its state from now on.
            entry: Its line in the audit trail.
            effect: What it was measured to have done, as a code and in words; None where it was not
                judged now.
            quarantine: Where the action is to be left alone from now on.
            damage: Where its write has changed more than the timeout. That is recorded and stops
                all changes of the org in the same transaction: a program that ends in between
                leaves nothing for the next to find out.

        Raises:
            BusyError: Another program has taken over.
            LedgerError: ``to`` can't follow its state.
        """
        with self._database.writing() as connection:
            org_id = lock_org(connection, change.org)
            verify_lease(connection, org_id, lease)
            values: dict[str, Any] = {
                "note": entry.detail,
                "reason": entry.reason,
                "touched_at": entry.at,
                "ended_at": None if to in OPEN_STATES else entry.at,
            }
            if effect is not None:
                values |= dict(zip(("effect", "effect_note"), effect, strict=True))
            found_long_after = to is ChangeState.KEPT and change.applied_at is None
            if to is ChangeState.APPLIED or found_long_after:
                values |= {"applied_at": entry.at, "lock_after": entry.lock_after}
                note_timeout(connection, org_id, change, change.to_ms, entry.at)
            elif to is ChangeState.ROLLED_BACK:
                values["lock_after"] = entry.lock_after
                note_timeout(connection, org_id, change, change.from_ms, entry.at)
            move_change(connection, change, to, values)
            _note(connection, org_id, change, entry, to)
            if quarantine is not None:
                set_quarantine(connection, org_id, quarantine)
            if damage is not None:
                _stop_for_damage(connection, org_id, change, damage)
            return get_change(connection, change.org, org_id, change.change_id)

    def record_damage(self, lease: Lease, change: Change, damage: DamageFound) -> Change:
        """Record that the write under way has changed more than the timeout, and stop all changes.

        Returns:
            The change, in the state that it had.

        Raises:
            BusyError: Another program has taken over.
        """
        with self._database.writing() as connection:
            org_id = lock_org(connection, change.org)
            verify_lease(connection, org_id, lease)
            _stop_for_damage(connection, org_id, change, damage)
            return get_change(connection, change.org, org_id, change.change_id)

    def change(self, org: str, change_id: int) -> Change:
        """One change.

        Raises:
            LedgerError: The org has none with this number.
        """
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return get_change(connection, org, -1 if org_id is None else org_id, change_id)

    def evidence_of_sending(self, change: Change) -> Mapping[str, object]:
        """Return what was recorded with a change's newest write just before it was sent."""
        with self._database.reading() as connection:
            org_id = find_org(connection, change.org)
            if org_id is None:
                return {}
            sent = (ChangeState.WRITING.value, ChangeState.UNDOING.value)
            return newest_evidence(connection, org_id, change.change_id, sent)

    def changes(self, org: str, limit: int | None = None) -> tuple[Change, ...]:
        """Return the newest changes, all of them without a limit; the newest first."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return () if org_id is None else newest_changes(connection, org, org_id, limit)

    def pause(self, org: str, switch: Switch) -> tuple[Change, ...]:
        """Stop all changes of an org until somebody resumes.

        Returns:
            Changes whose write may be on its way at this moment; no other follows.
        """
        with self._database.writing() as connection:
            org_id = lock_org(connection, org)
            set_switch(connection, org_id, PAUSED, switch)
            add_entries(connection, org_id, [_switched(org, switch, "paused")])
            under_way = {ChangeState.WRITING, ChangeState.UNDOING}
            remediation_state = current_state(connection, org, org_id, switch.since)
            return tuple(one for one in remediation_state.changes if one.state in under_way)

    def trip(self, lease: Lease, switch: Switch) -> None:
        """Stop all changes of an org because of failures in a row.

        Raises:
            BusyError: Another program has taken over.
        """
        with self._database.writing() as connection:
            org_id = lock_org(connection, lease.org)
            verify_lease(connection, org_id, lease)
            set_switch(connection, org_id, TRIPPED, switch)
            add_entries(connection, org_id, [_switched(lease.org, switch, "tripped")])

    def resume(self, org: str, switch: Switch) -> None:
        """Let changes go on, after a pause and after failures."""
        with self._database.writing() as connection:
            org_id = lock_org(connection, org)
            clear_switches(connection, org_id)
            set_switch(connection, org_id, RESUMED, switch)
            add_entries(connection, org_id, [_switched(org, switch, "resumed")])

    def bring_back_from_future(self, org: str, now: float) -> float:
        """Bring what a wrong clock has written into the future of an org's changes back to now.

        Returns:
            By how many seconds it was ahead; 0.0 where nothing was.
        """
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            if org_id is None or not moments_ahead(connection, org_id, now):
                return 0.0
        with self._database.writing() as connection:
            return bring_back(connection, lock_org(connection, org), now)

    def release(self, org: str, action_id: str, entry: AuditEntry) -> bool:
        """Take an action out of quarantine; whether it was in one."""
        with self._database.writing() as connection:
            org_id = lock_org(connection, org)
            was = end_quarantine(connection, org_id, action_id)
            if was:
                add_entries(connection, org_id, [entry])
            return was

    def last_timeout_change(self, org: str) -> float:
        """Return when a timeout last became another one, by whomever; epoch seconds, else 0.0."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return 0.0 if org_id is None else last_timeout_change(connection, org_id)

    def trail(self, query: TrailQuery) -> Trail:
        """What happened to the timeouts of some orgs, the newest first.

        Raises:
            LedgerError: The state can't be read.
        """
        with self._database.reading() as connection:
            return read_trail(connection, query)


def _note(
    connection: Connection, org_id: int, change: Change, entry: AuditEntry, to: ChangeState
) -> None:
    add_entries(connection, org_id, [replace(entry, event=to.value, change_id=change.change_id)])


def _stop_for_damage(
    connection: Connection, org_id: int, change: Change, damage: DamageFound
) -> None:
    mark_damaged(connection, change, damage.words)
    set_switch(connection, org_id, TRIPPED, damage.trip)
    add_entries(connection, org_id, [_switched(change.org, damage.trip, "tripped")])


def _switched(org: str, switch: Switch, event: str) -> AuditEntry:
    return AuditEntry(switch.since, org, event, switch.actor, detail=switch.reason)
