"""No signal is lost, whichever thread the operating system hands it to."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from monitor.signals import ShutdownSignal, await_signal

ANOTHER_THREAD = """
import queue, signal, threading
from monitor.signals import await_signal

signals = queue.SimpleQueue()
signal.signal(signal.SIGTERM, lambda number, _frame: signals.put(number))

def receive():
    threading.Event().wait(0.3)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    threading.Event().wait()

threading.Thread(target=receive, daemon=True).start()
print(await_signal(signals) == signal.SIGTERM)
"""


def test_a_signal_that_another_thread_received_is_heard() -> None:
    """The main thread waits in a lock then, and nothing wakes it."""
    done = subprocess.run(
        [sys.executable, "-c", ANOTHER_THREAD],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert done.stdout == "True\n"


def test_one_that_came_before_is_there() -> None:
    """It is answered first, in no time."""
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()
    signals.put(signal.SIGHUP)

    assert await_signal(signals, 0.0) == signal.SIGHUP
    assert await_signal(signals, 0.0) is None
    assert await_signal(signals, -1.0) is None


@pytest.fixture
def shutdown() -> Iterator[ShutdownSignal]:
    """Listen to signals in this process, as long as the test runs."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield ShutdownSignal()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_for_the_end(shutdown: ShutdownSignal, number: signal.Signals) -> None:
    """Once it has come it stays."""
    assert not shutdown.wait(0)
    assert not shutdown.wait(-1)

    os.kill(os.getpid(), number)

    assert shutdown.wait()
    assert shutdown.wait(0)
