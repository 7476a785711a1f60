"""What is scraped of an org that one of several daemons after the other reads.

Only the daemon that holds its lease exports it: its series end at the one, and begin at the other
where they ended. What a process counts of its own work begins anew there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dashboards.source.timelines import Count, Line, Samples, Span

STALE = math.nan
"""A scrape in which a series is missing that was there the time before."""


@dataclass(frozen=True, slots=True)
class Held:
    """A series of an org at one of the daemons.

    Attributes:
        line: The series, as a daemon alone would show it.
        instance: The daemon.
        holds: From which minute up to which one it has the lease, the last one not included.
    """

    line: Line
    instance: str
    holds: tuple[tuple[int, int], ...]

    @property
    def series(self) -> str:
        """Its name and labels."""
        return self.line.series.replace("{", f'{{instance="{self.instance}", ', 1)

    def samples(self, spans: Sequence[Span], *, new_state: bool = False) -> Samples:
        """One a minute."""
        shown = self.line.samples(spans, new_state=new_state)
        if isinstance(self.line, Count) and self.line.of_process:
            shown = self._of_its_own(shown)
        found: Samples = [None] * len(shown)
        for begin, end in self.holds:
            found[begin:end] = shown[begin:end]
            found[end : end + 1] = [STALE] * len(shown[end : end + 1])
        return found

    def _of_its_own(self, shown: Samples) -> Samples:
        """Only what came while it had the lease."""
        value = 0.0
        found: Samples = [value]
        for minute, (before, now) in enumerate(pairwise(shown), start=1):
            if any(begin < minute < end for begin, end in self.holds):
                value += (now or 0.0) - (before or 0.0)
            found.append(value)
        return found


def handed_over(lines: Sequence[Line], *minutes: int) -> tuple[Line, ...]:
    """Return the series where an org goes from one daemon to the other at each of the minutes.

    What is not about an org stays as it is.

    Args:
        lines: The series, as a daemon alone would show them.
        minutes: When the lease goes over, ascending.
    """
    edges = list(pairwise((0, *minutes, 1_000_000)))
    found: list[Line] = []
    for line in lines:
        if "org=" not in line.series:
            found.append(line)
            continue
        found += [
            Held(line, instance, tuple(edges[turn::2]))
            for turn, instance in enumerate(("one", "two"))
        ]
    return tuple(found)
