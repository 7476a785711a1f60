"""Several daemons on one PostgreSQL: what each takes, and how long an org waits for another one.

    .venv/bin/python -m benchmarks.fleet                       200 orgs of 20 actions, four daemons
    .venv/bin/python -m benchmarks.fleet --orgs 40 --actions 5 --interval 10s --seconds 30

Each daemon is the real program, begins with its share of the orgs, and is told of all of them when
it has these (SIGHUP). Then one is killed, and another one stopped, so that nobody can tell that it
is gone before its leases end. What is read is a simulated platform in this process. The server is
Debian's PostgreSQL, made for the occasion, on loopback; all of it shares this machine's processors.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import psycopg

from benchmarks.daemon_process import DaemonProcess, Usage, free_port, import_seconds, running
from benchmarks.fifty_orgs import MOST_CORES, MOST_MIB, Crowd, bounded_row, configuration
from benchmarks.rows import DisagreementError, Row
from monitor.clock import SystemClock
from monitor.simulator import BELIEVABLE, RunningSimulator, SimulatedOrg, scaled, serve
from monitor.store import LEASE_SECONDS
from monitor.time_ranges import parse_duration
from tests.simulated_org import request_counts
from tests.store import postgres

DAEMONS = 4
PATIENCE_SECONDS = 900.0
MOST_REQUESTS = 2.0
LOOK_SECONDS = 0.5

TAKEN_OUT = (signal.SIGKILL, signal.SIGSTOP)
"""How daemons are taken out, one after another; the first of them stays."""

_LEASED = """
    SELECT count(*) FROM reading_leases
    WHERE holder LIKE %s AND until > extract(epoch FROM clock_timestamp())
"""


@dataclass(frozen=True, slots=True)
class Share:
    """What one daemon took while nothing happened.

    Attributes:
        orgs: Orgs that it read.
        cores: Share of one core.
        usage: The most of the rest since its start.
    """

    orgs: int
    cores: float
    usage: Usage


@dataclass(frozen=True, slots=True)
class HandOver:
    """How the orgs of a daemon that was gone came to others.

    Attributes:
        how: What became of it.
        orgs: How many orgs it had.
        seconds: Until others had the leases of all of them.
        longest_seconds: The longest that any org went without a whole poll around that time.
        shares: How many orgs each of the others had then.
    """

    how: str
    orgs: int
    seconds: float
    longest_seconds: float
    shares: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found.

    Attributes:
        shares: One a daemon.
        requests: Requests to the platform, a minute and org, as the platform counted them.
        hand_overs: One a daemon that was taken out.
        failed: Polls that were not whole.
    """

    shares: tuple[Share, ...]
    requests: float
    hand_overs: tuple[HandOver, ...]
    failed: int


class PollLog:
    """The polls that a daemon has written of; each line is read once."""

    def __init__(self, path: Path) -> None:
        """Begin with the first line."""
        self._path = path
        self._read = 0
        self._polls: list[tuple[float, str, str]] = []

    def polls(self) -> Sequence[tuple[float, str, str]]:
        """Return when each poll ended, of which org, with what result."""
        with self._path.open("rb") as log:
            log.seek(self._read)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            if b'"event": "poll"' in line:
                told = json.loads(line)
                ended = datetime.fromisoformat(told["timestamp"]).timestamp()
                self._polls.append((ended, told["org"], told["result"]))
        return self._polls


