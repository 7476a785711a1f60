"""Moments and intervals as the platform writes them: ISO 8601 in UTC with milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from monitor.simulator.api_errors import bad_request

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_DURATION: Final = re.compile(
    r"P(?:(?P<W>\d+)W)?(?:(?P<D>\d+)D)?(?:T(?:(?P<H>\d+)H)?(?:(?P<M>\d+)M)?(?:(?P<S>\d+)S)?)?"
)
_SECONDS: Final = {"W": 604_800, "D": 86_400, "H": 3_600, "M": 60, "S": 1}


def iso(at_ms: int) -> str:
    """For example ``2026-01-01T00:00:00.000Z``."""
    moment = _EPOCH + timedelta(milliseconds=int(at_ms))
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1_000:03d}Z"


def iso_interval(from_ms: int, to_ms: int) -> str:
    """Both ends with a slash between them."""
    return f"{iso(from_ms)}/{iso(to_ms)}"


def parse_interval(text: str, longest_days: float) -> tuple[int, int]:
    """Return an interval as epoch milliseconds.

    Raises:
        ApiError: 400; not an interval, empty, or longer than ``longest_days``.
    """
    start, slash, end = text.partition("/")
    if not slash:
        message = f"The interval '{text}' is not of the form start/end"
        raise bad_request(message)
    from_ms, to_ms = _parse(start, text), _parse(end, text)
    if to_ms <= from_ms:
        message = f"The interval '{text}' must end after it starts"
        raise bad_request(message)
    if to_ms - from_ms > longest_days * 86_400_000:
        longest = f"{longest_days:g} days" if longest_days >= 1 else f"{longest_days * 24:g} h"
        message = f"The interval '{text}' is longer than the maximum of {longest}"
        raise bad_request(message)
    return from_ms, to_ms


def parse_granularity(text: str, smallest_seconds: int) -> int:
    """Return an ISO 8601 duration as milliseconds.

    Raises:
        ApiError: 400; not a duration, or finer than ``smallest_seconds``.
    """
    found = _DURATION.fullmatch(text)
    parts = found.groupdict() if found else {}
    seconds = sum(int(parts[unit] or 0) * worth for unit, worth in _SECONDS.items() if parts)
    if seconds <= 0:
        message = f"The granularity '{text}' is not a valid ISO 8601 duration"
        raise bad_request(message)
    if seconds < smallest_seconds:
        message = f"The granularity '{text}' is smaller than the minimum of {smallest_seconds} s"
        raise bad_request(message)
    return seconds * 1_000


def _parse(text: str, interval: str) -> int:
    """Return a moment with an offset as epoch milliseconds."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = f"The interval '{interval}' holds '{text}', which is not an ISO 8601 date-time"
        raise bad_request(message) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND
