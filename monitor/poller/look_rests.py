"""What a closer look leaves alone for a while: what failed, and sizes that were too much."""

from __future__ import annotations

from collections.abc import Collection

from monitor.clock import Clock
from monitor.poller.look_choice import Look, LookSize

FIRST_REST_SECONDS = 3_600.0
"""A timeout that a question failed about rests so long, and twice as long after each failure more:
one that always fails is not to keep the others from being asked."""

LONGEST_REST_SECONDS = 24 * 3_600.0
"""A permission, an upgrade or another action may have changed what failed the day before."""

FULL_SIZE_AFTER_SECONDS = 24 * 3_600.0
"""After a day a question of the full size is tried again: that costs a few requests, and what was
only busy would else be asked in small pieces for as long as the process lives."""


class LookRests:
    """Remembers what failed; by the monotonic clock, so that no set clock changes it."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nothing that failed."""
        self._clock = clock
        self._size = LookSize()
        self._halved_at = 0.0
        self._failures: dict[int, int] = {}
        self._until: dict[int, float] = {}

    @property
    def size(self) -> LookSize:
        """The largest question that is asked now."""
        if self._clock.monotonic() - self._halved_at >= FULL_SIZE_AFTER_SECONDS:
            self._size = LookSize()
        return self._size

    @property
    def resting(self) -> Collection[int]:
        """Timeouts in ms that nothing is asked about now."""
        now = self._clock.monotonic()
        return {timeout_ms for timeout_ms, until in self._until.items() if now < until}

    def halve(self, look: Look) -> bool:
        """Ask less from now on than was asked; return False where nothing is less."""
        half = self._size.halved(look)
        if half is None:
            return False
        self._size, self._halved_at = half, self._clock.monotonic()
        return True

    def note_failure(self, look: Look) -> None:
        """Let a timeout rest, the longer the oftener it has failed in a row."""
        times = self._failures.get(look.timeout_ms, 0)
        self._failures[look.timeout_ms] = times + 1
        # An exponent without a bound would be a number without one.
        rest = min(FIRST_REST_SECONDS * 2.0 ** min(times, 16), LONGEST_REST_SECONDS)
        self._until[look.timeout_ms] = self._clock.monotonic() + rest

    def note_answer(self, look: Look) -> None:
        """Forget that a timeout failed."""
        self._failures.pop(look.timeout_ms, None)
        self._until.pop(look.timeout_ms, None)
