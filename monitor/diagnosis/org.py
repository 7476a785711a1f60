"""Diagnoses every action of an org from the ledger: why each times out, would more time help.

Only settled windows are looked at: those of the last eight days, which are the last 24 hours and
the week before that they are held against. What can't have changed since an earlier diagnosis is
not looked at again (``carried``).
"""

from __future__ import annotations

import threading
from array import array
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf

from monitor.contract import Contract
from monitor.diagnosis.carried import (
    CarriedOver,
    DiagnosisUpdate,
    changed_actions,
    completed,
    print_of,
    print_of_settings,
)
from monitor.diagnosis.diagnosed import (
    DiagnosedOrg,
    DiagnosisCancelledError,
    DiagnosisSections,
    NoteFailure,
    diagnosed_range,
    log_failure,
)
from monitor.diagnosis.model import Concurrency, Diagnosis, OrgDiagnosis
from monitor.diagnosis.near_evidence import looks_by_action, with_looks
from monitor.diagnosis.org_diagnoser import OrgDiagnoser
from monitor.diagnosis.org_evidence import OrgEvidence, TimeoutHistory
from monitor.diagnosis.settled_growth import SettledGrowth
from monitor.diagnosis.spent_time import SpentTime, is_as_assumed
from monitor.diagnosis.told import NOTHING_TOLD, ToldVerdict, told_after
from monitor.ledger import Ledger, OrgState, OrgTallies
from monitor.time_ranges import TimeRange

BUCKET_SECONDS = 3_600
"""Over how much successes are summed where there are many; a day is a whole number of these."""

MAX_SINGLE_WINDOWS = 250_000
"""So many windows of actions are looked at one by one; beyond it the memory would not be small."""

ACTIONS_AT_ONCE = 400
"""So many actions are in memory at a time, with all their windows."""


def diagnose_org(  # noqa: PLR0913, PLR0917 - of what, by what and when, and how to end it
    ledger: Ledger,
    org: DiagnosedOrg,
    settings: DiagnosisSections,
    now: float,
    cancelled: threading.Event | None = None,
    note_failure: NoteFailure = log_failure,
    told: Mapping[str, ToldVerdict] = NOTHING_TOLD,
) -> OrgDiagnosis:
    """Return a diagnosis of every action of an org.

    Args:
        ledger: What has been seen.
        org: The org.
        settings: The target, the least evidence, and how long windows are.
        now: The time; epoch seconds.
        cancelled: Set it to stop: nobody waits for the answer any more.
        note_failure: Called with the id of an action that the method fails on.
        told: By action id, what was told before.

    Raises:
        DiagnosisCancelledError: ``cancelled`` was set meanwhile.
        LedgerError: The ledger can't be read.
    """
    return completed(
        update_diagnosis(
            ledger, org, settings, now, told=told, cancelled=cancelled, note_failure=note_failure
        ),
        None,
    )


