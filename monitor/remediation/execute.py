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

Nothing is ever sent twice: what can't be told from the answer is read, and what the reading can't
tell waits for the next turn.
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
    RateLimitedError,
    TimeoutMonitorError,
)
from monitor.ledger import (
    NEXT,
    AuditEntry,
    Change,
    ChangeState,
    Journal,
    Lease,
    Quarantine,
    Standing,
    Switch,
    stand_down_note,
    who_overrode,
)
from monitor.remediation.actor import Hand
from monitor.remediation.case import Decision, Verb
from monitor.remediation.intent import intent_of, obstacle_to
from monitor.remediation.lines import about_change, about_decision
from monitor.remediation.put_back import (
    NOBODY_COMPARED,
    PUTTING_BACK,
    Damage,
    damage_of,
    evidence_before,
    found_damage,
    is_damaged,
    keeping_damage,
    put_back,
)
from monitor.remediation.recovery import is_explained, later_one_in_force, what_became
from monitor.remediation.targets import Reading, Target

log = structlog.get_logger()

LEASE_SECONDS = 180.0
WRITE_SECONDS = 90.0
"""The longest that a write and what is recorded after it take: a lease with less time left sends
nothing. A request takes 45 s at most, waiting for an answer included."""

ANSWER_SECONDS = 45.0
"""The longest that one request takes: a lease with less time left does not let it go out."""

NOT_IN_FORCE = "not_in_force"
"""Reason code: there is nothing of the change to undo."""

LATER_CHANGE = "later_change"
"""Reason code: a later change of the same timeout has to be undone first."""

NOT_HELPFUL = "not_helpful"
ROLLED_BACK = "rolled_back"
CHANGED_BY_OTHERS = "changed_by_others"

DecideAgain = Callable[[Standing, float], Decision]
"""The same decision once more, from what stands now; epoch seconds."""

MayUndo = Callable[[Standing], str]
"""The reason code of what forbids to undo a change, empty where nothing does."""


