"""Waiting for a signal that its handler puts into a queue, so that none is lost.

The operating system may hand a signal of the process to any of its threads, and Python runs the
handler in the main one when that next runs Python. One that waits for a lock without end does not:
the signal would come to nothing. So it looks up now and then.
"""

from __future__ import annotations

import queue
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
