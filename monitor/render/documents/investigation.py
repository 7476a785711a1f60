"""What ``investigate --format json`` answers with."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from monitor.model import Outcome, Truncation
from monitor.render.documents.actions import FlowId, FlowName, From, IntegrationName, To
from monitor.render.documents.diagnosis import (
    Advice,
    AvoidedBounds,
    AvoidedPerDay,
    ChangedAt,
    DiagnosisNotes,
    Drift,
    EditableNow,
    Evidence,
    ExpectedSuccessShare,
    ExtraCallerSeconds,
    Guards,
    HowToChange,
    Incident,
    Missing,
    NeverAnswersShare,
    Raise,
    RecommendedTimeout,
    RescuableShare,
    SeverityNow,
    Slots,
    SuccessShare,
    TimeoutEffects,
    TimeoutsPerDay,
    VerdictNow,
    VerdictSince,
    VerdictSinceAtLeast,
    VerdictUntil,
    Why,
)
from monitor.render.documents.units import (
    ActionId,
    ActionName,
    Document,
    GeneratedAt,
    Moment,
    OrgName,
)

ErrorType = Annotated[str, Meta(description="The platform's errorType.")]
ResponseStatus = Annotated[str, Meta(description="The responseStatus; empty for none.")]
Counted = Annotated[int | None, Meta(description="Executions; null where they can't be seen.")]
Percentile = Annotated[
    float | None, Meta(description="Of successes and timeouts; null without any.")
]


class EndingDocument(Document, frozen=True):
    """One way in which executions ended."""

    outcome: Annotated[Outcome, Meta(description="What that counts as.")]
    error_type: ErrorType
    response_status: ResponseStatus
    executions: Annotated[int, Meta(description="How many.")]


class ExecutionDocument(Document, frozen=True):
    """One execution."""

    correlation_id: Annotated[str, Meta(description="To find it in the logs of a back end.")]
    at: Annotated[Moment | None, Meta(description="When it ended.")]
    duration_seconds: Annotated[float, Meta(description="How long it took.")]
    exact: Annotated[bool, Meta(description="Whether that is exact.")]
    outcome: Annotated[Outcome, Meta(description="How it ended.")]
    error_type: ErrorType
    response_status: ResponseStatus


class LatencyBandDocument(Document, frozen=True):
    """Executions that took between so and so long."""

    from_seconds: Annotated[float, Meta(description="At least.")]
    to_seconds: Annotated[float | None, Meta(description="Less than; null for the last band.")]
    executions: Annotated[int, Meta(description="How many.")]
    successes: Annotated[int, Meta(description="Those that succeeded.")]
    timeouts: Annotated[int, Meta(description="Those that timed out.")]
    others: Annotated[int, Meta(description="All others.")]


class FlowUseDocument(Document, frozen=True):
    """A flow that uses the action."""

    flow_id: FlowId
    flow_name: FlowName
    tracked: Annotated[bool, Meta(description="Whether the platform's tracking names it.")]
    conversations: Annotated[
        int | None, Meta(description="Conversations hit in it; null where that was not read.")
    ]


class HitDocument(Document, frozen=True):
    """A conversation that a timeout hit."""

    conversation_id: Annotated[str, Meta(description="The conversation.")]
    at: Annotated[Moment | None, Meta(description="When.")]
    flow_id: FlowId
    flow_name: FlowName
    error_type: Annotated[str, Meta(description="The platform's word for what went wrong.")]


class InvestigationDocument(Document, frozen=True):
    """One data action looked at closely."""

    generated_at: GeneratedAt
    from_: From = field(name="from")
    to: To
    org: OrgName
    action_id: ActionId
    action_name: ActionName
    integration_name: IntegrationName
    timeout_seconds: Annotated[
        float | None, Meta(description="The timeout in force at the end of the period.")
    ]
    verdict: VerdictNow
    verdict_since: VerdictSince
    verdict_since_at_least: VerdictSinceAtLeast
    verdict_until: VerdictUntil
    changed_at: ChangedAt
    incident: Incident
    severity: SeverityNow
    why: Why
    advice: Advice
    missing: Missing
    diagnosis_notes: DiagnosisNotes
    rescuable_share: RescuableShare
    editable: EditableNow
    how_to_change: HowToChange
    raise_: Raise = field(name="raise")
    recommended_timeout_seconds: RecommendedTimeout
    guards: Guards
    success_share: SuccessShare
    expected_success_share: ExpectedSuccessShare
    never_answers_share: NeverAnswersShare
    timeouts_per_day: TimeoutsPerDay
    timeouts_avoided_per_day: AvoidedPerDay
    timeouts_avoided_range_per_day: AvoidedBounds
    extra_caller_seconds_per_day: ExtraCallerSeconds
    concurrent_slots: Slots
    timeout_effects: TimeoutEffects
    drift: Drift
    evidence: Evidence
    executions: Counted
    successes: Counted
    timeouts: Counted
    errors: Counted
    throttled: Counted
    truncated: Annotated[
        Truncation | None, Meta(description="Why not all were read; null where all were.")
    ]
    p50_seconds: Percentile
    p95_seconds: Percentile
    p99_seconds: Percentile
    granularity_seconds: Annotated[
        int | None, Meta(description="How exactly the times of executions are known.")
    ]
    endings: Annotated[list[EndingDocument], Meta(description="How executions ended.")]
    slowest: Annotated[
        list[ExecutionDocument], Meta(description="The slowest that did not time out.")
    ]
    timed_out: Annotated[
        list[ExecutionDocument], Meta(description="Those that timed out, the newest first.")
    ]
    latency: Annotated[list[LatencyBandDocument], Meta(description="How long they took.")]
    flows: Annotated[list[FlowUseDocument], Meta(description="Flows that use it.")]
    conversations: Annotated[
        int | None, Meta(description="Conversations hit; null where that was not read.")
    ]
    hits: Annotated[list[HitDocument], Meta(description="Those conversations.")]
    notes: Annotated[list[str], Meta(description="What can't be known here, and why.")]
