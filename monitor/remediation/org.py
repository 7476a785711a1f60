"""Everything that changes the timeouts of one org, put together from its settings."""

from __future__ import annotations

import threading
from collections.abc import Callable

from monitor.clock import Clock, SystemClock
from monitor.config import OrgSettings, Settings
from monitor.diagnosis import OrgDiagnosis
from monitor.errors import ConfigurationError
from monitor.genesys import Client, connect, pace
from monitor.journal import Change, Journal
from monitor.ledger import Ledger, OrgState
from monitor.model import ActionKind
from monitor.remediation.actor import ActorContext
from monitor.remediation.audit_file import AuditFile, audit_path
from monitor.remediation.decision import Candidate, Data
from monitor.remediation.effect import Judgement, judge
from monitor.remediation.measuring import Measuring, measure
from monitor.remediation.reconcile import ReconcileInput, Reconciler, ReconcileReport
from monitor.remediation.targets import FlowTarget, IntegrationActionTarget, Target
from monitor.remediation.write import Writer
from monitor.store import running_program

ACTION_STEP_MS = 1_000
FLOW_STEP_MS = 1
FLOW = "flow"
INTEGRATION_ACTION = "integration-action"


class OrgRemediation:
    """What changes the timeouts of one org; nothing is asked before a change needs it."""

    def __init__(  # noqa: PLR0913 - what the daemon and the commands differ in
        self,
        org: OrgSettings,
        settings: Settings,
        ledger: Ledger,
        clock: Clock,
        *,
        actor: str,
        stop: threading.Event | None = None,
    ) -> None:
        """Put it together.

        Args:
            org: The org.
            settings: Everything else.
            ledger: What was seen and changed.
            clock: The time of the data.
            actor: Who changes timeouts; ``monitor.remediation.actor`` tells.
            stop: Set where every wait is to end.
        """
        self._org = org
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._targets = OrgTargets(
            org, settings, ledger, clock, stop or threading.Event(), kind_of=self._kind_of
        )
        self._ended = threading.Event()
        context = ActorContext(
            actor=actor,
            holder=running_program(),
            clock=clock,
            machine=ledger.lease_clock(SystemClock()),
            quarantine_seconds=settings.remediation.quarantine,
            ended=self._ended,
        )
        journal = ledger.journal
        writer = Writer(org.name, journal, self._targets, context)
        self.reconciler = Reconciler(org.name, journal, writer, settings.remediation, context)
        self.audit_file = AuditFile(audit_path(settings), journal)

    @property
    def name(self) -> str:
        """The org's name."""
        return self._org.name

    @property
    def journal(self) -> Journal:
        """What was changed."""
        return self._ledger.journal

    def inputs(self, diagnosis: OrgDiagnosis) -> ReconcileInput:
        """What a turn looks at.

        Raises:
            LedgerError: The ledger can't be read.
        """
        state = self._ledger.state(self.name)
        return ReconcileInput(
            candidates=candidates(state, diagnosis),
            data=data_of(state, diagnosis, self._settings),
        )

    def reconcile(self, diagnosis: OrgDiagnosis) -> ReconcileReport:
        """The daemon's turn.

        Raises:
            BusyError: Another program has the lease.
            LedgerError: The state can't be used.
        """
        try:
            return self.reconciler.reconcile(self.inputs(diagnosis), self.judging(diagnosis))
        finally:
            self.audit_file.catch_up()

    def settle(self) -> None:
        """Find out what became of writes that were cut short; nothing is sent.

        Raises:
            BusyError: Another program has the lease.
            LedgerError: The state can't be used.
        """
        had_any = True
        try:
            had_any = self.reconciler.settle()
        finally:
            if had_any:
                self.audit_file.catch_up()

    def apply_requested(
        self, diagnosis: OrgDiagnosis, action_ids: frozenset[str]
    ) -> ReconcileReport:
        """Somebody's turn, for some actions.

        Raises:
            BusyError: Another program has the lease.
            LedgerError: The state can't be used.
        """
        try:
            inputs, judging = self.inputs(diagnosis), self.judging(diagnosis)
            return self.reconciler.apply_requested(inputs, judging, action_ids)
        finally:
            self.audit_file.catch_up()

    def try_requested(
        self, diagnosis: OrgDiagnosis, action_id: str, trial_seconds: float
    ) -> ReconcileReport:
        """Somebody's turn: try one step up with one action.

        Raises:
            BusyError: Another program has the lease.
            LedgerError: The state can't be used.
        """
        try:
            inputs, judging = self.inputs(diagnosis), self.judging(diagnosis)
            return self.reconciler.try_requested(inputs, judging, action_id, trial_seconds)
        finally:
            self.audit_file.catch_up()

    def _kind_of(self, action_id: str) -> ActionKind | None:
        """Return what the catalogue knows of an action; None where it does not list it.

        Raises:
            LedgerError: The ledger can't be read.
        """
        state = self._ledger.state(self.name)
        listed = (one for one in state.actions if one.action_id not in state.gone)
        return next((one.kind for one in listed if one.action_id == action_id), None)

    def judging(self, diagnosis: OrgDiagnosis) -> Judging:
        """Judges changes by what the ledger shows of their actions."""
        return Judging(self._ledger, self._org, self._settings, self._clock, diagnosis)

    def close(self) -> None:
        """Send nothing more, whatever a turn under way waits for, and let go of connections."""
        self._ended.set()
        self._targets.close()


