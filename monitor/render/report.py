"""Writes summaries and verdicts down: as one JSON document and as CSV, in the same words.

Words are snake_case, durations seconds, times ISO 8601 in UTC; what can't be known is null in
JSON and an empty field in CSV.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from monitor.diagnosis import OrgDiagnosis, Severity, severity_of
from monitor.formats import iso_time, significant, whole_percent
from monitor.investigation import UNTOLD
from monitor.render.diagnosis import (
    COLUMNS,
    concurrency_document,
    diagnosed_document,
    diagnosis_document,
    diagnosis_row,
)
from monitor.render.documents import (
    ActionDocument,
    CallersLostDocument,
    CountsDocument,
    DiagnosisDocument,
    ErrorTypeDocument,
    ExitReasonDocument,
    FlowCountsDocument,
    IntegrationCountsDocument,
    LimitDocument,
    OrgDocument,
    ReportDocument,
    TimelineDocument,
)
from monitor.render.timeline import timeline_document
from monitor.sanitize import cell_text
from monitor.summary import LIMIT_LABELS, ActionSummary, GroupSummary, LimitUse, Summary

CSV_COLUMNS = (
    "org", "action_id", "action_name", "integration_id", "integration_name", "category", "kind",
    "executions", "successes", "timeouts", "errors", "throttled", "timeout_share",
    "p50_seconds", "p95_seconds", "p99_seconds", "timeout_seconds", "budget_used_ratio",
    "timeouts_day_before", "trend_ratio", "conversations", "mean_concurrency", "attributed",
    "flows", "used_by", "error_types", "from", "to", *COLUMNS,
    "timeouts_by_hour", "executions_by_hour",
)  # fmt: skip
"""The header of the CSV; the words of the JSON document, and what it holds in objects apart."""

if TYPE_CHECKING:
    from monitor.investigation import ActionTimeline

NO_DIAGNOSES: Mapping[str, OrgDiagnosis] = MappingProxyType({})
"""No org is diagnosed yet."""

NO_LIMITS: Mapping[str, Sequence[LimitUse]] = MappingProxyType({})
"""No limit of any org is known."""


def report_document(
    summaries: Sequence[Summary],
    generated_at: float,
    diagnoses: Mapping[str, OrgDiagnosis] = NO_DIAGNOSES,
    limits: Mapping[str, Sequence[LimitUse]] = NO_LIMITS,
    timelines: Mapping[str, Mapping[str, ActionTimeline]] | None = None,
) -> ReportDocument:
    """Return the report as a document.

    Args:
        summaries: One an org; ``from`` and ``to`` of the document span them all.
        generated_at: Now; epoch seconds.
        diagnoses: By org; what an org without one has of it is null.
        limits: By org: how much of each of its own limits is in use.
        timelines: By org and action id, what was told over time; None where nobody asked.

    Returns:
        The actions of all orgs, worst first; per org its own period, total, flows, integrations
        and notes.
    """
    return ReportDocument(
        generated_at=iso_time(generated_at),
        from_=iso_time(min((one.time_range.start for one in summaries), default=None)),
        to=iso_time(max((one.time_range.end for one in summaries), default=None)),
        actions=[
            action_document(
                action,
                diagnoses,
                None if timelines is None else timelines[action.org].get(action.action_id, UNTOLD),
            )
            for action in most_severe_first(summaries, diagnoses)
        ],
        orgs=[
            _org(summary, diagnoses.get(summary.org), limits.get(summary.org, ()))
            for summary in summaries
        ],
    )


def report_csv(
    summaries: Sequence[Summary], diagnoses: Mapping[str, OrgDiagnosis] = NO_DIAGNOSES
) -> str:
    """Return one line an action under a header line, worst first; several values stand with ``; ``.

    A text that a spreadsheet would take for a formula has an apostrophe in front.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    time_ranges = {summary.org: summary.time_range for summary in summaries}
    for action in most_severe_first(summaries, diagnoses):
        time_range = time_ranges[action.org]
        diagnosed = _diagnosed(action, diagnoses)
        row = (
            msgspec.structs.asdict(_action(action, diagnosed))
            | diagnosis_row(diagnosed)
            | {
                "flows": "; ".join(action.flows),
                "used_by": "; ".join(action.used_by or ()),
                "error_types": "; ".join(
                    f"{error_type} {status}: {count}" if status else f"{error_type}: {count}"
                    for error_type, status, count in action.error_types
                ),
                "timeouts_by_hour": "; ".join(map(str, action.timeouts_by_hour)),
                "executions_by_hour": "; ".join(map(str, action.executions_by_hour)),
                "from": iso_time(time_range.start),
                "to": iso_time(time_range.end),
            }
        )
        writer.writerow({column: cell_text(row[column]) for column in CSV_COLUMNS})
    return text.getvalue()


def most_severe_first(
    summaries: Sequence[Summary], diagnoses: Mapping[str, OrgDiagnosis] = NO_DIAGNOSES
) -> list[ActionSummary]:
    """Return the actions of all orgs: the most severe first, then those with the most timeouts."""
    actions = [action for summary in summaries for action in summary.actions]
    return sorted(actions, key=lambda one: (-_rank(one, diagnoses), -one.timeouts))


def with_min_severity(
    min_severity: Severity, summaries: Sequence[Summary], diagnoses: Mapping[str, OrgDiagnosis]
) -> list[Summary]:
    """Return the same summaries with the actions alone that are at least so severe."""
    return [
        replace(
            summary,
            actions=tuple(
                one for one in summary.actions if _rank(one, diagnoses) >= min_severity.rank
            ),
        )
        for summary in summaries
    ]


