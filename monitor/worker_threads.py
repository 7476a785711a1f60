"""Threads that a daemon's jobs share: a few, and more of them only while some hang.

A job waits for the network nearly all of its time, so a few threads are enough for many orgs, and
each costs memory. But an org whose platform does not answer holds its thread until its deadline,
and a region that is down holds as many as it has orgs: no other org may wait for them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent import futures
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

USUAL_THREADS = 10
"""So many run what is due of fifty orgs: a poll a minute of each takes a second or two."""

HANGS_AFTER_SECONDS = 20.0
"""A job that takes longer is taken to hang: another thread runs meanwhile what else is due."""


class WorkerThreads(futures.Executor):
    """Runs jobs in the order in which they come; safe to share between threads.

    As many run at a time as ``usual``, those that hang not counted. How many there can be is
    bounded by how many jobs there are: of each the scheduler runs one at a time.
    """

    def __init__(
        self, usual: int = USUAL_THREADS, hangs_after_seconds: float = HANGS_AFTER_SECONDS
    ) -> None:
        """Begin without a thread.

        Args:
            usual: How many jobs run at a time, as long as none hangs.
            hangs_after_seconds: How long a job may take before it no longer counts.
        """
        self._usual = usual
        self._hangs_after = hangs_after_seconds
        self._waiting: deque[Callable[[], None]] = deque()
        self._threads: set[threading.Thread] = set()
        self._running_since: dict[threading.Thread, float] = {}
        self._has_ended = False
        # Also a lock: whatever is above is read and written under it.
        self._changed = threading.Condition()
        self._look: threading.Timer | None = None

    @property
    def threads(self) -> int:
        """How many threads there are."""
        return len(self._threads)

    def submit(
        self, job: Callable[P, T], /, *arguments: P.args, **named: P.kwargs
    ) -> futures.Future[T]:
        """Run a job as soon as a thread is free.

        Raises:
            RuntimeError: After the end.
        """
        return self._submit(self._waiting.append, partial(job, *arguments, **named))

    def submit_first(
        self, job: Callable[P, T], /, *arguments: P.args, **named: P.kwargs
    ) -> futures.Future[T]:
        """Run a job before all others that wait; likewise."""
        return self._submit(self._waiting.appendleft, partial(job, *arguments, **named))

    def _submit(
        self, put: Callable[[Callable[[], None]], None], job: Callable[[], T]
    ) -> futures.Future[T]:
        future: futures.Future[T] = futures.Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = job()
            except BaseException as error:  # noqa: BLE001 - it is for whoever asks the future
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._changed:
            if self._has_ended:
                raise RuntimeError("no job is begun after the end")
            put(run)
            self._changed.notify()
            self._staff()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - as every executor has it
        """Begin no more jobs, not even those that wait; nobody is told of these.

        Args:
            wait: Whether to return only when none runs any more.
            cancel_futures: Of no account.
        """
        with self._changed:
            self._has_ended = True
            self._waiting.clear()
            self._changed.notify_all()
            threads = [one for one in self._threads if one is not threading.current_thread()]
            if self._look is not None:
                self._look.cancel()
        if wait:
            for thread in threads:
                thread.join()

    def _staff(self) -> None:
        """Start the threads that what waits may have; look again when another one may hang."""
        idle = len(self._threads) - len(self._running_since)
        missing = len(self._waiting) - idle
        if missing <= 0 or self._has_ended:
            return
        now = time.monotonic()
        since = sorted(self._running_since.values())
        hanging = sum(now - begun >= self._hangs_after for begun in since)
        room = self._usual + hanging - len(self._threads)
        for _ in range(min(missing, room)):
            thread = threading.Thread(target=self._work, name="job", daemon=True)
            self._threads.add(thread)
            thread.start()
        if missing > room and self._look is None and hanging < len(since):
            in_seconds = since[hanging] + self._hangs_after - now
            self._look = threading.Timer(in_seconds, self._look_again)
            self._look.daemon = True
            self._look.start()

    def _look_again(self) -> None:
        with self._changed:
            self._look = None
            self._staff()

    def _work(self) -> None:
        """The life of a thread: it ends where it is one too many, and with all others."""
        me = threading.current_thread()
        while True:
            with self._changed:
                self._running_since.pop(me, None)
                while not self._waiting and not self._has_ended and not self._is_one_too_many():
                    self._changed.wait()
                if not self._waiting:
                    self._threads.discard(me)
                    return
                job = self._waiting.popleft()
                self._running_since[me] = time.monotonic()
                self._staff()
            job()
            del job

    def _is_one_too_many(self) -> bool:
        now = time.monotonic()
        hanging = sum(now - at >= self._hangs_after for at in self._running_since.values())
        return len(self._threads) - hanging > self._usual