class Judging:
    """Judges a change that is being watched."""

    def __init__(
        self,
        ledger: Ledger,
        org: OrgSettings,
        settings: Settings,
        clock: Clock,
        diagnosis: OrgDiagnosis,
    ) -> None:
        """Look at the ledger, and leave out the outages that a diagnosis found."""
        self._ledger = ledger
        self._how = Measuring(
            collect=settings.collect,
            classifier=settings.classify.classifier(),
            source=org.contract.execution_source,
            first=settings.remediation.verify_windows,
        )
        self._clock = clock
        self._diagnosis = diagnosis

    def __call__(self, change: Change) -> Judgement:
        """What it has done so far.

        Raises:
            LedgerError: The ledger can't be read.
        """
        now = self._clock.now()
        found = self._diagnosis.diagnoses.get(change.action_id)
        outages = () if found is None else found.outages
        before, after = measure(self._ledger, change, self._how, now, outages)
        began = change.began_at if change.applied_at is None else change.applied_at
        return judge(before, after, first=self._how.first, waited_seconds=now - began)


class OrgTargets:
    """The places where an org's timeouts are kept, through the client that may write."""

    def __init__(  # noqa: PLR0913 - what it takes to reach them
        self,
        org: OrgSettings,
        settings: Settings,
        ledger: Ledger,
        clock: Clock,
        stop: threading.Event,
        *,
        kind_of: Callable[[str], ActionKind | None],
    ) -> None:
        """Open no connection yet; ``kind_of`` tells what the catalogue knows of an action."""
        self._kind_of = kind_of
        self._org = org
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._stop = stop
        self._client: Client | None = None

    def find(self, kind: str, container_id: str) -> Target:
        """The target of this kind.

        Raises:
            ConfigurationError: A credential can't be used, or nobody knows the flow.
        """
        managed = self._settings.recommend.terraform_actions
        if kind == FLOW:
            if not container_id:
                raise ConfigurationError(
                    "Nobody knows which flow the timeout is in",
                    "Set it with timeout-monitor flow set-timeout, which is told the flow.",
                )
            return FlowTarget(self._connected(), container_id, managed=managed)
        return IntegrationActionTarget(
            self._connected(),
            kind_of=self._kind_of,
            managed=managed,
        )

    def is_listed(self, change: Change) -> bool:
        """Whether the catalogue shows the action of a change where that was made.

        Raises:
            LedgerError: The ledger can't be read.
        """
        return self._ledger.is_listed(self._org.name, change.action_id, change.container_id)

    def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            self._client.close()

    def _connected(self) -> Client:
        if self._client is None:
            self._client = connect(
                self._org.as_writer(),
                stop=self._stop,
                requests_per_second=pace(self._clock),
            )
        return self._client


def candidates(state: OrgState, diagnosis: OrgDiagnosis) -> tuple[Candidate, ...]:
    """Every action that was diagnosed and is still in the catalogue; pure."""
    found = []
    for action in state.actions:
        diagnosed = diagnosis.diagnoses.get(action.action_id)
        if diagnosed is None or action.action_id in state.gone:
            continue
        in_flow = action.kind is ActionKind.FLOW
        flows = sorted(flow for one, flow in state.flow_use if one == action.action_id and flow)
        found.append(
            Candidate(
                org=diagnosis.org,
                action_id=action.action_id,
                action_name=action.name,
                timeout_ms=action.timeout_ms,
                step_ms=FLOW_STEP_MS if in_flow else ACTION_STEP_MS,
                diagnosis=diagnosed,
                target=FLOW if in_flow else INTEGRATION_ACTION,
                container_id=flows[0] if in_flow and len(flows) == 1 else "",
            )
        )
    return tuple(found)


def data_of(state: OrgState, diagnosis: OrgDiagnosis, settings: Settings) -> Data:
    """How far the data can be relied on; pure.

    A diagnosis holds until the next window has settled, and a while longer, for it takes its time.
    """
    name = diagnosis.contract.execution_source
    source = state.sources.get(name)
    window_seconds = state.window_seconds(name, settings.collect.window)
    concurrency = diagnosis.concurrency
    stale_after = settings.collect.stale_after_seconds
    return Data(
        last_success_at=0.0 if source is None else source.last_success_at,
        stale_after_seconds=stale_after,
        diagnosed_at=diagnosis.taken_at,
        diagnosis_lasts_seconds=window_seconds + stale_after,
        missing_seconds=diagnosis.missing_seconds,
        slots=None if concurrency is None else concurrency.busiest,
        limit=None if concurrency is None else concurrency.limit,
        diagnosed_seconds=diagnosis.time_range.seconds - diagnosis.missing_seconds,
    )
