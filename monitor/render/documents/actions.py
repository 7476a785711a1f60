"""What ``/api/v1/actions`` and ``report --format json`` answer with."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from monitor.contract import Contract
from monitor.model import ActionKind
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
from monitor.render.documents.timeline import TimelineDocument
from monitor.render.documents.units import (
    ActionId,
    ActionName,
    Document,
    GeneratedAt,
    Moment,
    OrgName,
)

Executions = Annotated[
    int | None, Meta(description="Executions seen; null where they can't be counted so.")
]
Successes = Annotated[
    int | None, Meta(description="Those that succeeded; null where they can't be seen.")
]
Timeouts = Annotated[int, Meta(description="Those that timed out.")]
Errors = Annotated[
    int | None, Meta(description="Those that failed otherwise; null where they can't be seen.")
]
Throttled = Annotated[
    int | None, Meta(description="Those that the platform refused; null where they can't be seen.")
]
TimeoutShare = Annotated[float | None, Meta(description="Timeouts per execution, 0 to 1.")]
Actions = Annotated[int, Meta(description="Data actions; of a flow, those that timed out in it.")]
Conversations = Annotated[
    int | None, Meta(description="Conversations that were hit; null where that was not read.")
]
IntegrationName = Annotated[str, Meta(description="That integration's name; may be empty.")]
IntegrationId = Annotated[str, Meta(description="The integration it belongs to; may be empty.")]
FlowId = Annotated[str, Meta(description="The platform's id of the flow.")]
FlowName = Annotated[str, Meta(description="The flow's name; its id where it has none.")]
From = Annotated[Moment | None, Meta(description="Begin of the period.")]
To = Annotated[Moment | None, Meta(description="End of the period.")]


class ErrorTypeDocument(Document, frozen=True):
    """One way of failing, in the platform's words."""

    error_type: Annotated[str, Meta(description="Its errorType.")]
    response_status: Annotated[str, Meta(description="The responseStatus; empty for none.")]
    executions: Annotated[int, Meta(description="How many failed so.")]


class ActionDocument(Document, frozen=True):
    """One data action over the period, with its verdict; what can't be known is null."""

    org: OrgName
    action_id: ActionId
    action_name: ActionName
    integration_id: IntegrationId
    integration_name: IntegrationName
    category: Annotated[str, Meta(description="The platform's category; may be empty.")]
    kind: Annotated[ActionKind, Meta(description="Where its timeout lives.")]
    executions: Annotated[
        int, Meta(description="Executions seen; where successes can't be, the timeouts.")
    ]
    successes: Successes
    timeouts: Timeouts
    errors: Errors
    throttled: Throttled
    timeout_share: TimeoutShare
    p50_seconds: Annotated[
        float | None, Meta(description="Half of the successes and timeouts took at most this long.")
    ]
    p95_seconds: Annotated[float | None, Meta(description="The same for 95 %.")]
    p99_seconds: Annotated[float | None, Meta(description="The same for 99 %.")]
    timeout_seconds: Annotated[
        float | None, Meta(description="The timeout in force at the end of the period.")
    ]
    budget_used_ratio: Annotated[float | None, Meta(description="p99_seconds per timeout_seconds.")]
    timeouts_day_before: Annotated[
        int | None, Meta(description="Timeouts of the same period a day earlier.")
    ]
    trend_ratio: Annotated[float | None, Meta(description="timeouts per timeouts_day_before.")]
    conversations: Conversations
    flows: Annotated[list[str], Meta(description="Flows in which it timed out, by name.")]
    used_by: Annotated[
        list[str] | None,
        Meta(description="All flows known to use it; null where nothing is known of its use."),
    ]
    error_types: Annotated[
        list[ErrorTypeDocument], Meta(description="How it failed, the most frequent first.")
    ]
    mean_concurrency: Annotated[
        float, Meta(description="Executions under way at a time, on average.")
    ]
    attributed: Annotated[
        str | None,
        Meta(
            description="sole_action where it is given timeouts whose records name no action, for "
            "it is the only one of their flow."
        ),
    ]
    timeouts_by_hour: Annotated[
        list[int] | None,
        Meta(
            description="Timeouts in each hour of the period, the oldest first; null where hours "
            "were not asked for."
        ),
    ]
    executions_by_hour: Annotated[list[int] | None, Meta(description="Executions likewise.")]
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
    timeline: Annotated[
        TimelineDocument | None,
        Meta(description="What was told of it over time; null where that was not asked for."),
    ]


class CountsDocument(Document, frozen=True):
    """What was counted of a flow, an integration or a whole org."""

    executions: Executions
    successes: Successes
    timeouts: Timeouts
    errors: Errors
    throttled: Throttled
    timeout_share: TimeoutShare
    actions: Actions
    conversations: Conversations


