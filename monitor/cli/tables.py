"""Summaries and verdicts as tables for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from monitor.cli.explanations import STYLES, explanations
from monitor.cli.terminal import WHOLE_WIDTH
from monitor.diagnosis import Diagnosis, OrgDiagnosis, Severity, format_raise
from monitor.formats import (
    aligned_percent,
    call_duration,
    count_of,
    percent,
    utc_minute,
    whole_percent,
)
from monitor.investigation import NO_TIMELINES, UNTOLD, ActionTimeline
from monitor.render import (
    NO_DIAGNOSES,
    NO_LIMITS,
    describe_limits,
    describe_timelines,
    most_severe_first,
    severity_of_action,
)
from monitor.summary import ActionSummary, CallersLost, LimitUse, Summary

UNKNOWN = "-"
SERIOUS_SHARE = 0.05
NOTABLE_SHARE = 0.01
MOST_CHANGED = 5
"""So many actions whose verdict or timeout changed are told of in one line; JSON has all."""
NOTABLE_BUDGET = 0.8
"""From here on a p99 leaves so little headroom that a bad day times out."""


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action: what was counted, and what that means."""

    action: ActionSummary
    diagnosis: Diagnosis | None
    severity: Severity


def report_table(
    summaries: Sequence[Summary],
    diagnoses: Mapping[str, OrgDiagnosis] = NO_DIAGNOSES,
    limits: Mapping[str, Sequence[LimitUse]] = NO_LIMITS,
    timelines: Mapping[str, Mapping[str, ActionTimeline]] = NO_TIMELINES,
) -> RenderableType:
    """Every org's actions, the worst first, why they time out, and what is to be known of it."""
    parts: list[RenderableType] = []
    for summary in summaries:
        known = diagnoses.get(summary.org)
        rows = action_rows(summary, diagnoses)
        parts.append(summary_heading(summary, known))
        limit_text = describe_limits(limits.get(summary.org, ()))
        if limit_text:
            parts.append(Text(f"Limits, in the busiest window of the last hour: {limit_text}"))
        parts.append(ActionTable(rows))
        told = timelines.get(summary.org, {})
        changed = describe_timelines(
            [(row.action.action_name, told.get(row.action.action_id, UNTOLD)) for row in rows],
            summary.time_range,
            MOST_CHANGED,
        )
        if changed:
            parts.append(Text(f"Changed: {changed}"))
        parts.extend(explanations([(row.action.action_name, row.diagnosis) for row in rows]))
        if summary.callers_lost:
            parts.extend((Text(), lost_callers_table(summary.callers_lost), Text()))
        parts.extend(Text(f"Note: {note}", style="dim") for note in summary.notes)
        parts.append(Text())
    return Group(*parts[:-1])


def action_rows(
    summary: Summary, diagnoses: Mapping[str, OrgDiagnosis] = NO_DIAGNOSES
) -> list[ActionRow]:
    """Return a row for each action of an org, the worst first."""
    known = diagnoses.get(summary.org)
    return [
        ActionRow(
            action,
            known.diagnoses.get(action.action_id) if known else None,
            severity_of_action(action, diagnoses),
        )
        for action in most_severe_first([summary], diagnoses)
    ]


def lost_callers_table(flows: Sequence[CallersLost]) -> Table:
    """Return callers lost in flows, beside the timeouts of what the flows use."""
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    table.add_column("Callers lost in flow", overflow="fold")
    table.add_column("Callers", justify="right")
    table.add_column("How it ended")
    table.add_column("Timeouts of its data actions", justify="right")
    for flow in flows:
        ended = ", ".join(f"{reason} {callers:,}" for reason, callers in flow.exit_reasons)
        # Text: a name in brackets is a name, and no style.
        table.add_row(
            Text(flow.flow_name),
            Text(f"{flow.callers:,}", style="bold"),
            Text(ended),
            Text(_count(flow.action_timeouts)),
        )
    return table


