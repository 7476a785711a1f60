"""One program reads an org at a time; who has lost the lease writes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import NoReturn

import psycopg
import pytest

from monitor.clock import Clock, SystemClock
from monitor.errors import LedgerError, NotLeasedError
from monitor.ledger import Ledger, ReadingLeases
from monitor.model import CONCURRENT_EXECUTIONS
from monitor.store import (
    Database,
    Reader,
    ReadingLease,
    has_ended,
    lock_org,
    open_database,
    process_identity,
    renew_leases,
)
from tests.clocks import DAY, NOON, ManualClock
from tests.evidence import ORG, SOURCE
from tests.ledger.recorder import workload
from tests.statements import statements

SECONDS = 60.0
LIMITS = {CONCURRENT_EXECUTIONS: 1}


class Programs:
    """Programs on one state, with one clock for all of them."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        """Begin with none."""
        self.clock = ManualClock(NOON)
        self.elapsed = 0.0
        self._url = url
        self._stack = stack

    def start(self, name: str, process: str = "") -> tuple[Ledger, ReadingLeases]:
        """Start one: its ledger, and its leases."""
        database, leases = self.open(name, process)
        return Ledger(database), leases

    def open_two(self) -> tuple[Database, ReadingLeases, ReadingLeases]:
        """Start two: the database of the one, and the leases of both."""
        database, one = self.open("one")
        return database, one, self.open("other")[1]

    def open(self, name: str, process: str = "") -> tuple[Database, ReadingLeases]:
        """Start one: its database, and its leases."""
        database = open_database(self._url, 5.0, may_create=True)
        self._stack.callback(database.close)
        return database, self._leases(database, self.clock, Reader(name, name, process))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.at += seconds
        self.elapsed += seconds

    def _leases(self, database: Database, clock: Clock, program: Reader) -> ReadingLeases:
        return ReadingLeases(
            database, clock, seconds=SECONDS, program=program, elapsed=lambda: self.elapsed
        )


@pytest.fixture
def programs(url: str) -> Iterator[Programs]:
    """Programs on one state, closed afterwards."""
    with ExitStack() as stack:
        yield Programs(url, stack)


def test_one_of_two_reads_an_org(programs: Programs) -> None:
    """The other one says by whom it is read."""
    _, one = programs.start("one")
    _, other = programs.start("other")

    assert one.take(ORG)
    assert not other.take(ORG)
    assert (one.read_by(ORG), other.read_by(ORG)) == ("", "one")
    with (
        pytest.raises(NotLeasedError, match=f"Another program reads {ORG}, one:"),
        other.reading(ORG),
    ):
        pass


def test_a_lease_lasts_as_long_as_it_is_renewed(programs: Programs) -> None:
    """Whoever renews it keeps it, and its readings go on under the same token."""
    ledger, one = programs.start("one")
    _, other = programs.start("other")
    with one.reading(ORG):
        for _ in range(5):
            programs.wait(SECONDS / 3)
            one.refresh()
            assert not other.take(ORG)
        ledger.record(ORG, SOURCE, workload()[0])
    assert ledger.state(ORG).totals


def test_a_lease_that_has_ended_is_taken_over(programs: Programs) -> None:
    """Within two of its lengths, and its old holder knows without asking."""
    _, one = programs.start("one")
    _, other = programs.start("other")
    one.take(ORG)
    programs.wait(SECONDS + 1)

    assert one.held(ORG) is None
    assert other.take(ORG)
    one.refresh()
    assert (one.held(ORG), one.read_by(ORG)) == (None, "other")


def test_who_wakes_late_writes_nothing(programs: Programs) -> None:
    """A reading that was asked for before another program took over is not written down."""
    ledger, one = programs.start("one")
    _, other = programs.start("other")
    reads = workload()
    with one.reading(ORG):
        ledger.record(ORG, SOURCE, reads[0])
        before = ledger.state(ORG)
        programs.wait(SECONDS + 1)
        other.take(ORG)
        with pytest.raises(NotLeasedError, match=f"Another program reads {ORG}, other:"):
            ledger.record(ORG, SOURCE, reads[1])
    assert ledger.state(ORG) == before


def test_who_wakes_late_writes_nothing_even_where_it_has_the_lease_again(
    programs: Programs,
) -> None:
    """What it asked for under the old lease is not what its new one is for."""
    ledger, one = programs.start("one")
    _, other = programs.start("other")
    with one.reading(ORG):
        programs.wait(SECONDS + 1)
        other.take(ORG)
        other.give_back()
        assert one.take(ORG)
        with pytest.raises(NotLeasedError):
            ledger.record(ORG, SOURCE, workload()[0])
    assert not ledger.state(ORG).totals


def test_the_fence_of_one_org_is_none_for_others(programs: Programs) -> None:
    """And none for other threads, or once the reading has ended."""
    ledger, one = programs.start("one")
    _, other = programs.start("other")
    with one.reading(ORG):
        programs.wait(SECONDS + 1)
        other.take(ORG)
        ledger.save_limits("another", LIMITS)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(ledger.save_limits, "a third", LIMITS).result()
        with pytest.raises(NotLeasedError):
            ledger.save_limits(ORG, LIMITS)
        assert not ledger.state(ORG).limits
    ledger.save_limits(ORG, LIMITS)
    assert {org: ledger.state(org).limits for org in (ORG, "another", "a third")} == {
        ORG: LIMITS,
        "another": LIMITS,
        "a third": LIMITS,
    }


def test_what_is_given_back_is_free_at_once(programs: Programs) -> None:
    """A daemon that is stopped keeps no other one waiting."""
    _, one = programs.start("one")
    _, other = programs.start("other")
    one.take(ORG)
    one.give_back()
    assert one.held(ORG) is None
    assert other.take(ORG)
    one.give_back()
    assert other.held(ORG)


def test_a_dead_process_on_this_machine_keeps_none_waiting(programs: Programs) -> None:
    """A daemon that was killed and is started again reads at once."""
    program = "from monitor.store import process_identity; print(process_identity())"
    identity = subprocess.check_output([sys.executable, "-c", program], text=True).strip()
    _, one = programs.start("one", identity)
    _, other = programs.start("other")
    one.take(ORG)
    if not identity:
        pytest.skip("this system does not tell processes apart")
    assert other.take(ORG)


def test_a_process_that_runs_is_not_dead() -> None:
    """Neither is one of another machine, nor one of which nothing is known."""
    mine = process_identity()
    assert not has_ended(mine)
    assert not has_ended("")
    assert not has_ended("another-machine/1/1")
    if mine:
        machine, pid, start = mine.rsplit("/", 2)
        assert pid == str(os.getpid())
        assert has_ended(f"{machine}/{pid}/{int(start) + 1}")
        # A number that no system gives can't be asked about.
        assert not has_ended(f"{machine}/{10**30}/1")


def test_a_process_of_somebody_else_is_not_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system says that it is there by refusing to signal it."""

    def refuse(_pid: int, _number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert not has_ended(process_identity())


def test_who_was_stopped_while_it_sent_keeps_no_org_locked(
    postgresql: Callable[[], str],
) -> None:
    """The server takes such a program for one that is at work, and would wait for it for ever."""
    with ExitStack() as stack:
        programs = Programs(postgresql(), stack)
        database, one, other = programs.open_two()
        assert one.take(ORG)
        taken = []
        ended = pytest.raises((LedgerError, psycopg.OperationalError))
        with ended, database.writing() as connection:
            lock_org(connection, ORG)
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            with driver.pipeline():
                driver.execute("UPDATE orgs SET name = name")
                driver.pgconn.send_flush_request()
                driver.pgconn.flush()
                programs.wait(SECONDS + 1)
                taken.append(other.take(ORG))
        assert taken == [True]


def test_who_waits_to_look_takes_nothing_from_a_reader_in_health(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease that is renewed meanwhile lasts longer than one could that was taken before."""
    _, one = programs.start("one")
    _, other = programs.start("other")
    one.take(ORG)
    look = other._look  # noqa: SLF001 - where a busy program waits for its turn to read

    def late() -> Mapping[str, ReadingLease]:
        programs.wait(5)
        one.refresh()
        return look()

    monkeypatch.setattr(other, "_look", late)
    other.refresh()
    assert other.read_by(ORG) == "one"
    assert not other.take(ORG)
    assert (one.held(ORG) is not None, other.read_by(ORG)) == (True, "one")


def test_what_could_not_be_given_back_ends_by_itself(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is renewed no more, whatever else of the program is."""
    _, one = programs.start("one")
    _, other = programs.start("other")
    for org in (ORG, "another"):
        one.take(org)
    with monkeypatch.context() as patched:
        patched.setattr(Database, "writing", _refuse)
        with pytest.raises(LedgerError):
            one.give_back(ORG)
    programs.wait(SECONDS - 1)
    one.refresh()
    programs.wait(2)
    one.refresh()
    assert other.take(ORG)
    assert not other.take("another")


def _refuse(_database: Database) -> NoReturn:
    raise LedgerError("the disk is full", "Make room.")


def test_all_that_is_given_back_is_held_no_more(programs: Programs) -> None:
    """Not only the first of several orgs."""
    _, one = programs.start("one")
    orgs = [ORG, "another", "a third"]
    for org in orgs:
        one.take(org)
    one.give_back()
    assert not any(one.held(org) for org in orgs)


def test_a_renewal_that_is_under_way_is_waited_for(postgresql: Callable[[], str]) -> None:
    """Whoever takes over looks at what the holder has just written, not at what was before."""
    with ExitStack() as stack:
        programs = Programs(postgresql(), stack)
        database, one, other = programs.open_two()
        pool = stack.enter_context(ThreadPoolExecutor(1))
        one.take(ORG)
        programs.wait(SECONDS + 1)
        with database.writing() as connection:
            renew_leases(connection, "one", [ORG], programs.clock.now() + SECONDS)
            taking = pool.submit(other.take, ORG)
            with pytest.raises(TimeoutError):
                taking.result(0.5)
        assert not taking.result(5.0)
        assert other.read_by(ORG) == "one"


def test_who_takes_over_ends_no_transaction_that_is_in_nobodys_way(
    postgresql: Callable[[], str],
) -> None:
    """The former holder may be recording what it has sent to another org."""
    with ExitStack() as stack:
        programs = Programs(postgresql(), stack)
        database, one, other = programs.open_two()
        one.take(ORG)
        programs.wait(SECONDS + 1)
        with database.writing() as connection:
            lock_org(connection, "another")
            assert other.take(ORG)
            lock_org(connection, "a third")


def test_a_lease_in_the_far_future_is_void(programs: Programs) -> None:
    """A clock that was wrong when it was taken holds up no other program for long."""
    _, one = programs.start("one")
    _, other = programs.start("other")
    programs.clock.at += DAY
    one.take(ORG)
    programs.clock.at -= DAY
    assert other.take(ORG)


def test_what_was_lost_sight_of_is_taken_again(programs: Programs) -> None:
    """Who could not renew, and whom nobody has followed, goes on under a new token."""
    ledger, one = programs.start("one")
    first = one.take(ORG) and one.held(ORG)
    programs.wait(2 * SECONDS)
    with one.reading(ORG):
        ledger.record(ORG, SOURCE, workload()[0])
    second = one.held(ORG)
    assert first
    assert second == replace(first, token=first.token + 1, until=second.until if second else 0)


def test_all_that_begin_at_the_same_moment_take_it_once(programs: Programs) -> None:
    """Whoever comes second sees that it has changed since."""
    leases = [programs.start(f"number {number}")[1] for number in range(6)]
    begin = threading.Barrier(len(leases))

    def take(one: ReadingLeases) -> bool:
        begin.wait(30)
        return one.take(ORG)

    with ThreadPoolExecutor(len(leases)) as pool:
        assert sum(pool.map(take, leases)) == 1
    assert sum(one.held(ORG) is not None for one in leases) == 1


def test_the_end_of_anothers_lease_is_looked_at_when_it_comes(programs: Programs) -> None:
    """Whoever is well has renewed by then; the org of one that is not waits no longer than that."""
    _, one = programs.start("one")
    _, other = programs.start("other")
    assert other.seconds_to_next_look == SECONDS / 3
    assert one.take(ORG)
    other.refresh()
    assert other.seconds_to_next_look == SECONDS / 3
    programs.wait(SECONDS - 5)
    other.refresh()
    assert 5 < other.seconds_to_next_look < 6

    one.refresh()
    other.refresh()
    assert other.seconds_to_next_look == SECONDS / 3
    programs.wait(SECONDS + 1)
    other.refresh()
    # It is over, and nobody's.
    assert other.seconds_to_next_look == SECONDS / 3
    assert other.take(ORG)


def test_threads_of_one_program_take_it_once(programs: Programs) -> None:
    """A second lease would void what the first thread goes on writing under its own."""
    ledger, one = programs.start("one")
    takers, reads = 8, 3
    begin = threading.Barrier(takers)

    def read(_: int) -> None:
        begin.wait(30)
        for _ in range(reads):
            with one.reading(ORG):
                ledger.save_limits(ORG, LIMITS)

    with ThreadPoolExecutor(takers) as pool:
        list(pool.map(read, range(takers)))
    lease = one.held(ORG)
    assert lease is not None
    assert lease.token == 1


def test_a_look_asks_no_more_for_more_orgs(postgresql: Callable[[], str]) -> None:
    """Each poll looks: hundreds of orgs must not cost hundreds of questions each time."""
    with ExitStack() as stack:
        url = postgresql()
        ledgers = [stack.enter_context(Ledger.open(url)) for _ in range(2)]
        one, other = (ledger.reading_leases(SystemClock()) for ledger in ledgers)
        costs = []
        for orgs in (range(3), range(3, 30)):
            assert all(one.take(f"org-{number}") for number in orgs)
            with statements() as asked:
                assert not other.take("org-0")
                other.refresh()
            costs.append(len(asked))
        assert other.read_by("org-29")
    assert costs[0] == costs[1] > 0


def test_counts_are_nobodys_to_export_from_the_end_of_a_lease(programs: Programs) -> None:
    """Without having asked, for the state may be out of reach; until the lease is held again."""
    _, one = programs.start("one")
    one.take(ORG)
    programs.wait(SECONDS - 0.1)
    assert one.counts(ORG)
    programs.wait(0.1)
    assert not one.counts(ORG)
    assert one.read_by(ORG) == ""
    one.refresh()
    assert one.counts(ORG)


def test_counts_are_exported_by_one_of_two(programs: Programs) -> None:
    """Whoever stands by begins with the lease, however much later it learns of its end."""
    _, one = programs.start("one")
    _, other = programs.start("other")
    one.take(ORG)
    other.take(ORG)
    assert (one.counts(ORG), other.counts(ORG)) == (True, False)
    one.give_back()
    other.refresh()
    assert other.take(ORG)
    assert (one.counts(ORG), other.counts(ORG)) == (False, True)


def test_who_has_just_begun_exports_what_nobody_reads(programs: Programs) -> None:
    """It is about to take what is free; but not for ever, where the state can't be written."""
    _, one = programs.start("one")
    one.refresh()
    assert one.counts(ORG)
    programs.wait(SECONDS)
    assert not one.counts(ORG)
