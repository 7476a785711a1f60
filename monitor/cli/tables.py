"""Summaries as tables for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
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
        parts.append(_Actions(summary))
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


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of the table.

    Attributes:
        name: Its heading.
        cell: What it shows of an action.
        rank: The higher, the sooner it is left out where there is little room.
        is_text: Whether it holds words, to the left, rather than numbers, to the right.
        widest: What is longer is cut off.
    """

    name: str
    cell: Callable[[ActionSummary], Text]
    rank: int
    is_text: bool = False
    widest: int = 60

    def width(self, actions: Sequence[ActionSummary]) -> int:
        """What it needs to show these actions."""
        longest = max((self.cell(action).cell_len for action in actions), default=0)
        return min(self.widest, max(len(self.name), longest))


@dataclass(frozen=True, slots=True)
class _Actions:
    """A table of as many columns as there is room for, the ones that matter most first."""

    summary: Summary

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """The table for a width; rich's own protocol."""
        actions = self.summary.actions
        if not actions:
            yield Text("No data actions")
            return
        shown = _fitting(actions, options.max_width)
        table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
        for column in shown:
            table.add_column(
                column.name,
                justify="left" if column.is_text else "right",
                overflow="fold" if column.rank == 0 else "ellipsis",
                no_wrap=column.rank > 0,
                max_width=column.widest,
            )
        for action in actions:
            table.add_row(*(column.cell(action) for column in shown))
        yield table
        if len(shown) < len(_COLUMNS):
            left_out = ", ".join(column.name for column in _COLUMNS if column not in shown)
            yield Text(
                f"Not shown for lack of room: {left_out}; a wider terminal, --output and "
                "--format csv have them.",
                style="dim",
            )


def _fitting(actions: Sequence[ActionSummary], width: int) -> list[_Column]:
    """The columns that fit, in their order; the action's name is always there."""
    kept: set[str] = set()
    used = -_GAP
    for column in sorted(_COLUMNS, key=lambda one: one.rank):
        used += _GAP + column.width(actions)
        if kept and used > width:
            break
        kept.add(column.name)
    return [column for column in _COLUMNS if column.name in kept]


def _runs(action: ActionSummary) -> Text:
    # Where successes are not known, what is counted is timeouts and not executions.
    return Text(_count(action.executions if action.successes is not None else None))


def _timeouts(action: ActionSummary) -> Text:
    return Text(_count(action.timeouts), style="bold" if action.timeouts else "dim")


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


_GAP = 2
"""Spaces between two columns."""

_COLUMNS = (
    _Column("Action", lambda one: Text(one.action_name), 0, is_text=True, widest=48),
    _Column(
        "Integration",
        lambda one: Text(one.integration_name, style="dim"),
        13,
        is_text=True,
        widest=22,
    ),
    _Column("Runs", _runs, 5),
    _Column("Timeouts", _timeouts, 1),
    _Column("Share", lambda one: _share(one.timeout_share), 2),
    _Column("1 d ago", lambda one: Text(_count(one.timeouts_day_before)), 9),
    _Column("p50", lambda one: Text(_seconds(one.p50_seconds)), 8),
    _Column("p95", lambda one: Text(_seconds(one.p95_seconds)), 11),
    _Column("p99", lambda one: Text(_seconds(one.p99_seconds)), 4),
    _Column("Limit", lambda one: Text(_seconds(one.timeout_seconds)), 3),
    _Column("Used", lambda one: _budget(one.budget_used_ratio), 6),
    _Column("Errors", lambda one: Text(_count(one.errors)), 12),
    _Column("Throttled", lambda one: Text(_count(one.throttled)), 14),
    _Column("Calls", lambda one: Text(_count(one.conversations)), 7),
    _Column("Flows", lambda one: Text(", ".join(one.flows)), 10, is_text=True, widest=24),
)


def console_for(width: int | None = None) -> Console:
    """A console that gives a pipe as much room as the table needs, and a terminal its own width."""
    console = Console(width=width)
    return console if console.is_terminal or width else Console(width=200)
