"""Writes summaries down: as one JSON document and as CSV, in the same words.

Words are snake_case, durations seconds, times ISO 8601 in UTC; what can't be known is null in
JSON and an empty field in CSV.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from monitor.analysis.values import ActionSummary, GroupSummary, Summary

CSV_COLUMNS = (
    "org", "action_id", "action_name", "integration_id", "integration_name", "category", "kind",
    "executions", "successes", "timeouts", "errors", "throttled", "timeout_share",
    "p50_seconds", "p95_seconds", "p99_seconds", "timeout_seconds", "budget_used_ratio",
    "timeouts_day_before", "trend_ratio", "conversations", "mean_concurrency",
    "flows", "used_by", "error_types", "from", "to",
)  # fmt: skip
"""The header of the CSV; the words of the JSON document."""


def as_document(summaries: Sequence[Summary], generated_at: float) -> dict[str, Any]:
    """The report as plain values, ready for any JSON encoder.

    Args:
        summaries: One an org; ``from`` and ``to`` of the document span them all.
        generated_at: Now; epoch seconds.

    Returns:
        ``{generated_at, from, to, actions: [...], orgs: [...]}``: the actions of all orgs, worst
        first; per org its own stretch, total, flows, integrations and notes.
    """
    return {
        "generated_at": _iso_time(generated_at),
        "from": _iso_time(min((one.stretch.start for one in summaries), default=None)),
        "to": _iso_time(max((one.stretch.end for one in summaries), default=None)),
        "actions": [_action(action) for action in _worst_first(summaries)],
        "orgs": [_org(summary) for summary in summaries],
    }


def as_csv(summaries: Sequence[Summary]) -> str:
    """One line an action under a header line, worst first; several values stand with ``; ``."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    stretches = {summary.org: summary.stretch for summary in summaries}
    for action in _worst_first(summaries):
        stretch = stretches[action.org]
        row = _action(action) | {
            "flows": "; ".join(action.flows),
            "used_by": "; ".join(action.used_by),
            "error_types": "; ".join(
                f"{error_type} {status}: {count}" if status else f"{error_type}: {count}"
                for error_type, status, count in action.error_types
            ),
            "from": _iso_time(stretch.start),
            "to": _iso_time(stretch.end),
        }
        writer.writerow(row)
    return text.getvalue()


def _worst_first(summaries: Sequence[Summary]) -> list[ActionSummary]:
    actions = [action for summary in summaries for action in summary.actions]
    return sorted(actions, key=lambda one: -one.timeouts)


def _action(action: ActionSummary) -> dict[str, Any]:
    return {
        "org": action.org,
        "action_id": action.action_id,
        "action_name": action.action_name,
        "integration_id": action.integration_id,
        "integration_name": action.integration_name,
        "category": action.category,
        "kind": action.kind.value,
        "executions": action.executions,
        "successes": action.successes,
        "timeouts": action.timeouts,
        "errors": action.errors,
        "throttled": action.throttled,
        "timeout_share": _short(action.timeout_share),
        "p50_seconds": _short(action.p50_seconds),
        "p95_seconds": _short(action.p95_seconds),
        "p99_seconds": _short(action.p99_seconds),
        "timeout_seconds": _short(action.timeout_seconds),
        "budget_used_ratio": _short(action.budget_used_ratio),
        "timeouts_day_before": action.timeouts_day_before,
        "trend_ratio": _short(action.trend_ratio),
        "conversations": action.conversations,
        "flows": list(action.flows),
        "used_by": list(action.used_by),
        "error_types": [
            {"error_type": error_type, "response_status": status, "executions": count}
            for error_type, status, count in action.error_types
        ],
        "mean_concurrency": _short(action.mean_concurrency),
    }


def _org(summary: Summary) -> dict[str, Any]:
    return {
        "org": summary.org,
        "contract": summary.contract,
        "from": _iso_time(summary.stretch.start),
        "to": _iso_time(summary.stretch.end),
        "complete": summary.complete,
        "missing_seconds": summary.missing_seconds,
        **_counts(summary.total),
        "flows": [
            {"flow_id": flow.group_id, "flow_name": flow.name, **_counts(flow)}
            for flow in summary.flows
        ],
        "integrations": [
            {
                "integration_id": integration.group_id,
                "integration_name": integration.name,
                **_counts(integration),
            }
            for integration in summary.integrations
        ],
        "notes": list(summary.notes),
    }


def _counts(group: GroupSummary) -> dict[str, Any]:
    return {
        "executions": group.executions,
        "successes": group.successes,
        "timeouts": group.timeouts,
        "errors": group.errors,
        "throttled": group.throttled,
        "timeout_share": _short(group.timeout_share),
        "actions": group.actions,
        "conversations": group.conversations,
    }


def _short(number: float | None) -> float | None:
    """Six significant digits: more than bands can tell, and no small share becomes 0."""
    return None if number is None else float(f"{number:.6g}")


def _iso_time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
