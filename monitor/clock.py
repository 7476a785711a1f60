"""What time it is, handed in wherever time matters, so that no function asks the system itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Tells the time of the data."""

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC."""
        ...

    def machine_seconds(self, seconds: float) -> float:
        """How long the machine has to wait for ``seconds`` of this clock to pass."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC."""
        return time.time()

    def machine_seconds(self, seconds: float) -> float:
        """The same number of seconds."""
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

    def machine_seconds(self, seconds: float) -> float:
        """A ``speed``-th of the seconds."""
        return seconds / self.speed
