"""How far the platform's clock is from ours, as the date of an answer shows it."""

from __future__ import annotations

from email.utils import parsedate_to_datetime


def skew_seconds(date: str | None, received_at: float) -> float | None:
    """Return how far the platform's clock is ahead of ours, to about a second.

    Args:
        date: An answer's header ``Date``; None where it had none.
        received_at: When the answer came, by our clock; epoch seconds.
    """
    if date is None:
        return None
    try:
        # The header is cut to whole seconds, half a second is its middle.
        return parsedate_to_datetime(date).timestamp() + 0.5 - received_at
    except (ValueError, OverflowError):
        return None
