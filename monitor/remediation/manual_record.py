"""The record of a timeout set by hand, in the journal: asked, refused, sent, and how it ended.

Each write is a change of its own, which ends as ``kept``: a person wanted this value, so nobody
measures whether it helped. One that a program left open is found again by whoever comes next.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from monitor.clock import Clock
from monitor.config import RemediationSettings
from monitor.errors import BusyError, GenesysError, RefusedError
from monitor.ledger import (
    IN_FORCE_STATES,
    UNSETTLED_STATES,
    AuditEntry,
    Change,
    ChangeState,
    Intent,
    Journal,
    Lease,
    Quarantine,
    RemediationState,
    Switch,
)
from monitor.remediation.audit_entries import about_change
from monitor.remediation.change_recorder import (
    ANSWER_SECONDS,
    CHANGED_BY_OTHERS,
    ROLLED_BACK,
    WRITE_SECONDS,
)
from monitor.remediation.decision import GuardResult
from monitor.remediation.manual_guards import ByHand, answers, refusal
from monitor.remediation.put_back import (
    NOBODY_COMPARED,
    PUTTING_BACK,
    Damage,
    PutBack,
    evidence_before,
    found_damage,
    is_being_put_back,
    keeping_damage,
    put_back,
)
from monitor.remediation.recovery import is_explained, resolve_state
from monitor.remediation.set_timeout import End
from monitor.remediation.targets import Target, TargetState

LEASE_SECONDS = 240.0
"""Longer than a write takes with all the waiting for a rate limit, and reading it back."""

BY_HAND = "set by hand"
"""How the note of a change by hand begins."""

_QUARANTINES = {
    ChangeState.SUPERSEDED: CHANGED_BY_OTHERS,
    ChangeState.ROLLED_BACK: ROLLED_BACK,
}

_STATES = {
    End.APPLIED: ChangeState.APPLIED,
    End.CHECKED: ChangeState.KEPT,
    End.FAILED: ChangeState.FAILED,
    End.CONFLICT: ChangeState.CONFLICT,
    End.LOST: ChangeState.ABANDONED,
    End.OVERWRITTEN: ChangeState.SUPERSEDED,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for what, and by which rules.

    Attributes:
        org: The org's configured name.
        actor: The user, with the host.
        holder: Names this running program in the lease.
        allow_lower: Whether the timeout may be lowered.
        settings: ``[remediation]``.
    """

    org: str
    actor: str
    holder: str
    allow_lower: bool
    settings: RemediationSettings