def update_diagnosis(  # noqa: PLR0913 - of what, by what and when, since when, and how to end it
    ledger: Ledger,
    org: DiagnosedOrg,
    settings: DiagnosisSections,
    now: float,
    *,
    carried: CarriedOver | None = None,
    told: Mapping[str, ToldVerdict] = NOTHING_TOLD,
    cancelled: threading.Event | None = None,
    note_failure: NoteFailure = log_failure,
) -> DiagnosisUpdate:
    """Return a diagnosis of an org, but for the actions whose verdicts still hold.

    Args:
        ledger: What has been seen.
        org: The org.
        settings: The target, the least evidence, and how long windows are.
        now: The time; epoch seconds.
        carried: What an earlier diagnosis left; None to judge all.
        told: By action id, what was told before; of a diagnosis that goes on from an earlier one,
            what was told once that was (``all_told_after``).
        cancelled: Set it to stop: nobody waits for the answer any more.
        note_failure: Called with the id of an action that the method fails on.

    Raises:
        DiagnosisCancelledError: ``cancelled`` was set meanwhile.
        LedgerError: The ledger can't be read.
    """
    asked = _Asked(ledger, org, settings, ledger.state(org.name), now)
    known = load_timeout_history(ledger, org.name)
    diagnoser = OrgDiagnoser(
        settings, asked.state, known, _flow_contract(org), asked.time_range.end, note_failure, told
    )
    before = carried if carried is not None and asked.goes_on_from(carried) else None
    growth = asked.growth(asked.time_range.end if before is None else before.time_range.end)
    action_ids = sorted(diagnoser.actions | growth.action_ids)

    looks = looks_by_action(ledger, org.name, asked.time_range.start)
    facts = {one: (*diagnoser.facts(one), looks.get(one, ())) for one in action_ids}
    prints = {one: print_of(*facts[one], told.get(one)) for one in action_ids}
    changed = changed_actions(before, prints, growth, asked.time_range)
    goes_on = before is not None and before.settled == growth.settled_in_all(before.time_range.end)
    spent, diagnoses = SpentTime(), dict[str, Diagnosis]()
    for part in growth.in_order_of_series(changed if goes_on else action_ids, ACTIONS_AT_ONCE):
        evidence_of = asked.evidence(part)
        for action_id in part:
            if cancelled is not None and cancelled.is_set():
                raise DiagnosisCancelledError
            if action_id not in changed:
                continue
            evidence = evidence_of.evidence(action_id, known.get(action_id, ()))
            evidence = with_looks(evidence, looks.get(action_id, ()))
            if action_id in diagnoser.listed or evidence.executions:
                diagnoses[action_id] = diagnoser.diagnosis(action_id, evidence)
        if not goes_on:
            spent.add(evidence_of, before, diagnoses)
    if before is not None and goes_on:
        newest = growth.tallies_within(TimeRange(before.time_range.end, asked.time_range.end))
        spent.go_on(before, asked.evidence_of(newest), diagnoses)
        if not is_as_assumed(before, diagnoses):
            spent = SpentTime()
            for part in growth.in_order_of_series(action_ids, ACTIONS_AT_ONCE):
                spent.add(asked.evidence(part), before, diagnoses)
    # To the next diagnosis all of this has been told.
    prints |= {
        action_id: print_of(*facts[action_id], told_after(told.get(action_id), one, now))
        for action_id, one in diagnoses.items()
    }
    known_range = _known_range(asked.time_range, asked.state, org.contract)
    return DiagnosisUpdate(
        rest=OrgDiagnosis(
            org=org.name,
            contract=org.contract,
            time_range=known_range,
            taken_at=now,
            missing_seconds=asked.state.missing_seconds(known_range, org.contract.execution_source),
            diagnoses=diagnoses,
            concurrency=None if _flow_contract(org) else asked.concurrency(spent),
        ),
        kept=tuple(one for one in action_ids if one not in changed),
        carried=CarriedOver(
            time_range=asked.time_range,
            bucket_seconds=asked.bucket_seconds,
            asked=print_of_settings(org, settings),
            prints={
                action_id: (prints[action_id], *growth.settled(action_id, asked.time_range.end))
                for action_id in action_ids
            },
            holds_until=_holds_until(before, changed, diagnoser),
            settled=growth.settled_in_all(asked.time_range.end),
            spent_us=array("q", spent.us.tobytes()),
            unmeasured=spent.unmeasured,
        ),
    )


def _holds_until(
    before: CarriedOver | None, changed: frozenset[str], diagnoser: OrgDiagnoser
) -> dict[str, float]:
    """Return until when each verdict holds that does not hold for good."""
    was = {} if before is None else before.holds_until
    kept = {action_id: at for action_id, at in was.items() if action_id not in changed}
    return kept | {action_id: at for action_id, at in diagnoser.holds_until.items() if at < inf}