class Targets(Protocol):
    """Where the timeouts of an org are kept."""

    def find(self, kind: str, container_id: str) -> Target:
        """The target of this kind.

        Raises:
            TimeoutMonitorError: It can't be reached.
        """
        ...


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

    def __init__(self, org: str, journal: Journal, targets: Targets, hand: Hand) -> None:
        """Change nothing yet."""
        self._org = org
        self._journal = journal
        self._targets = targets
        self._hand = hand

    @contextmanager
    def lease(self) -> Iterator[Lease]:
        """The right to change timeouts of the org.

        Raises:
            BusyError: Another program has it.
        """
        lease = self._journal.take_lease(
            self._org, self._hand.holder, self._hand.machine.now(), LEASE_SECONDS
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
            return self._move(
                lease, change, ChangeState.ABANDONED, "its program ended before it was sent"
            )
        if change.state not in _CUT_SHORT:
            return change
        target = self._target(change)
        reading = target.read(change.action_id)
        evidence = self._journal.evidence_of_sending(change)
        found = found_damage(target, change, reading, evidence)
        if found and not is_damaged(change):
            return self._stop(lease, change, reading, NOBODY_COMPARED)
        if found is not None and is_damaged(change):
            # It was being put back when its program ended: what is there tells how far that came.
            done = (
                "not all of it was put back" if found else "it was put back as it was read before"
            )
            return self._move(lease, change, ChangeState.ROLLED_BACK, done, lock_after=reading.lock)
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
        at = self._now()
        intent = intent_of(decision, self._hand.actor, at)

        def still(standing: Standing) -> str:
            again = decide_again(standing, self._now())
            same = (again.from_ms, again.to_ms) == (intent.from_ms, intent.to_ms)
            if again.verb is not Verb.RAISE:
                return again.reason
            return "" if same else "in_force"

        entry = about_decision(decision, "", self._hand.actor, at)
        change = self._journal.begin(lease, intent, entry, still, self._machine(WRITE_SECONDS))
        if isinstance(change, str):
            return change
        self._tell(change)
        return self._raise(lease, change, still)

    def undo(self, lease: Lease, change: Change, why: str, may_undo: MayUndo) -> Change | str:
        """Set the value before again, where the value in force is still ours.

        Returns:
            The change as far as it has come, else the reason code of what forbids it.

        Raises:
            BusyError: Another program has taken over.
            GenesysError: The platform can't be asked; nothing was sent.
            LedgerError: The state can't be written.
        """
        if ChangeState.UNDOING not in NEXT[change.state]:
            return NOT_IN_FORCE
        standing = self._journal.standing(self._org, self._now())
        if later_one_in_force(change, standing) is not None:
            return LATER_CHANGE
        target = self._target(change)
        reading = target.read(change.action_id)
        if reading.timeout_ms != change.to_ms:
            if is_explained(change, reading.timeout_ms, standing, self._now()):
                return LATER_CHANGE
            return self.supersede(lease, change, reading)
        entry = replace(
            self._entry(change, why),
            lock_before=reading.lock,
            evidence=evidence_before(target, reading, reading),
        )
        sending = self._journal.send(
            lease,
            change,
            ChangeState.UNDOING,
            entry,
            allows=may_undo,
            machine_now=self._machine(WRITE_SECONDS),
        )
        if isinstance(sending, str):
            return sending
        self._tell(sending)
        return self._send_back(lease, sending, target, reading)

    def supersede(self, lease: Lease, change: Change, reading: Reading) -> Change:
        """Stand down: the value in force is somebody else's; the note names them where it can."""
        now = self._now()
        edits = self._journal.standing(self._org, now).edits
        by = who_overrode(change, edits, reading.timeout_ms, now)
        return self._move(
            lease,
            change,
            ChangeState.SUPERSEDED,
            stand_down_note(reading.timeout_ms, by),
            quarantine=self._quarantine(change, CHANGED_BY_OTHERS),
        )

    def look(self, change: Change) -> Reading:
        """The action of a change as it is now.

        Raises:
            GenesysError: The platform can't be asked.
        """
        return self._target(change).read(change.action_id)

    def judged(self, lease: Lease, change: Change, detail: str, *, helped: bool) -> Change:
        """Record what a change has done."""
        if helped:
            return self._move(lease, change, ChangeState.VERIFIED, detail)
        return self._move(
            lease,
            change,
            ChangeState.UNHELPFUL,
            detail,
            quarantine=self._quarantine(change, NOT_HELPFUL),
        )

    def _raise(self, lease: Lease, change: Change, still: MayUndo) -> Change:
        try:
            target = self._target(change)
            before = target.read(change.action_id)
        except TimeoutMonitorError as error:
            return self._move(lease, change, ChangeState.ABANDONED, f"not read: {error.message}")
        obstacle = obstacle_to(change, before)
        if obstacle:
            return self._move(lease, change, ChangeState.ABANDONED, obstacle)

        def without_itself(standing: Standing) -> str:
            others = tuple(o for o in standing.changes if o.change_id != change.change_id)
            return still(replace(standing, changes=others))

        entry = replace(
            self._entry(change, "about to be sent"),
            lock_before=before.lock,
            evidence=evidence_before(target, before, before),
        )
        sending = self._journal.send(
            lease,
            change,
            ChangeState.WRITING,
            entry,
            allows=without_itself,
            machine_now=self._machine(WRITE_SECONDS),
        )
        if isinstance(sending, str):
            return self._move(lease, change, ChangeState.ABANDONED, f"called off: {sending}")
        self._tell(sending)
        return self._send(lease, sending, target, before)

    def _send(self, lease: Lease, change: Change, target: Target, before: Reading) -> Change:
        try:
            written = target.write(before, change.to_ms, last_check=self._last_check(lease))
        except ConflictError as error:
            return self._move(lease, change, ChangeState.CONFLICT, error.message)
        except AmbiguousWriteError as error:
            log.warning("write_unanswered", change_id=change.change_id, why=error.message)
            return self._look_back(lease, change, target, before)
        except (BusyError, RateLimitedError) as error:
            return self._move(lease, change, ChangeState.ABANDONED, f"put off: {error.message}")
        except TimeoutMonitorError as error:
            return self._move(lease, change, ChangeState.FAILED, error.message)
        change = self._move(lease, change, ChangeState.APPLIED, "accepted", lock_after=written.lock)
        return self._look_back(lease, change, target, before, lock_after=written.lock)

    def _send_back(self, lease: Lease, change: Change, target: Target, before: Reading) -> Change:
        try:
            written = target.write(before, change.from_ms, last_check=self._last_check(lease))
        except AmbiguousWriteError as error:
            log.warning("write_unanswered", change_id=change.change_id, why=error.message)
            return self._look_back(lease, change, target, before)
        except TimeoutMonitorError as error:
            return self._move(lease, change, ChangeState.UNHELPFUL, f"not undone: {error.message}")
        return self._look_back(lease, change, target, before, lock_after=written.lock)

    def _look_back(
        self,
        lease: Lease,
        change: Change,
        target: Target,
        before: Reading,
        *,
        lock_after: str = "",
    ) -> Change:
        """Read back what was written and compare; what can't be read now, the next turn reads.

        Args:
            lease: The right to change timeouts.
            change: The change that was sent.
            target: Where the timeout is kept.
            before: What nothing but the timeout may differ from.
            lock_after: The lock that the platform named in its answer; may be empty.
        """
        try:
            after = target.read(change.action_id)
        except TimeoutMonitorError as error:
            tell_that_it_waits(change, error)
            return change
        is_undone = change.state is ChangeState.UNDOING
        wanted_ms = change.from_ms if is_undone else change.to_ms
        damage = damage_of(target, before, after, wanted_ms, lock_after)
        if damage is None:
            return self._settle(lease, change, after, lock_after=lock_after)
        change = self._stop(lease, change, after, damage.note, is_being_put_back=damage.is_ours)
        if not damage.is_ours:
            return change
        return self._put_back(lease, change, target, damage, before, after)

    def _stop(
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
        now = self._now()
        reason = f"change {change.change_id}: {note}"
        if change.state in {ChangeState.WRITING, ChangeState.ABANDONED}:
            words = "the platform shows it"
            change = self._move(lease, change, ChangeState.APPLIED, words, lock_after=after.lock)
        if not is_being_put_back:
            note = f"{note}; not put back, for nobody can tell what was there, or who wrote since"
        if change.state is ChangeState.APPLIED:
            quarantine = self._quarantine(change, NOT_HELPFUL)
            change = self._move(
                lease,
                change,
                ChangeState.UNHELPFUL,
                note,
                lock_after=after.lock,
                quarantine=quarantine,
            )
        elif not is_being_put_back:
            change = self._rolled_back(lease, change, note, after.lock)
        self._journal.trip(lease, Switch(now, self._hand.actor, reason))
        return change

    def _put_back(  # noqa: PLR0913, PLR0917 - the write that went wrong, and what it met
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
            self._entry(change, f"{damage.note}; {PUTTING_BACK}"),
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
                machine_now=self._machine(WRITE_SECONDS),
            )
        except BusyError as error:
            if change.state is ChangeState.UNDOING:
                words = f"{damage.note}; not put back: {error.message}"
                return self._rolled_back(lease, change, words, now.lock)
            raise
        if isinstance(sending, str):  # pragma: no cover - nothing forbids it
            return change
        self._tell(sending)
        ended = put_back(target, sending, damage, before, now, self._last_check(lease))
        log.warning("write_put_back", change_id=change.change_id, why=ended.detail)
        if ended.state is None:
            return sending
        if ended.state is ChangeState.ROLLED_BACK:
            return self._rolled_back(lease, sending, ended.detail, ended.lock)
        return self._move(lease, sending, ended.state, ended.detail, lock_after=ended.lock)

    def _rolled_back(self, lease: Lease, change: Change, note: str, lock: str) -> Change:
        quarantine = self._quarantine(change, ROLLED_BACK)
        state = ChangeState.ROLLED_BACK
        return self._move(lease, change, state, note, lock_after=lock, quarantine=quarantine)

    def _last_check(self, lease: Lease) -> Callable[[], None]:
        """Asked right before a request goes out, for the program may have been stopped meanwhile.

        What is left between it and the wire can't be closed by anybody; there the platform's own
        lock keeps others' edits safe, and the write is found where it arrives late.
        """
        return lambda: self._journal.insist(lease, self._machine(ANSWER_SECONDS))

    def _settle(
        self, lease: Lease, change: Change, reading: Reading, *, lock_after: str = ""
    ) -> Change:
        """Go on as the platform's value says, as far as it says anything."""
        while True:
            state, note = what_became(change, reading.timeout_ms, self._now())
            if state is change.state:
                return change
            if state is ChangeState.SUPERSEDED:
                return self.supersede(lease, change, reading)
            lock = lock_after or reading.lock
            quarantine = (
                self._quarantine(change, ROLLED_BACK) if state is ChangeState.ROLLED_BACK else None
            )
            change = self._move(lease, change, state, note, lock_after=lock, quarantine=quarantine)
            if state is not ChangeState.APPLIED:
                return change

    def _move(  # noqa: PLR0913 - what is recorded with a state
        self,
        lease: Lease,
        change: Change,
        to: ChangeState,
        detail: str,
        *,
        lock_after: str = "",
        quarantine: Quarantine | None = None,
    ) -> Change:
        entry = replace(
            self._entry(change, keeping_damage(change, detail)),
            lock_after=lock_after or change.lock_after,
        )
        moved = self._journal.move(lease, change, to, entry, quarantine=quarantine)
        self._tell(moved)
        return moved

    def _tell(self, change: Change) -> None:
        log.info(
            "change",
            org=change.org,
            change_id=change.change_id,
            action_id=change.action_id,
            action_name=change.action_name,
            state=str(change.state),
            from_seconds=change.from_ms / 1000,
            to_seconds=change.to_ms / 1000,
            actor=self._hand.actor,
            why=change.note,
        )

    def _entry(self, change: Change, detail: str) -> AuditEntry:
        return about_change(change, self._hand.actor, self._now(), detail)

    def _quarantine(self, change: Change, reason: str) -> Quarantine:
        now = self._now()
        return Quarantine(
            change.action_id, reason, now, now + self._hand.quarantine_seconds, change.change_id
        )

    def _target(self, change: Change) -> Target:
        return self._targets.find(change.target, change.container_id)

    def _now(self) -> float:
        return self._hand.clock.now()

    def _machine(self, margin_seconds: float) -> float:
        return self._hand.machine.now() + margin_seconds


_CUT_SHORT = frozenset(
    {ChangeState.WRITING, ChangeState.APPLIED, ChangeState.UNDOING, ChangeState.ABANDONED}
)
