"""How long it takes from the end of an execution until a counter shows it.

    .venv/bin/python -m benchmarks.detection

The poller is the program's own, and is due when the program's own jobs say so, for a daemon that is
started at some second of a minute; the platform is a simulated one that shows each execution as
soon as it has ended. What the platform itself takes comes on top, and ``timeout_monitor_lateness``
tells it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from benchmarks.rows import DisagreementError, Row
from benchmarks.watched_orgs import watch
from monitor.jobs import add_job, new_scheduler, poll_phase_seconds
from monitor.simulator import PUNCTUAL, Scenario, scaled
from monitor.worker_threads import WorkerThreads

BEGIN = 1_795_435_200
"""2026-11-23 12:00 UTC, a Monday."""

INTERVAL_SECONDS = 60
AIM_SECONDS = 65.0
STARTS = (0, 7, 20, 40, 59)
"""At which seconds of a minute a daemon is started."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Now:
    """A clock of the data that shows one moment, and runs as fast as the machine's."""

    at: float

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def machine_seconds(self, seconds: float) -> float:
        return seconds


def due_times(started: float, polls: int) -> list[float]:
    """Return when a daemon that is started at a moment polls its only org; epoch seconds."""
    scheduler = new_scheduler(WorkerThreads())
    phase = poll_phase_seconds(INTERVAL_SECONDS, 0)
    begun = datetime.now(UTC)
    job = add_job(scheduler, _Now(started), INTERVAL_SECONDS, lambda: None, phase_seconds=phase)
    first = (job.trigger.start_date - begun) / timedelta(seconds=1)
    return [started, *(started + first + at * INTERVAL_SECONDS for at in range(polls - 1))]


def delays(scenario: Scenario, start_second: int, polls: int) -> Floats:
    """Return how long each execution waited for a counter; seconds.

    Args:
        scenario: What happens; the platform shows it at once.
        start_second: When the daemon is started.
        polls: How often it polls.

    Raises:
        DisagreementError: What the counters show is not what happened.
    """
    due = due_times(float(BEGIN + start_second), polls)
    with watch(scenario, at=due[0]) as watched:
        (poller,) = watched.pollers
        shown = []
        for at in due:
            watched.clock.at = at
            poller.poll()
            shown.append(sum(one.count for one in poller.snapshot.state.totals.values()))
        # From the first poll on; what was history by then was shown all at once.
        begin, end = int(due[0] // 60) * 60, int(due[-1] // 60) * 60
        rows = watched.platform.visible_executions(begin * 1_000, end * 1_000, end * 1_000)
    ends = np.sort(np.asarray(rows.end_ms, dtype=np.float64)) / 1_000
    if len(ends) != shown[-1] - shown[0]:
        raise DisagreementError(f"{shown[-1] - shown[0]} executions were counted of {len(ends)}")
    number = np.searchsorted(np.array(shown) - shown[0], np.arange(1, len(ends) + 1))
    found: Floats = np.array(due)[number] - ends
    return found


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield the delay that one execution in a hundred exceeds, by when the daemon was started."""
    plan = scaled(5 if quick else 60)
    punctual = Scenario(plan.name, plan.seed, plan.actions, plan.flows, lateness=PUNCTUAL)
    for second in (20,) if quick else STARTS:
        late = float(np.quantile(delays(punctual, second, 8 if quick else 120), 0.99))
        yield Row(
            f"p99 of the detection delay, polls of a minute, started at second {second}",
            f"{late:.0f} s",
            "",
            f"at most {AIM_SECONDS:.0f} s",
            holds=late <= AIM_SECONDS,
        )


if __name__ == "__main__":
    for row in rows(quick=False):
        print(f"{row.what}: {row.measured} ({row.aim})")
