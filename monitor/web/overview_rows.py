"""One action as the words of its row; a dash for what can't be known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from markupsafe import Markup

from monitor.diagnosis import Severity, advised_raise, explanation
from monitor.formats import call_duration, percent, whole_percent
from monitor.web.overview_filters import verdict_words
from monitor.web.sparkline import Sparkline
from monitor.web.time_tags import TimeForm, time_tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.diagnosis import VerdictPeriod
    from monitor.summary import ActionSummary
    from monitor.web.watched_actions import WatchedAction

UNKNOWN = "\N{EN DASH}"
"""Stands where a number can't be known."""

_TIGHT_RATIO = 0.8
"""From here on the timeout is close enough to the p99 to be worth a look."""

_MOST_FLOWS = 3
"""Flows that a row names; the action's page names all."""

_GAUGE_WIDTH = 40.0


@dataclass(frozen=True, slots=True)
class UsingFlow:
    """A flow that uses an action.

    Attributes:
        name: Its name.
        lost: Callers whom it lost in the day; empty where none, or not known.
    """

    name: str
    lost: str


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """One action that is worth attention, in words.

    Attributes:
        key: What tells its row from all others.
        url: Its page.
        name: Its name.
        org: Its org.
        integration: Its integration; empty where unknown.
        verdict: Why it times out.
        severity: How much that matters; the class of its colour.
        is_ongoing: Whether it goes on.
        since: Since when, or from when to when; empty where not known.
        hour: Timeouts of the last hour.
        hour_share: Timeouts among the hour's executions.
        timeouts: Timeouts of the day.
        share: Timeouts among the day's executions.
        trend: How much more or fewer than the day before.
        before: Timeouts of the day before.
        spark: The day by hours; None where it was not asked for.
        budget: p99 against the timeout.
        gauge: The same as the width of a bar.
        is_tight: Whether its p99 comes close to the timeout.
        timeout: The timeout in force.
        advised: The one to set; empty where none is advised.
        throttled: Calls that the platform did not let run.
        is_throttled: Whether there are any.
        conversations: Conversations that it hit.
        flows: Flows that use it.
        more_flows: How many more there are, in words; empty where none.
        explanation: Why, and what would help.
    """

    key: str
    url: str
    name: str
    org: str
    integration: str
    verdict: str
    severity: str
    is_ongoing: bool
    since: Markup
    hour: str
    hour_share: str
    timeouts: str
    share: str
    trend: str
    before: str
    spark: Sparkline | None
    budget: str
    gauge: float
    is_tight: bool
    timeout: str
    advised: str
    throttled: str
    is_throttled: bool
    conversations: str
    flows: tuple[UsingFlow, ...]
    more_flows: str
    explanation: str


@dataclass(frozen=True, slots=True)
class WellRow:
    """One action that is well, in few words: there may be thousands.

    Attributes:
        url: Its page.
        name: Its name.
        org: Its org.
        integration: Its integration; empty where unknown.
        verdict: Its verdict.
        executions: How often it ran in the day.
        timeouts: How often it timed out.
        budget: p99 against the timeout.
        timeout: The timeout in force.
    """

    url: str
    name: str
    org: str
    integration: str
    verdict: str
    executions: str
    timeouts: str
    budget: str
    timeout: str


def overview_row(one: WatchedAction, lost: Mapping[str, int]) -> OverviewRow:
    """Return the row of an action.

    Args:
        one: The action.
        lost: Callers lost by the names of its org's flows.
    """
    day, found = one.day, one.found
    budget = day.budget_used_ratio
    step = advised_raise(found) if found else None
    flows = day.used_by or day.flows
    return OverviewRow(
        key=f"{day.org}/{day.action_id}",
        url=action_url(day),
        name=one.name,
        org=day.org,
        integration=day.integration_name,
        verdict=verdict_words(one.verdict),
        severity=one.severity.value if found else Severity.UNKNOWN.value,
        is_ongoing=one.is_ongoing,
        since=_since(found.period if found else None),
        hour=UNKNOWN if one.hour is None else f"{one.hour.timeouts:,}",
        hour_share=_share(one.hour),
        timeouts=f"{day.timeouts:,}",
        share=_share(day),
        trend=_trend(day),
        before=UNKNOWN if day.timeouts_day_before is None else f"was {day.timeouts_day_before:,}",
        spark=Sparkline.of(day.timeouts_by_hour),
        budget=whole_percent(budget, UNKNOWN),
        gauge=round(min(budget or 0.0, 1.0) * _GAUGE_WIDTH, 1),
        is_tight=budget is not None and budget >= _TIGHT_RATIO,
        timeout=call_duration(step[0] if step else day.timeout_seconds, UNKNOWN),
        advised=call_duration(step[1]) if step else "",
        throttled=UNKNOWN if day.throttled is None else f"{day.throttled:,}",
        is_throttled=bool(day.throttled),
        conversations=UNKNOWN if day.conversations is None else f"{day.conversations:,}",
        flows=tuple(UsingFlow(name, _lost(lost.get(name))) for name in flows[:_MOST_FLOWS]),
        more_flows=_more(flows),
        explanation=explanation(found) if found else "",
    )


def well_row(one: WatchedAction) -> WellRow:
    """Return the row of an action that is well."""
    day = one.day
    return WellRow(
        url=action_url(day),
        name=one.name,
        org=day.org,
        integration=day.integration_name,
        verdict=verdict_words(one.verdict),
        # Where successes can't be seen, the executions that can be are just the timeouts.
        executions=UNKNOWN if day.successes is None else f"{day.executions:,}",
        timeouts=f"{day.timeouts:,}",
        budget=whole_percent(day.budget_used_ratio, UNKNOWN),
        timeout=call_duration(day.timeout_seconds, UNKNOWN),
    )


def action_url(action: ActionSummary) -> str:
    """Return the path of an action's page."""
    return f"/actions/{quote(action.org, safe='')}/{quote(action.action_id, safe='')}"


def trend_words(now: int, before: int | None) -> str:
    """Return how much more or fewer there are than before; empty where that says nothing."""
    if not before or before == now:
        return ""
    return f"{(now / before - 1) * 100:+,.0f} %"


def _trend(day: ActionSummary) -> str:
    # Without a ratio the day was not read completely, and nothing can be held against it.
    return "" if day.trend_ratio is None else trend_words(day.timeouts, day.timeouts_day_before)


def _share(action: ActionSummary | None) -> str:
    share = None if action is None else action.timeout_share
    return "" if share is None else percent(share)


def _since(period: VerdictPeriod | None) -> Markup:
    if period is None:
        return Markup()
    since = time_tag(period.since, TimeForm.SHORT)
    if period.until is None:
        return (Markup("since at least ") if period.is_since_start else Markup("since ")) + since
    begun = Markup("before ") if period.is_since_start else Markup()
    return begun + since + Markup(" to ") + time_tag(period.until, TimeForm.SHORT)


def _lost(callers: int | None) -> str:
    return f"{callers:,}" if callers else ""


def _more(flows: Sequence[str]) -> str:
    left = len(flows) - _MOST_FLOWS
    return f"and {left:,} more" if left > 0 else ""
