"""The clocks of tests: one stands still until a test moves it, the other has a day in minutes."""

from __future__ import annotations

import time
from dataclasses import dataclass

HOUR = 3_600
DAY = 24 * HOUR
NOON = 1_795_435_200
"""2026-11-23 12:00 UTC, a Monday; a window of any size begins here."""


@dataclass
class ManualClock:
    """A clock that a test moves.

    Attributes:
        at: The true time, epoch seconds; to set it is to let time pass.
        ahead: Seconds that the wall clock was set ahead of it, negative where it was set back.
    """

    at: float = 1_800_000_000.0
    ahead: float = 0.0

    def now(self) -> float:
        """Return what the wall clock shows, epoch seconds."""
        return self.at + self.ahead

    def monotonic(self) -> float:
        """Return what has passed, whatever the wall clock was set to; seconds."""
        return self.at

    def machine_seconds(self, seconds: float) -> float:
        """Return the same number of seconds: nobody waits here."""
        return seconds

    @property
    def true(self) -> _TrueTime:
        """The clock of others, which is right however this one is set."""
        return _TrueTime(self)


@dataclass(frozen=True)
class _TrueTime:
    """Shows the true time of a clock that may be set wrong."""

    clock: ManualClock

    def now(self) -> float:
        """Return the true time, epoch seconds."""
        return self.clock.at

    def monotonic(self) -> float:
        """Return what has passed, seconds."""
        return self.clock.at

    def machine_seconds(self, seconds: float) -> float:
        """Return the same number of seconds."""
        return seconds


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """A clock that runs ``speed`` times as fast as the machine's: a day in minutes.

    Two processes that are given the same three numbers agree on the time.

    Attributes:
        origin: What the clock shows at ``started``; epoch seconds.
        started: When the clock was started, by the machine's clock; epoch seconds.
        speed: Seconds of this clock per second of the machine's.
    """

    origin: float
    started: float
    speed: float

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC."""
        return self.origin + (time.time() - self.started) * self.speed

    def monotonic(self) -> float:
        """Seconds since some moment, ``speed`` times as fast as the machine's."""
        return time.monotonic() * self.speed

    def machine_seconds(self, seconds: float) -> float:
        """Return a ``speed``-th of the seconds."""
        return seconds / self.speed
