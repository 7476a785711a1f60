"""A process of our own that does what keeps a processor busy, and what it takes to run one.

What it computes holds up no thread of the daemon, and its memory goes back to the system as soon
as nothing is left to do. It ends with whoever started it, however that ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import ParamSpec, TypeVar

IDLE_SECONDS = 20.0
"""How long a process is kept for what comes next: orgs are due one after another, not at once. To
start one takes about a second."""

P = ParamSpec("P")
T = TypeVar("T")


class WorkerProcess(Executor):
    """One process, started when there is something to do and ended when there has been nothing.

    One that died is replaced by the next task; those that it was to do end in
    ``BrokenProcessPool``. Safe to use from several threads.
    """

    def __init__(
        self, prepare: Callable[[str], None], word: str, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        """Start nothing yet.

        Args:
            prepare: Called first in each process; a function of a module.
            word: What it is called with.
            idle_seconds: How long a process is kept that has nothing to do.
        """
        self._prepare = prepare
        self._word = word
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._lifeline: Connection | None = None
        self._waiting = 0
        self._idle: threading.Timer | None = None
        self._is_shut = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a function in the process.

        Raises:
            RuntimeError: It was shut down.
        """
        with self._lock:
            if self._is_shut:
                raise RuntimeError("the process was shut down")
            if self._idle is not None:
                self._idle.cancel()
                self._idle = None
            try:
                future = self._running_pool().submit(fn, *args, **kwargs)
            except BrokenProcessPool:
                self._end_process()
                future = self._running_pool().submit(fn, *args, **kwargs)
            self._waiting += 1
        future.add_done_callback(self._note_done)
        return future

    def end_process(self) -> None:
        """End the process, whatever it is doing; the next task starts another one."""
        with self._lock:
            self._end_process()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002 - as the base class has it
        """End the process, whatever it is doing, and start no other one."""
        with self._lock:
            self._is_shut = True
            if self._idle is not None:
                self._idle.cancel()
            self._end_process()

    def _running_pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            theirs, self._lifeline = context.Pipe(duplex=False)
            self._pool = ProcessPoolExecutor(
                1,
                mp_context=context,
                initializer=_begin,
                initargs=(theirs, self._prepare, self._word),
            )
        return self._pool

    def _end_process(self) -> None:
        pool, self._pool = self._pool, None
        lifeline, self._lifeline = self._lifeline, None
        if lifeline is not None:
            lifeline.close()
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _note_done(self, _future: Future[T]) -> None:
        with self._lock:
            self._waiting -= 1
            if self._waiting or self._is_shut:
                return
            self._idle = threading.Timer(self._idle_seconds, self._end_if_idle)
            self._idle.daemon = True
            self._idle.start()

    def _end_if_idle(self) -> None:
        with self._lock:
            if not self._waiting:
                self._end_process()


def _begin(lifeline: Connection, prepare: Callable[[str], None], word: str) -> None:
    """Make the new process one that ends with the one that started it."""
    # Whoever started it decides when it ends, not what reaches all of a terminal or of a service.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline,), name="lifeline", daemon=True).start()
    prepare(word)


def _end_with(lifeline: Connection) -> None:
    """Wait until the other end is closed, by whomever or by the end of that process."""
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(0)