class FlowCountsDocument(Document, frozen=True):
    """A flow that timeouts hit."""

    flow_id: FlowId
    flow_name: FlowName
    executions: Executions
    successes: Successes
    timeouts: Timeouts
    errors: Errors
    throttled: Throttled
    timeout_share: TimeoutShare
    actions: Actions
    conversations: Conversations


class IntegrationCountsDocument(Document, frozen=True):
    """An integration of data actions."""

    integration_id: IntegrationId
    integration_name: IntegrationName
    executions: Executions
    successes: Successes
    timeouts: Timeouts
    errors: Errors
    throttled: Throttled
    timeout_share: TimeoutShare
    actions: Actions
    conversations: Conversations


class ExitReasonDocument(Document, frozen=True):
    """How a flow ended for callers whom it lost."""

    exit_reason: Annotated[str, Meta(description="In the platform's words.")]
    callers: Annotated[int, Meta(description="How many.")]


class CallersLostDocument(Document, frozen=True):
    """Callers whom one flow lost to an error of its own; they are not timeouts."""

    flow_id: FlowId
    flow_name: FlowName
    callers: Annotated[int, Meta(description="How many.")]
    exit_reasons: Annotated[
        list[ExitReasonDocument], Meta(description="How it ended for them, most first.")
    ]
    action_timeouts: Annotated[
        int | None,
        Meta(
            description="Timeouts, at the same time, of the data actions that the flow uses; null "
            "where none is known."
        ),
    ]


class LimitDocument(Document, frozen=True):
    """One of the org's own limits, and how much of it the busiest window of an hour used."""

    limit: Annotated[str, Meta(description="Its name.")]
    value: Annotated[int, Meta(description="The limit itself.")]
    used: Annotated[float | None, Meta(description="What was used; null where not known.")]
    used_ratio: Annotated[float | None, Meta(description="The same per the limit.")]
    window_seconds: Annotated[int, Meta(description="How long that window is.")]


class DiagnosedDocument(Document, frozen=True):
    """What the verdicts of an org rest on."""

    at: Annotated[Moment | None, Meta(description="When they were reached.")]
    from_: Annotated[Moment | None, Meta(description="Begin of what was looked at.")] = field(
        name="from"
    )
    to: Annotated[Moment | None, Meta(description="Its end.")]
    complete: Annotated[bool, Meta(description="Whether nothing of it is missing.")]
    missing_seconds: Annotated[int, Meta(description="How much of it was not read.")]


class ConcurrencyDocument(Document, frozen=True):
    """Executions that run at a time in an org, by Little's law."""

    mean: Annotated[float, Meta(description="On average.")]
    busiest: Annotated[float, Meta(description="In the busiest while.")]
    busiest_seconds: Annotated[int, Meta(description="How long that while is.")]
    limit: Annotated[int | None, Meta(description="The org's own limit; null if not known.")]
    recommended_adds: Annotated[
        float, Meta(description="What the recommended timeouts would add, at most.")
    ]


class OrgDocument(Document, frozen=True):
    """One org over the period."""

    org: OrgName
    contract: Annotated[Contract, Meta(description="How the platform is asked.")]
    from_: From = field(name="from")
    to: To
    complete: Annotated[bool, Meta(description="Whether all of the period was read.")]
    missing_seconds: Annotated[int, Meta(description="How much of it was not read.")]
    executions: Executions
    successes: Successes
    timeouts: Timeouts
    errors: Errors
    throttled: Throttled
    timeout_share: TimeoutShare
    actions: Actions
    conversations: Conversations
    flows: Annotated[list[FlowCountsDocument], Meta(description="Flows that timeouts hit.")]
    integrations: Annotated[
        list[IntegrationCountsDocument], Meta(description="Integrations of its actions.")
    ]
    callers_lost: Annotated[
        list[CallersLostDocument] | None,
        Meta(description="Flows that lost callers; null where that was not read."),
    ]
    notes: Annotated[list[str], Meta(description="What can't be known here, and why.")]
    limits: Annotated[
        list[LimitDocument],
        Meta(description="The org's own limits, the tightest first; only in report."),
    ]
    diagnosed: Annotated[
        DiagnosedDocument | None,
        Meta(description="What the verdicts rest on; null before the first."),
    ]
    concurrency: Annotated[
        ConcurrencyDocument | None,
        Meta(description="Executions at a time; null where that can't be known."),
    ]


class ReportDocument(Document, frozen=True):
    """What timed out, why, and whether more time would help."""

    generated_at: GeneratedAt
    from_: Annotated[Moment | None, Meta(description="The earliest begin of all orgs.")] = field(
        name="from"
    )
    to: Annotated[Moment | None, Meta(description="The latest end of all orgs.")]
    actions: Annotated[
        list[ActionDocument], Meta(description="The actions of all orgs, the worst first.")
    ]
    orgs: Annotated[list[OrgDocument], Meta(description="Every org, as configured.")]
