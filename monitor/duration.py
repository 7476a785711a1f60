"""Lengths of time as people write them."""

from __future__ import annotations

import re

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*")
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: object) -> int | float:
    """Seconds from text such as ``90s``, ``5m``, ``1.5h`` or ``7d``.

    Raises:
        ValueError: Not a duration, or not more than zero.
    """
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        reason = f"{value!r} is not a duration; write a number and a unit, such as 90s, 5m or 24h"
        raise ValueError(reason)
    seconds = float(match[1]) * _UNIT_SECONDS[match[2]]
    if seconds <= 0:
        reason = f"{value!r} must be longer than nothing"
        raise ValueError(reason)
    return int(seconds) if seconds.is_integer() else seconds
