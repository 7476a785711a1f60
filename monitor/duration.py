"""Lengths of time as people write them."""

from __future__ import annotations

import re

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*")
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


LONGEST_SECONDS = 100 * 365 * 86_400
"""No date comes to lie beyond what calendars of computers know."""

_LONGEST_SHOWN = 60


def parse_duration(value: object) -> int | float:
    """Seconds from text such as ``90s``, ``5m``, ``1.5h`` or ``7d``.

    Raises:
        ValueError: Not a duration, not more than zero, or longer than a hundred years.
    """
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        shown = _shown(value)
        reason = f"{shown} is not a duration; write a number and a unit, such as 90s, 5m or 24h"
        raise ValueError(reason)
    seconds = float(match[1]) * _UNIT_SECONDS[match[2]]
    if seconds > LONGEST_SECONDS:
        reason = f"{_shown(match[0])} is longer than a hundred years"
        raise ValueError(reason)
    if seconds <= 0:
        reason = f"{value!r} must be longer than nothing"
        raise ValueError(reason)
    return int(seconds) if seconds.is_integer() else seconds


def _shown(value: object) -> str:
    """A value as an error shows it: not all of what goes on for long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
