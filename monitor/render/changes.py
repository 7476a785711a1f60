"""Plans, changes and the audit trail for programs: JSON documents and Terraform; pure.

Words are snake_case, durations seconds, times ISO 8601 in UTC; what is not known is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from monitor.diagnosis import Editable
from monitor.formats import iso_time, utc_minute
from monitor.journal import AuditEntry, Change, OutsideChange
from monitor.remediation import Decision
from monitor.render.documents import (
    AuditEntryDocument,
    ChangeDocument,
    DecisionDocument,
    GuardDocument,
    HistoryDocument,
    OutsideChangeDocument,
    PlanDocument,
)
from monitor.render.effect_documents import raise_effects_document
from monitor.render.plan import decided_effects, summary_of
from monitor.sanitize import comment_text, resource_label

_OF_OUR_WRITES = frozenset(
    {
        "cooldown",
        "daily_budget",
        "one_per_poll",
        "change_window",
        "allow_list",
        "tripped",
        "paused",
        "mode",
    }
)
"""Guards about what this program writes: whoever changes a timeout with Terraform has others."""


def plan_document(decisions: Sequence[Decision]) -> PlanDocument:
    """What ``plan --format json`` says."""
    return PlanDocument(actions=[_decision(one) for one in decisions])


def history_document(
    changes: Iterable[Change], outside: Iterable[OutsideChange], audit: Iterable[AuditEntry]
) -> HistoryDocument:
    """What ``history --format json`` says, the newest first."""
    return HistoryDocument(
        changes=[change_document(one) for one in changes],
        outside=[outside_document(one) for one in outside],
        audit=[_entry(one) for one in audit],
    )


def outside_document(change: OutsideChange) -> OutsideChangeDocument:
    """One change that somebody else made, as ``/api/v1/changes`` shows it too."""
    by = change.set_by
    return OutsideChangeDocument(
        org=change.org,
        action_id=change.action_id,
        action_name=change.action_name,
        from_seconds=_seconds(change.from_ms),
        to_seconds=_seconds(change.to_ms),
        at=iso_time(change.at),
        told_by="catalogue" if by.at is None else "audits",
        who=by.who,
        user_id=by.user_id or None,
        client_id=by.client_id or None,
    )


def change_document(change: Change) -> ChangeDocument:
    """One change, as ``/api/v1/changes`` shows it too."""
    return ChangeDocument(
        change_id=change.change_id,
        org=change.org,
        action_id=change.action_id,
        action_name=change.action_name,
        target=change.target,
        flow_id=change.container_id or None,
        from_seconds=change.from_ms / 1000,
        to_seconds=change.to_ms / 1000,
        state=change.state,
        open=change.is_open,
        actor=change.actor,
        began_at=iso_time(change.began_at),
        sent_at=iso_time(change.sent_at),
        applied_at=iso_time(change.applied_at),
        ended_at=iso_time(change.ended_at),
        trial_ends_at=iso_time(change.trial_ends_at),
        version_before=change.lock_before or None,
        version_after=change.lock_after or None,
        note=change.explanation,
    )


def trial_words(change: Change) -> str:
    """Return what says of a change that it is a trial, and until when; empty where it is none."""
    ends_at = change.trial_ends_at
    if ends_at is None:
        return ""
    return f", a trial until {utc_minute(ends_at)}" if change.is_open else ", a trial"


def terraform(decisions: Sequence[Decision]) -> str:
    """The changes for Terraform's provider of Genesys Cloud, resource by resource.

    Actions that Terraform keeps are among them: there the change belongs. The resource's own name
    is not known here, so each carries a label made of the action's name.
    """
    raises = [one for one in decisions if belongs_to_terraform(one)]
    if not raises:
        return "# No timeout needs to be changed.\n"
    blocks = [
        "# Set config_timeout_seconds in the resources of these actions; nothing else changes.\n"
    ]
    labels: set[str] = set()
    for decision in raises:
        one = decision.candidate
        label = _label(one.action_name, labels)
        assert decision.from_ms is not None  # noqa: S101 - belongs_to_terraform has seen to it
        assert decision.to_ms is not None  # noqa: S101 - the same
        before, after = decision.from_ms / 1000, -(-decision.to_ms // 1000)
        blocks.append(
            f"# {comment_text(f'{one.action_name} ({one.action_id}), org {one.org}')}\n"
            f"# {comment_text(one.diagnosis.why)}\n"
            f'resource "genesyscloud_integration_action" "{label}" {{\n'
            f"  config_timeout_seconds = {after} # was {before:g}\n"
            "}\n"
        )
    return "\n".join(blocks)


def belongs_to_terraform(decision: Decision) -> bool:
    """Whether the data ask for this change, whoever is to make it."""
    if not decision.is_wanted or decision.candidate.target != "integration-action":
        return False
    refused = {guard.name for guard in decision.guards if not guard.passed} - _OF_OUR_WRITES
    kept = decision.candidate.diagnosis.editable is Editable.TERRAFORM
    return not (refused - {"editable"} if kept else refused)


def _decision(decision: Decision) -> DecisionDocument:
    one = decision.candidate
    return DecisionDocument(
        org=one.org,
        action_id=one.action_id,
        action_name=one.action_name,
        decision=decision.kind,
        reason=decision.reason,
        detail=decision.detail,
        guards=[
            GuardDocument(name=guard.name, passed=guard.passed, detail=guard.detail)
            for guard in decision.guards
        ],
        from_seconds=_seconds(decision.from_ms),
        to_seconds=_seconds(decision.to_ms if decision.is_wanted else None),
        verdict=one.diagnosis.verdict,
        why=one.diagnosis.why,
        editable=one.diagnosis.editable,
        summary=summary_of(decision),
        timeout_effects=raise_effects_document(decided_effects(decision)),
    )


def _entry(entry: AuditEntry) -> AuditEntryDocument:
    return AuditEntryDocument(
        entry_id=entry.entry_id,
        at=iso_time(entry.at),
        org=entry.org,
        event=entry.event,
        actor=entry.actor,
        action_id=entry.action_id or None,
        action_name=entry.action_name or None,
        change_id=entry.change_id,
        from_seconds=_seconds(entry.from_ms),
        to_seconds=_seconds(entry.to_ms),
        reason=entry.reason or None,
        detail=entry.detail,
        version_before=entry.lock_before or None,
        version_after=entry.lock_after or None,
        evidence=dict(entry.evidence),
    )


def _seconds(value_ms: int | None) -> float | None:
    return None if value_ms is None else value_ms / 1000


def _label(name: str, taken: set[str]) -> str:
    """A name that Terraform takes, and that no other resource has here."""
    plain = resource_label(name)
    label, number = plain, 2
    while label in taken:
        label, number = f"{plain}_{number}", number + 1
    taken.add(label)
    return label
