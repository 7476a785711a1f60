"""A database out of reach: what a daemon shows meanwhile, and that nothing is lost or doubled.

A lease lasts a fraction of a second here, and a minute of the org's time a quarter of one: what
counts is how long a cut lasts in leases and in intervals, and nobody has to wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
import requests
from sqlalchemy import make_url
from structlog.testing import capture_logs

from monitor.clock import SystemClock
from monitor.config import load
from monitor.daemon import Daemon
from monitor.ledger import Ledger
from monitor.time_ranges import TimeRange, floor_to
from tests.clocks import NOON, ScaledClock
from tests.daemon.daemon_process import families, sample
from tests.daemon.exported_counts import counted, measured, true_counts, true_durations
from tests.daemon.place import Place, eventually
from tests.daemon.silent_network import network_to
from tests.ledger.conftest import postgresql
from tests.simulated_org import ORG, SMALL, happened, serve_org

__all__ = ["postgresql"]

pytestmark = pytest.mark.usefixtures("no_retries")

LEASE_SECONDS = 0.25
SPEED = 240.0
ENDS = NOON + 900
EVENTFUL = replace(SMALL, ends=float(ENDS))


def test_a_database_that_is_cut_off_for_many_leases_is_survived(
    place: Place, postgresql: Callable[[], str]
) -> None:
    """The daemon says what is wrong, exports no counts without a lease, and misses nothing."""
    clock, url = ScaledClock(NOON, time.time(), SPEED), postgresql()
    with serve_org(EVENTFUL, clock) as simulator:
        place.configure(state=url, url=simulator.url, interval="1m")
        daemon = Daemon(load(place.config), clock=clock, lease_seconds=LEASE_SECONDS)
        with closing(daemon), capture_logs() as logs:
            daemon.start()
            eventually(lambda: counted(daemon.address), "counts")
            with cut_off(url):
                began = time.monotonic()
                eventually(lambda: not readiness(daemon)["ready"], "that it is not ready")
                eventually(lambda: time.monotonic() - began > 6 * LEASE_SECONDS, "six leases")
                scraped = families(daemon.address)
                assert sample(scraped, "timeout_monitor_state_writable") == 0
                assert sample(scraped, "timeout_monitor_org_leased", org=ORG) == 0
                assert counted(daemon.address) == {}
                assert measured(daemon.address) == {}
                # How reading goes is still told: alerts rest on it.
                assert sample(scraped, "timeout_monitor_poll_age_seconds", org=ORG) >= 0
                assert sample(scraped, "timeout_monitor_polls_total", org=ORG, result="failed")
                reasons = readiness(daemon)["reasons"]
                assert {(one["org"], one["reason"]) for one in reasons} == {(ORG, "stale")}
                assert all("can't be used" in one["problem"] for one in reasons)
                assert "another program may read this org by now" in page(daemon)
            eventually(lambda: readiness(daemon)["ready"], "that it is ready again")
            eventually(lambda: clock.now() > ENDS + 600, "the end")
            with Ledger.open(url) as ledger:
                begin = ledger.coverage(ORG, "actions")[0].start
            true = {ORG: true_counts(simulator.url, begin, ENDS)}
            eventually(lambda: counted(daemon.address) == true, "the truth")
            assert measured(daemon.address) == {ORG: true_durations(simulator.org, begin, ENDS)}
        events = [line["event"] for line in logs]
        # On a busy machine so short a lease may be renewed late once more; each is said once.
        assert events.count("leases_not_renewed") == events.count("leases_renewed") >= 1


def test_while_the_network_is_silent_no_two_daemons_export_an_org(
    place: Place, postgresql: Callable[[], str]
) -> None:
    """Nothing tells the one that it is cut off; it stops before the other one may begin."""
    url = postgresql()
    with network_to(make_url(url).port or 0) as network:
        place.configure(state=str(make_url(url).set(port=network.port)), interval="200ms")
        cut = Daemon(load(place.config), clock=SystemClock(), lease_seconds=LEASE_SECONDS)
        place.configure(state=url, interval="200ms")
        with closing(cut):
            cut.start()
            eventually(lambda: counted(cut.address), "counts")
            other = Daemon(load(place.config), clock=SystemClock(), lease_seconds=LEASE_SECONDS)
            with closing(other):
                other.start()
                with network.silence():
                    before = counted(cut.address)
                    # In this order: what begins after the other one has ended is found to be so.
                    while not (begun := counted(other.address)):
                        assert counted(cut.address).keys() <= {ORG}
                    assert counted(cut.address) == {}
                    for key, count in before.get(ORG, {}).items():
                        assert begun[ORG][key] >= count
                both = cut, other
                eventually(lambda: sum(map(is_leased, both)) == 1, "one holder")
                eventually(lambda: sum(bool(counted(one.address)) for one in both) == 1, "one")
        with Ledger.open(url) as ledger:
            covered = ledger.coverage(ORG, "actions")[0]
            whole = TimeRange(covered.start, floor_to(covered.end, 300))
            tallied = sum(one.counts.count for one in ledger.tallies.sums(ORG, whole))
        assert tallied == happened(place.simulator.url, whole.start, whole.end)["executions"]


def readiness(daemon: Daemon) -> dict[str, Any]:
    """What it says of itself."""
    told: dict[str, Any] = requests.get(f"{daemon.address}/readyz", timeout=10).json()
    return told


def page(daemon: Daemon) -> str:
    """Its status page."""
    return requests.get(daemon.address, timeout=10).text


def is_leased(daemon: Daemon) -> bool:
    """Whether it says that it reads the org."""
    return sample(families(daemon.address), "timeout_monitor_org_leased", org=ORG) == 1


@contextmanager
def cut_off(url: str) -> Iterator[None]:
    """Let nobody reach a database while the block lasts, and end every connection to it."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