def summary_heading(summary: Summary, known: OrgDiagnosis | None) -> Text:
    """Return an org's name, its period, and the sums of its actions."""
    total = summary.total
    begin, end = (utc_minute(at) for at in (summary.time_range.start, summary.time_range.end))
    text = Text.assemble((summary.org, "bold"), f"  {begin} to {end} UTC   ")
    if total.executions is not None and total.successes is not None:
        text.append(f"{count_of(total.executions, 'execution')}, ")
    text.append(count_of(total.timeouts, "timeout"), style="bold")
    if total.timeout_share is not None:
        text.append(f" ({percent(total.timeout_share)})")
    if total.conversations is not None:
        text.append(f", {count_of(total.conversations, 'conversation')} hit")
    concurrency = known.concurrency if known else None
    if concurrency is not None:
        limit = "" if concurrency.limit is None else f" of {concurrency.limit:,}"
        text.append(
            f"; {concurrency.mean:.1f} executions at a time, at most {concurrency.busiest:.1f}"
            f"{limit}"
        )
    if known is not None and known.time_range.end < summary.time_range.end:
        text.append(f"; verdicts as of {utc_minute(known.time_range.end)[11:]} UTC")
    return text


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of the table.

    Attributes:
        name: Its heading.
        cell: What it shows of an action.
        rank: The higher, the sooner it is left out where there is little room.
        is_text: Whether it holds words, to the left, rather than numbers, to the right.
        widest: What is longer is cut off on a terminal.
    """

    name: str
    cell: Callable[[ActionRow], Text]
    rank: int
    is_text: bool = False
    widest: int = 60

    def width(self, rows: Sequence[ActionRow]) -> int:
        """What it needs to show these actions."""
        longest = max((self.cell(row).cell_len for row in rows), default=0)
        return min(self.widest, max(len(self.name), longest))


@dataclass(frozen=True, slots=True)
class ActionTable:
    """A table of as many columns as there is room for, the ones that matter most first.

    Attributes:
        rows: What it shows.
        tells_what_is_left_out: Whether a line below it names the columns that had no room.
    """

    rows: Sequence[ActionRow]
    tells_what_is_left_out: bool = True

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """The table for a width; rich's own protocol."""
        if not self.rows:
            yield Text("No data actions")
            return
        shown = _fitting(self.rows, options.max_width)
        is_whole = options.max_width >= WHOLE_WIDTH
        table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
        for column in shown:
            table.add_column(
                column.name,
                justify="left" if column.is_text else "right",
                overflow="fold" if column.rank == 0 else "ellipsis",
                no_wrap=column.rank > 0,
                max_width=None if is_whole else column.widest,
            )
        for row in self.rows:
            table.add_row(*(column.cell(row) for column in shown))
        yield table
        if self.tells_what_is_left_out and len(shown) < len(_COLUMNS):
            left_out = ", ".join(column.name for column in _COLUMNS if column not in shown)
            yield Text(
                f"Not shown for lack of room: {left_out}; a wider terminal, --output and "
                "--format csv have them.",
                style="dim",
            )


def _fitting(rows: Sequence[ActionRow], width: int) -> list[_Column]:
    """The columns that fit, in their order; the action's name is always there."""
    kept: set[str] = set()
    used = -_GAP
    for column in sorted(_COLUMNS, key=lambda one: one.rank):
        used += _GAP + column.width(rows)
        if kept and used > width:
            break
        kept.add(column.name)
    return [column for column in _COLUMNS if column.name in kept]


def _severity(row: ActionRow) -> Text:
    if row.diagnosis is None:
        return Text(UNKNOWN, style="dim")
    return Text(row.severity.value.upper(), style=STYLES[row.severity])


def _verdict(row: ActionRow) -> Text:
    if row.diagnosis is None:
        return Text(UNKNOWN, style="dim")
    return Text(row.diagnosis.verdict.value, style=STYLES[row.severity])


def _timeout(row: ActionRow) -> Text:
    step = format_raise(row.diagnosis) if row.diagnosis is not None else ""
    return Text(step, style="bold") if step else Text(call_duration(row.action.timeout_seconds))


def _runs(row: ActionRow) -> Text:
    # Where successes are not known, what is counted is timeouts and not executions.
    action = row.action
    return Text(_count(action.executions if action.successes is not None else None))


def _timeouts(row: ActionRow) -> Text:
    return Text(_count(row.action.timeouts), style="bold" if row.action.timeouts else "dim")


def _count(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def _share(value: float | None) -> Text:
    if value is None:
        return Text(UNKNOWN, style="dim")
    style = "red" if value >= SERIOUS_SHARE else "yellow" if value >= NOTABLE_SHARE else ""
    return Text(aligned_percent(value), style=style)


def _budget(value: float | None) -> Text:
    if value is None:
        return Text(UNKNOWN, style="dim")
    style = "red" if value >= 1 else "yellow" if value >= NOTABLE_BUDGET else ""
    return Text(whole_percent(value), style=style)


_GAP = 2
"""Spaces between two columns."""

_COLUMNS = (
    _Column("Action", lambda row: Text(row.action.action_name), 0, is_text=True, widest=48),
    _Column("Severity", _severity, 5, is_text=True),
    _Column("Verdict", _verdict, 1, is_text=True),
    _Column("Timeout", _timeout, 2),
    _Column("Timeouts", _timeouts, 3),
    _Column("Share", lambda row: _share(row.action.timeout_share), 4),
    _Column("Runs", _runs, 7),
    _Column("1 d ago", lambda row: Text(_count(row.action.timeouts_day_before)), 11),
    _Column("p50", lambda row: Text(call_duration(row.action.p50_seconds)), 10),
    _Column("p95", lambda row: Text(call_duration(row.action.p95_seconds)), 13),
    _Column("p99", lambda row: Text(call_duration(row.action.p99_seconds)), 6),
    _Column("Used", lambda row: _budget(row.action.budget_used_ratio), 8),
    _Column("Errors", lambda row: Text(_count(row.action.errors)), 14),
    _Column("Throttled", lambda row: Text(_count(row.action.throttled)), 16),
    _Column("Calls", lambda row: Text(_count(row.action.conversations)), 9),
    _Column(
        "Integration",
        lambda row: Text(row.action.integration_name, style="dim"),
        15,
        is_text=True,
        widest=22,
    ),
    _Column("Attributed", lambda row: Text(row.action.attributed), 17, is_text=True),
    _Column("Flows", lambda row: Text(", ".join(row.action.flows)), 12, is_text=True, widest=24),
)