class ManualRecord:
    """Keeps one timeout set by hand in the journal, under the org's lease."""

    def __init__(
        self, journal: Journal, target: Target, asked: Asked, clock: Clock, machine: Clock
    ) -> None:
        """Record nothing yet.

        Args:
            journal: Where it is recorded.
            target: Where the timeout is kept.
            asked: Who asked for what.
            clock: The time of the data.
            machine: The machine's clock, which programs share.
        """
        self._machine = machine
        self._journal = journal
        self._target = target
        self._asked = asked
        self._clock = clock
        self._lease: Lease | None = None
        self._change: Change | None = None

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Be the only one who changes timeouts of the org.

        Raises:
            BusyError: Another program does so at this moment.
        """
        self._take()
        try:
            yield
        finally:
            if self._lease is not None:
                self._journal.give_back(self._lease)

    def found(self, reading: TargetState) -> None:
        """Settle what was left open here, and what is not in force any more, by the value there is.

        Raises:
            BusyError: Another program has taken over.
            LedgerError: It can't be recorded.
        """
        self._look_at_others(reading.action_id)
        for change in self._here(reading.action_id):
            if self._stopped_for(change, reading):
                continue
            state, note = self._became(change, reading)
            while state is not change.state:
                change = self._move(change, state, note, reading.lock)  # noqa: PLW2901 - onward
                state, note = self._became(change, reading)
        for change in self._here(reading.action_id):
            if change.left_ms in {None, reading.timeout_ms}:
                continue
            remediation_state, now = self._remediation_state(), self._clock.now()
            if not is_explained(change, reading.timeout_ms, remediation_state, now):
                why = f"{reading.timeout_ms} ms is in force by now"
                self._move(change, ChangeState.SUPERSEDED, why)

    def check(self, reading: TargetState, to_ms: int) -> None:
        """Ask every guard.

        Raises:
            RefusedError: One refuses; it has been recorded.
        """
        remediation_state = self._remediation_state()
        asked = self._by_hand(reading, to_ms, remediation_state)
        guards = answers(asked)
        error = refusal(asked, guards)
        if error is not None:
            self._journal.note([self._refused(reading, to_ms, error, guards)])
            raise error

    def unreadable(self, action_id: str, to_ms: int, error: RefusedError) -> None:
        """The action is there in a form that can't be written back."""
        entry = AuditEntry(
            at=self._clock.now(),
            org=self._asked.org,
            event="refused",
            actor=self._asked.actor,
            action_id=action_id,
            to_ms=to_ms,
            reason=error.guard,
            detail=error.message,
        )
        self._journal.note([entry])

    def rehearsed(self, reading: TargetState, to_ms: int) -> None:
        """A dry run has come to where it would have written."""
        self._journal.note([self._entry(reading, to_ms, "dry_run", "nothing was sent")])

    def sending(self, reading: TargetState, to_ms: int) -> None:
        """Record that a write is about to be sent.

        Raises:
            RefusedError: A guard refuses by now.
            BusyError: Another program changes timeouts of the org.
            LedgerError: It can't be recorded.
        """
        lease = self._take()
        now = self._clock.now()
        intent = Intent(
            org=self._asked.org,
            action_id=reading.action_id,
            action_name=reading.action_name,
            target=self._target.kind,
            container_id=self._target.container_id,
            from_ms=reading.timeout_ms,
            to_ms=to_ms,
            actor=self._asked.actor,
            at=now,
            measured=False,
        )

        def allows(remediation_state: RemediationState) -> str:
            asked = self._by_hand(reading, to_ms, remediation_state)
            return next((one.name for one in answers(asked) if not one.passed), "")

        entry = self._entry(reading, to_ms, "", BY_HAND)
        until_written = self._machine.now() + WRITE_SECONDS
        begun = self._journal.begin(lease, intent, entry, allows, until_written)
        if isinstance(begun, str):
            raise self._called_off(reading, to_ms, begun)
        self._change = begun
        sent = self._journal.send(
            lease,
            begun,
            ChangeState.WRITING,
            replace(
                entry,
                detail=f"{BY_HAND}, about to be sent",
                evidence={**entry.evidence, **evidence_before(self._target, reading, reading)},
            ),
            allows=allows,
            machine_now=until_written,
        )
        if isinstance(sent, str):
            self._move(begun, ChangeState.ABANDONED, f"called off: {sent}")
            raise self._called_off(reading, to_ms, sent)
        self._change = sent

    def pre_send_check(self) -> None:
        """The last look before the request goes out.

        Raises:
            BusyError: The lease is over, or nearly so: another program may take over.
        """
        if self._lease is None:
            raise BusyError("Nothing is sent without a lease")
        self._journal.verify_lease(self._lease, self._machine.now() + ANSWER_SECONDS)

    def ended(self, end: End, detail: str = "", *, lock_after: str = "") -> None:
        """Record how the write has ended; one of which nobody knows stays open.

        Raises:
            BusyError: Another program has taken over.
            LedgerError: It can't be recorded.
        """
        change = self._change
        if change is None:
            return
        words = detail or _WORDS.get(end, str(end))
        if end in _STATES:
            self._change = self._move(change, _STATES[end], words, lock_after)
        else:
            entry = about_change(change, self._asked.actor, self._clock.now(), words)
            self._journal.note([replace(entry, event=str(end))])
        if end is End.APPLIED:
            for other in self._here(change.action_id):
                if other.change_id != change.change_id and other.state in IN_FORCE_STATES:
                    why = f"{change.to_ms} ms was set by hand"
                    self._move(other, ChangeState.SUPERSEDED, why)

    def put_back(self, damage: Damage, before: TargetState, now: TargetState | None) -> PutBack:
        """Put back what the write has changed besides, and stop all other changes.

        Raises:
            BusyError: Another program has taken over before it could be recorded.
            LedgerError: It can't be recorded.
        """
        if self._lease is None or self._change is None:
            raise BusyError("Nothing is put back without a lease")
        is_in_force = now is None or now.timeout_ms == self._change.to_ms
        stays = damage.is_ours or is_in_force
        self._change = self._move(
            self._change,
            ChangeState.UNHELPFUL if stays else ChangeState.SUPERSEDED,
            damage.note,
            "" if now is None else now.lock,
            is_damage=True,
        )
        if not damage.is_ours or now is None:
            return PutBack(None, f"{damage.note}; nobody can tell who else has written since")
        entry = about_change(
            self._change,
            self._asked.actor,
            self._clock.now(),
            f"{BY_HAND}, {damage.note}; {PUTTING_BACK}",
        )
        entry = replace(
            entry, lock_before=now.lock, evidence=evidence_before(self._target, before, now)
        )
        try:
            sending = self._journal.send(
                self._lease,
                self._change,
                ChangeState.UNDOING,
                entry,
                allows=lambda _: "",
                machine_now=self._machine.now() + WRITE_SECONDS,
            )
        except BusyError as error:
            words = f"{damage.note}; not put back: {error.message}"
            state = ChangeState.UNHELPFUL if is_in_force else ChangeState.SUPERSEDED
            with suppress(BusyError):  # whoever has taken over knows of the damage
                self._change = self._move(self._change, state, words, now.lock)
            return PutBack(state, words, lock=now.lock)
        if isinstance(sending, str):  # pragma: no cover - nothing forbids it
            raise BusyError(f"It was called off: {sending}")
        self._change = sending
        ended = put_back(self._target, sending, damage, before, now, self.pre_send_check)
        if ended.state is not None:
            self._change = self._move(sending, ended.state, ended.detail, ended.lock)
        return ended

    def _look_at_others(self, action_id: str) -> None:
        """Compare what other actions of the flow left open, before a write hides who did what."""
        place = (self._target.kind, self._target.container_id)
        for change in self._remediation_state().changes:
            if (
                place[1]
                and change.action_id != action_id
                and (change.target, change.container_id) == place
                and change.state in UNSETTLED_STATES
            ):
                with suppress(GenesysError, RefusedError):
                    self._stopped_for(change, self._target.read(change.action_id))

    def _stopped_for(self, change: Change, reading: TargetState) -> bool:
        """Whether a change that was left open has changed more than the timeout; then all stops."""
        if change.state not in UNSETTLED_STATES or is_being_put_back(change):
            return False
        evidence = self._journal.evidence_of_sending(change)
        if not found_damage(self._target, change, reading, evidence):
            return False
        undone = change.state is ChangeState.UNDOING
        if change.state is ChangeState.WRITING:
            change = self._move(change, ChangeState.APPLIED, "it is there", reading.lock)
        in_force = reading.timeout_ms == change.to_ms
        to = ChangeState.UNHELPFUL if in_force else ChangeState.SUPERSEDED
        if undone:
            to = ChangeState.ROLLED_BACK
        self._move(change, to, NOBODY_COMPARED, reading.lock, is_damage=True)
        return True

    def _remediation_state(self) -> RemediationState:
        return self._journal.remediation_state(self._asked.org, self._clock.now())

    def _here(self, action_id: str) -> list[Change]:
        """Every change of this action in this place, the newest first."""
        here = (self._target.kind, self._target.container_id, action_id)
        return [
            one
            for one in self._remediation_state().changes
            if (one.target, one.container_id, one.action_id) == here
        ]

    def _became(self, change: Change, reading: TargetState) -> tuple[ChangeState, str]:
        """What has become of a change that was left open; of any other its own state."""
        if change.state is ChangeState.PLANNED:
            return ChangeState.ABANDONED, "its program ended before it was sent"
        if change.state not in UNSETTLED_STATES:
            return change.state, ""
        return resolve_state(change, reading.timeout_ms, self._clock.now())

    def _move(
        self,
        change: Change,
        to: ChangeState,
        detail: str,
        lock_after: str = "",
        *,
        is_damage: bool = False,
    ) -> Change:
        """Record a state; the daemon leaves an action alone whose change it has to give up.

        What has changed more than the timeout stops all other changes with it.
        """
        if self._lease is None:
            raise BusyError("Nothing is recorded without a lease")
        now = self._clock.now()
        told = keeping_damage(change, detail)
        words = told if change.measured or told.startswith(BY_HAND) else f"{BY_HAND}, {told}"
        entry = about_change(change, self._asked.actor, now, words)
        entry = replace(entry, lock_after=lock_after or change.lock_after)
        quarantine = None
        if change.measured and to in _QUARANTINES:
            until = now + self._asked.settings.quarantine
            quarantine = Quarantine(
                change.action_id, _QUARANTINES[to], now, until, change.change_id
            )
        reason = f"change {change.change_id}: {detail}"
        trip = Switch(now, self._asked.actor, reason) if is_damage else None
        return self._journal.move(self._lease, change, to, entry, quarantine=quarantine, trip=trip)

    def _called_off(self, reading: TargetState, to_ms: int, reason: str) -> RefusedError:
        """The error of a guard that has changed its mind, in its own words if it still says no."""
        try:
            self.check(reading, to_ms)
        except RefusedError as error:
            return error
        return RefusedError(f"The change was called off: {reason}", guard=reason)

    def _take(self) -> Lease:
        lease = self._journal.take_lease(
            self._asked.org, self._asked.holder, self._machine.now(), LEASE_SECONDS
        )
        if lease is None:
            raise BusyError(
                f"Another program is changing timeouts of {self._asked.org} at this moment",
                "Wait until it has finished, which takes less than four minutes.",
            )
        self._lease = lease
        return lease

    def _by_hand(
        self, reading: TargetState, to_ms: int, remediation_state: RemediationState
    ) -> ByHand:
        return ByHand(
            reading=reading,
            to_ms=to_ms,
            allow_lower=self._asked.allow_lower,
            remediation_state=remediation_state,
            settings=self._asked.settings,
            now=self._clock.now(),
            place=(self._target.kind, self._target.container_id),
            own_change_id=None if self._change is None else self._change.change_id,
        )

    def _refused(
        self, reading: TargetState, to_ms: int, error: RefusedError, guards: tuple[GuardResult, ...]
    ) -> AuditEntry:
        entry = self._entry(reading, to_ms, "refused", error.message)
        return replace(entry, reason=error.guard, evidence=_evidence(guards))

    def _entry(self, reading: TargetState, to_ms: int, event: str, detail: str) -> AuditEntry:
        remediation_state = self._remediation_state()
        return AuditEntry(
            at=self._clock.now(),
            org=self._asked.org,
            event=event,
            actor=self._asked.actor,
            action_id=reading.action_id,
            action_name=reading.action_name,
            from_ms=reading.timeout_ms,
            to_ms=to_ms,
            detail=detail,
            lock_before=reading.lock,
            evidence=_evidence(answers(self._by_hand(reading, to_ms, remediation_state))),
        )


def _evidence(guards: tuple[GuardResult, ...]) -> dict[str, object]:
    """What a change by hand rests on: a person's word, and what every guard said."""
    return {
        "by": "hand",
        "guards": [
            {"name": one.name, "passed": one.passed, "detail": one.detail} for one in guards
        ],
    }


_WORDS = {
    End.APPLIED: "accepted",
    End.CHECKED: "read back; nothing else differs",
}
