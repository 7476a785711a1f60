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
_LEAST_SHOWN_PERCENT = 0.01
"""The smallest share that two digits behind the point can show."""

_ROUNDING = 1e-9
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_AGES = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def seconds(duration_ms: float) -> str:
    """Return a duration as people write it: ``4.5 s``."""
    return f"{duration_ms / 1000:.1f}".removesuffix(".0") + " s"


def count_of(count: float, noun: str, plural: str = "") -> str:
    """Return a number and its noun, in the plural where it needs one: ``1,204 runs``.

    Args:
        count: How many; told in whole numbers.
        noun: What, one of it.
        plural: What, several of it, where that is not the noun and an s.
    """
    number = f"{count:,.0f}"
    return f"{number} {noun}" if number == "1" else f"{number} {plural or noun + 's'}"


def percent(share: float | None, unknown: str = UNKNOWN) -> str:
    """Return a share as people write it: ``1.31 %``, ``50 %``.

    One that is not nothing never reads as 0 %, nor one that is not all as 100 %.

    Args:
        share: Between 0 and 1, or a ratio above; None where it is not known.
        unknown: What stands there then.
    """
    text = aligned_percent(share, unknown)
    return text.replace(".00 %", " %")


def aligned_percent(share: float | None, unknown: str = UNKNOWN) -> str:
    """Return the same for a column, with two digits behind the point always: ``50.00 %``."""
    if share is None:
        return unknown
    if 0 < share * 100 < _LEAST_SHOWN_PERCENT:
        return f"< {_LEAST_SHOWN_PERCENT} %"
    text = f"{share * 100:z.2f} %"
    return text if share >= 1 or text != "100.00 %" else f"> {100 - _LEAST_SHOWN_PERCENT} %"


def whole_percent(share: float | None, unknown: str = UNKNOWN) -> str:
    """Return a ratio of which the digits behind the point say nothing: ``87 %``."""
    return unknown if share is None else f"{share * 100:z.0f} %"


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


def call_duration(duration_seconds: float | None, unknown: str = UNKNOWN) -> str:
    """Return a measured duration of a call to three digits: ``737 ms``, ``1.52 s``.

    Args:
        duration_seconds: How long; None where it is not known.
        unknown: What stands there then.
    """
    if duration_seconds is None:
        return unknown
    if round(duration_seconds, 3) < 1:
        return f"{duration_seconds * 1000:.0f} ms"
    return f"{float(f'{duration_seconds:.3g}'):g} s"


def age_of(seconds: float) -> str:
    """Return how long ago something was, in its largest unit of which there are at least two."""
    if seconds < 1:
        return "just now"
    for length, name in _AGES:
        if seconds >= 2 * length:
            return f"{count_of(seconds // length, name)} ago"
    return f"{count_of(seconds // 1, 'second')} ago"


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
    if at is None:
        return None
    # A third of what strftime takes: a document of thousands of actions has thousands of moments.
    moment = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='seconds')}Z"


def utc_minute(at: float) -> str:
    """Return epoch seconds to the minute, in UTC: ``2026-11-28 09:40``."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def utc_moment(at: float) -> str:
    """Return the same with its zone, where it stands by itself: ``2026-11-28 09:40 UTC``."""
    return f"{utc_minute(at)} UTC"


def utc_minute_of_year(at: float) -> str:
    """Return the same without the year, where that stands elsewhere: ``11-28 09:40``."""
    return f"{datetime.fromtimestamp(at, UTC):%m-%d %H:%M}"
