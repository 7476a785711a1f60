"""Diagnoses every action of an org from the ledger: why each times out, would more time help.

Only settled windows are looked at: those of the last eight days, which are the last 24 hours and
the week before that they are held against.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from monitor.contract import Contract
from monitor.diagnosis.action import DiagnosisSettings, diagnose
from monitor.diagnosis.diagnosed import (
    DiagnosedOrg,
    DiagnosisCancelledError,
    DiagnosisSections,
    NoteFailure,
    diagnosed_range,
    log_failure,
)
from monitor.diagnosis.editable import Editable, editability
from monitor.diagnosis.evidence import ActionEvidence
from monitor.diagnosis.model import Concurrency, Diagnosis, OrgDiagnosis, Verdict
from monitor.diagnosis.org_evidence import OrgEvidence, TimeoutHistory
from monitor.errors import UnforeseenError
from monitor.formats import seconds
from monitor.ledger import Ledger, OrgState
from monitor.model import CAP_MS, FUNCTION_DEFAULT_TIMEOUT_MS, Action, ActionKind
from monitor.name_patterns import is_named
from monitor.time_ranges import TimeRange

BUCKET_SECONDS = 3_600
"""Over how much successes are summed where there are many; a day is a whole number of these."""

MAX_SINGLE_WINDOWS = 250_000
"""So many windows of actions are looked at one by one; beyond it the memory would not be small."""

PLATFORM_STEP_MS = 1_000.0
"""The platform's timeouts are whole seconds."""


def diagnose_org(  # noqa: PLR0913, PLR0917 - of what, by what and when, and how to end it
    ledger: Ledger,
    org: DiagnosedOrg,
    settings: DiagnosisSections,
    now: float,
    cancelled: threading.Event | None = None,
    note_failure: NoteFailure = log_failure,
) -> OrgDiagnosis:
    """Return a diagnosis of every action of an org.

    Args:
        ledger: What has been seen.
        org: The org.
        settings: What is wanted, and how long windows are.
        now: The time; epoch seconds.
        cancelled: Set it to stop: the answer is not wanted any more.
        note_failure: Called with the id of an action that the method fails on.

    Raises:
        DiagnosisCancelledError: ``cancelled`` was set meanwhile.
        LedgerError: The ledger can't be read.
    """
    state = ledger.state(org.name)
    window_seconds = state.window_seconds(org.contract.execution_source, settings.collect.window)
    time_range = diagnosed_range(settings, now, window_seconds)
    known = load_timeout_history(ledger, org.name)
    org_evidence = load_evidence(ledger, org, settings, time_range, state)
    diagnoser = _OrgDiagnoser(
        settings, state, known, _flow_contract(org), time_range.end, note_failure
    )
    diagnoses: dict[str, Diagnosis] = {}
    for action_id in sorted(diagnoser.actions | dict.fromkeys(org_evidence.action_ids)):
        if cancelled is not None and cancelled.is_set():
            raise DiagnosisCancelledError
        evidence = org_evidence.evidence(action_id, known.get(action_id, ()))
        if action_id in diagnoser.listed or evidence.executions:
            diagnoses[action_id] = diagnoser.diagnosis(action_id, evidence)
    known_range = _known_range(time_range, state, org.contract)
    return OrgDiagnosis(
        org=org.name,
        contract=org.contract,
        time_range=known_range,
        taken_at=now,
        missing_seconds=state.missing_seconds(known_range, org.contract.execution_source),
        diagnoses=diagnoses,
        concurrency=None
        if _flow_contract(org)
        else _concurrency(org_evidence, state, time_range, window_seconds, diagnoses),
    )


def diagnose_action(
    ledger: Ledger, org: DiagnosedOrg, settings: DiagnosisSections, now: float, action_id: str
) -> tuple[Diagnosis, TimeRange]:
    """Return the diagnosis of one action, and the settled windows that were looked at.

    Raises:
        LedgerError: The ledger can't be read.
    """
    state = ledger.state(org.name)
    window_seconds = state.window_seconds(org.contract.execution_source, settings.collect.window)
    time_range = diagnosed_range(settings, now, window_seconds)
    known = load_timeout_history(ledger, org.name)
    org_evidence = load_evidence(ledger, org, settings, time_range, state, action_id)
    evidence = org_evidence.evidence(action_id, known.get(action_id, ()))
    diagnoser = _OrgDiagnoser(settings, state, known, _flow_contract(org), time_range.end)
    found = diagnoser.diagnosis(action_id, evidence)
    return found, _known_range(time_range, state, org.contract)


def load_evidence(  # noqa: PLR0913, PLR0917 - whose, what is wanted, when, and of what
    ledger: Ledger,
    org: DiagnosedOrg,
    settings: DiagnosisSections,
    time_range: TimeRange,
    state: OrgState,
    action_id: str | None = None,
) -> OrgEvidence:
    """Read what the ledger knows of a period, in as much detail as so many actions allow.

    Raises:
        LedgerError: The ledger can't be read.
    """
    window_seconds = state.window_seconds(org.contract.execution_source, settings.collect.window)
    actions = len(state.actions) if action_id is None else 1
    windows = actions * time_range.seconds // window_seconds
    bucket_seconds = window_seconds if windows <= MAX_SINGLE_WINDOWS else BUCKET_SECONDS
    tallies = ledger.org_tallies(
        org.name,
        time_range,
        bucket_seconds=bucket_seconds,
        window_seconds=window_seconds,
        action_id=action_id,
    )
    return OrgEvidence(
        tallies,
        window_seconds,
        settings.classify.classifier(),
        successes_known=not _flow_contract(org),
    )


