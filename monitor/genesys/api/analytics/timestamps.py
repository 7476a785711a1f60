"""How the analytics API writes times: UTC, ISO 8601, to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from monitor.time_ranges import TimeRange

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment in an answer; one without a zone is refused."""


def interval(time_range: TimeRange) -> str:
    """Return a period as the platform writes it, ``2026-01-01T00:00:00.000Z/...``."""
    return f"{_instant(time_range.start)}/{_instant(time_range.end)}"


def _instant(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def epoch_seconds(text: str) -> float:
    """Epoch seconds of an ISO 8601 instant that names its zone.

    Raises:
        ValueError: Not an instant, or one without a zone.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        reason = f"{text!r} names no time zone"
        raise ValueError(reason)
    return instant.timestamp()


def epoch_ms(instant: datetime) -> int:
    """Epoch milliseconds of an instant."""
    return round(instant.timestamp() * 1000)
