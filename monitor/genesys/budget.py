"""The time that one call may take, with all its repetitions and waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

_SHORTEST_WAIT_SECONDS = 0.001  # a socket takes zero for "do not wait at all"


@dataclass(frozen=True, slots=True)
class Budget:
    """A stretch of time that is running out.

    Attributes:
        deadline: When it ends, on the monotonic clock.
        monotonic: That clock.
    """

    deadline: float
    monotonic: Callable[[], float] = time.monotonic

    @classmethod
    def of(cls, seconds: float) -> Budget:
        """A budget that begins now."""
        return cls(time.monotonic() + seconds)

    @property
    def remaining_seconds(self) -> float:
        """What is left; negative when it is used up."""
        return self.deadline - self.monotonic()

    def at_most(self, seconds: float) -> float:
        """A time limit for one step: ``seconds``, or what is left where that is less."""
        return max(min(seconds, self.remaining_seconds), _SHORTEST_WAIT_SECONDS)
