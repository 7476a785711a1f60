"""What goes on with changes that are open: find out, stand down, judge, undo, and trip.

Whoever takes a turn does that first, whatever program has begun them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from monitor.config import RemediationSettings
from monitor.errors import (
    ConfigurationError,
    GenesysError,
    NotFoundError,
    RefusedError,
    TimeoutMonitorError,
    UnforeseenError,
)
from monitor.journal import (
    UNSETTLED_STATES,
    Change,
    ChangeState,
    Journal,
    Lease,
    RemediationState,
    Switch,
)
from monitor.remediation.actor import ActorContext
from monitor.remediation.circuit_breaker import trip_reason
from monitor.remediation.decision import Initiator
from monitor.remediation.effect import Effect, Judgement
from monitor.remediation.put_back import is_damaged
from monitor.remediation.resolve import is_resting, log_waiting
from monitor.remediation.transitions import (
    is_explained,
    is_late,
    undone_because,
    was_asked_for,
    was_given_up,
    was_overtaken,
)
from monitor.remediation.trials import judged_as_trial
from monitor.remediation.undo_guards import UndoGuards
from monitor.remediation.write import Writer

log = structlog.get_logger()

Judge = Callable[[Change], Judgement]
"""What a change that is being watched has done so far."""


class OpenChanges:
    """The changes of one org that want something done."""

    def __init__(
        self,
        org: str,
        journal: Journal,
        writer: Writer,
        settings: RemediationSettings,
        context: ActorContext,
    ) -> None:
        """Do nothing yet."""
        self._org = org
        self._journal = journal
        self._writer = writer
        self._settings = settings
        self._context = context

    def settle(self) -> bool:
        """Find out what became of writes that were cut short: the platform is read, never written.

        Returns:
            Whether there were any.

        Raises:
            BusyError: Another program has the lease.
            LedgerError: The state can't be used.
        """
        if not self._cut_short(self._remediation_state(), {}):
            return False
        with self._writer.lease() as lease:
            self._find_out(lease, self._remediation_state(), {})
        return True

    def resume(self, lease: Lease, shown_ms: Mapping[str, int | None], judge: Judge) -> None:
        """Go on with what is open: find out, stand down, judge, undo, and trip.

        Args:
            lease: The right to change timeouts.
            shown_ms: The timeout in force by action id, as the catalogue shows it.
            judge: What changes have done so far.

        Raises:
            BusyError: Another program has taken over.
            LedgerError: The state can't be used.
        """
        remediation_state = self._find_out(lease, self._remediation_state(), shown_ms)
        remediation_state = self._stand_down_where_others_changed(
            lease, remediation_state, shown_ms
        )
        remediation_state = self._judge_what_is_watched(lease, remediation_state, judge)
        remediation_state = self._undo_what_did_not_help(lease, remediation_state)
        reason = trip_reason(remediation_state, self._settings.trip_after)
        if reason:
            now = self._context.clock.now()
            self._journal.trip(lease, Switch(now, self._context.actor, reason))
            log.error(
                "remediation_tripped",
                org=self._org,
                why=reason,
                hint="Look at timeout-monitor history, then let it go on: timeout-monitor resume.",
            )

    def _find_out(
        self, lease: Lease, remediation_state: RemediationState, shown_ms: Mapping[str, int | None]
    ) -> RemediationState:
        cut_short = self._cut_short(remediation_state, shown_ms)
        return self._each(cut_short, remediation_state, lambda change: self._recover(lease, change))

    def _cut_short(
        self, remediation_state: RemediationState, shown_ms: Mapping[str, int | None]
    ) -> list[Change]:
        """Return the changes of which only the platform's value tells how far they have come."""
        now = self._context.clock.now()
        return [
            one
            for one in remediation_state.changes
            if one.state in UNSETTLED_STATES
            or is_late(one, now)
            or (was_given_up(one) and shown_ms.get(one.action_id) == one.to_ms)
        ]

    def _recover(self, lease: Lease, change: Change) -> None:
        if not (was_given_up(change) and was_overtaken(change, self._remediation_state())):
            self._writer.resolver.recover(lease, change)

    def _stand_down_where_others_changed(
        self, lease: Lease, remediation_state: RemediationState, shown_ms: Mapping[str, int | None]
    ) -> RemediationState:
        changed = [
            change
            for change in remediation_state.latest.values()
            if change.left_ms is not None
            and shown_ms.get(change.action_id) not in {None, change.left_ms}
        ]
        return self._each(
            changed,
            remediation_state,
            lambda change: self._stand_down(lease, change, remediation_state),
        )

    def _judge_what_is_watched(
        self, lease: Lease, remediation_state: RemediationState, judge: Judge
    ) -> RemediationState:
        watched = [one for one in remediation_state.changes if one.state is ChangeState.WATCHING]
        return self._each(
            watched, remediation_state, lambda change: self._judge(lease, change, judge)
        )

    def _undo_what_did_not_help(
        self, lease: Lease, remediation_state: RemediationState
    ) -> RemediationState:
        now = self._context.clock.now()
        unhelpful = [
            change
            for change in remediation_state.changes
            if change.state is ChangeState.UNHELPFUL
            and not is_damaged(change)
            and not is_resting(change, now)
            and (self._settings.mode == "auto" or change.trial_seconds)
        ]
        return self._each(unhelpful, remediation_state, lambda change: self._undo(lease, change))

    def _each(
        self,
        changes: list[Change],
        remediation_state: RemediationState,
        act: Callable[[Change], object],
    ) -> RemediationState:
        """Do something about each of some changes; what stands afterwards.

        One that the platform says nothing about holds up no other.
        """
        for change in changes:
            try:
                act(change)
            except (ConfigurationError, GenesysError, RefusedError) as error:
                log_waiting(change, error)
            except TimeoutMonitorError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                log_waiting(change, UnforeseenError.of(error))
        return self._remediation_state() if changes else remediation_state

    def _judge(self, lease: Lease, change: Change, judge: Judge) -> None:
        judgement = judged_as_trial(change, judge(change), self._context.clock.now())
        if judgement.effect is Effect.NOT_YET:
            return
        judged = self._writer.resolver.judged(lease, change, judgement)
        if judged.state is ChangeState.UNHELPFUL and not change.trial_seconds:
            log.warning(
                "change_did_not_help",
                org=self._org,
                change_id=judged.change_id,
                action_name=judged.action_name,
                why=judgement.detail,
                hint=f"timeout-monitor rollback {judged.change_id} undoes it; in mode auto the "
                "daemon does so where allow names the action.",
            )

    def _stand_down(
        self, lease: Lease, change: Change, remediation_state: RemediationState
    ) -> None:
        # The catalogue may be older than our own write: the platform has the last word.
        reading = self._writer.resolver.look(change)
        now = self._context.clock.now()
        if reading.timeout_ms != change.left_ms and not is_explained(
            change, reading.timeout_ms, remediation_state, now
        ):
            self._writer.resolver.supersede(lease, change, reading)

    def _undo(self, lease: Lease, change: Change) -> None:
        guards = UndoGuards(self._settings, change, Initiator.AUTO)
        try:
            why, asked = undone_because(change), was_asked_for(change)
            self._writer.undo(lease, change, why, guards, asked=asked).reached()
        except (NotFoundError, RefusedError) as error:
            self._writer.resolver.not_undone(lease, change, error)

    def _remediation_state(self) -> RemediationState:
        return self._journal.remediation_state(self._org, self._context.clock.now())
