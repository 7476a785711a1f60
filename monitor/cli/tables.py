"""Summaries as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from monitor.analysis.values import ActionSummary, Summary

UNKNOWN = "-"
SERIOUS_SHARE = 0.05
NOTABLE_SHARE = 0.01
NOTABLE_BUDGET = 0.8
"""From here on a p99 leaves so little headroom that a bad day times out."""


def report_table(summaries: Sequence[Summary]) -> RenderableType:
    """Every org's actions, most timeouts first, and what is to be known about the numbers."""
    parts: list[RenderableType] = []
    for summary in summaries:
        parts.append(_heading(summary))
        parts.append(_actions(summary))
        parts.extend(Text(f"Note: {note}", style="dim") for note in summary.notes)
        parts.append(Text())
    return Group(*parts[:-1])


def _heading(summary: Summary) -> Text:
    total = summary.total
    begin, end = (_moment(at) for at in (summary.stretch.start, summary.stretch.end))
    text = Text.assemble((summary.org, "bold"), f"  {begin} to {end} UTC   ")
    if total.executions is not None and total.successes is not None:
        text.append(f"{total.executions:,} executions, ")
    text.append(f"{total.timeouts:,} timeouts", style="bold")
    if total.timeout_share is not None:
        text.append(f" ({total.timeout_share:.2%})")
    if total.conversations is not None:
        text.append(f", {total.conversations:,} conversations hit")
    return text


def _actions(summary: Summary) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    table.add_column("Action", overflow="fold", min_width=12)
    table.add_column("Integration", style="dim", overflow="ellipsis", no_wrap=True, max_width=22)
    for name in ("Runs", "Timeouts", "Share", "1 d ago", "p50", "p95", "p99", "Limit", "Used"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Errors", justify="right", no_wrap=True)
    table.add_column("Throttled", justify="right", no_wrap=True)
    table.add_column("Calls", justify="right", no_wrap=True)
    table.add_column("Flows", overflow="ellipsis", no_wrap=True, max_width=24)
    for action in summary.actions:
        table.add_row(*_row(action))
    if not summary.actions:
        table.add_row("No data actions", *[""] * 14)
    return table


def _row(action: ActionSummary) -> tuple[RenderableType, ...]:
    executions = action.executions if action.successes is not None else None
    return (
        action.action_name,
        action.integration_name,
        _count(executions),
        Text(_count(action.timeouts), style="bold" if action.timeouts else "dim"),
        _share(action.timeout_share),
        _count(action.timeouts_day_before),
        _seconds(action.p50_seconds),
        _seconds(action.p95_seconds),
        _seconds(action.p99_seconds),
        _seconds(action.timeout_seconds),
        _budget(action.budget_used_ratio),
        _count(action.errors),
        _count(action.throttled),
        _count(action.conversations),
        ", ".join(action.flows),
    )


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _count(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def _seconds(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3g} s"


def _share(value: float | None) -> Text:
    if value is None:
        return Text(UNKNOWN, style="dim")
    style = "red" if value >= SERIOUS_SHARE else "yellow" if value >= NOTABLE_SHARE else ""
    return Text(f"{value:.2%}", style=style)


def _budget(value: float | None) -> Text:
    if value is None:
        return Text(UNKNOWN, style="dim")
    style = "red" if value >= 1 else "yellow" if value >= NOTABLE_BUDGET else ""
    return Text(f"{value:.0%}", style=style)


def console_for(width: int | None = None) -> Console:
    """A console that gives a pipe as much room as the table needs, and a terminal its own width."""
    console = Console(width=width)
    return console if console.is_terminal or width else Console(width=200)
