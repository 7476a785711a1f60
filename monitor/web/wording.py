"""An action as the words of its row; a dash for what is not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.diagnosis import Verdict, explanation, format_raise, severity_of
from monitor.formats import call_duration, percent, whole_percent

if TYPE_CHECKING:
    from monitor.diagnosis import OrgDiagnosis
    from monitor.summary import ActionSummary

UNKNOWN = "\N{EN DASH}"
"""Stands where a number can't be known."""

_ARROW = "\N{RIGHTWARDS ARROW}"
_TIGHT_RATIO = 0.8
"""From here on the timeout is close enough to the p99 to be worth a look."""


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action of the table, in words.

    Attributes:
        name: Its name.
        action_id: Its id.
        integration: The integration's name.
        used_by: The flows that use it; empty where none is known.
        executions: How often it ran.
        timeouts: How often it timed out.
        share: Timeouts among executions.
        trend: Timeouts against the day before.
        p50: Half of the calls were faster.
        p95: 95 % of the calls were faster.
        p99: 99 % of the calls were faster.
        timeout: The timeout in force, and the one to set where more time would help.
        verdict: Why it times out; empty before the first diagnosis.
        severity: How much that matters, in a word; empty likewise.
        explanation: Why, what would help, and what that would bring; empty where all is well.
        budget: p99 against the timeout.
        conversations: How many conversations were hit.
        raised: Whether a longer timeout is shown beside it.
        timed_out: Whether it timed out at all.
        tight: Whether its p99 comes close to the timeout.
    """

    name: str
    action_id: str
    integration: str
    used_by: str
    executions: str
    timeouts: str
    share: str
    trend: str
    p50: str
    p95: str
    p99: str
    timeout: str
    verdict: str
    severity: str
    explanation: str
    budget: str
    conversations: str
    raised: bool
    timed_out: bool
    tight: bool


def describe_action(action: ActionSummary, known: OrgDiagnosis | None = None) -> ActionRow:
    """One action's summary and diagnosis as the words of its row."""
    budget = action.budget_used_ratio
    found = known.diagnoses.get(action.action_id) if known else None
    step = format_raise(found).replace("->", _ARROW) if found else ""
    severity = severity_of(found, known.time_range.end).value if known and found else ""
    well = found is None or found.verdict is Verdict.HEALTHY
    return ActionRow(
        name=action.action_name or action.action_id,
        action_id=action.action_id,
        integration=action.integration_name or UNKNOWN,
        used_by=", ".join(action.used_by or action.flows),
        # Where successes can't be seen, the executions that can be are just the timeouts.
        executions=UNKNOWN if action.successes is None else f"{action.executions:,}",
        timeouts=f"{action.timeouts:,}",
        share=percent(action.timeout_share, UNKNOWN),
        trend=_trend(action),
        p50=call_duration(action.p50_seconds, UNKNOWN),
        p95=call_duration(action.p95_seconds, UNKNOWN),
        p99=call_duration(action.p99_seconds, UNKNOWN),
        timeout=step or call_duration(action.timeout_seconds, UNKNOWN),
        verdict=found.verdict.value if found else "",
        severity=severity,
        explanation="" if well or found is None else explanation(found),
        budget=whole_percent(budget, UNKNOWN),
        conversations=UNKNOWN if action.conversations is None else f"{action.conversations:,}",
        raised=bool(step),
        timed_out=action.timeouts > 0,
        tight=budget is not None and budget >= _TIGHT_RATIO,
    )


def _trend(action: ActionSummary) -> str:
    before = action.timeouts_day_before
    if before is None:
        return UNKNOWN
    if action.trend_ratio is None or before == action.timeouts:
        return f"was {before:,}"
    change_percent = (action.trend_ratio - 1) * 100
    return f"{change_percent:+.0f} % (was {before:,})"
