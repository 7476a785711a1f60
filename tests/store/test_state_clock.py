"""Several hosts on one server go by its clock; a file goes by the machine's."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import time_machine
from structlog.testing import capture_logs

from monitor.clock import SystemClock
from monitor.errors import LedgerError
from monitor.journal import Switch
from monitor.ledger import Ledger
from monitor.store import StateClock
from tests.clocks import ManualClock
from tests.ledger.readings import ORG

HOURS = 6 * 3_600


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
    """It is carried on by the monotonic clock."""
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
    clock = StateClock(host, server.now)
    server.at += HOURS
    clock.synchronize()
    assert (clock.now(), server.asked) == (43_200.0, 1)
    host.at += 31
    clock.synchronize()
    assert (clock.now(), server.asked) == (43_200.0 + HOURS, 2)


def test_a_server_out_of_reach_leaves_the_time_as_it_is_known() -> None:
    """It goes on by the monotonic clock, and says why it was not asked."""
    host, server = ManualClock(1_000.0), Server()
    clock = StateClock(host, server.now)
    server.is_down = True
    host.at += 60
    with capture_logs() as logs:
        clock.synchronize()
    assert clock.now() == 43_260.0
    assert [line["event"] for line in logs] == ["state_clock_not_asked"]
