"""Since when a verdict holds, and whether what it speaks of goes on."""

from __future__ import annotations

from dataclasses import dataclass


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