class Fleet:
    """Daemons that share a state."""

    def __init__(
        self, daemons: Mapping[DaemonProcess, Path], orgs: int, connection: psycopg.Connection
    ) -> None:
        """Know the daemons, which have been started, with their logs, and their state.

        It is looked at in the database and in the logs: to ask the daemons would keep them busy.
        """
        self.daemons = tuple(daemons)
        self.orgs = orgs
        self.gone = set[DaemonProcess]()
        self._logs = [PollLog(log) for log in daemons.values()]
        self._connection = connection

    @property
    def left(self) -> list[DaemonProcess]:
        """Those that run."""
        return [one for one in self.daemons if one not in self.gone]

    def leased(self, daemon: DaemonProcess) -> int:
        """Return how many orgs a daemon has the leases of."""
        pattern = f"%(process {daemon.process.pid})%"
        found = self._connection.execute(_LEASED, (pattern,)).fetchone()
        return int(found[0]) if found else 0

    def await_orgs(self, daemon: DaemonProcess, orgs: int) -> None:
        """Wait until a daemon has the leases of so many orgs.

        Raises:
            DisagreementError: It did not for too long.
        """
        await_that(lambda: self.leased(daemon) == orgs, "leases")

    def polls(self) -> list[tuple[float, str, str]]:
        """Return every poll of any of them: when it ended, of which org, with what result."""
        return sorted(poll for log in self._logs for poll in log.polls())

    def read_since(self, at: float) -> set[str]:
        """Return the orgs of which a whole poll has ended after a moment."""
        return {org for ended, org, result in self.polls() if ended > at and result == "ok"}

    def take_out(self, daemon: DaemonProcess, number: signal.Signals) -> HandOver:
        """Take one out, and wait until the others have read all of its orgs."""
        had = self.leased(daemon)
        began, at = time.monotonic(), time.time()
        daemon.process.send_signal(number)
        self.gone.add(daemon)
        await_that(lambda: sum(map(self.leased, self.left)) == self.orgs, "a hand-over")
        seconds = time.monotonic() - began
        await_that(lambda: len(self.read_since(at)) == self.orgs, "a poll of each org")
        return HandOver(
            number.name, had, seconds, self._longest_gap(at), tuple(map(self.leased, self.left))
        )

    def _longest_gap(self, at: float) -> float:
        """Return the longest time between two whole polls of an org, of which one is later."""
        longest, last = 0.0, dict[str, float]()
        for ended, org, result in self.polls():
            if result != "ok":
                continue
            if ended > at and org in last:
                longest = max(longest, ended - last[org])
            last[org] = ended
        return longest


