"""What one call may take, with all its repetitions and waits, and what one poll may ask for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from monitor.errors import BudgetSpentError

POLL_SECONDS = 240.0
"""The most that one poll takes, catalogue included: less than the five intervals after which its
data is stale. A platform that answers in drips is asked anew after at most that."""

MOST_REQUESTS_A_POLL = 1_200
"""What the pace allows in that time (4 a second and a burst of 50), and some to spare: it bounds
a client that keeps another pace."""

_SHORTEST_WAIT_SECONDS = 0.001  # a socket takes zero for "do not wait at all"


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment by which something has to end, and the clock that tells how far off it is.

    Attributes:
        at: When it ends, on the monotonic clock.
        monotonic: That clock.
    """

    at: float
    monotonic: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline that is so many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def remaining_seconds(self) -> float:
        """What is left; negative when it is used up."""
        return self.at - self.monotonic()

    def at_most(self, seconds: float) -> float:
        """Return a time limit for one step: ``seconds``, or what is left where that is less."""
        return max(min(seconds, self.remaining_seconds), _SHORTEST_WAIT_SECONDS)


class RequestBudget:
    """What a piece of work may ask the platform for: time, and requests.

    A part of it, for one source among several, is charged to the whole as well.
    """

    def __init__(
        self,
        seconds: float = POLL_SECONDS,
        requests: int = MOST_REQUESTS_A_POLL,
        *,
        whole: RequestBudget | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let its time run from now on.

        Args:
            seconds: The time.
            requests: The requests.
            whole: What this is a part of.
            monotonic: The clock for the time.
        """
        self.seconds = seconds
        self._requests = requests
        self._whole = whole
        self._monotonic = monotonic
        self._deadline = monotonic() + seconds

    @property
    def remaining_seconds(self) -> float:
        """What is left of the time; negative when it is over."""
        return self._deadline - self._monotonic()

    @property
    def remaining_requests(self) -> int:
        """How many requests may still be sent."""
        return self._requests

    @property
    def is_half_spent(self) -> bool:
        """Whether to begin nothing new: what is left is for what has been begun."""
        return self.remaining_seconds < self.seconds / 2

    def part(self, shares: int) -> RequestBudget:
        """Return an equal part of what is left.

        Args:
            shares: How many pieces of work it has to do for; this one included.
        """
        return RequestBudget(
            max(self.remaining_seconds, 0.0) / shares,
            self._requests // shares,
            whole=self,
            monotonic=self._monotonic,
        )

    def check(self, endpoint_label: str) -> None:
        """Refuse to go on where nothing is left.

        Raises:
            BudgetSpentError: The time is over, or the requests are used up.
        """
        left = self.remaining_seconds
        if left > 0 and self._requests > 0:
            return
        what = "time" if left <= 0 else "requests"
        raise BudgetSpentError(
            f"The {what} that one poll has for this ended before {endpoint_label} was answered",
            "What is missing is asked for at the next poll; nothing is lost.",
            endpoint=endpoint_label,
        )

    def charge(self) -> None:
        """Take one request off."""
        self._requests -= 1
        if self._whole is not None:
            self._whole.charge()
