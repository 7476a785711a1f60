"""Transactions of one process queue here, in order, and never fail for one another.

A database says "locked" to whoever has waited too long, in no order, and a pool of connections says
that it is empty: both would count polls as failed that only had to wait. A daemon that watches
fifty orgs has more than a hundred threads that read and write.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from monitor.errors import LedgerError

MOST_READERS = 8
"""Read transactions of one process at a time: more of them would only share the same processors."""

MOST_WRITERS = 8
"""Write transactions of one process at a time on a server, where orgs are locked one by one. SQLite
has one writer."""

QUEUE_SECONDS = 120.0
"""How long a transaction waits for its turn. Fifty orgs that all write at the same moment take a
few seconds; whoever is still waiting then, waits for a database that does not answer."""


class FairTurns:
    """So many turns at a time; whoever has waited longest is next."""

    def __init__(self, most: int) -> None:
        """Begin with all of them free."""
        self._free = most
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        return len(self._waiting)

    def take(self, seconds: float) -> bool:
        """Wait for a turn, for so long at most; whether there was one."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            mine = threading.Event()
            self._waiting.append(mine)
        try:
            if mine.wait(seconds):
                return True
        except BaseException:
            # Ctrl-C: its turn is for whoever comes next.
            if not self._gives_up(mine):
                self.give_back()
            raise
        return not self._gives_up(mine)

    def _gives_up(self, mine: threading.Event) -> bool:
        """Wait no more; False where the turn has come all the same."""
        with self._lock:
            if mine.is_set():
                return False
            self._waiting.remove(mine)
            return True

    def give_back(self) -> None:
        """End a turn; it goes to whoever is next."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1


class _Depth(threading.local):
    """How many transactions of each kind a thread has open."""

    def __init__(self) -> None:
        # Without slots: those of a ``local`` are shared between threads.
        self.readers = self.writers = 0


class TransactionQueue:
    """Lets a few transactions of one process be under way at a time; safe to share.

    A thread that has a transaction open begins another one without waiting: it would wait for
    itself.
    """

    def __init__(
        self,
        name: str,
        *,
        writers: int,
        readers: int = MOST_READERS,
        wait_seconds: float = QUEUE_SECONDS,
    ) -> None:
        """Begin without any transaction.

        Args:
            name: What errors call the state.
            writers: How many may write at a time.
            readers: How many may read at a time.
            wait_seconds: How long one waits for its turn.
        """
        self._name = name
        self._writers, self._readers = FairTurns(writers), FairTurns(readers)
        self._wait_seconds = wait_seconds
        self._open = _Depth()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Have a turn at writing for as long as the block lasts.

        Raises:
            LedgerError: There was none for too long.
        """
        if not self._open.writers:
            self._await(self._writers)
        self._open.writers += 1
        try:
            yield
        finally:
            self._open.writers -= 1
            if not self._open.writers:
                self._writers.give_back()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Have a turn at reading for as long as the block lasts.

        Raises:
            LedgerError: There was none for too long.
        """
        is_first = not self._open.readers and not self._open.writers
        if is_first:
            self._await(self._readers)
        self._open.readers += 1
        try:
            yield
        finally:
            self._open.readers -= 1
            if is_first:
                self._readers.give_back()

    def _await(self, turns: FairTurns) -> None:
        if not turns.take(self._wait_seconds):
            raise LedgerError(
                f"the state {self._name} has kept this program waiting for "
                f"{self._wait_seconds:.0f} s",
                "Check that its database or disk answers; nothing is lost, what is missing will be "
                "read again.",
            )
