"""The numbers that are told first of one action, and what its verdict rests on, in words."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.diagnosis import Diagnosis, VerdictPeriod, advised_raise
from monitor.formats import (
    call_duration,
    count_of,
    exact_seconds,
    percent,
    share_between,
    utc_moment,
    whole_percent,
)
from monitor.render.effects import raise_effects, rescued_a_day, slots_of, waited_a_day
from monitor.summary import ActionSummary

UNKNOWN = "\N{EN DASH}"
"""Stands where a number can't be known."""

_ARROW = "\N{RIGHTWARDS ARROW}"


@dataclass(frozen=True, slots=True)
class Fact:
    """One number at the head of the page.

    Attributes:
        name: What it is.
        value: The number.
        remark: What it is to be held against; may be empty.
        is_loud: Whether it is worth a look.
    """

    name: str
    value: str
    remark: str = ""
    is_loud: bool = False


def action_facts(
    day: ActionSummary,
    found: Diagnosis | None,
    *,
    hour: ActionSummary | None = None,
    period: str = "24 h",
) -> tuple[Fact, ...]:
    """Return the numbers at the head of what is told of an action.

    Args:
        day: The period that is told of.
        found: The verdict on it; None before the first.
        hour: Its last settled hour; None where that is not known, or not told.
        period: What the period is called.
    """
    step = advised_raise(found) if found else None
    timeout = UNKNOWN if day.timeout_seconds is None else exact_seconds(day.timeout_seconds * 1000)
    budget = day.budget_used_ratio
    facts = [
        Fact(
            "Timeout in force",
            timeout,
            f"{_ARROW} {step[1]:g} s advised" if step else "no raise advised",
            is_loud=step is not None,
        ),
        Fact(f"Timed out, {period}", _with_share(day), _trend(day), is_loud=day.timeouts > 0),
        *([] if hour is None else [Fact("Timed out, last hour", _with_share(hour))]),
        Fact(
            "p99 of the timeout",
            whole_percent(budget, UNKNOWN),
            f"p50 {call_duration(day.p50_seconds, UNKNOWN)}, "
            f"p95 {call_duration(day.p95_seconds, UNKNOWN)}, "
            f"p99 {call_duration(day.p99_seconds, UNKNOWN)}",
        ),
        Fact(
            f"Conversations hit, {period}",
            UNKNOWN if day.conversations is None else f"{day.conversations:,}",
            "by detail records" if day.conversations is not None else "no detail records",
        ),
    ]
    if day.throttled:
        facts.append(
            Fact(f"Throttled, {period}", f"{day.throttled:,}", "not run at all", is_loud=True)
        )
    return tuple(facts)


def _with_share(action: ActionSummary) -> str:
    if action.timeout_share is None:
        return f"{action.timeouts:,}"
    return f"{action.timeouts:,} ({percent(action.timeout_share)})"


def _trend(day: ActionSummary) -> str:
    before = day.timeouts_day_before
    return "the day before is not known" if before is None else f"{before:,} a day earlier"


def verdict_evidence(
    found: Diagnosis, *, successes_known: bool = True
) -> tuple[tuple[str, str], ...]:
    """Return what a verdict rests on, in words; what says nothing is left out.

    Args:
        found: The verdict.
        successes_known: Whether anything but timeouts can be seen.
    """
    lines = [("Executions", f"{found.executions:,.0f}")] if successes_known else []
    lines.append(("Timed out", f"{found.timeouts:,.0f}"))
    if successes_known:
        lines += [
            ("Failed otherwise", f"{found.errors:,.0f}"),
            ("Throttled", f"{found.throttled:,.0f}"),
        ]
    judged = found.judged
    if judged is not None:
        every = f"{count_of(judged.executions, 'execution')}, " if successes_known else ""
        without = ", without outages that are over" if judged.left_out_outages else ""
        since = f"{utc_moment(judged.since)}: {every}{judged.timeouts:,.0f} timed out{without}"
        lines.append(("Judged by what came since", since))
    lines += [
        ("Calls that take longer than the timeout", percent(found.timeout_share, UNKNOWN)),
    ]
    if found.rescue_bounds is not None:
        lines.append(("Timeouts that a raise would rescue", share_between(*found.rescue_bounds)))
    if found.incidents:
        lines.append(
            (
                "Timeouts bunched in time",
                f"{percent(found.outage_share)}, in {count_of(len(found.incidents), 'incident')}",
            )
        )
    if found.early_share:
        at = "" if found.early_at_ms is None else f", at {call_duration(found.early_at_ms / 1000)}"
        lines.append(("Timeouts that ended before ours", f"{percent(found.early_share)}{at}"))
    if found.drift is not None:
        before, recent = found.drift.median_before_ms, found.drift.median_recent_ms
        lines.append(
            (
                "Median of the week before, of the last day",
                f"{call_duration(before / 1000)}, {call_duration(recent / 1000)}",
            )
        )
    if found.families:
        lines.append(("Laws that describe the tail", ", ".join(found.families)))
    if found.missing:
        lines.append(("Missing for a verdict", "; ".join(found.missing)))
    lines.append(("Rule", found.rule.replace("_", " ")))
    return tuple(lines)


def period_words(period: VerdictPeriod | None) -> str:
    """Return since when a verdict holds, and whether it goes on; empty where that is not told."""
    if period is None:
        return ""
    least = "at least " if period.is_since_start else ""
    if period.until is None:
        return f"since {least}{utc_moment(period.since)}, goes on"
    return f"from {least}{utc_moment(period.since)} to {utc_moment(period.until)}, over"


RAISE_COLUMNS = (
    "Timeout",
    "Calls that succeed",
    "More calls succeed, a day",
    "Callers wait, a day",
    "Executions at a time",
)
"""What is told of a raise."""


def raise_rows(found: Diagnosis | None) -> tuple[tuple[str, ...], ...]:
    """Return what the next step of a raise would do, and what the data ask for; one text a column.

    The timeout in force stands first, to hold both against; empty where no raise is recommended.
    """
    effects = None if found is None else raise_effects(found)
    if effects is None or (effects.next is None and effects.required is None):
        return ()
    named = [("next step", effects.next)]
    if effects.required != effects.next:
        named.append(("what the data ask for", effects.required))
    now = effects.in_force
    return (
        (
            f"{exact_seconds(round(now.timeout_ms))}, in force",
            percent(now.success_share),
            "",
            "",
            slots_of(now),
        ),
        *(
            (
                f"{exact_seconds(round(one.timeout_ms))}, {name}",
                percent(one.success_share),
                rescued_a_day(one),
                f"{waited_a_day(one)} longer",
                f"at most {slots_of(one)}",
            )
            for name, one in named
            if one is not None
        ),
    )
