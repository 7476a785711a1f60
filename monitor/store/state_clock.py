"""The clock of what outlives a process: the machine's for a file, the server's for a database.

Several hosts share a database, and their clocks are never quite the same: what one writes down as
past may lie in the other's future. So all of them go by the server's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from monitor.clock import Clock
from monitor.errors import LedgerError

log = structlog.get_logger()

SYNCHRONIZE_SECONDS = 30.0
"""How long the server's time is reckoned from what this machine counts before it is asked again: in
so long two clocks drift apart by milliseconds."""


def seconds_since_boot() -> float:
    """Return seconds since some moment of this machine, those too in which it was suspended.

    Where the system does not count these, they are missing, as in its monotonic clock.
    """
    boot_clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_clock is None else time.clock_gettime(boot_clock)


class StateClock:
    """The server's clock, carried on by what this machine counts meanwhile; safe to share.

    A step of this machine's wall clock does not touch it, and a suspension does not hold it up. A
    step of the server's shows at the next ``synchronize``.
    """

    def __init__(
        self,
        clock: Clock,
        server_now: Callable[[], float],
        *,
        elapsed: Callable[[], float] = seconds_since_boot,
    ) -> None:
        """Ask the server what time it is.

        Args:
            clock: This machine's clock.
            server_now: Asks the server; epoch seconds.
            elapsed: Seconds since some moment of this machine, suspended or not.

        Raises:
            LedgerError: It can't be asked.
        """
        self._clock = clock
        self._server_now = server_now
        self._elapsed = elapsed
        self._asking = threading.Lock()
        self._anchor = self._ask()

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC, by the server's clock."""
        at, asked_at = self._anchor
        return at + self._elapsed() - asked_at

    def monotonic(self) -> float:
        """Seconds since some moment of this machine."""
        return self._clock.monotonic()

    def machine_seconds(self, seconds: float) -> float:
        """The same number of seconds."""
        return self._clock.machine_seconds(seconds)

    def synchronize(self) -> None:
        """Ask the server again, where that is long enough ago; what can't be asked stays as it was.

        While one thread asks, the others go on with what is known.
        """
        _, asked_at = self._anchor
        if self._elapsed() - asked_at < SYNCHRONIZE_SECONDS:
            return
        if not self._asking.acquire(blocking=False):
            return
        try:
            self._anchor = self._ask()
        except LedgerError as error:
            log.warning("state_clock_not_asked", why=error.message, hint=error.hint)
        finally:
            self._asking.release()

    def _ask(self) -> tuple[float, float]:
        before = self._elapsed()
        at = self._server_now()
        return at, (before + self._elapsed()) / 2


class ServerClock:
    """The server's clock, asked each time: for leases, which a stopped machine must not outlive."""

    def __init__(self, clock: Clock, server_now: Callable[[], float]) -> None:
        """Ask nothing yet."""
        self._clock = clock
        self._server_now = server_now

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC, by the server's clock.

        Raises:
            LedgerError: It can't be asked.
        """
        return self._server_now()

    def monotonic(self) -> float:
        """Seconds since some moment of this machine."""
        return self._clock.monotonic()

    def machine_seconds(self, seconds: float) -> float:
        """The same number of seconds."""
        return self._clock.machine_seconds(seconds)