@dataclass(frozen=True)
class _Asked:
    """One diagnosis of one org: what is read for it."""

    ledger: Ledger
    org: DiagnosedOrg
    settings: DiagnosisSections
    state: OrgState
    now: float

    @cached_property
    def window_seconds(self) -> int:
        return _window_seconds(self.state, self.org, self.settings)

    @cached_property
    def time_range(self) -> TimeRange:
        return diagnosed_range(self.settings, self.now, self.window_seconds)

    @cached_property
    def bucket_seconds(self) -> int:
        return _bucket_seconds(len(self.state.actions), self.time_range, self.window_seconds)

    def goes_on_from(self, carried: CarriedOver) -> bool:
        """Return whether what an earlier diagnosis found may still hold."""
        return (
            carried.asked == print_of_settings(self.org, self.settings)
            and carried.bucket_seconds == self.bucket_seconds
            and carried.time_range.start == self.time_range.start
            and carried.time_range.end <= self.time_range.end
        )

    def growth(self, since: int) -> SettledGrowth:
        """Return what came in windows from a moment on, and so what is in those before."""
        ever = TimeRange(since, since + _EVER_SECONDS)
        window_seconds = self.window_seconds
        newest = self.ledger.tallies.columns(
            self.org.name, ever, bucket_seconds=window_seconds, window_seconds=window_seconds
        )
        return SettledGrowth(self.state.totals, newest)

    def evidence(self, action_ids: Collection[str]) -> OrgEvidence:
        """Return the evidence of some actions: what the whole org's has of them."""
        tallies = self.ledger.tallies.columns(
            self.org.name,
            self.time_range,
            bucket_seconds=self.bucket_seconds,
            window_seconds=self.window_seconds,
            action_ids=action_ids,
        )
        return self.evidence_of(tallies)

    def concurrency(self, spent: SpentTime) -> Concurrency | None:
        """Return the executions at a time; None where nothing of the period was read."""
        missing = self.state.missing_seconds(self.time_range, Contract.PLATFORM.execution_source)
        return spent.concurrency(
            self.time_range.seconds - missing,
            max(self.bucket_seconds, self.window_seconds),
            self.state.concurrency_limit,
        )

    def evidence_of(self, tallies: OrgTallies) -> OrgEvidence:
        """Return what some windows show, by buckets of the whole period."""
        return OrgEvidence(
            replace(tallies, time_range=self.time_range, bucket_seconds=self.bucket_seconds),
            self.window_seconds,
            self.settings.classify.classifier(),
            successes_known=not _flow_contract(self.org),
        )


_EVER_SECONDS = 10 * 365 * 86_400
"""From a moment on, whatever a wrong clock may have dated."""


def diagnose_action(  # noqa: PLR0913, PLR0917 - whose, by what and when, which, and since when
    ledger: Ledger,
    org: DiagnosedOrg,
    settings: DiagnosisSections,
    now: float,
    action_id: str,
    told: Mapping[str, ToldVerdict] = NOTHING_TOLD,
) -> tuple[Diagnosis, TimeRange]:
    """Return the diagnosis of one action, and the settled windows that were looked at.

    It is what ``diagnose_org`` says of the action, from windows summed as they are for all.

    Args:
        ledger: What has been seen.
        org: The org.
        settings: The target, the least evidence, and how long windows are.
        now: The time; epoch seconds.
        action_id: The action.
        told: By action id, what was told before.

    Raises:
        LedgerError: The ledger can't be read.
    """
    asked = _Asked(ledger, org, settings, ledger.state(org.name), now)
    known = load_timeout_history(ledger, org.name)
    evidence = asked.evidence([action_id]).evidence(action_id, known.get(action_id, ()))
    looks = looks_by_action(ledger, org.name, asked.time_range.start)
    evidence = with_looks(evidence, looks.get(action_id, ()))
    diagnoser = OrgDiagnoser(
        settings, asked.state, known, _flow_contract(org), asked.time_range.end, told=told
    )
    found = diagnoser.diagnosis(action_id, evidence)
    return found, _known_range(asked.time_range, asked.state, org.contract)


def load_evidence(  # noqa: PLR0913, PLR0917 - whose, by which settings, when, and of what
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
    window_seconds = _window_seconds(state, org, settings)
    actions = len(state.actions) if action_id is None else 1
    bucket_seconds = _bucket_seconds(actions, time_range, window_seconds)
    tallies = ledger.tallies.columns(
        org.name,
        time_range,
        bucket_seconds=bucket_seconds,
        window_seconds=window_seconds,
        action_ids=None if action_id is None else [action_id],
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


def _window_seconds(state: OrgState, org: DiagnosedOrg, settings: DiagnosisSections) -> int:
    return state.window_seconds(org.contract.execution_source, settings.collect.window)


def _bucket_seconds(actions: int, time_range: TimeRange, window_seconds: int) -> int:
    windows = actions * time_range.seconds // window_seconds
    return window_seconds if windows <= MAX_SINGLE_WINDOWS else BUCKET_SECONDS


def _flow_contract(org: DiagnosedOrg) -> bool:
    return not org.contract.knows_successes


def _known_range(time_range: TimeRange, state: OrgState, contract: Contract) -> TimeRange:
    """Return the period from where it was first read: what came before is not missing."""
    coverage = state.coverage.get(contract.execution_source, ())
    begin = max(time_range.start, coverage[0].start) if coverage else time_range.start
    return TimeRange(min(begin, time_range.end), time_range.end)
