"""Several hosts on one server go by its clock; a file goes by the machine's."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import time_machine
from structlog.testing import capture_logs

from monitor.clock import ClockSteps, SystemClock
from monitor.errors import LedgerError
from monitor.journal import Switch
from monitor.ledger import Ledger
from monitor.store import StateClock
from tests.clocks import ManualClock
from tests.evidence import ORG

HOURS = 6 * 3_600
BOOT = getattr(time, "CLOCK_BOOTTIME", None)


@pytest.fixture
def server(postgresql: Callable[[], str]) -> str:
    """A database that several hosts share."""
    return postgresql()


@pytest.mark.parametrize("seconds", [-HOURS, HOURS])
def test_a_host_whose_clock_is_wrong_writes_down_the_servers_time(
    server: str, seconds: float
) -> None:
    """What it calls past lies in nobody's future."""
    right = time.time()
    with time_machine.travel(right + seconds, tick=True), Ledger.open(server) as ledger:
        clock = ledger.clock(SystemClock())
        assert clock.now() == pytest.approx(right, abs=60)
        ledger.journal.pause(ORG, Switch(clock.now(), "ann@desk"))
        paused = ledger.journal.remediation_state(ORG, clock.now()).paused
    assert paused is not None
    assert paused.since == pytest.approx(right, abs=60)


@pytest.mark.parametrize("seconds", [-HOURS, HOURS])
def test_a_host_whose_clock_is_wrong_takes_nobodys_lease(server: str, seconds: float) -> None:
    """Nor keeps one longer than it lasts."""
    with Ledger.open(server) as ledger:
        now = ledger.lease_clock(SystemClock()).now()
        assert ledger.journal.take_lease(ORG, "one", now, 240.0) is not None
        with time_machine.travel(time.time() + seconds, tick=True):
            elsewhere = ledger.lease_clock(SystemClock()).now()
            assert ledger.journal.take_lease(ORG, "two", elsewhere, 240.0) is None


def test_setting_the_hosts_clock_is_no_step_of_the_servers(server: str) -> None:
    """It is carried on by what the host counts since it was started."""
    with Ledger.open(server) as ledger, time_machine.travel(time.time(), tick=True) as host:
        clock = ledger.clock(SystemClock())
        before = clock.now()
        host.shift(HOURS)
        assert clock.now() == pytest.approx(before, abs=60)


def test_a_file_and_a_simulated_org_keep_their_own_clock(url: str) -> None:
    """A file is one machine's; what is simulated has a time of its own."""
    machine, simulated = SystemClock(), ManualClock(1_000.0)
    with Ledger.open(url) as ledger:
        assert ledger.clock(simulated) is simulated
        assert ledger.lease_clock(simulated) is simulated
        if url.startswith("sqlite"):
            assert ledger.clock(machine) is machine
            assert ledger.lease_clock(machine) is machine


class Server:
    """A server whose clock can be set, and that can be out of reach."""

    def __init__(self) -> None:
        """Begin at noon."""
        self.at: float = 43_200.0
        self.asked = 0
        self.is_down = False

    def now(self) -> float:
        """The time, where it answers."""
        self.asked += 1
        if self.is_down:
            raise LedgerError("the state can't be reached")
        return self.at


def test_a_step_of_the_servers_clock_shows_at_the_next_question() -> None:
    """It is asked twice a minute, and never by every look at the time."""
    host, server = ManualClock(1_000.0), Server()
    clock = StateClock(host, server.now, elapsed=host.monotonic)
    server.at += HOURS
    clock.synchronize()
    assert (clock.now(), server.asked) == (43_200.0, 1)
    host.at += 31
    clock.synchronize()
    assert (clock.now(), server.asked) == (43_200.0 + HOURS, 2)


def test_a_server_out_of_reach_leaves_the_time_as_it_is_known() -> None:
    """It goes on by what the host counts, and says why it was not asked."""
    host, server = ManualClock(1_000.0), Server()
    clock = StateClock(host, server.now, elapsed=host.monotonic)
    server.is_down = True
    host.at += 60
    with capture_logs() as logs:
        clock.synchronize()
    assert clock.now() == 43_260.0
    assert [line["event"] for line in logs] == ["state_clock_not_asked"]


@dataclass
class Laptop:
    """A host that may be suspended: its monotonic clock stands still then, its boot clock not."""

    awake: float = 100.0
    since_boot: float = 100.0

    def sleep(self, seconds: float) -> None:
        """Be suspended for a while."""
        self.since_boot += seconds

    def now(self) -> float:
        """What its wall clock shows; epoch seconds."""
        return 1_000_000.0 + self.since_boot

    def monotonic(self) -> float:
        """What has passed while it was awake."""
        return self.awake

    def machine_seconds(self, seconds: float) -> float:
        """The same number of seconds."""
        return seconds


def test_a_suspended_host_wakes_up_at_the_servers_time() -> None:
    """At once, before the server is asked again; data from before it are as old as they are."""
    laptop, server = Laptop(), Server()
    clock = StateClock(laptop, server.now, elapsed=lambda: laptop.since_boot)
    steps = ClockSteps(clock)

    laptop.sleep(8 * 3_600)

    assert clock.now() == 43_200.0 + 8 * 3_600
    assert server.asked == 1
    assert steps.look() == 8 * 3_600
    assert steps.stepped_within(900)
    clock.synchronize()
    assert server.asked == 2


@pytest.mark.skipif(BOOT is None, reason="the system has no such clock")
def test_by_itself_it_is_carried_on_by_the_clock_that_no_suspension_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The monotonic clock of a host that was suspended for eight hours is eight hours behind."""
    since_boot = [100.0]
    monkeypatch.setattr(time, "clock_gettime", lambda _clock: since_boot[0])
    clock = StateClock(SystemClock(), Server().now)

    since_boot[0] += 8 * 3_600

    assert clock.now() == 43_200.0 + 8 * 3_600
