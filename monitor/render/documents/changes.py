"""What ``/api/v1/changes``, ``history --format json`` and ``plan --format json`` answer with."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from monitor.diagnosis import Editable, Verdict
from monitor.journal import ChangeState
from monitor.remediation import DecisionKind
from monitor.render.documents.diagnosis import TimeoutEffects
from monitor.render.documents.units import (
    ActionId,
    ActionName,
    Document,
    GeneratedAt,
    Moment,
    OrgName,
    TakenAt,
)

VersionBefore = Annotated[
    str | None, Meta(description="Version or ETag under which it was written; null if not known.")
]
VersionAfter = Annotated[
    str | None, Meta(description="Version or ETag afterwards; null where it is not known.")
]


class ChangeDocument(Document, frozen=True):
    """One change that this program made, or was about to make."""

    change_id: Annotated[int, Meta(description="Its number; rollback takes it.")]
    org: OrgName
    action_id: ActionId
    action_name: ActionName
    target: Annotated[
        str, Meta(description="Where the timeout is kept: integration-action or flow.")
    ]
    flow_id: Annotated[str | None, Meta(description="The flow, where it is kept in one.")]
    from_seconds: Annotated[float, Meta(description="The timeout before.")]
    to_seconds: Annotated[float, Meta(description="The timeout that was to be set.")]
    state: Annotated[ChangeState, Meta(description="How far it has come.")]
    open: Annotated[bool, Meta(description="Whether something is still to be done about it.")]
    actor: Annotated[str, Meta(description="Who decided: auto or a user, with the host.")]
    began_at: Annotated[Moment | None, Meta(description="When it was decided.")]
    sent_at: Annotated[
        Moment | None, Meta(description="When it was about to be sent; null where it never was.")
    ]
    applied_at: Annotated[
        Moment | None, Meta(description="When it was in force; null where it never was.")
    ]
    ended_at: Annotated[
        Moment | None, Meta(description="When it came to its end; null while it is open.")
    ]
    trial_ends_at: Annotated[
        Moment | None,
        Meta(description="When it is set back unless it has helped; null where it is no trial."),
    ]
    version_before: VersionBefore
    version_after: VersionAfter
    note: Annotated[str, Meta(description="Why it stands where it stands.")]


class OutsideChangeDocument(Document, frozen=True):
    """One change of a timeout that somebody else made."""

    org: OrgName
    action_id: ActionId
    action_name: ActionName
    from_seconds: Annotated[
        float | None, Meta(description="The timeout before; null where it is not known.")
    ]
    to_seconds: Annotated[
        float | None, Meta(description="The timeout after; null where it is not known.")
    ]
    at: Annotated[
        Moment | None,
        Meta(description="When; where no audit says so, when the catalogue first showed it."),
    ]
    told_by: Annotated[
        str, Meta(description="audits where the platform's audit log tells it, else catalogue.")
    ]
    who: Annotated[str, Meta(description="Who: a name, several joined by or, or unknown.")]
    user_id: Annotated[str | None, Meta(description="The user, where it was one.")]
    client_id: Annotated[str | None, Meta(description="The OAuth client, where it was one.")]


class AuditEntryDocument(Document, frozen=True):
    """One line of the audit trail; it is never changed."""

    entry_id: Annotated[int, Meta(description="Its number; it grows.")]
    at: Annotated[Moment | None, Meta(description="When.")]
    org: OrgName
    event: Annotated[
        str, Meta(description="What happened: a change's state, or refused, dry_run, paused, ...")
    ]
    actor: Annotated[str, Meta(description="Who: auto or a user, with the host.")]
    action_id: Annotated[str | None, Meta(description="The action; null where it is about all.")]
    action_name: Annotated[str | None, Meta(description="Its name; null likewise.")]
    change_id: Annotated[int | None, Meta(description="The change; null where there is none.")]
    from_seconds: Annotated[float | None, Meta(description="The timeout before.")]
    to_seconds: Annotated[float | None, Meta(description="The timeout that was to be set.")]
    reason: Annotated[str | None, Meta(description="The guard or the error that spoke, as a code.")]
    detail: Annotated[str, Meta(description="The same in words.")]
    version_before: VersionBefore
    version_after: VersionAfter
    evidence: Annotated[
        dict[str, Any],
        Meta(description="The verdict with its numbers, and what every guard said."),
    ]


class HistoryDocument(Document, frozen=True):
    """What was changed, by whom, and what came of it; the newest first."""

    changes: Annotated[list[ChangeDocument], Meta(description="This program's own.")]
    outside: Annotated[list[OutsideChangeDocument], Meta(description="Everybody else's.")]
    audit: Annotated[list[AuditEntryDocument], Meta(description="The audit trail.")]


class OrgSwitchesDocument(Document, frozen=True):
    """What stops changes in an org."""

    org: OrgName
    mode: Annotated[str, Meta(description="off, recommend or auto.")]
    paused: Annotated[bool, Meta(description="Whether somebody has paused all changes.")]
    tripped: Annotated[bool, Meta(description="Whether failures in a row have stopped them.")]


class ChangesDocument(Document, frozen=True):
    """What was changed lately, and what stops changes."""

    generated_at: GeneratedAt
    snapshot_taken_at: TakenAt
    orgs: Annotated[list[OrgSwitchesDocument], Meta(description="Every org, as configured.")]
    changes: Annotated[list[ChangeDocument], Meta(description="This program's newest of each org.")]
    outside: Annotated[
        list[OutsideChangeDocument], Meta(description="Everybody else's newest of each org.")
    ]


class GuardDocument(Document, frozen=True):
    """What one guard said."""

    name: Annotated[str, Meta(description="The guard; the reason code where it refuses.")]
    passed: Annotated[bool, Meta(description="Whether it lets the change through.")]
    detail: Annotated[str, Meta(description="Why, in words.")]


class DecisionDocument(Document, frozen=True):
    """What is to be done about one action."""

    org: OrgName
    action_id: ActionId
    action_name: ActionName
    decision: Annotated[DecisionKind, Meta(description="What is to be done.")]
    reason: Annotated[str, Meta(description="The first guard that refused; ok where none did.")]
    detail: Annotated[str, Meta(description="The same in words.")]
    guards: Annotated[list[GuardDocument], Meta(description="What every guard said.")]
    from_seconds: Annotated[
        float | None, Meta(description="The timeout in force; null where it is not known.")
    ]
    to_seconds: Annotated[
        float | None, Meta(description="The next timeout; null where no more is asked for.")
    ]
    verdict: Annotated[Verdict, Meta(description="Why it times out.")]
    why: Annotated[str, Meta(description="The same in a sentence.")]
    editable: Annotated[Editable, Meta(description="Whether its timeout can be changed.")]
    summary: Annotated[
        str, Meta(description="What is to be done and what it brings, or why nothing is done.")
    ]
    timeout_effects: TimeoutEffects


class PlanDocument(Document, frozen=True):
    """What would be changed, what would not, and why."""

    actions: Annotated[list[DecisionDocument], Meta(description="Every action.")]
