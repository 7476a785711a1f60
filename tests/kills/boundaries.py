"""Where a process can be ended: before each write, fsync and network call, and inside a write."""

from __future__ import annotations

import functools
import os
import resource
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from monitor.store.engines import WRITES
from tests.kills.shared_memory import SharedMemory

SOCKET_CALLS = ("connect", "sendall", "send", "recv", "recv_into")
"""What the client does on the network; each may block, or may have happened at the far side."""

NEVER = 0


class Boundaries:
    """Counts what this process does to the disk and the network; ends it before one of them."""

    def __init__(self, memory: SharedMemory, kill_at: int) -> None:
        """Begin to count.

        Args:
            memory: Where the count goes, so that it outlives the process.
            kill_at: The boundary before which SIGKILL comes; ``NEVER`` for none.
        """
        self._memory = memory
        self._kill_at = kill_at
        memory.taken = 0

    def reach(self, *_: object) -> None:
        """Count one boundary, and end where it is the one."""
        self._memory.taken += 1
        if self._memory.taken == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Stand in front of the statements that write, commits, of fsync, and of every socket."""
        event.listen(Engine, "before_cursor_execute", self._before_statement)
        event.listen(Engine, "commit", self._before_commit)
        os.fsync = self._before(os.fsync)
        os.ftruncate = self._before(os.ftruncate)
        for name in SOCKET_CALLS:
            setattr(socket.socket, name, self._before(getattr(socket.socket, name)))

    def _before_statement(
        self, _connection: object, _cursor: object, statement: str, *_: object
    ) -> None:
        # Nothing is kept between a statement that only reads and what comes after it.
        if not statement.startswith(("SELECT", "BEGIN", "PRAGMA")):
            self.reach()

    def _before_commit(self, connection: Connection) -> None:
        if connection.get_execution_options().get(WRITES):
            self.reach()

    def _before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def counted(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the call has it
            self.reach()
            return call(*args, **kwargs)

        return counted


def tear_writes_beyond(bytes_of_a_file: int) -> None:
    """End this process inside the write that would make any file longer than this.

    The kernel carries that write out up to the very byte, then SIGXFSZ comes: what is on the disk
    is a torn frame of the log, a torn page, or a torn line of a file.
    """
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_of_a_file, bytes_of_a_file))


def size_of(path: Path) -> int:
    """Return the bytes of a file, 0 where it is not there."""
    return path.stat().st_size if path.exists() else 0
