"""Several daemons on one state: each org is read by one of them, whichever of them dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests

from monitor.clock import SystemClock
from monitor.config import load
from monitor.daemon import Daemon
from monitor.ledger import Ledger
from monitor.simulator import LatenessModel, RunningSimulator
from tests.clocks import NOON, ScaledClock
from tests.configuration_file import write_configuration
from tests.daemon.conftest import MakeDaemon
from tests.daemon.daemon_process import families, read_log
from tests.daemon.exported_counts import counted, measured, true_counts, true_durations
from tests.daemon.place import ROOT, Place, eventually
from tests.ledger.conftest import postgresql
from tests.simulated_org import (
    SMALL,
    happened,
    org_table,
    request_counts,
    serve_org,
)

__all__ = ["postgresql"]

T = TypeVar("T")

LEASE_SECONDS = 8.0
BUSY_SECONDS = 8.0
"""What a machine that runs other tests at the same time may add."""

SPEED = 60.0
INTERVAL_SECONDS = 300
ENDS = NOON + 2_700
ORGS = tuple(f"org-{number}" for number in range(10))
LATE = replace(SMALL, lateness=LatenessModel(tail_share=0.1, worst_seconds=600.0), ends=float(ENDS))
"""Three quarters of an hour of traffic, of which a tenth shows up to ten minutes late."""

COLLECT = {"interval": "5m", "settle": "10m", "near": "30m", "lookback": "1h", "initial": "1h"}


@dataclass
class Pair:
    """Two daemons, or fewer, on one state, by an accelerated clock."""

    folder: Path
    clock: ScaledClock
    configs: dict[str, Path]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    logs: dict[str, list[Path]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start one of them, and wait until it serves."""
        logs = self.logs.setdefault(name, [])
        logs.append(self.folder / f"{name}-{len(logs)}.log")
        clock = (self.clock.origin, self.clock.started, self.clock.speed)
        with logs[-1].open("wb") as log:
            self.running[name] = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.daemon.leased_process"),
                    *(str(self.configs[name]), str(LEASE_SECONDS), *map(repr, clock)),
                ],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1"},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        eventually(lambda: self.lines(name, "started"), "a start")

    def lines(self, name: str, event: str) -> list[dict[str, Any]]:
        """The lines of one event that a daemon has written since it was last started."""
        text = self.logs[name][-1].read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        path = self.folder / f"{name}.whole"
        path.write_text(whole, encoding="utf-8")
        return [line for line in read_log(path) if line["event"] == event]

    def leased(self, name: str) -> int:
        """How many orgs a daemon says that it reads."""
        found = families(self.address(name))["timeout_monitor_org_leased"]
        return int(sum(sample.value for sample in found.samples))

    def address(self, name: str) -> str:
        """Where a daemon serves."""
        address: str = self.lines(name, "started")[0]["address"]
        return address

    def ask(self, name: str, path: str) -> requests.Response:
        """Ask a daemon."""
        return requests.get(self.address(name) + path, timeout=10)

    def count(self, event: str) -> int:
        """How many lines of an event all of them have written."""
        return sum(
            f'"event": "{event}"'.encode() in line
            for logs in self.logs.values()
            for log in logs
            for line in log.read_bytes().splitlines()
        )

    def told(self) -> str:
        """How each of them has ended, if it has, and the end of what it said."""
        return "\n\n".join(
            f"{name}: exit code {process.poll()}\n"
            + self.logs[name][-1].read_text(encoding="utf-8", errors="replace")[-8_000:]
            for name, process in self.running.items()
        )

    def end(self) -> None:
        """End them all."""
        for process in self.running.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


@contextmanager
def pair(folder: Path, simulator: RunningSimulator, clock: ScaledClock, url: str) -> Iterator[Pair]:
    """Two daemons that read ten orgs, not started yet."""
    configs = {}
    for name in ("one", "other"):
        place = folder / name
        place.mkdir()
        configs[name] = write_configuration(
            place,
            *(org_table(simulator.url, org) for org in ORGS),
            collect=COLLECT,
            serve={"port": 0, "histogram": "full"},
            state={"url": url},
        )
    daemons = Pair(folder, clock, configs)
    try:
        yield daemons
    except BaseException as error:
        error.add_note(daemons.told())
        raise
    finally:
        daemons.end()


def hand_over(daemons: Pair, holder: str, follower: str, how: signal.Signals) -> float:
    """Take the holder out, and wait until the other one has all orgs; the seconds that took."""
    daemons.running[holder].send_signal(how)
    began = time.monotonic()
    eventually(lambda: daemons.leased(follower) == len(ORGS), "a hand-over")
    took = time.monotonic() - began
    if how is signal.SIGKILL:
        daemons.running[holder].wait()
        daemons.start(holder)
    else:
        daemons.running[holder].send_signal(signal.SIGCONT)
    both = holder, follower
    eventually(lambda: sum(map(daemons.leased, both)) == len(ORGS), "that the late one stands by")
    return took


def exported_by_one(daemons: Pair, exported: Callable[[str], dict[str, T]]) -> list[dict[str, T]]:
    """What both export, each org by one of them, as soon as all are.

    One may be exported by neither where a busy machine keeps a lease from being renewed.
    """
    halves: list[dict[str, T]] = []

    def are_all_exported() -> bool:
        halves[:] = [exported(daemons.address(name)) for name in ("one", "other")]
        return sum(map(len, halves)) >= len(ORGS)

    eventually(are_all_exported, "that all are exported")
    assert not halves[0].keys() & halves[1].keys()
    return halves


