"""How many pages read the state at a time: what asks nothing of it is answered all the same.

A state that hangs holds whoever reads it for minutes. Pages share the threads of the server with
``/healthz`` and ``/metrics``, which one open tab would take from them otherwise.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from monitor.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator

READERS_AT_ONCE = 2
"""Fewer than the server has threads."""

_PATIENCE_SECONDS = 0.5
"""So long does a page wait: the snapshot shows most of it at once."""


class StateTurns:
    """Lets a few read at a time; safe to share between threads."""

    def __init__(self) -> None:
        """Begin with nobody reading."""
        self._turns = threading.BoundedSemaphore(READERS_AT_ONCE)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Read within.

        Raises:
            LedgerError: As many as may are reading, and none has come to its end.
        """
        if not self._turns.acquire(timeout=_PATIENCE_SECONDS):
            raise LedgerError(
                "The state is being read for others", "It is tried again at the next look."
            )
        try:
            yield
        finally:
            self._turns.release()
