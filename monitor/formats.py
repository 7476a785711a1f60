"""Numbers and times as people and documents write them: each once, for every room.

Rounding is for reading: what is reckoned further takes the number itself.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil, floor
from typing import overload

UNKNOWN = "-"
"""What stands where nothing is known."""

_SUREST_PERCENT = 99
_ROUNDING = 1e-9
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def seconds(duration_ms: float) -> str:
    """Return a duration as people write it: ``4.5 s``."""
    return f"{duration_ms / 1000:.1f}".removesuffix(".0") + " s"


def percent(share: float) -> str:
    """Return a share as people write it: ``1.3 %``."""
    return f"{share:.2%}".replace(".00%", "%").replace("%", " %")


def share_between(low: float, high: float) -> str:
    """Return bounds on a share in whole percent, rounded outwards: ``between 5 % and 80 %``.

    A bound that bounds nothing is left out, and no bound says none or all.
    """
    least = min(floor(low * 100 + _ROUNDING), _SUREST_PERCENT)
    most = max(ceil(high * 100 - _ROUNDING), 1)
    if least < 1:
        return "anything from none to all" if most > _SUREST_PERCENT else f"at most {most} %"
    if most > _SUREST_PERCENT:
        return f"at least {least} %"
    return f"between {least} % and {most} %"


def format_duration(seconds: int) -> str:
    """Return a length of time in its two largest units, such as ``3 h 20 min``."""
    parts: list[str] = []
    for length, unit in _UNITS:
        whole, seconds = divmod(seconds, length)
        if whole:
            parts.append(f"{whole} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def exact_seconds(duration_ms: float) -> str:
    """Return a timeout as people write it, with up to six digits: ``4.55 s``."""
    return f"{duration_ms / 1000:g} s"


def rounded_seconds(duration_seconds: float | None) -> str:
    """Return a measured duration to three digits, ``1.23 s``; a dash where it is not known."""
    return UNKNOWN if duration_seconds is None else f"{duration_seconds:.3g} s"


@overload
def significant(number: float) -> float: ...


@overload
def significant(number: float | None) -> float | None: ...


def significant(number: float | None) -> float | None:
    """Return six significant digits: more than bands can tell, and no small share becomes 0."""
    return None if number is None else float(f"{number:.6g}")


@overload
def iso_time(at: float) -> str: ...


@overload
def iso_time(at: float | None) -> str | None: ...


def iso_time(at: float | None) -> str | None:
    """Return epoch seconds as ISO 8601 with a Z, to the second; None stays None."""
    return None if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def utc_minute(at: float) -> str:
    """Return epoch seconds to the minute, in UTC: ``2026-11-28 09:40``."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def utc_minute_of_year(at: float) -> str:
    """Return the same without the year, where that stands elsewhere: ``11-28 09:40``."""
    return f"{datetime.fromtimestamp(at, UTC):%m-%d %H:%M}"
