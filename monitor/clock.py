"""What time it is, handed in wherever time matters, so that no function asks the system itself.

Two times, for two questions. The wall clock names moments that others know too: windows, and what
outlives the process. It may be set, by minutes or by years, at any moment. So whatever is measured
within one process (ages, deadlines, due times, back-off) is measured by the monotonic clock.
"""

from __future__ import annotations

import time
from typing import Protocol

CLOCK_TOLERANCE_SECONDS = 120.0
"""Hosts that share a state may have clocks that are so far apart, and a clock that is kept right is
never corrected by as much. What a state calls past and lies further ahead than this was written by
a clock that was wrong."""


def is_in_future(moment: float, now: float) -> bool:
    """Return whether a moment that must be past lies in the future: it is void.

    Args:
        moment: What was written down as the time then; epoch seconds.
        now: Epoch seconds.
    """
    return moment > now + CLOCK_TOLERANCE_SECONDS


def is_under_way(until: float, now: float, most_seconds: float) -> bool:
    """Return whether something that ends by itself, such as a lease, goes on.

    Args:
        until: Its end, as it was written down; epoch seconds.
        now: Epoch seconds.
        most_seconds: The longest that it can last: an end further ahead was written by a clock that
            was wrong, and is void.
    """
    return 0 < until - now <= most_seconds


class Clock(Protocol):
    """Tells the time of the data."""

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds of this clock since some moment, whatever the wall clock is set to meanwhile."""
        ...

    def machine_seconds(self, seconds: float) -> float:
        """Return how long the machine has to wait for ``seconds`` of this clock to pass."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some moment of this machine."""
        return time.monotonic()

    def machine_seconds(self, seconds: float) -> float:
        """Return the same number of seconds."""
        return seconds


STEP_SECONDS = 30.0
"""From here on a correction of the wall clock is a step, in seconds of the machine. Clocks that
are kept right are corrected by less, or so slowly that no look sees it; and less than that moves
no read, which ends at a full minute."""

_PAUSE_SECONDS = 1.0
"""Two looks at the time that lie further apart than this say nothing: the process was stopped
between them."""


class ClockSteps:
    """Tells when the wall clock was set, by holding it against the monotonic one.

    A machine that was suspended looks the same: its monotonic clock stood still. Not to be shared
    between threads without a lock.
    """

    def __init__(self, clock: Clock) -> None:
        """Take the time as it is."""
        self._clock = clock
        self._offset = clock.now() - clock.monotonic()
        self._stepped_at: float | None = None
        self.counts: dict[str, int] = {"ahead": 0, "back": 0}

    def look(self) -> float:
        """Return by how many seconds the wall clock was set since the last look; 0.0 where not.

        Positive where it was set ahead. What is below ``STEP_SECONDS`` is taken over unsaid.
        """
        before = self._clock.monotonic()
        offset = self._clock.now() - before
        if self._machine(self._clock.monotonic() - before) > _PAUSE_SECONDS:
            return 0.0
        step, self._offset = offset - self._offset, offset
        if abs(self._machine(step)) < STEP_SECONDS:
            return 0.0
        self._stepped_at = before
        self.counts["ahead" if step > 0 else "back"] += 1
        return step

    def stepped_within(self, seconds: float) -> bool:
        """Return whether the wall clock was set within the last so many seconds."""
        at = self._stepped_at
        return at is not None and self._clock.monotonic() - at < seconds

    def _machine(self, seconds: float) -> float:
        return self._clock.machine_seconds(seconds)
