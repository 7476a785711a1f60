"""Since when a verdict holds, and whether what it speaks of goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.formats import utc_minute

MOST_TOLD = 3
"""More moments than this make no sentence: the newest are told, and how many there were."""


@dataclass(frozen=True, slots=True)
class VerdictPeriod:
    """The period that a verdict speaks of.

    Attributes:
        since: When what it speaks of began; epoch seconds.
        until: When it ended; epoch seconds, None while it goes on.
        is_since_start: Whether it was so in the oldest window there is evidence of: then it began
            at ``since`` or earlier.
    """

    since: float
    until: float | None = None
    is_since_start: bool = False

    @property
    def is_ongoing(self) -> bool:
        """Whether it goes on, as of the newest settled window."""
        return self.until is None


def describe_period(period: VerdictPeriod) -> str:
    """Return when that was: ``2026-11-28 02:10 to 02:50 UTC``, or since when, if it goes on."""
    before = " or earlier" if period.is_since_start else ""
    if period.until is None:
        return f"since {utc_minute(period.since)} UTC{before}, and it goes on"
    return f"{_from_to(period)} UTC"


def describe_periods(periods: Sequence[VerdictPeriod]) -> str:
    """Return when these were, the oldest first; only the newest of many, with how many there were.

    Args:
        periods: In order of time; at least one.
    """
    told = periods[-MOST_TOLD:]
    ended = [_from_to(one) for one in told if one.until is not None]
    parts = [f"{_listed(ended)} UTC"] if ended else []
    parts += [describe_period(one) for one in told if one.until is None]
    many = len(periods) > MOST_TOLD
    return (f"the last of {len(periods)} times: " if many else "") + ", and ".join(parts)


def _from_to(period: VerdictPeriod) -> str:
    begin, end = utc_minute(period.since), utc_minute(period.until or period.since)
    before = " or earlier" if period.is_since_start else ""
    return f"{begin}{before} to {end[11:] if begin[:10] == end[:10] else end}"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if parts[1:] else parts)
