"""Finds out what became of a change, from what the platform shows; nothing is sent here.

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
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Protocol

import structlog

from monitor.errors import GenesysError, NotFoundError, RefusedError, TimeoutMonitorError
from monitor.journal import (
    GONE,
    IN_FORCE_STATES,
    NEXT,
    NOT_UNDONE,
    NOTHING_SHOWN,
    UNSETTLED_STATES,
    Change,
    ChangeState,
    Journal,
    Lease,
    RemediationState,
    stand_down_note,
    who_overrode,
)
from monitor.remediation.change_recorder import (
    CHANGED_BY_OTHERS,
    NOT_HELPFUL,
    ROLLED_BACK,
    ChangeRecorder,
    why_left_alone,
)
from monitor.remediation.damage_repair import DamageRepair
from monitor.remediation.effect import Effect, Judgement
from monitor.remediation.put_back import (
    HIDDEN,
    NOBODY_COMPARED,
    found_damage,
    is_being_put_back,
    is_damaged,
    why_nobody_can_tell,
)
from monitor.remediation.targets import NOT_SHOWN, Target, TargetState
from monitor.remediation.transitions import is_explained, resolve_state, with_asker

log = structlog.get_logger()


UNFIT_SECONDS = 3_600.0
"""How long an action is left alone that can't be sent back whole; a person may mend that."""


def is_resting(change: Change, now: float) -> bool:
    """Return whether undoing a change was refused so recently that it is not tried again yet."""
    return change.reason == NOT_UNDONE and 0 <= now - change.touched_at < UNFIT_SECONDS


class Targets(Protocol):
    """Where the timeouts of an org are kept."""

    def find(self, kind: str, container_id: str) -> Target:
        """Return the target of this kind.

        Raises:
            TimeoutMonitorError: It can't be reached.
        """
        ...

    def is_listed(self, change: Change) -> bool:
        """Return whether the catalogue shows the action of a change where that was made.

        Raises:
            LedgerError: The state can't be read.
        """
        ...


def log_waiting(change: Change, error: TimeoutMonitorError) -> None:
    """Log that the platform can't be asked about a change; the next turn asks again."""
    log.warning(
        "change_waits",
        org=change.org,
        change_id=change.change_id,
        state=str(change.state),
        why=error.message,
        hint=error.hint,
    )


