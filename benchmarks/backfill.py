"""How many requests a day of history costs, and how much of it a backfill reads again once killed.

    .venv/bin/python -m benchmarks.backfill

The requests are counted of the program's own poller, of 200 actions in 31 days. What a kill costs
is seen by the platform: the real command reads the same 31 days of a smaller org, is killed in the
middle of a slice (SIGKILL), and run again. Both times everything that happened has to be counted,
and once.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.fifty_orgs import Crowd, configuration
from benchmarks.rows import DisagreementError, Row, user_environment
from benchmarks.watched_orgs import watch
from monitor.clock import SystemClock
from monitor.ledger import Ledger
from monitor.simulator import BELIEVABLE, PUNCTUAL, Scenario, SimulatedOrg, scaled, serve
from monitor.simulator.executions import ExecutionColumns
from monitor.time_ranges import TimeRange, floor_to, merged

BEGIN = 1_795_435_200
"""2026-11-23 12:00 UTC, a Monday."""

HOUR = 3_600
DAY = 24 * HOUR
DAYS = 31
MOST_A_DAY = 4.0
MOST_DAYS_AGAIN = 7.0

READS_A_SLICE = 2
"""One for each half of the bands."""

KILLED_AFTER_SLICES = 2
"""The third is under way, as long as a slice may be."""

LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 300.0


class NotingOrg(SimulatedOrg):
    """An org that notes which periods its executions are asked of.

    Attributes:
        read: Each of them; epoch seconds.
    """

    def __init__(self, scenario: Scenario) -> None:
        """Play a scenario at the machine's time."""
        super().__init__(scenario, SystemClock(), world=BELIEVABLE)
        self.read: list[TimeRange] = []

    def visible_executions(self, from_ms: int, to_ms: int, now_ms: int) -> ExecutionColumns:
        """Answer, and note what was asked."""
        self.read.append(TimeRange(from_ms // 1_000, to_ms // 1_000))
        return super().visible_executions(from_ms, to_ms, now_ms)


def requests_a_day(scenario: Scenario, days: int) -> float:
    """Return the requests that a day of history costs.

    Raises:
        DisagreementError: What was counted is not what happened.
    """
    period = TimeRange(BEGIN - days * DAY, BEGIN - HOUR)
    plan = replace(scenario, history_start=float(period.start - HOUR))
    with watch(plan, at=float(BEGIN)) as watched:
        (poller,) = watched.pollers
        report = poller.backfill(period)
        _compare(watched.ledger, poller.name, watched.platform, period)
    return report.requests / days


def days_again(actions: int, days: int) -> float:
    """Return of how many days the executions are asked again after a kill in the third slice.

    Raises:
        DisagreementError: What was counted is not what happened, or it was not killed on its way.
    """
    end = floor_to(time.time(), HOUR) - HOUR
    period = TimeRange(end - days * DAY, end)
    plan = replace(scaled(actions), history_start=float(period.start - HOUR), lateness=PUNCTUAL)
    platform = NotingOrg(plan)
    with tempfile.TemporaryDirectory() as place, serve(platform) as simulator:
        folder = Path(place)
        login = platform.client_id, platform.client_secret
        config = configuration(Crowd(1, actions), folder, simulator.url, login, 1)
        first = _started(config, period, folder)
        while first.poll() is None and len(platform.read) <= KILLED_AFTER_SLICES * READS_A_SLICE:
            time.sleep(LOOK_SECONDS)
        first.send_signal(signal.SIGKILL)
        if first.wait() != -signal.SIGKILL:
            raise DisagreementError(f"it was not killed on its way: {_log(folder)}")
        before = merged(platform.read)
        platform.read.clear()
        last = _started(config, period, folder)
        if last.wait(PATIENCE_SECONDS):
            raise DisagreementError(f"exit code {last.returncode}: {_log(folder)}")
        with Ledger.open(f"sqlite:///{folder / 'state.db'}") as ledger:
            _compare(ledger, "org-001", platform, period)
    after = merged(platform.read)
    # What both have and what either has: the rest was asked twice.
    twice = _seconds(before) + _seconds(after) - _seconds(merged([*before, *after]))
    return twice / DAY


def _seconds(ranges: Iterable[TimeRange]) -> int:
    return sum(one.seconds for one in ranges)


def _started(config: Path, period: TimeRange, folder: Path) -> subprocess.Popen[bytes]:
    begin, end = (datetime.fromtimestamp(at, UTC).isoformat() for at in (period.start, period.end))
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "monitor", "--config", str(config)),
                *("backfill", "--from", begin, "--to", end, "--json"),
            ],
            stdout=log,
            stderr=log,
            env=user_environment(),
        )


def _log(folder: Path) -> str:
    return (folder / "log").read_text("utf-8")[-1_000:]


def _compare(ledger: Ledger, org: str, platform: SimulatedOrg, period: TimeRange) -> None:
    """Make sure that all was counted that happened.

    Raises:
        DisagreementError: It was not, or twice.
    """
    counted = sum(one.count for one in ledger.state(org).totals.values())
    happened = platform.truth(period.start * 1_000, period.end * 1_000)["executions"]
    if counted != happened:
        raise DisagreementError(f"{counted} executions were counted of {happened}")


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield what a backfill asks for.

    Args:
        quick: Of few actions and days; all that is counted is the truth there, too.

    Raises:
        DisagreementError: What was counted is not what happened.
    """
    days, actions = (1, 3) if quick else (DAYS, 200)
    each = requests_a_day(scaled(actions), days)
    yield Row(
        f"requests a day of history of a backfill of {days} days of {actions} actions",
        f"{each:.1f}",
        "",
        f"at most {MOST_A_DAY:g}",
        holds=each <= MOST_A_DAY,
    )
    # Enough days for a slice as long as they may be.
    days, actions = (15, 2) if quick else (DAYS, 40)
    again = days_again(actions, days)
    yield Row(
        f"days of {days} that a backfill reads again after a kill -9 in the middle of a slice",
        f"{again:.1f}",
        "",
        f"at most a slice: {MOST_DAYS_AGAIN:g}",
        holds=again <= MOST_DAYS_AGAIN,
    )


if __name__ == "__main__":
    for row in rows(quick=False):
        print(f"{row.what}: {row.measured} ({row.aim})")
