"""Every document that the program answers with, each of it filled: no list empty, few values null.

Nothing of it depends on a law being fitted, so that the documents are the same until one of them
is written in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from monitor.contract import Contract
from monitor.diagnosis import (
    Concurrency,
    Diagnosis,
    JudgedEvidence,
    LatencyDrift,
    OrgDiagnosis,
    TimeoutCurve,
    TimeoutEffect,
    VerdictPeriod,
)
from monitor.investigation import DiagnosisInPeriod
from monitor.investigation.investigate import InvestigationData, build_investigation
from monitor.journal import AuditEntry, Change, ChangeState, OutsideChange, SetBy
from monitor.model import Action, Execution, ExecutionList, Truncation
from monitor.remediation import Decision, DecisionKind
from monitor.remediation.decision import GuardResult
from monitor.render import (
    history_document,
    investigation_document,
    plan_document,
    report_document,
)
from monitor.snapshot import OrgSnapshot, RemediationSnapshot, Snapshot
from monitor.summary import TimeoutsInForce, empty_summary
from monitor.web.documents import changes_document, readiness_document, status_document
from tests.evidence import TIMED_OUT, timed_out
from tests.exporter.snapshots import (
    CRM,
    DAY,
    HEALTHY,
    HOUR,
    NOW,
    ORG,
    PAYMENT,
    org_snapshot,
    recorded_org_snapshot,
)
from tests.filled_ledger import CLASSIFIER
from tests.remediation import guard_inputs

OTHER = "beta"
"""An org of the other contract, of which little is known."""


def diagnosis() -> Diagnosis:
    """A slow tail of which everything is known that can be."""
    found = guard_inputs.diagnosis()
    return replace(
        found,
        notes=("It was raised before.",),
        missing=("3 more days",),
        outages=((int(NOW) - 7200, int(NOW) - 6900),),
        outage_share=0.25,
        early_share=0.125,
        early_at_ms=2_500.0,
        drift=LatencyDrift(300.0, 600.0, 2.0, drifting=True),
        rescue_bounds=(0.4, 0.9),
        changed_at=NOW - 10_800,
        judged=JudgedEvidence(NOW - 10_800, 10_800.0, 1_200.0, 60.0, 60.0),
        period=VerdictPeriod(NOW - 7200, NOW - 3600, is_since_start=True),
        curve=TimeoutCurve(
            4_000,
            5_000,
            10_000,
            (
                TimeoutEffect(4_000, 0.9, 0.9, 0.9, 0, 0, 0, 0, 1.5, is_measured=True),
                TimeoutEffect(8_000, 0.96, 0.94, 0.97, 50, 30, 70, 900, 1.75, is_measured=False),
            ),
        ),
    )


def org_diagnosis() -> OrgDiagnosis:
    """The org of which everything is known that can be."""
    without = replace(diagnosis(), recommendation=None, drift=None, rescue_bounds=None, outages=())
    return OrgDiagnosis(
        org=ORG,
        contract=Contract.PLATFORM,
        time_range=DAY,
        taken_at=NOW - 400,
        missing_seconds=300,
        diagnoses={CRM.action_id: diagnosis(), PAYMENT.action_id: without},
        concurrency=Concurrency(1.5, 4.0, 300, 50, 0.25),
    )


def changes() -> tuple[Change, ...]:
    """One that is being watched, and one of a flow that never was sent."""
    watched = guard_inputs.change(
        ChangeState.WATCHING,
        began_at=NOW - 60,
        sent_at=NOW - 59,
        applied_at=NOW - 58,
        lock_before="3",
        lock_after="4",
        note="Read back.",
    )
    other = replace(
        watched,
        change_id=6,
        target="flow",
        container_id="f1",
        state=ChangeState.ABANDONED,
        sent_at=None,
        applied_at=None,
        ended_at=NOW - 90,
        lock_before="",
        lock_after="",
    )
    return watched, other


def outside() -> tuple[OutsideChange, ...]:
    """One that the audit log tells of, and one that only the catalogue shows."""
    named = SetBy("Ada", NOW - 500, "u-1", "c-1")
    return (
        OutsideChange(ORG, CRM.action_id, CRM.name, 2_000, 3_000, NOW - 500, named),
        OutsideChange(ORG, PAYMENT.action_id, PAYMENT.name, None, 8_500, NOW - 900, SetBy()),
    )


def audit() -> tuple[AuditEntry, ...]:
    """A line about an action, and one about all of them."""
    line = AuditEntry(
        at=NOW - 60,
        org=ORG,
        event="planned",
        actor="auto@host",
        action_id=CRM.action_id,
        action_name=CRM.name,
        change_id=7,
        from_ms=3_000,
        to_ms=4_000,
        reason="allow_list",
        detail="Not allowed.",
        lock_before="3",
        lock_after="4",
        evidence={"verdict": "slow_tail", "guards": []},
        entry_id=12,
    )
    return line, AuditEntry(NOW - 70, ORG, "paused", "ada@host", entry_id=11)


def decisions() -> tuple[Decision, ...]:
    """One that every guard lets through, and one that a guard refuses."""
    raised, quiet = guard_inputs.candidate(), guard_inputs.candidate(required_ms=None)
    said = (GuardResult("mode", passed=True, detail="The mode is auto."),)
    refused = (GuardResult("verdict", passed=False, detail="No more time is asked for."), *said)
    return (
        Decision(raised, DecisionKind.RAISE, "ok", 4_000, 6_000, said),
        Decision(quiet, DecisionKind.KEEP, "verdict", 4_000, None, refused),
    )


def filled_snapshot(path: Path) -> Snapshot:
    """Two orgs: one of which everything is known, one that was read by nobody for long."""
    full = replace(
        recorded_org_snapshot(path),
        diagnosis=org_diagnosis(),
        remediation=RemediationSnapshot(
            mode="auto", paused=True, changes=changes(), outside=outside()
        ),
        health=replace(
            HEALTHY, problem="A read failed.", refused={"conversations": "Permission missing."}
        ),
    )
    other: OrgSnapshot = replace(
        org_snapshot(contract="flow"),
        org=OTHER,
        day=empty_summary(OTHER, Contract.FLOW, DAY),
        hour=empty_summary(OTHER, Contract.FLOW, HOUR),
        polled_at=None,
    )
    return Snapshot(taken_at=NOW, orgs=(full, other), clock_steps={"forward": 1})


def _investigation() -> object:
    slow = Execution("id-1", "NONE", "200", HOUR.start + 5, 1_500.0)
    late = Execution("id-2", TIMED_OUT, "", HOUR.start + 9, 3_000.0)
    data = InvestigationData(
        ORG,
        Contract.PLATFORM,
        Action("crm", "CRM Lookup", integration_name="CRM"),
        HOUR,
        in_force=TimeoutsInForce(frozenset({3_000}), 3_000),
        execution_list=ExecutionList((slow, late), 60, Truncation.ROWS),
        tracked_flows={"main": "Main"},
        incidents=[timed_out("call-1", at=HOUR.start + 9.0)],
    )
    found = build_investigation(data, CLASSIFIER, 20)
    diagnosed = DiagnosisInPeriod(diagnosis(), HOUR)
    return investigation_document(replace(found, diagnosed=diagnosed), NOW)


def filled_documents(path: Path) -> Mapping[str, Callable[[], object]]:
    """Return what makes each document, by its name.

    Args:
        path: An empty folder for the state.
    """
    shown = filled_snapshot(path)
    limits = {one.org: one.limits for one in shown.orgs}
    later = NOW + 1_000.0
    return {
        "readiness": lambda: readiness_document(shown, later),
        "status": lambda: status_document(shown, later),
        "changes": lambda: changes_document(shown, NOW),
        "report": lambda: report_document(
            [one.day for one in shown.orgs], NOW, shown.diagnoses, limits
        ),
        "plan": lambda: plan_document(decisions()),
        "history": lambda: history_document(changes(), outside(), audit()),
        "investigation": _investigation,
    }
