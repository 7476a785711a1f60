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


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC."""
        return time.time()


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