def await_the_end(daemons: Pair, simulator: RunningSimulator, url: str) -> None:
    """Wait until everything is visible, and was read after that: a busy machine polls late."""
    visible_by = happened(simulator.url, NOON - 7_200, ENDS + 3_600)["visible_by"]
    eventually(lambda: daemons.clock.now() > visible_by + 2.5 * INTERVAL_SECONDS, "the end")
    with Ledger.open(url) as ledger:

        def was_read_since() -> bool:
            read = [one for org in ORGS for one in ledger.source_states(org).values()]
            return all(one.last_success_at > visible_by + INTERVAL_SECONDS for one in read)

        eventually(was_read_since, "the last reading")


@pytest.mark.timeout(300)
def test_six_hand_overs_lose_and_double_nothing(
    tmp_path: Path, postgresql: Callable[[], str]
) -> None:
    """Ten orgs, two daemons, one PostgreSQL: killed or stopped in turn, and asked as if by one."""
    clock, url = ScaledClock(NOON, time.time(), SPEED), postgresql()
    with serve_org(LATE, clock) as simulator, pair(tmp_path, simulator, clock, url) as daemons:
        daemons.start("one")
        eventually(lambda: daemons.leased("one") == len(ORGS), "the leases")
        daemons.start("other")
        eventually(lambda: len(daemons.lines("other", "standing_by")) == len(ORGS), "a standby")

        # The one that stands by has never even logged in, is ready, and counts nothing twice.
        assert request_counts(simulator.url)["POST /oauth/token"] <= len(ORGS)
        assert counted(daemons.address("other")) == {}
        ready = daemons.ask("other", "/readyz")
        assert ready.status_code == requests.codes.ok
        assert {one["org"] for one in ready.json()["standby"]} == set(ORGS)
        assert "Standby: read by" in daemons.ask("other", "/").text

        took = []
        for how in (signal.SIGKILL, signal.SIGSTOP) * 3:
            # On a busy machine one may have lost some to the other by itself.
            follower, holder = sorted(("one", "other"), key=daemons.leased)
            took.append(hand_over(daemons, holder, follower, how))
        assert max(took) <= 2 * LEASE_SECONDS + BUSY_SECONDS, took
        await_the_end(daemons, simulator, url)

        # One daemon polls each org once an interval; whoever takes over, once more.
        intervals = (clock.now() - NOON) / INTERVAL_SECONDS
        assert daemons.count("poll") <= len(ORGS) * (intervals + 1) + daemons.count("taken_over")
        halves = exported_by_one(daemons, counted)
        with Ledger.open(url) as ledger:
            begun = {org: ledger.coverage(org, "actions")[0].start for org in ORGS}
        true = {begin: true_counts(simulator.url, begin, ENDS) for begin in set(begun.values())}
        assert halves[0] | halves[1] == {org: true[begun[org]] for org in ORGS}
        durations = {begin: true_durations(simulator.org, begin, ENDS) for begin in true}
        histograms = exported_by_one(daemons, measured)
        assert histograms[0] | histograms[1] == {org: durations[begun[org]] for org in ORGS}


def test_daemons_on_one_file_read_each_org_once(tmp_path: Path) -> None:
    """What holds for a server holds for an SQLite file."""
    clock, url = ScaledClock(NOON, time.time(), 1.0), f"sqlite:///{tmp_path / 'state.db'}"
    with serve_org(SMALL, clock) as simulator, pair(tmp_path, simulator, clock, url) as daemons:
        daemons.start("one")
        daemons.start("other")
        eventually(lambda: daemons.lines("other", "standing_by"), "a standby")
        eventually(lambda: daemons.leased("one") == len(ORGS), "the leases")
        took = hand_over(daemons, "one", "other", signal.SIGKILL)
        assert took <= 2 * LEASE_SECONDS + BUSY_SECONDS


def test_a_daemon_that_is_ended_hands_over_at_once(place: Place, make_daemon: MakeDaemon) -> None:
    """Within a renewal, for it gives its leases back; and what it counted goes on elsewhere."""
    first = make_daemon(place)
    first.start()
    eventually(lambda: first.holder.current.orgs[0].is_leased, "the lease")
    eventually(lambda: first.holder.current.orgs[0].health.polls, "a poll")
    second = Daemon(load(place.config), clock=SystemClock(), lease_seconds=60.0)
    try:
        [shown] = second.holder.current.orgs
        assert f"process {os.getpid()}" in shown.read_by
        first.close()
        [poller] = second._pollers  # noqa: SLF001 - a poll is made as its jobs make it
        second._leases.refresh()  # noqa: SLF001 - as after a third of a lease
        second.poll_now(poller)
        [shown] = second.holder.current.orgs
        assert (shown.is_leased, shown.read_by) == (True, "")
        assert shown.state.totals
    finally:
        second.close()


def test_what_no_poller_is_for_is_given_back(place: Place, make_daemon: MakeDaemon) -> None:
    """A reload may take an org out while its last job takes the lease: others may read it then."""
    place.configure()
    daemon = make_daemon(place)
    leases = daemon._leases  # noqa: SLF001 - nothing outside takes the lease of an org without poller
    assert leases.take("taken out")
    daemon._after_renewal()  # noqa: SLF001 - nobody waits for twenty seconds
    assert "taken out" not in leases.orgs
