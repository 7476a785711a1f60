"""One request and its answer under one deadline, wherever they stand when it comes.

A time limit of a socket is a limit a step: an answer that drips its headers, or a proxy that never
ends its own, keeps within it for ever. So each exchange has a watchdog that shuts its socket down
when its time is over, which wakes what reads from it or writes to it, in a TLS handshake too.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from typing import Any

Address = tuple[Any, ...]
"""What ``socket.getaddrinfo`` gives for one way to a host."""


class Exchange:
    """One request and its answer; safe to cut from another thread.

    Attributes:
        deadline: When its time is over, on the monotonic clock.
        was_connected: Whether there ever was a connection for it.
    """

    def __init__(self, seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Let its time run from now on."""
        self.deadline = monotonic() + seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._is_cut = False
        self.was_connected = False
        self._watchdog = threading.Timer(max(seconds, 0.0), self.cut)
        self._watchdog.daemon = True
        self._watchdog.start()

    @property
    def remaining_seconds(self) -> float:
        """What is left of its time; negative when it is over."""
        return self.deadline - self._monotonic()

    @property
    def has_run_out(self) -> bool:
        """Whether its time is over, so that whatever ended it was the deadline."""
        return self.remaining_seconds <= 0

    @property
    def is_cut(self) -> bool:
        """Whether it was ended from outside: what looks like the end of an answer is none."""
        return self._is_cut

    def hold(self, opened: socket.socket) -> None:
        """Watch over a socket from now on, in place of any other.

        Raises:
            TimeoutError: The exchange was cut before it had one.
        """
        # A handle of its own: TLS takes the socket over, and a connection that is to be closed
        # lets go of it before the body is read.
        line = socket.socket(fileno=os.dup(opened.fileno()))
        self.was_connected = True
        with self._lock:
            before, self._line = self._line, line
            is_cut = self._is_cut
        if before is not None:
            before.close()
        if is_cut:
            self.let_go()
            reason = "it took too long"
            raise TimeoutError(reason)

    def cut(self) -> None:
        """End whatever is going on, at once."""
        with self._lock:
            self._is_cut = True
            if self._line is not None:
                # It may have ended by itself in this very moment.
                with suppress(OSError):
                    self._line.shutdown(socket.SHUT_RDWR)

    def let_go(self) -> None:
        """Watch over no socket any more: another exchange may have it by now."""
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            line.close()

    def end(self) -> None:
        """Stop the watchdog."""
        self._watchdog.cancel()
        self.let_go()


class ExchangesInFlight:
    """The exchanges of one session that are going on now; safe to use from several threads."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._going_on: set[Exchange] = set()
        self._of_thread = threading.local()

    @property
    def current(self) -> Exchange | None:
        """The exchange of the calling thread; None outside of one."""
        exchange: Exchange | None = getattr(self._of_thread, "exchange", None)
        return exchange

    @contextmanager
    def begin(self, exchange: Exchange) -> Iterator[None]:
        """Let an exchange be the calling thread's until the block ends."""
        with self._lock:
            self._going_on.add(exchange)
        self._of_thread.exchange = exchange
        try:
            yield
        finally:
            self._of_thread.exchange = None
            with self._lock:
                self._going_on.discard(exchange)
            exchange.end()

    def cut_all(self) -> None:
        """End each of them at once; each gets a connection error."""
        with self._lock:
            for exchange in self._going_on:
                exchange.cut()


def resolve(host: str, port: int, seconds: float) -> list[Address]:
    """Return the ways to a host, within a time that the system's resolver does not know of.

    It may wait for a minute and more, and nothing ends it: it is left to itself then.

    Raises:
        socket.gaierror: The name does not resolve.
        TimeoutError: No answer came in time.
    """
    if _is_address(host):
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    answers: SimpleQueue[list[Address] | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
            answers.put(error)

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=max(seconds, 0.001))
    except Empty:
        reason = "the name service did not answer in time"
        raise TimeoutError(reason) from None
    if isinstance(answer, list):
        return answer
    raise answer


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
