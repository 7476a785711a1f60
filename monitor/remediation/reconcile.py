"""One turn at an org: go on with what is open, decide about every action, make one change at most.

The daemon takes a turn after each poll, ``apply`` one when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from monitor.config import RemediationSettings
from monitor.errors import (
    BusyError,
    ConfigurationError,
    GenesysError,
    RefusedError,
    TimeoutMonitorError,
    UnforeseenError,
)
from monitor.journal import (
    NOT_SENT,
    UNSETTLED_STATES,
    Change,
    ChangeState,
    Journal,
    Lease,
    RemediationState,
    Switch,
)
from monitor.remediation.actor import ActorContext
from monitor.remediation.audit_entries import about_decision
from monitor.remediation.circuit_breaker import trip_reason
from monitor.remediation.decide import RaiseGuards, decide, in_order_of_worth, intent_of
from monitor.remediation.decision import Candidate, Data, Decision, DecisionKind, Initiator
from monitor.remediation.effect import Effect, Judgement
from monitor.remediation.put_back import is_damaged
from monitor.remediation.resolve import is_resting, log_waiting
from monitor.remediation.transitions import is_explained, is_late, was_given_up, was_overtaken
from monitor.remediation.undo_guards import UndoGuards
from monitor.remediation.write import Writer
from monitor.remediation.write_request import WriteRequest, WriteResult

log = structlog.get_logger()

MOST_TRIES = 3
"""So many changes are tried in a turn until one is sent: each costs a few readings."""

Judge = Callable[[Change], Judgement]
"""What a change that is being watched has done so far."""


@dataclass(frozen=True, slots=True)
class ReconcileInput:
    """What is known of an org when a turn begins.

    Attributes:
        candidates: Every action that was diagnosed.
        data: How far the data can be relied on.
    """

    candidates: tuple[Candidate, ...]
    data: Data

    @property
    def timeouts_ms(self) -> Mapping[str, int | None]:
        """The timeout in force by action id, as the catalogue shows it."""
        return {one.action_id: one.timeout_ms for one in self.candidates}


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """What a turn did.

    Attributes:
        decisions: One for each action, the most worthwhile first.
        made: The changes that were made, as far as they came.
        refused: Reason codes by action id, where something stood in the way at the last moment.
    """

    decisions: tuple[Decision, ...] = ()
    made: tuple[Change, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


class Reconciler:
    """Takes turns at one org."""

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

    def decide_all(self, inputs: ReconcileInput, initiator: Initiator) -> list[Decision]:
        """Decide about every action, the most worthwhile change first; nothing is recorded."""
        now = self._context.clock.now()
        remediation_state = self._journal.remediation_state(self._org, now)
        return in_order_of_worth(
            decide(
                one, inputs.data, remediation_state, self._settings, initiator=initiator, now=now
            )
            for one in inputs.candidates
        )

    def reconcile(self, inputs: ReconcileInput, judge: Judge) -> ReconcileReport:
        """The daemon's turn: it may change what the allow-list names, in mode ``auto``.

        Raises:
            BusyError: Another program has the lease.
            LedgerError: The state can't be used.
        """
        with self._writer.lease() as lease:
            self.resume_open_changes(lease, inputs, judge)
            decisions = self.decide_all(inputs, Initiator.AUTO)
            self._note_refusals(decisions)
            raises = [one for one in decisions if one.kind is DecisionKind.RAISE]
            return self._make_one(lease, raises[:MOST_TRIES], decisions, inputs.data)

    def _make_one(
        self, lease: Lease, raises: list[Decision], decisions: list[Decision], data: Data
    ) -> ReconcileReport:
        """Make the most worthwhile change that nothing stands in the way of at the last look."""
        refused: dict[str, str] = {}
        for decision in raises:
            result = self._make(lease, decision, data, Initiator.AUTO)
            made = _outcome(result)
            if isinstance(made, Change):
                if made.state is not ChangeState.ABANDONED or made.sent_at is not None:
                    return ReconcileReport(tuple(decisions), (made,), refused)
                made = result.refused or getattr(result.error, "guard", "") or NOT_SENT
            refused[decision.candidate.action_id] = made
            if isinstance(result.error, BusyError | GenesysError):
                break  # the others would be told the same, and the next turn comes soon
            lease = self._writer.renew()
        return ReconcileReport(tuple(decisions), refused=refused)

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

    def apply_requested(
        self, inputs: ReconcileInput, judge: Judge, action_ids: frozenset[str]
    ) -> ReconcileReport:
        """Somebody's turn: make the changes that they asked for, as far as every guard allows.

        Args:
            inputs: What is known of the org.
            judge: What changes have done so far.
            action_ids: The actions that they mean.

        Raises:
            BusyError: Another program has the lease.
            LedgerError: The state can't be used.
        """
        made: list[Change] = []
        refused: dict[str, str] = {}
        with self._writer.lease() as lease:
            self.resume_open_changes(lease, inputs, judge)
            decisions = self.decide_all(inputs, Initiator.HUMAN)
            asked = [one for one in decisions if one.candidate.action_id in action_ids]
            self._note_refusals(asked)
            for decision in asked:
                if decision.kind is not DecisionKind.RAISE:
                    refused[decision.candidate.action_id] = decision.reason
                    continue
                done = _outcome(self._make(lease, decision, inputs.data, Initiator.HUMAN))
                if isinstance(done, str):
                    refused[decision.candidate.action_id] = done
                else:
                    made.append(done)
        return ReconcileReport(tuple(asked), tuple(made), refused)

    def record_dry_run(self, decisions: list[Decision]) -> None:
        """Record what would have been done."""
        now = self._context.clock.now()
        self._journal.note(
            [about_decision(one, "dry_run", self._context.actor, now) for one in decisions]
        )

    def roll_back(self, change: Change, why: str) -> Change | str:
        """Undo a change because somebody asks for it; a pause does not forbid that.

        Returns:
            The change as far as it came, else the reason code of what forbids it.

        Raises:
            BusyError: Another program has the lease.
            GenesysError: The platform can't be asked.
            LedgerError: The state can't be used.
        """
        guards = UndoGuards(self._settings, change, Initiator.HUMAN)
        with self._writer.lease() as lease:
            if change.state in UNSETTLED_STATES:
                change = self._writer.resolver.recover(lease, change)
            return _outcome(self._writer.undo(lease, change, why, guards, asked=True))

    def resume_open_changes(self, lease: Lease, inputs: ReconcileInput, judge: Judge) -> None:
        """Go on with what is open: find out, stand down, judge, undo, and trip.

        Raises:
            BusyError: Another program has taken over.
            LedgerError: The state can't be used.
        """
        remediation_state = self._find_out(lease, self._remediation_state(), inputs.timeouts_ms)
        remediation_state = self._stand_down_where_others_changed(lease, remediation_state, inputs)
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
        self, lease: Lease, remediation_state: RemediationState, inputs: ReconcileInput
    ) -> RemediationState:
        shown_ms = inputs.timeouts_ms
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
            watched, remediation_state, lambda change: self._judge(lease, change, judge(change))
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
            and self._settings.mode == "auto"
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

    def _make(
        self, lease: Lease, decision: Decision, data: Data, initiator: Initiator
    ) -> WriteResult:
        at = self._context.clock.now()
        request = WriteRequest(
            intent=intent_of(decision, self._context.actor, at),
            entry=about_decision(decision, "", self._context.actor, at),
            guards=RaiseGuards(decision, data, self._settings, initiator),
        )
        return self._writer.write(lease, request)

    def _judge(self, lease: Lease, change: Change, judgement: Judgement) -> None:
        if judgement.effect is Effect.NOT_YET:
            return
        helped = judgement.effect is Effect.HELPED
        judged = self._writer.resolver.judged(lease, change, judgement.detail, helped=helped)
        if not helped:
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
            _outcome(self._writer.undo(lease, change, change.note, guards))
        except RefusedError as error:
            self._writer.resolver.not_undone(lease, change, error)

    def _note_refusals(self, decisions: list[Decision]) -> None:
        now = self._context.clock.now()
        self._journal.note_refusals(
            [
                about_decision(
                    one,
                    "recommended" if one.kind is DecisionKind.RECOMMEND else "refused",
                    self._context.actor,
                    now,
                )
                for one in decisions
                if one.is_wanted and one.kind is not DecisionKind.RAISE
            ]
        )

    def _remediation_state(self) -> RemediationState:
        return self._journal.remediation_state(self._org, self._context.clock.now())


def _outcome(result: WriteResult) -> Change | str:
    """Return the change as far as it has come, else the reason code of what stood in its way.

    Raises:
        KeyboardInterrupt: Somebody pressed Ctrl-C in the middle of it; what became of it is
            recorded, and nothing follows.
    """
    if isinstance(result.error, KeyboardInterrupt):
        raise result.error
    if result.change is None:
        return result.refused
    return result.change
