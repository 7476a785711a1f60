"""A progress listener that keeps what it is told, and how reading is sped up for a test."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.sources import ExecutionBounds
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON
from tests.simulator_client import AGGREGATES

LAST_HOUR = TimeRange(NOON - HOUR, NOON)
JOBS = f"{AGGREGATES}/jobs"
QUICK = ExecutionBounds(seconds=20.0, first_pause_seconds=0.001, longest_pause_seconds=0.001)


@dataclass
class Notes:
    """Keeps what it is told."""

    states: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def job_is(self, state: str) -> None:
        """Keep the state."""
        self.states.append(state)

    def have_read(self, executions: int) -> None:
        """Keep the count."""
        self.counts.append(executions)
