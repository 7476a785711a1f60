"""An investigation for a terminal: counts, a picture of durations, lists, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from monitor.cli.explanations import verdict_details
from monitor.cli.histogram import histogram
from monitor.formats import call_duration, count_of, percent, utc_minute, utc_minute_of_year
from monitor.investigation import ExecutionStatistics, FlowUse, Investigation, SlowExecution
from monitor.model import Incident, Outcome

STYLES = {
    Outcome.SUCCESS: "green",
    Outcome.TIMEOUT: "red",
    Outcome.ERROR: "yellow",
    Outcome.THROTTLED: "yellow",
}
UNKNOWN = "-"


def investigation_view(
    investigation: Investigation, width: int, *, ascii_only: bool
) -> RenderableType:
    """Return all that was found, in the order in which it is asked for.

    Args:
        investigation: What was found.
        width: Columns to draw in.
        ascii_only: Whether the output takes nothing but ASCII.
    """
    parts: list[RenderableType] = [_heading(investigation)]
    statistics = investigation.executions
    if statistics:
        parts.extend(_counts(statistics))
        if statistics.total:
            picture = histogram(
                statistics.latency, investigation.timeout_seconds, width, ascii_only=ascii_only
            )
            parts += [_title("How long they took"), picture]
    parts.extend(verdict_details(investigation.diagnosed))
    if statistics:
        parts.extend(
            _executions("Timed out, newest first", statistics.timed_out, _timeouts(statistics))
        )
        parts.extend(_executions("Slowest of the others", statistics.slowest, None))
    parts.extend(_flows(investigation.flows))
    parts.extend(_hits(investigation))
    if investigation.notes:
        parts.append(Text())
        parts.extend(Text(f"Note: {note}", style="dim") for note in investigation.notes)
    return Group(*parts)


def _heading(investigation: Investigation) -> Text:
    action = investigation.action
    begin, end = (
        utc_minute(at) for at in (investigation.time_range.start, investigation.time_range.end)
    )
    timeout = investigation.timeout_seconds
    text = Text.assemble((action.name, "bold"), f"  {investigation.org}")
    if action.integration_name:
        text.append(f", {action.integration_name}")
    text.append(f"\n{action.action_id}", style="dim")
    text.append(f"\n{begin} to {end} UTC, timeout ")
    text.append(UNKNOWN if timeout is None else f"{timeout:g} s", style="bold")
    return text


def _counts(statistics: ExecutionStatistics) -> Iterator[RenderableType]:
    counts = statistics.by_outcome
    text = Text(f"\n{count_of(statistics.total, 'execution')}", style="bold")
    if statistics.total:
        share = _timeouts(statistics) / statistics.total
        text.append_text(
            Text(
                f": {count_of(counts[Outcome.SUCCESS], 'success', 'successes')}, "
                f"{count_of(_timeouts(statistics), 'timeout')} ({percent(share)}), "
                f"{count_of(counts[Outcome.ERROR], 'error')}, "
                f"{counts[Outcome.THROTTLED]:,} throttled",
                style="not bold",
            )
        )
    yield text
    if statistics.p50_seconds is not None:
        yield Text(
            f"p50 {call_duration(statistics.p50_seconds)}, "
            f"p95 {call_duration(statistics.p95_seconds)}, "
            f"p99 {call_duration(statistics.p99_seconds)}"
        )
    if not statistics.endings:
        return
    table = _table("Outcome", "Error type", "Status")
    table.add_column("Executions", justify="right")
    for ending in statistics.endings:
        table.add_row(
            _outcome(ending.outcome),
            Text(ending.error_type or UNKNOWN),
            Text(ending.response_status or UNKNOWN),
            f"{ending.executions:,}",
        )
    yield Text()
    yield table


def _executions(
    title: str, shown: Sequence[SlowExecution], total: int | None
) -> Iterator[RenderableType]:
    if not shown:
        return
    yield _title(title + _of(len(shown), total))
    table = _table("Ended (UTC)")
    table.add_column("Took", justify="right", no_wrap=True)
    table.add_column("How it ended", overflow="fold")
    table.add_column("Correlation id", no_wrap=True)  # to be copied in one piece
    for one in shown:
        execution = one.execution
        about = "" if execution.is_exact else "about "
        table.add_row(
            utc_minute_of_year(execution.at),
            f"{about}{execution.duration_ms / 1000:.3f} s",
            _ending(one),
            Text(execution.correlation_id or UNKNOWN),
        )
    yield table


def _flows(flows: Sequence[FlowUse]) -> Iterator[RenderableType]:
    if not flows:
        return
    yield _title("Flows that use it")
    table = _table("Flow")
    table.add_column("Flow id", no_wrap=True)
    table.add_column("Conversations hit", justify="right")
    for flow in flows:
        hit = UNKNOWN if flow.conversations is None else f"{flow.conversations:,}"
        table.add_row(Text(flow.name), Text(flow.flow_id), hit)
    yield table


def _hits(investigation: Investigation) -> Iterator[RenderableType]:
    if investigation.conversations is None:
        return
    hits: Sequence[Incident] = investigation.hits
    yield _title(f"{count_of(investigation.conversations, 'conversation')} hit")
    if not hits:
        return
    table = _table("At (UTC)", "Flow", "Error type")
    table.add_column("Conversation id", no_wrap=True)
    for hit in hits:
        table.add_row(
            utc_minute_of_year(hit.at),
            Text(hit.flow_name or hit.flow_id or UNKNOWN),
            Text(hit.error_type or UNKNOWN),
            Text(hit.conversation_id),
        )
    yield table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _title(words: str) -> Text:
    return Text(f"\n{words}", style="bold")


def _outcome(outcome: Outcome) -> Text:
    return Text(outcome.value, style=STYLES[outcome])


def _ending(one: SlowExecution) -> Text:
    execution = one.execution
    words = "success" if one.outcome is Outcome.SUCCESS else execution.error_type or one.outcome
    return Text(f"{words} {execution.response_status}".strip(), style=STYLES[one.outcome])


def _timeouts(statistics: ExecutionStatistics) -> int:
    return statistics.by_outcome[Outcome.TIMEOUT]


def _of(shown: int, total: int | None) -> str:
    return f" ({shown:,} of {total:,})" if total is not None and total > shown else ""