class Resolver:
    """Settles the changes of one org: each state follows from what the platform shows."""

    def __init__(
        self,
        org: str,
        journal: Journal,
        targets: Targets,
        recorder: ChangeRecorder,
        repair: DamageRepair,
    ) -> None:
        """Keep what it works with."""
        self._org = org
        self._journal = journal
        self._targets = targets
        self._recorder = recorder
        self._repair = repair

    def state(self) -> RemediationState:
        """Return what was changed, and what stands in the way of more."""
        return self._journal.remediation_state(self._org, self._recorder.now())

    def look(self, change: Change) -> TargetState:
        """Return the action of a change as it is now.

        Raises:
            GenesysError: The platform can't be asked.
        """
        return self.target_of(change).read(change.action_id)

    def target_of(self, change: Change) -> Target:
        """Return the place where the timeout of a change is kept."""
        return self._targets.find(change.target, change.container_id)

    def recover(self, lease: Lease, change: Change) -> Change:
        """Find out what became of a change that was cut short; it is read, never sent again.

        Raises:
            BusyError: Another program has taken over.
            GenesysError: The platform can't be asked; the change stays as it is.
        """
        if change.state is ChangeState.PLANNED:
            return self._never_sent(lease, change)
        if change.state not in _CUT_SHORT:
            return change
        target = self.target_of(change)
        try:
            reading = target.read(change.action_id)
        except NotFoundError:
            if not self.is_gone(change):
                raise
            return self.gone(lease, change)
        except RefusedError as error:
            if error.guard != NOT_SHOWN or change.state is ChangeState.ABANDONED:
                raise
            return self.hidden(lease, change)
        return self._recover_from(lease, change, target, reading)

    def recover_place(self, lease: Lease, target: Target, reading: TargetState) -> None:
        """Settle every change of one action, and what others of its flow have left to compare.

        A write that comes after would hide who did what. What is not in force any more, and that
        no later change explains, is somebody else's by now.

        Args:
            lease: The right to change timeouts.
            target: Where the timeout is kept.
            reading: The action as it was just read.

        Raises:
            BusyError: Another program has taken over.
            LedgerError: It can't be recorded.
        """
        self._compare_the_rest_of_the_flow(lease, target, reading.action_id)
        for change in self._of(target, reading.action_id):
            if change.state is ChangeState.PLANNED:
                self._never_sent(lease, change)
            elif change.state in UNSETTLED_STATES:
                self._recover_from(lease, change, target, reading)
        for change in self._of(target, reading.action_id):
            if change.left_ms in {None, reading.timeout_ms}:
                continue
            if not is_explained(change, reading.timeout_ms, self.state(), self._recorder.now()):
                self.supersede(lease, change, reading)

    def settle(  # noqa: PLR0913 - what became of a write, and what there is to say of it
        self,
        lease: Lease,
        change: Change,
        reading: TargetState,
        *,
        lock_after: str = "",
        also_changed: tuple[str, ...] = (),
        remark: str = "",
    ) -> Change:
        """Go on as the platform's value says, as far as it says anything.

        Args:
            lease: The right to change timeouts.
            change: The change.
            reading: What the platform shows.
            lock_after: The lock that it named in its answer; empty where there was none.
            also_changed: Where somebody else has changed the action meanwhile, for the record.
            remark: What there is to say besides of a write that was carried out, for the record.
        """
        while True:
            state, note = resolve_state(change, reading.timeout_ms, self._recorder.now())
            if state is change.state:
                return change
            if state is ChangeState.SUPERSEDED:
                return self.supersede(lease, change, reading, remark)
            if remark and state in _CARRIED_OUT:
                note = f"{note}; {remark}"
            if also_changed and state in {ChangeState.KEPT, ChangeState.WATCHING}:
                note = f"{note}; it differs at {', '.join(also_changed[:_MOST_PLACES])}"
            lock = lock_after or reading.lock
            quarantine = None
            if state is ChangeState.ROLLED_BACK:
                why = why_left_alone(change, ROLLED_BACK)
                quarantine = self._recorder.quarantine(change, why)
            change = self._recorder.move(
                lease, change, state, note, lock_after=lock, quarantine=quarantine
            )
            if state is ChangeState.APPLIED:
                self.supersede_by_hand(lease, change)
                continue
            return change

    def supersede(
        self, lease: Lease, change: Change, reading: TargetState, remark: str = ""
    ) -> Change:
        """Stand down: the value in force is somebody else's; the note names them where it can."""
        now = self._recorder.now()
        by = who_overrode(change, self.state().edits, reading.timeout_ms, now)
        note = stand_down_note(reading.timeout_ms, by)
        # Of the others it is not known whether they were carried out at all.
        if remark and change.state is ChangeState.APPLIED:
            note = f"{note}; {remark}"
        return self._recorder.move(
            lease,
            change,
            ChangeState.SUPERSEDED,
            note,
            quarantine=self._recorder.quarantine(change, CHANGED_BY_OTHERS),
        )

    def is_gone(self, change: Change) -> bool:
        """Return whether the action of a change that the platform does not know was deleted.

        One answer proves nothing: a gateway may have given it, or another region. The catalogue,
        which was read apart from it, has to say the same.
        """
        can_end = ChangeState.SUPERSEDED in NEXT[change.state]
        return can_end and not self._targets.is_listed(change)

    def gone(self, lease: Lease, change: Change) -> Change:
        """Stand down: what was changed is not there any more."""
        what = "the flow, or the action in it," if change.container_id else "the action"
        words = f"{what} is gone: nobody can set it back, and nobody needs to"
        return self._recorder.move(lease, change, ChangeState.SUPERSEDED, words, reason=GONE)

    def supersede_by_hand(self, lease: Lease, change: Change) -> None:
        """Stand down from earlier changes of a timeout that a person has set to another value."""
        if change.measured:
            return
        place = (change.target, change.container_id, change.action_id)
        for other in self.state().changes:
            its_place = (other.target, other.container_id, other.action_id)
            if (
                its_place == place
                and other.change_id != change.change_id
                and other.state in IN_FORCE_STATES
            ):
                self._recorder.move(
                    lease,
                    other,
                    ChangeState.SUPERSEDED,
                    f"{change.to_ms / 1000:g} s was set by hand",
                    quarantine=self._recorder.quarantine(other, CHANGED_BY_OTHERS)
                    if other.measured
                    else None,
                )

    def hidden(self, lease: Lease, change: Change) -> Change:
        """Stop everything: what was shown before a write is not shown after it."""
        if is_being_put_back(change):
            note = "the platform shows no configuration any more"
            return self._recorder.move(lease, change, ChangeState.UNHELPFUL, note)
        return self._repair.stop(lease, change, None, HIDDEN)

    def judged(self, lease: Lease, change: Change, judgement: Judgement) -> Change:
        """Record what a change has done."""
        state, quarantine, reason = ChangeState.VERIFIED, None, ""
        if judgement.effect is not Effect.HELPED:
            state = ChangeState.UNHELPFUL
            why = why_left_alone(replace(change, effect=judgement.effect.value), NOT_HELPFUL)
            quarantine = self._recorder.quarantine(change, why)
            reason = NOTHING_SHOWN if why == NOTHING_SHOWN else ""
        return self._recorder.move(
            lease,
            change,
            state,
            judgement.detail,
            effect=judgement,
            quarantine=quarantine,
            reason=reason,
        )

    def not_undone(self, lease: Lease, change: Change, error: TimeoutMonitorError) -> Change:
        """Record why a change can't be undone; it is tried again after a while."""
        words = with_asker(change, f"not undone: {error.message}")
        return self._recorder.move(lease, change, ChangeState.UNHELPFUL, words, reason=NOT_UNDONE)

    def _recover_from(
        self, lease: Lease, change: Change, target: Target, reading: TargetState
    ) -> Change:
        evidence = self._journal.evidence_of_sending(change)
        found = found_damage(target, change, reading, evidence)
        was_told = is_damaged(change) and change.state is ChangeState.APPLIED
        if (found or was_told) and not is_being_put_back(change):
            # Its program may have ended between finding it and what follows from that.
            words = change.damage if was_told else NOBODY_COMPARED
            return self._repair.stop(lease, change, reading, words)
        if found is not None and is_being_put_back(change):
            # It was being put back when its program ended: what is there tells how far that came.
            done = (
                "not all of it was put back" if found else "it was put back as it was read before"
            )
            return self._recorder.move(
                lease, change, ChangeState.ROLLED_BACK, done, lock_after=reading.lock
            )
        remark = "" if found is not None else why_nobody_can_tell(change, reading, evidence)
        return self.settle(lease, change, reading, remark=remark)

    def _compare_the_rest_of_the_flow(self, lease: Lease, target: Target, action_id: str) -> None:
        """Stop where another action of a flow was damaged, as far as it can be read."""
        if not target.container_id:
            return
        for change in self.state().changes:
            if (
                change.action_id == action_id
                or (change.target, change.container_id) != (target.kind, target.container_id)
                or change.state not in UNSETTLED_STATES - {ChangeState.PLANNED}
                or is_being_put_back(change)
            ):
                continue
            with suppress(GenesysError, RefusedError):
                reading = target.read(change.action_id)
                evidence = self._journal.evidence_of_sending(change)
                if found_damage(target, change, reading, evidence):
                    self._repair.stop(lease, change, reading, NOBODY_COMPARED)

    def _never_sent(self, lease: Lease, change: Change) -> Change:
        words = "its program ended before it was sent"
        return self._recorder.move(lease, change, ChangeState.ABANDONED, words)

    def _of(self, target: Target, action_id: str) -> list[Change]:
        """Return every change of an action in one place, the newest first."""
        here = (target.kind, target.container_id, action_id)
        return [
            one
            for one in self.state().changes
            if (one.target, one.container_id, one.action_id) == here
        ]


_CARRIED_OUT = frozenset({ChangeState.KEPT, ChangeState.WATCHING, ChangeState.ROLLED_BACK})
_MOST_PLACES = 5
_CUT_SHORT = frozenset(
    {ChangeState.WRITING, ChangeState.APPLIED, ChangeState.UNDOING, ChangeState.ABANDONED}
)
