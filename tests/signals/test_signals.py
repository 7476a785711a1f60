"""No signal is lost, whichever thread the operating system hands it to."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys

from monitor.signals import await_signal

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
