"""Why actions time out: explanations below the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from monitor.cli.terminal import WHOLE_WIDTH
from monitor.diagnosis import Diagnosis, Severity, Verdict, explanation, format_raise, severity_of
from monitor.formats import count_of, utc_minute_of_year
from monitor.investigation import DiagnosisInPeriod

STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.WARNING: "yellow",
    Severity.GOOD: "green",
    Severity.UNKNOWN: "dim",
}
"""Severities in colour; the word is always there too."""

MAX_EXPLANATIONS = 15
"""More than a screen of them nobody reads; the table and the other formats have every verdict."""

_WIDEST_NAME = 28
"""Of a name on a terminal, where explanations need the room."""

_TEXT_WIDTH = 120
"""Of an explanation where there is no terminal: it is read in an editor, or in a mail."""


def explanations(diagnosed: Sequence[tuple[str, Diagnosis | None]]) -> Iterator[RenderableType]:
    """Return a paragraph an action that is not well, and one line on those that can't be judged.

    Args:
        diagnosed: Names and diagnoses of actions, the worst first.
    """
    explained = with_explanation(diagnosed)
    if explained:
        yield Text("\nWhy", style="bold")
        yield ExplanationTable(explained[:MAX_EXPLANATIONS])
    if len(explained) > MAX_EXPLANATIONS:
        left = len(explained) - MAX_EXPLANATIONS
        yield Text(f"and {left:,} more; --format json tells of each.", style="dim")
    yield from not_judged(diagnosed)


def with_explanation(
    diagnosed: Sequence[tuple[str, Diagnosis | None]],
) -> list[tuple[str, Diagnosis]]:
    """Return those of which there is something to explain, in the same order."""
    return [
        (name, one)
        for name, one in diagnosed
        if one is not None and one.verdict not in {Verdict.HEALTHY, Verdict.INSUFFICIENT}
    ]


@dataclass(frozen=True, slots=True)
class ExplanationTable:
    """Names, and beside each why it times out and what would help.

    Attributes:
        explained: Names and diagnoses, the worst first.
    """

    explained: Sequence[tuple[str, Diagnosis]]

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table for a width; rich's own protocol."""
        is_whole = options.max_width >= WHOLE_WIDTH
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(
            no_wrap=True, overflow="ellipsis", max_width=None if is_whole else _WIDEST_NAME
        )
        table.add_column(overflow="fold", max_width=_TEXT_WIDTH if is_whole else None)
        for name, one in self.explained:
            table.add_row(Text(name, style="bold"), Text(explanation(one)))
        yield table


def verdict_details(diagnosed: DiagnosisInPeriod | None) -> Iterator[RenderableType]:
    """Return one action's verdict, why it has it, and the evidence.

    Args:
        diagnosed: The verdict; None shows nothing.
    """
    if diagnosed is None:
        return
    found, time_range = diagnosed.diagnosis, diagnosed.time_range
    severity = severity_of(found, time_range.end)
    begin, end = (utc_minute_of_year(at) for at in (time_range.start, time_range.end))
    yield Text.assemble(
        ("\nVerdict: ", "bold"),
        (f"{found.verdict.value}, {severity.value.upper()}", STYLES[severity]),
        f"  {format_raise(found)}".rstrip(),
    )
    yield Text(explanation(found))
    counts = f"{count_of(found.executions, 'execution')}, {count_of(found.timeouts, 'timeout')}"
    if found.throttled:
        counts += f", {found.throttled:,.0f} throttled"
    laws = f"; described by {found.families[0]}" if found.families else ""
    yield Text(f"Seen in settled windows from {begin} to {end}: {counts}{laws}.", style="dim")
    for note in found.notes:
        yield Text(f"{note}.", style="dim")


def not_judged(diagnosed: Sequence[tuple[str, Diagnosis | None]]) -> Iterator[Text]:
    """Return one line on the actions that can't be judged, and what is missing of each."""
    missing = [
        f"{name} ({'; '.join(one.missing)})" if one.missing else name
        for name, one in diagnosed
        if one is not None and one.verdict is Verdict.INSUFFICIENT
    ]
    if missing:
        shown = ", ".join(missing[:MAX_EXPLANATIONS])
        more = (
            f" and {len(missing) - MAX_EXPLANATIONS:,} more"
            if len(missing) > MAX_EXPLANATIONS
            else ""
        )
        yield Text(f"\nToo little evidence to judge: {shown}{more}.", style="dim")
