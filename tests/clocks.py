"""The clock of tests: it stands still until a test moves it, and may be set wrong."""

from __future__ import annotations

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
