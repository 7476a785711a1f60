"""One turn at an org: go on with what is open, decide about every action, make one change at most.

The daemon takes a turn after each poll, ``apply`` one when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.config import RemediationSettings
from monitor.diagnosis import Verdict
from monitor.errors import BusyError, GenesysError
from monitor.journal import (
    NOT_SENT,
    UNSETTLED_STATES,
    Change,
    ChangeState,
    Journal,
    Lease,
)
from monitor.remediation.actor import ActorContext
from monitor.remediation.audit_entries import about_decision
from monitor.remediation.decide import RaiseGuards, decide, in_order_of_worth, intent_of
from monitor.remediation.decision import Candidate, Data, Decision, DecisionKind, Initiator
from monitor.remediation.guards import allow_listed
from monitor.remediation.open_changes import Judge, OpenChanges
from monitor.remediation.trials import usual_trial_seconds
from monitor.remediation.undo_guards import UndoGuards
from monitor.remediation.write import Writer
from monitor.remediation.write_request import WriteRequest, WriteResult

MOST_TRIES = 3
"""So many changes are tried in a turn until one is sent: each costs a few readings."""


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
        self._open_changes = OpenChanges(org, journal, writer, settings, context)

    def decide_all(self, inputs: ReconcileInput, initiator: Initiator) -> list[Decision]:
        """Decide about every action, the most worthwhile change first; nothing is recorded.

        What is unclear, and what the daemon may try by itself, it decides to try.
        """
        now = self._context.clock.now()
        remediation_state = self._journal.remediation_state(self._org, now)
        return in_order_of_worth(
            decide(
                one,
                inputs.data,
                remediation_state,
                self._settings,
                initiator=initiator,
                now=now,
                trial_seconds=self._trial_seconds(one, inputs.data, initiator),
            )
            for one in inputs.candidates
        )

    def decide_trial(
        self, inputs: ReconcileInput, action_id: str, trial_seconds: float
    ) -> Decision | None:
        """Decide whether somebody may try one step up with an action; None where it is unknown."""
        now = self._context.clock.now()
        found = [one for one in inputs.candidates if one.action_id == action_id]
        if not found:
            return None
        return decide(
            found[0],
            inputs.data,
            self._journal.remediation_state(self._org, now),
            self._settings,
            initiator=Initiator.HUMAN,
            now=now,
            trial_seconds=trial_seconds,
        )

    def _trial_seconds(self, one: Candidate, data: Data, initiator: Initiator) -> float:
        """Return how long the daemon tries an action by itself; 0 where it may not, or need not."""
        if initiator is not Initiator.AUTO or one.diagnosis.verdict is not Verdict.UNCLEAR:
            return 0.0
        is_named = allow_listed(self._settings, one.action_id, one.action_name, is_trial=True)
        return usual_trial_seconds(one.diagnosis, data.diagnosed_seconds) if is_named else 0.0

    def reconcile(self, inputs: ReconcileInput, judge: Judge) -> ReconcileReport:
        """The daemon's turn: it may change what the allow-list names, in mode ``auto``.

        Raises:
            BusyError: Another program has the lease.
            LedgerError: The state can't be used.
        """
        with self._writer.lease() as lease:
            self._open_changes.resume(lease, inputs.timeouts_ms, judge)
            decisions = self.decide_all(inputs, Initiator.AUTO)
            self._note_refusals(decisions)
            return self._make_one(lease, decisions, inputs.data)

    def _make_one(self, lease: Lease, decisions: list[Decision], data: Data) -> ReconcileReport:
        """Make the most worthwhile change that nothing stands in the way of at the last look.

        What is known to help comes before what is to be found out.
        """
        refused: dict[str, str] = {}
        kinds = DecisionKind.RAISE, DecisionKind.TRIAL
        allowed = [one for kind in kinds for one in decisions if one.kind is kind]
        for decision in allowed[:MOST_TRIES]:
            result = self._make(lease, decision, data, Initiator.AUTO)
            made = result.reached()
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
        """Find out what became of writes that were cut short, and whether there were any.

        Raises:
            BusyError: Another program has the lease.
            LedgerError: The state can't be used.
        """
        return self._open_changes.settle()

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
            self._open_changes.resume(lease, inputs.timeouts_ms, judge)
            decisions = self.decide_all(inputs, Initiator.HUMAN)
            asked = [one for one in decisions if one.candidate.action_id in action_ids]
            self._note_refusals(asked)
            for decision in asked:
                if decision.kind is not DecisionKind.RAISE:
                    refused[decision.candidate.action_id] = decision.reason
                    continue
                done = self._make(lease, decision, inputs.data, Initiator.HUMAN).reached()
                if isinstance(done, str):
                    refused[decision.candidate.action_id] = done
                else:
                    made.append(done)
        return ReconcileReport(tuple(asked), tuple(made), refused)

    def try_requested(
        self, inputs: ReconcileInput, judge: Judge, action_id: str, trial_seconds: float
    ) -> ReconcileReport:
        """Somebody's turn: try one step up with an action, as far as every guard allows.

        Args:
            inputs: What is known of the org.
            judge: What changes have done so far.
            action_id: The action.
            trial_seconds: It is set back after so long, unless it has helped.

        Raises:
            BusyError: Another program has the lease.
            LedgerError: The state can't be used.
        """
        with self._writer.lease() as lease:
            self._open_changes.resume(lease, inputs.timeouts_ms, judge)
            decision = self.decide_trial(inputs, action_id, trial_seconds)
            if decision is None:
                return ReconcileReport()
            self._note_refusals([decision])
            if decision.kind is not DecisionKind.TRIAL:
                return ReconcileReport((decision,), refused={action_id: decision.reason})
            done = self._make(lease, decision, inputs.data, Initiator.HUMAN).reached()
            if isinstance(done, str):
                return ReconcileReport((decision,), refused={action_id: done})
            return ReconcileReport((decision,), (done,))

    def record_dry_run(self, decisions: list[Decision]) -> None:
        """Record what would have been done."""
        now = self._context.clock.now()
        self._journal.audit.note(
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
            return self._writer.undo(lease, change, why, guards, asked=True).reached()

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

    def _note_refusals(self, decisions: list[Decision]) -> None:
        now = self._context.clock.now()
        self._journal.audit.note_refusals(
            [
                about_decision(
                    one,
                    "recommended" if one.kind is DecisionKind.RECOMMEND else "refused",
                    self._context.actor,
                    now,
                )
                for one in decisions
                if one.is_wanted and one.kind not in {DecisionKind.RAISE, DecisionKind.TRIAL}
            ]
        )
