"""Few threads for many jobs, and none that waits for one that hangs."""

from __future__ import annotations

import operator
import threading
from collections.abc import Iterator
from concurrent import futures

import pytest

from monitor.worker_threads import WorkerThreads
from tests.daemon.place import eventually

PATIENCE = 20.0


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    """What a job that hangs waits for; set when the test ends."""
    event = threading.Event()
    yield event
    event.set()


def test_many_jobs_share_few_threads() -> None:
    """Each is run once, whatever order they end in."""
    pool = WorkerThreads(usual=3, hangs_after_seconds=60)
    done = [pool.submit(operator.mul, 2, number) for number in range(200)]
    assert [one.result(PATIENCE) for one in done] == [2 * number for number in range(200)]
    assert pool.threads <= 3
    pool.shutdown()
    assert pool.threads == 0


def test_jobs_that_hang_keep_no_other_waiting(hang: threading.Event) -> None:
    """As many run beside them as would without them; their threads end when they do."""
    pool = WorkerThreads(usual=2, hangs_after_seconds=0.05)
    hanging = [pool.submit(hang.wait) for _ in range(10)]
    assert pool.submit(lambda: "polled").result(PATIENCE) == "polled"
    assert pool.threads <= 12

    hang.set()
    futures.wait(hanging, PATIENCE)
    eventually(lambda: pool.threads <= 2, "an end of what was one too many")
    pool.shutdown()


def test_what_is_urgent_comes_before_all_that_waits(hang: threading.Event) -> None:
    """An org that was just taken over has waited for longer than any that is due."""
    pool, order = WorkerThreads(usual=1, hangs_after_seconds=60), list[str]()
    pool.submit(hang.wait)
    last = [pool.submit(order.append, name) for name in ("due", "due too")][-1]
    pool.submit_first(order.append, "urgent")
    hang.set()
    last.result(PATIENCE)
    assert order == ["urgent", "due", "due too"]
    pool.shutdown()


def test_no_more_run_at_a_time_as_long_as_none_hangs(hang: threading.Event) -> None:
    """What waits for a second is no reason for a thread."""
    pool = WorkerThreads(usual=2, hangs_after_seconds=60)
    running = [pool.submit(hang.wait) for _ in range(5)]
    assert pool.threads == 2
    hang.set()
    futures.wait(running, PATIENCE)
    pool.shutdown()


def test_after_the_end_nothing_is_begun(hang: threading.Event) -> None:
    """What runs is waited for; what waits is forgotten."""
    pool = WorkerThreads(usual=1, hangs_after_seconds=60)
    begun = threading.Event()

    def run() -> None:
        begun.set()
        hang.wait()

    ran = pool.submit(run)
    waits = pool.submit(begun.clear)
    assert begun.wait(PATIENCE)
    pool.shutdown(wait=False)
    hang.set()
    pool.shutdown()
    assert ran.done()
    assert not waits.done()
    with pytest.raises(RuntimeError):
        pool.submit(begun.clear)


def test_what_a_job_raises_is_told_and_ends_no_thread() -> None:
    """The next one runs on the same thread."""
    pool = WorkerThreads(usual=1, hangs_after_seconds=60)

    def fail() -> None:
        raise ValueError("no")

    assert isinstance(pool.submit(fail).exception(PATIENCE), ValueError)
    assert pool.submit(lambda: 1).result(PATIENCE) == 1
    pool.shutdown()
