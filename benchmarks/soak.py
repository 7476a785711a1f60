"""Thirty simulated days of one org in one process: nothing that it takes may grow for ever.

    make soak                                    thirty days of 500 actions, in less than an hour
    make soak ARGS="--days 2 --actions 50"       less of both; --retention-days 1 goes with it

Memory, open files, threads and the state's size are noted once a day. What is forgotten after the
retention keeps the state small, so they must level off: in the last third of the days none may be
more than a tenth above the second third, in which retention is over. Pruning may change no counter,
and at the end the counters equal what happened. The clock is simulated, all else is the program's
own: HTTP over a socket to a simulator that runs as a process of its own, the poller, SQLite, the
metrics.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import requests
import structlog
from prometheus_client import CollectorRegistry, generate_latest

from monitor.config import CollectSettings, OrgSettings, Settings, StateSettings
from monitor.exporter import MetricsCollector
from monitor.ledger import Ledger
from monitor.poller import PollResult, open_reader
from monitor.poller.org_poller import OrgPoller
from monitor.simulator import SimulatedOrg, World, scaled, serve
from monitor.simulator.scenario_types import Arrivals
from monitor.snapshot import Snapshot, SnapshotHolder
from monitor.time_ranges import floor_to

START = 1_795_435_200
"""2026-11-23 12:00 UTC."""

HOUR_SECONDS = 3_600
DAY_SECONDS = 24 * HOUR_SECONDS
POLL_SECONDS = 600
TAIL_SECONDS = 4 * HOUR_SECONDS
"""Without traffic, at the end: what comes late has come, and the polls have read it."""

ARRIVALS = Arrivals(2)
"""Calls of an action in a busy hour: what a poll takes grows with them, what is kept does not."""

CATALOGUE_SECONDS = 6 * HOUR_SECONDS

MOST_GROWTH = 1.10
"""From the second third of the days to the last: memory is handed out in large pieces."""

MOST_MORE = 2
"""Files and threads above those of the second third: one that is just being closed is no leak."""


class SimulatedClock:
    """A clock that is moved by hand, and is the same in both processes."""

    def __init__(self, shown: Synchronized[float]) -> None:
        """Show this number."""
        self._shown = shown

    def now(self) -> float:
        """Return the time; epoch seconds."""
        return self._shown.value

    def monotonic(self) -> float:
        """Return the same: it is never set back."""
        return self._shown.value

    def machine_seconds(self, seconds: float) -> float:
        """Return a thousandth: the platform's minute passes as fast as the data's."""
        return seconds / 1_000


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process takes at the end of a simulated day.

    Attributes:
        memory_bytes: Resident memory.
        files: Open file descriptors.
        threads: Threads.
        state_bytes: The state's file and its log.
    """

    memory_bytes: int
    files: int
    threads: int
    state_bytes: int


def simulate(actions: int, ends: float, shown: Synchronized[float], ready: Connection) -> None:
    """Serve the org until the process is ended.

    Args:
        actions: How many it has.
        ends: When its traffic ends; epoch seconds.
        shown: The time.
        ready: Told the address.
    """
    org_of_many = scaled(actions)
    quiet = tuple(replace(one, arrivals=ARRIVALS) for one in org_of_many.actions)
    scenario = replace(org_of_many, actions=quiet, ends=ends)
    world = World(
        counts="integers",
        large_answers="served",
        bad_records="none",
        expires_in="number",
        detail_errors="named",
        telephony_errors="none",
        flow_aggregates="grouped",
    )
    org = SimulatedOrg(scenario, SimulatedClock(shown), world=world, requests_per_minute=10_000_000)
    with serve(org) as served:
        ready.send(served.url)
        threading.Event().wait()


def take_sample(state: Path) -> Sample:
    """Return what this process takes now."""
    status = dict(
        line.split(":", 1) for line in Path("/proc/self/status").read_text("ascii").splitlines()
    )
    return Sample(
        memory_bytes=int(status["VmRSS"].split()[0]) * 1_024,
        files=len(list(Path("/proc/self/fd").iterdir())),
        threads=int(status["Threads"]),
        state_bytes=sum(one.stat().st_size for one in state.parent.glob(f"{state.name}*")),
    )


def faults_in(samples: Sequence[Sample]) -> list[str]:
    """Return what has not levelled off, one sentence each."""
    third = len(samples) // 3
    before, last = samples[third : 2 * third], samples[2 * third :]
    found = []
    for field in fields(Sample):
        usual = statistics.median(getattr(one, field.name) for one in before)
        most = max(getattr(one, field.name) for one in last)
        is_small = field.name in {"files", "threads"}
        bound = usual + MOST_MORE if is_small else usual * MOST_GROWTH
        if most > bound:
            found.append(f"{field.name} grows: {usual:,.0f} in the second third, then {most:,.0f}")
    return found


