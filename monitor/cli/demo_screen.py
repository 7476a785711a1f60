"""What ``demo`` shows on a terminal: as much as its window holds, the table first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from monitor.cli.explanations import ExplanationTable, not_judged, with_explanation
from monitor.cli.tables import (
    ActionRow,
    ActionTable,
    action_rows,
    lost_callers_table,
    summary_heading,
)
from monitor.diagnosis import Diagnosis, OrgDiagnosis
from monitor.formats import count_of
from monitor.sanitize import tame
from monitor.summary import Summary

_Lines = list[list[Segment]]

ROOMY_LINES = 30
"""In a window of fewer lines the addresses stand on one."""

_LEAST_WHY_LINES = 4
"""A blank line, the word, a line of the first explanation, and what was left out."""


@dataclass(frozen=True)
class DemoScreen:
    """The demo's org in one window: table, then explanations, then what stands at the foot.

    Attributes:
        summaries: The day of each org.
        diagnoses: Its diagnoses.
        foot: What stands below, in a window with room and in a low one: always in view.
        spare_lines: So many lines of the window are left to what is printed after it.
    """

    summaries: Sequence[Summary]
    diagnoses: Mapping[str, OrgDiagnosis]
    foot: tuple[Text, Text] | None = None
    spare_lines: int = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what fits the window, from its head; rich's own protocol."""
        height = (options.height or console.height) - self.spare_lines
        page = _Page(console, options, ": the status page has all" if self.foot else "")
        foot = page.lines(self.foot[height < ROOMY_LINES]) if self.foot else []
        room = height - len(foot) - bool(foot)
        shown: _Lines = []
        for summary in self.summaries:
            shown += page.table(summary, self.diagnoses, room - len(shown))
        for summary in self.summaries:
            shown += page.why(summary, self.diagnoses, room - len(shown))
        below: _Lines = [[], *foot] if foot else []
        for line in shown[: max(room, 0)] + below:
            yield from line
            yield Segment.line()


@dataclass(frozen=True)
class _Page:
    """Draws into lines of one width; says of what it leaves out where to find it."""

    console: Console
    options: ConsoleOptions
    where_all_is: str

    def lines(self, *parts: RenderableType) -> _Lines:
        """Return the lines of what was drawn; nothing in them steers the terminal."""
        options = replace(self.options, height=None)
        return [
            [Segment(tame(one.text), one.style) for one in line]
            for part in parts
            for line in self.console.render_lines(part, options, pad=False)
        ]

    def table(self, summary: Summary, diagnoses: Mapping[str, OrgDiagnosis], room: int) -> _Lines:
        """Return an org's table with as many of its actions as there is room for."""
        rows = action_rows(summary, diagnoses)
        head = self.lines(summary_heading(summary, diagnoses.get(summary.org)))
        for count in range(min(len(rows), max(room, 1)), 0, -1):
            drawn = head + self._rows(rows, count)
            if len(drawn) <= room:
                return drawn
        return head + self._rows(rows, min(len(rows), 1))

    def _rows(self, rows: Sequence[ActionRow], count: int) -> _Lines:
        drawn = self.lines(ActionTable(rows[:count], tells_what_is_left_out=False))
        if count < len(rows):
            more = count_of(len(rows) - count, "more action")
            drawn += self.lines(Text(f"and {more}{self.where_all_is}", style="dim"))
        return drawn

    def why(self, summary: Summary, diagnoses: Mapping[str, OrgDiagnosis], room: int) -> _Lines:
        """Return as much of what else there is to say as there is room for, whole paragraphs."""
        if room < _LEAST_WHY_LINES:
            return []
        rows = action_rows(summary, diagnoses)
        diagnosed = [(row.action.action_name, row.diagnosis) for row in rows]
        explained = with_explanation(diagnosed)
        drawn: _Lines = []
        for count in range(1, len(explained) + 1):
            longer = self._explained(explained, count)
            if len(longer) > room:
                return drawn or self._cut(longer, len(explained), room)
            drawn = longer
        for paragraph in self._remarks(summary, diagnosed):
            if len(drawn) + len(paragraph) > room:
                break
            drawn += paragraph
        return drawn

    def _cut(self, first: _Lines, count: int, room: int) -> _Lines:
        """Return the beginning of the first explanation, where not even that has room."""
        more = f"... and {count - 1:,} more{self.where_all_is}" if count > 1 else "..."
        return first[: room - 1] + self.lines(Text(more, style="dim"))[:1]

    def _explained(self, explained: Sequence[tuple[str, Diagnosis]], count: int) -> _Lines:
        drawn = self.lines(Text("\nWhy", style="bold"), ExplanationTable(explained[:count]))
        if count < len(explained):
            more = f"and {len(explained) - count:,} more{self.where_all_is}"
            drawn += self.lines(Text(more, style="dim"))
        return drawn

    def _remarks(
        self, summary: Summary, diagnosed: Sequence[tuple[str, Diagnosis | None]]
    ) -> Iterator[_Lines]:
        yield from (self.lines(one) for one in not_judged(diagnosed))
        if summary.callers_lost:
            yield self.lines(Text(), lost_callers_table(summary.callers_lost))
        if summary.notes:
            yield self.lines(Text(), *(Text(f"Note: {one}", style="dim") for one in summary.notes))
