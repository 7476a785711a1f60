"""Transactions of one process wait for each other, in order, and none fails for another."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from monitor.errors import LedgerError
from monitor.ledger import Ledger
from monitor.model import CONCURRENT_EXECUTIONS
from monitor.store.queueing import FairTurns, TransactionQueue
from tests.evidence import ORG

LONG_SECONDS = 30.0


def open_ledger(url: str) -> Ledger:
    """A ledger whose database says "locked" at once."""
    return Ledger.open(url, busy_timeout_seconds=0.01)


def test_a_hundred_threads_that_write_fail_for_none(url: str) -> None:
    """Fifty orgs have a hundred workers, and a state that has one writer."""
    with open_ledger(url) as ledger, ThreadPoolExecutor(100) as pool:
        begin = threading.Barrier(100)

        def write(number: int) -> None:
            begin.wait(LONG_SECONDS)
            for limit in range(3):
                ledger.save_limits(f"org-{number}", {CONCURRENT_EXECUTIONS: limit + 1})

        for written in [pool.submit(write, number) for number in range(100)]:
            written.result(LONG_SECONDS)
        limits = [ledger.state(f"org-{number}").concurrency_limit for number in range(100)]
        assert limits == [3] * 100


def test_more_threads_read_at_once_than_there_are_connections(url: str) -> None:
    """Each has its turn, also those that read for long."""
    with open_ledger(url) as ledger, ThreadPoolExecutor(100) as pool:
        states = [pool.submit(ledger.state, ORG) for _ in range(300)]
        assert {state.result(LONG_SECONDS).org for state in states} == {ORG}


def test_a_thread_reads_while_it_writes(url: str) -> None:
    """It waits for no turn of its own, even where there is none left."""
    with open_ledger(url) as ledger, ThreadPoolExecutor(20) as pool:
        together = threading.Barrier(8)

        def read_within() -> str:
            with ledger.history():
                together.wait(LONG_SECONDS)
                return ledger.state(ORG).org

        for read in [pool.submit(read_within) for _ in range(16)]:
            assert read.result(LONG_SECONDS) == ORG


def test_whoever_has_waited_longest_is_next() -> None:
    """No thread that comes later is let in before."""
    turns, order, began = FairTurns(1), list[int](), threading.Semaphore(0)
    assert turns.take(0)

    def wait(number: int) -> None:
        began.release()
        assert turns.take(LONG_SECONDS)
        order.append(number)
        turns.give_back()

    threads = []
    for number in range(5):
        threads.append(threading.Thread(target=wait, args=(number,)))
        threads[-1].start()
        assert began.acquire(timeout=LONG_SECONDS)
        _until_there_wait(turns, number + 1)
    turns.give_back()
    for thread in threads:
        thread.join(LONG_SECONDS)
    assert order == [0, 1, 2, 3, 4]


def test_whoever_waits_too_long_says_for_what() -> None:
    """A database that does not answer is told, and nothing hangs for ever."""
    queue = TransactionQueue("here.db", writers=1, wait_seconds=0.01)
    said: list[LedgerError] = []

    def write() -> None:
        with pytest.raises(LedgerError) as raised, queue.writing():
            pass
        said.append(raised.value)

    with queue.writing():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join(LONG_SECONDS)
    assert "here.db has kept this program waiting" in said[0].message
    with queue.writing():
        pass


def _until_there_wait(turns: FairTurns, count: int) -> None:
    pause = threading.Event()
    for _ in range(10_000):
        if turns.waiting == count:
            return
        pause.wait(0.001)
    raise AssertionError(turns.waiting)


def test_who_is_interrupted_while_waiting_takes_no_turn_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether the turn had come by then or not."""

    def interrupted(_event: threading.Event, _seconds: float | None = None) -> bool:
        raise KeyboardInterrupt

    turns = FairTurns(1)
    assert turns.take(LONG_SECONDS)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Event, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            turns.take(LONG_SECONDS)

        def given_meanwhile(_event: threading.Event, _seconds: float | None = None) -> bool:
            turns.give_back()
            raise KeyboardInterrupt

        patched.setattr(threading.Event, "wait", given_meanwhile)
        with pytest.raises(KeyboardInterrupt):
            turns.take(LONG_SECONDS)
    assert turns.waiting == 0
    assert turns.take(0.0)