def await_that(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds.

    Raises:
        DisagreementError: It did not for too long.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise DisagreementError(f"{what} did not come within {PATIENCE_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)


def measure_shares(fleet: Fleet, seconds: float) -> tuple[Share, ...]:
    """Return what each daemon takes while nothing happens for so long."""
    before = [one.usage.cpu_seconds for one in fleet.daemons]
    began = time.monotonic()
    time.sleep(seconds)
    after = [one.usage for one in fleet.daemons]
    took = time.monotonic() - began
    return tuple(
        Share(fleet.leased(daemon), (usage.cpu_seconds - cpu_before) / took, usage)
        for daemon, cpu_before, usage in zip(fleet.daemons, before, after, strict=True)
    )


def requests_of(simulator: RunningSimulator) -> int:
    """Return how often the platform was asked."""
    return sum(request_counts(simulator.url).values())


def watch(crowd: Crowd, daemons: int, seconds: float, folder: Path) -> Outcome:
    """Let so many daemons watch the orgs, then take one out after the other, all but two.

    Raises:
        DisagreementError: Orgs were not read, or not handed over.
    """
    org = SimulatedOrg(scaled(crowd.actions), SystemClock(), world=BELIEVABLE)
    binaries = postgres.programs()
    if binaries is None:
        raise DisagreementError("PostgreSQL's initdb is not installed")
    with ExitStack() as stack:
        server = stack.enter_context(postgres.server(folder, binaries))
        with psycopg.connect(f"{server}/postgres", autocommit=True) as made:
            made.execute("CREATE DATABASE fleet")
        crowd = replace(crowd, state=f"{server}/fleet")
        simulator = stack.enter_context(serve(org))
        login = org.client_id, org.client_secret
        started = []
        for number, share in enumerate(_shares(crowd.orgs, daemons)):
            place, port = folder / f"daemon-{number}", free_port()
            place.mkdir()
            own = replace(crowd, orgs=share.stop - share.start, first=share.start + 1)
            config = configuration(own, place, simulator.url, login, port)
            started.append(
                (stack.enter_context(running(config, place / "daemon.log", port)), place, own)
            )
            started[-1][0].await_health()
        connection = stack.enter_context(psycopg.connect(crowd.state, autocommit=True))
        logs = {daemon: place / "daemon.log" for daemon, place, _ in started}
        fleet = Fleet(logs, crowd.orgs, connection)
        for daemon, _, own in started:
            fleet.await_orgs(daemon, own.orgs)
        # Not before each has its own: one that knew of all orgs would take those of a late one.
        for daemon, place, _ in started:
            configuration(crowd, place, simulator.url, login, daemon.port)
            daemon.process.send_signal(signal.SIGHUP)
        await_that(lambda: all(one.lines("reloaded") for one in fleet.daemons), "a reload")
        await_that(lambda: len(fleet.read_since(0.0)) == crowd.orgs, "a poll of each org")
        asked, began = requests_of(simulator), time.monotonic()
        shares = measure_shares(fleet, seconds)
        minutes = (time.monotonic() - began) / 60
        requests = (requests_of(simulator) - asked) / minutes / crowd.orgs
        hand_overs = tuple(
            fleet.take_out(daemon, how)
            for daemon, how in zip(fleet.daemons[1:], TAKEN_OUT, strict=False)
        )
        failed = sum(result != "ok" for _, _, result in fleet.polls())
        for daemon in fleet.gone:
            # One that is stopped could not even end.
            daemon.process.kill()
    return Outcome(shares, requests, hand_overs, failed)


def _shares(orgs: int, daemons: int) -> list[range]:
    each = math.ceil(orgs / daemons)
    return [range(first, min(orgs, first + each)) for first in range(0, orgs, each)]


def report(crowd: Crowd, outcome: Outcome) -> str:
    """Return the figures as text."""
    heads = "daemon    orgs    CPU    memory  threads"
    lines = [
        f"{crowd.orgs} orgs of {crowd.actions} actions, every {crowd.interval}",
        f"{len(outcome.shares)} daemons, one PostgreSQL; {outcome.failed} polls were not whole",
        f"{outcome.requests:.2f} requests a minute and org",
        heads,
    ]
    lines += [
        f"{number:<8}{one.orgs:>6}{one.cores:>7.0%}{one.usage.memory_mib:>6} MiB"
        f"{one.usage.threads:>9}"
        for number, one in enumerate(outcome.shares, 1)
    ]
    lines += [
        f"{one.how}: {one.orgs} orgs leased elsewhere after {one.seconds:.0f} s "
        f"({', '.join(map(str, one.shares))}); longest without a poll: {one.longest_seconds:.0f} s"
        for one in outcome.hand_overs
    ]
    return "\n".join(lines)


def most_seconds(interval: str) -> float:
    """Return how long an org may go without a poll: a lease, a renewal of it, and an interval."""
    return LEASE_SECONDS * 4 / 3 + float(parse_duration(interval))


def rows(*, quick: bool) -> list[Row]:
    """Return what several daemons take, and how orgs are handed over.

    Args:
        quick: One daemon for a moment, which is not taken out.

    Raises:
        DisagreementError: Orgs were not read, or polls not whole.
    """
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    crowd = Crowd(1, 2, "1s") if quick else Crowd(200, 20)
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        outcome = watch(crowd, 1 if quick else DAEMONS, 0.1 if quick else 120, Path(folder))
    if outcome.failed:
        raise DisagreementError(report(crowd, outcome))
    return _rows(crowd, outcome)


def _rows(crowd: Crowd, outcome: Outcome) -> list[Row]:
    what = f"{crowd.orgs} orgs of {crowd.actions} actions, {len(outcome.shares)} daemons"
    shares, least = outcome.shares, most_seconds(crowd.interval)
    cores = max(one.cores for one in shares)
    memory = max(one.usage.memory_mib for one in shares)
    found = [
        bounded_row(f"{what}: CPU of each", cores, "{:.0%}", MOST_CORES),
        bounded_row(f"{what}: memory of each", memory, "{:.0f} MiB", MOST_MIB),
        bounded_row(
            f"{what}: requests a minute and org", outcome.requests, "{:.1f}", MOST_REQUESTS
        ),
    ]
    found += [
        Row(
            f"{what}: {one.orgs} orgs of one that {_BECAME[one.how]} are without a poll",
            f"at most {one.longest_seconds:.0f} s",
            "",
            f"at most {least:.0f} s",
            one.longest_seconds <= least,
        )
        for one in outcome.hand_overs
    ]
    return found


_BECAME = {"SIGKILL": "is killed", "SIGSTOP": "hangs"}


def main() -> int:
    """Watch as the options say, and print what came of it; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--orgs", type=int, default=200, help="how many (200)")
    parser.add_argument("--actions", type=int, default=20, help="data actions of each (20)")
    parser.add_argument("--daemons", type=int, default=DAEMONS, help="how many (4)")
    parser.add_argument("--interval", default="1m", help="how often each org is polled (1m)")
    parser.add_argument("--seconds", type=float, default=120.0, help="measured for so long (120)")
    given = parser.parse_args()
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    crowd = Crowd(given.orgs, given.actions, given.interval)
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        outcome = watch(crowd, given.daemons, given.seconds, Path(folder))
    sys.stdout.write(f"{report(crowd, outcome)}\n{import_seconds():.2f} s CPU are imports\n")
    late = [one for one in outcome.hand_overs if one.longest_seconds > most_seconds(given.interval)]
    return 1 if late or outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main())