class Soak:
    """One org that is polled through many days."""

    def __init__(self, url: str, state: Path, retention_days: int, clock: SimulatedClock) -> None:
        """Wire the program's parts as the daemon does."""
        self.url = url
        self.clock = clock
        self.state = state
        self.failed_polls = 0
        self.pruned_rows = 0
        self.faults: list[str] = []
        org = OrgSettings.model_validate(
            {
                "name": "acme",
                "client_id": "simulated-client",
                "client_secret": "simulated-secret",
                "api_url": url,
            }
        )
        self.settings = Settings(
            org=(org,),
            collect=CollectSettings.model_validate(
                {"initial": "1h", "interval": "10m", "max_backfill": "12h"}
            ),
            state=StateSettings.model_validate(
                {"url": f"sqlite:///{state}", "retention": f"{retention_days}d"}
            ),
        )
        self.ledger = Ledger.open(self.settings.state.url)
        reader = open_reader(
            org, self.settings, ledger=self.ledger, clock=clock, stop=threading.Event()
        )
        self.poller = OrgPoller(reader, self.settings, ledger=self.ledger, clock=clock)
        self.holder = SnapshotHolder(self.snapshot())
        self.registry = CollectorRegistry()
        self.registry.register(
            MetricsCollector(self.holder, self.settings.classify.classifier(), clock)
        )

    def poll(self) -> None:
        """Poll once, and show what was read."""
        report = self.poller.poll()
        self.failed_polls += report.result is not PollResult.OK
        self.holder.swap(self.snapshot())

    def snapshot(self) -> Snapshot:
        """Return what is shown now."""
        return Snapshot(
            taken_at=self.clock.now(),
            orgs=(self.poller.snapshot,),
            interval_seconds=POLL_SECONDS,
        )

    def scrape(self) -> None:
        """Write every metric down."""
        generate_latest(self.registry)

    def prune(self) -> None:
        """Forget what is older than the retention; every counter must stay."""
        before = self.counters()
        horizon = floor_to(
            self.clock.now() - self.settings.state.retention, self.settings.collect.window
        )
        self.pruned_rows += self.ledger.housekeeping.prune(horizon)
        if self.counters() != before:
            self.faults.append(f"pruning at {self.clock.now():.0f} changed a counter")

    def counters(self) -> tuple[object, ...]:
        """Return every total."""
        found = self.ledger.state("acme")
        return found.totals, found.incident_totals, found.flow_error_totals, found.lateness

    def compare_with_the_truth(self, ends: float) -> None:
        """Note where the executions counted are not those that happened."""
        begin = self.ledger.coverage("acme", "actions")[0].start
        answer = requests.get(
            f"{self.url}/simulator/truth",
            params={"from": repr(begin), "to": repr(ends + HOUR_SECONDS)},
            timeout=600,
        )
        happened = answer.json()["executions"]
        counted = sum(one.count for one in self.ledger.state("acme").totals.values())
        if counted != happened:
            self.faults.append(f"{counted:,} executions were counted, and {happened:,} happened")
        print(f"{counted:,} executions counted, {happened:,} happened")


def live(soak: Soak, shown: Synchronized[float], days: int) -> list[Sample]:
    """Poll through the days; one sample a day, each printed."""
    samples = []
    per_hour, per_day = HOUR_SECONDS // POLL_SECONDS, DAY_SECONDS // POLL_SECONDS
    began = time.monotonic()
    for number in range(1, days * per_day + 1):
        shown.value = START + number * POLL_SECONDS
        soak.poll()
        if number % per_hour == 0:
            soak.scrape()
        if number % (CATALOGUE_SECONDS // POLL_SECONDS) == 0:
            soak.poller.refresh_catalogue()
        if number % per_day == 0:
            soak.prune()
            samples.append(one := take_sample(soak.state))
            print(
                f"day {number // per_day:3}: {one.memory_bytes / 2**20:6.1f} MiB memory, "
                f"{one.files} files, {one.threads} threads, {one.state_bytes / 2**20:6.1f} MiB "
                f"state; {soak.pruned_rows:,} rows pruned, {soak.failed_polls} polls failed, "
                f"{time.monotonic() - began:,.0f} s",
                flush=True,
            )
    return samples


def in_processes(
    options: argparse.Namespace, use: Callable[[str, Synchronized[float], float], list[str]]
) -> list[str]:
    """Serve the org in a process of its own while it is used; what was found wrong."""
    spawn: Any = multiprocessing.get_context("spawn")
    shown = spawn.Value("d", float(START))
    ends = START + options.days * DAY_SECONDS - TAIL_SECONDS
    ready, told = spawn.Pipe(duplex=False)
    server = spawn.Process(target=simulate, args=(options.actions, ends, shown, told), daemon=True)
    server.start()
    try:
        return use(ready.recv(), shown, ends)
    finally:
        server.terminate()
        server.join()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, print the figures, and return 1 where something has not levelled off."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--actions", type=int, default=500)
    parser.add_argument("--retention-days", type=int, default=7)
    options = parser.parse_args(arguments)
    if options.retention_days > options.days // 3:
        parser.error("retention must be over within the first third of the days")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))

    def use(url: str, shown: Synchronized[float], ends: float) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            soak = Soak(
                url, Path(folder) / "state.db", options.retention_days, SimulatedClock(shown)
            )
            samples = live(soak, shown, options.days)
            soak.compare_with_the_truth(ends)
            if soak.failed_polls:
                soak.faults.append(f"{soak.failed_polls} polls failed")
            return [*soak.faults, *faults_in(samples)]

    faults = in_processes(options, use)
    for fault in faults:
        print(fault)
    print("everything levels off" if not faults else f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
