"""Waiting for a signal that its handler puts into a queue, so that none is lost.

The operating system may hand a signal of the process to any of its threads, and Python runs the
handler in the main one when that next runs Python. One that waits for a lock without end does not:
the signal would come to nothing. So it looks up now and then.
"""

from __future__ import annotations

import queue
import signal
import time
from typing import Final

LOOK_SECONDS: Final = 0.5
"""How late a signal may be heard; well below the five seconds in which a daemon has to end."""


def await_signal(signals: queue.SimpleQueue[int], seconds: float | None = None) -> int | None:
    """Return the next signal, or None where none came in so many seconds.

    Args:
        signals: Where the handlers put them.
        seconds: How long to wait; None for as long as it takes.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        left = LOOK_SECONDS if deadline is None else deadline - time.monotonic()
        try:
            return signals.get(timeout=max(0.0, min(left, LOOK_SECONDS)))
        except queue.Empty:
            if deadline is not None and time.monotonic() >= deadline:
                return None


class ShutdownSignal:
    """SIGTERM or Ctrl-C.

    A signal handler runs in the middle of whatever its thread is doing, and an Event's lock may
    be held just then; a simple queue is made for that.
    """

    def __init__(self) -> None:
        """Listen from now on; only the main thread can."""
        self._received: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._has_come = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _frame: self._received.put(received))

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for it, or so many seconds; return whether it has come."""
        if not self._has_come:
            self._has_come = await_signal(self._received, seconds) is not None
        return self._has_come