def load_timeout_history(ledger: Ledger, org: str) -> dict[str, TimeoutHistory]:
    """Return by action id what the catalogue knows of its timeout over time; oldest first."""
    known: dict[str, list[tuple[float, int | None]]] = defaultdict(list)
    for action_id, since, timeout_ms in ledger.timeouts_in_force(org):
        known[action_id].append((since, timeout_ms))
    return dict(known)


class _OrgDiagnoser:
    """What is asked of every action of one org."""

    def __init__(  # noqa: PLR0913, PLR0917 - what is the same for all of them
        self,
        settings: DiagnosisSections,
        state: OrgState,
        known: Mapping[str, TimeoutHistory],
        flow_contract: bool,  # noqa: FBT001 - a fact of the org, named at every call
        settled_until: float,
        note_failure: NoteFailure = log_failure,
    ) -> None:
        recommend = settings.recommend
        self._note_failure = note_failure
        self._known = known
        self._settled_until = settled_until
        self._terraform = recommend.terraform_actions
        self._flows: defaultdict[str, set[str]] = defaultdict(set)
        for action_id, flow_id in state.flow_use:
            self._flows[action_id] |= {flow_id, state.flow_names.get(flow_id, "")}
        self._flow_contract = flow_contract
        self._settings = DiagnosisSettings(
            target_success=recommend.target_success,
            min_executions=recommend.min_executions,
            min_timeouts=recommend.min_timeouts,
            min_windows=recommend.min_windows,
            min_span_seconds=recommend.min_span,
            cap_ms=min(CAP_MS, settings.remediation.max_timeout_ms),
            step_ms=PLATFORM_STEP_MS,
            max_step=settings.remediation.max_step,
        )
        self.actions = {action.action_id: action for action in state.actions}
        self.listed = {
            action_id
            for action_id, action in self.actions.items()
            if action.kind is not ActionKind.UNKNOWN and action_id not in state.gone
        }

    def diagnosis(self, action_id: str, evidence: ActionEvidence) -> Diagnosis:
        """One action's; where the method fails, which it should not, that is the reason."""
        action = self.actions.get(action_id, Action(action_id, action_id, kind=ActionKind.UNKNOWN))
        changeable = self._editable(action)
        settings = self._settings
        if action.kind is ActionKind.FUNCTION:
            # Its platform allows no more.
            settings = replace(settings, cap_ms=min(settings.cap_ms, FUNCTION_DEFAULT_TIMEOUT_MS))
        try:
            found = diagnose(evidence, settings, changeable, self._settled_until)
        except Exception as error:  # noqa: BLE001 - the others must get theirs all the same
            self._note_failure(action_id, UnforeseenError.of(error))
            nothing = ActionEvidence.from_windows((), successes_known=not self._flow_contract)
            reason = "It could not be judged: the program failed on it, and its log says how"
            found = replace(diagnose(nothing, settings, changeable), why=reason, missing=(reason,))
        return self._after_a_change(action_id, found)

    def _editable(self, action: Action) -> Editable:
        of_flows = self._flows[action.action_id] if action.kind is ActionKind.FLOW else set[str]()
        kept = is_named(self._terraform, (action.name, action.action_id, *of_flows))
        return editability(action.kind, action.timeout_ms, self._settings.cap_ms, terraform=kept)

    def _after_a_change(self, action_id: str, found: Diagnosis) -> Diagnosis:
        """Recommend nothing from before a change whose effect is not settled yet."""
        changes = self._known.get(action_id, ())
        now_ms = changes[-1][1] if changes else None
        if not now_ms or not found.timeout_ms or abs(now_ms - found.timeout_ms) < 1:
            return found
        note = (
            f"The timeout is {seconds(now_ms)} since a moment ago, not {seconds(found.timeout_ms)} "
            "any more: what that does shows as soon as its windows are settled"
        )
        return replace(found, recommendation=None, notes=(*found.notes, note))


def _flow_contract(org: DiagnosedOrg) -> bool:
    return not org.contract.knows_successes


def _known_range(time_range: TimeRange, state: OrgState, contract: Contract) -> TimeRange:
    """Return the period from where it was first read: what came before is not missing."""
    coverage = state.coverage.get(contract.execution_source, ())
    begin = max(time_range.start, coverage[0].start) if coverage else time_range.start
    return TimeRange(min(begin, time_range.end), time_range.end)


def _concurrency(
    org_evidence: OrgEvidence,
    state: OrgState,
    time_range: TimeRange,
    window_seconds: int,
    diagnoses: Mapping[str, Diagnosis],
) -> Concurrency | None:
    read = time_range.seconds - state.missing_seconds(
        time_range, Contract.PLATFORM.execution_source
    )
    if read <= 0:
        return None
    known = {key: one.timeout_ms for key, one in diagnoses.items() if one.timeout_ms}
    _, spent = org_evidence.busy_seconds(known)
    added = sum(
        one.recommendation.slots_after - one.recommendation.slots_before
        for one in diagnoses.values()
        if one.recommendation is not None and one.verdict is Verdict.SLOW_TAIL
    )
    bucket_seconds = max(org_evidence.bucket_seconds, window_seconds)
    return Concurrency(
        mean=float(spent.sum()) / read,
        busiest=float(spent.max(initial=0.0)) / bucket_seconds,
        busiest_seconds=bucket_seconds,
        limit=state.concurrency_limit,
        recommended=added,
    )