def severity_of_action(action: ActionSummary, diagnoses: Mapping[str, OrgDiagnosis]) -> Severity:
    """Return how much an action's verdict matters; unknown where it has none."""
    known = diagnoses.get(action.org)
    found = known.diagnoses.get(action.action_id) if known else None
    return severity_of(found, known.time_range.end) if known and found else Severity.UNKNOWN


def _rank(action: ActionSummary, diagnoses: Mapping[str, OrgDiagnosis]) -> int:
    return severity_of_action(action, diagnoses).rank


def _diagnosed(action: ActionSummary, diagnoses: Mapping[str, OrgDiagnosis]) -> DiagnosisDocument:
    known = diagnoses.get(action.org)
    found = known.diagnoses.get(action.action_id) if known else None
    return diagnosis_document(found, known.time_range if known else None)


def action_document(
    action: ActionSummary,
    diagnoses: Mapping[str, OrgDiagnosis] = NO_DIAGNOSES,
    timeline: ActionTimeline | None = None,
) -> ActionDocument:
    """Return one action with its verdict, as the report has it.

    Args:
        action: Its summary.
        diagnoses: By org; what an org without one has of it is null.
        timeline: What was told of it over time; None where nobody asked.
    """
    known = diagnoses.get(action.org)
    found = known.diagnoses.get(action.action_id) if known else None
    told = None if timeline is None else timeline_document(timeline, found)
    return _action(action, _diagnosed(action, diagnoses), told)


def _action(
    action: ActionSummary, diagnosed: DiagnosisDocument, timeline: TimelineDocument | None = None
) -> ActionDocument:
    return ActionDocument(
        org=action.org,
        action_id=action.action_id,
        action_name=action.action_name,
        integration_id=action.integration_id,
        integration_name=action.integration_name,
        category=action.category,
        kind=action.kind,
        executions=action.executions,
        successes=action.successes,
        timeouts=action.timeouts,
        errors=action.errors,
        throttled=action.throttled,
        timeout_share=significant(action.timeout_share),
        p50_seconds=significant(action.p50_seconds),
        p95_seconds=significant(action.p95_seconds),
        p99_seconds=significant(action.p99_seconds),
        timeout_seconds=significant(action.timeout_seconds),
        budget_used_ratio=significant(action.budget_used_ratio),
        timeouts_day_before=action.timeouts_day_before,
        trend_ratio=significant(action.trend_ratio),
        conversations=action.conversations,
        flows=list(action.flows),
        used_by=None if action.used_by is None else list(action.used_by),
        error_types=[
            ErrorTypeDocument(error_type=error_type, response_status=status, executions=count)
            for error_type, status, count in action.error_types
        ],
        mean_concurrency=significant(action.mean_concurrency),
        attributed=action.attributed or None,
        timeouts_by_hour=list(action.timeouts_by_hour) or None,
        executions_by_hour=list(action.executions_by_hour) or None,
        timeline=timeline,
        **msgspec.structs.asdict(diagnosed),
    )


def _org(
    summary: Summary, diagnosis: OrgDiagnosis | None, limits: Sequence[LimitUse]
) -> OrgDocument:
    return OrgDocument(
        org=summary.org,
        contract=summary.contract,
        from_=iso_time(summary.time_range.start),
        to=iso_time(summary.time_range.end),
        complete=summary.complete,
        missing_seconds=summary.missing_seconds,
        **msgspec.structs.asdict(_counts(summary.total)),
        flows=[
            FlowCountsDocument(
                flow_id=flow.group_id,
                flow_name=flow.name,
                **msgspec.structs.asdict(_counts(flow)),
            )
            for flow in summary.flows
        ],
        integrations=[
            IntegrationCountsDocument(
                integration_id=integration.group_id,
                integration_name=integration.name,
                **msgspec.structs.asdict(_counts(integration)),
            )
            for integration in summary.integrations
        ],
        callers_lost=_callers_lost(summary),
        notes=list(summary.notes),
        limits=limit_documents(limits),
        diagnosed=diagnosed_document(diagnosis),
        concurrency=concurrency_document(diagnosis),
    )


def _callers_lost(summary: Summary) -> list[CallersLostDocument] | None:
    if summary.callers_lost is None:
        return None
    return [
        CallersLostDocument(
            flow_id=flow.flow_id,
            flow_name=flow.flow_name,
            callers=flow.callers,
            exit_reasons=[
                ExitReasonDocument(exit_reason=reason, callers=callers)
                for reason, callers in flow.exit_reasons
            ],
            action_timeouts=flow.action_timeouts,
        )
        for flow in summary.callers_lost
    ]


def _counts(group: GroupSummary) -> CountsDocument:
    return CountsDocument(
        executions=group.executions,
        successes=group.successes,
        timeouts=group.timeouts,
        errors=group.errors,
        throttled=group.throttled,
        timeout_share=significant(group.timeout_share),
        actions=group.actions,
        conversations=group.conversations,
    )


def describe_limits(uses: Sequence[LimitUse]) -> str:
    """Return one line: which limit is how much used, the tightest first; empty without limits."""
    return "; ".join(_describe_limit(one) for one in uses)


def limit_documents(uses: Sequence[LimitUse]) -> list[LimitDocument]:
    """Return the same as values for JSON, the tightest first."""
    return [
        LimitDocument(
            limit=one.name,
            value=one.limit,
            used=None if one.used is None else round(one.used, 3),
            used_ratio=None if one.used_ratio is None else round(one.used_ratio, 4),
            window_seconds=one.window_seconds,
        )
        for one in uses
    ]


def _describe_limit(one: LimitUse) -> str:
    if one.used is None or one.used_ratio is None:
        return f"{one.limit:,} {LIMIT_LABELS[one.name]}, use not known"
    used = whole_percent(one.used_ratio)
    return f"{one.used:,.1f} of {one.limit:,} {LIMIT_LABELS[one.name]} ({used})"
