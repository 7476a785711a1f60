"""Waiting for the user to end a command that would go on for ever."""

from __future__ import annotations

import queue
import signal

from monitor.signals import await_signal


class Ending:
    """SIGTERM or Ctrl-C.

    A signal handler runs in the middle of whatever its thread is doing, and an Event's lock may
    be held just then; a simple queue is made for that.
    """

    def __init__(self) -> None:
        """Listen from now on; only the main thread can."""
        self._asked: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._has_come = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _frame: self._asked.put(received))

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the user ends it, or so long; whether the user did."""
        if not self._has_come:
            self._has_come = await_signal(self._asked, seconds) is not None
        return self._has_come
