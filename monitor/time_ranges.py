"""Ranges of time: windows of the data, durations and hours of the week as people write them.

Durations are a number and a unit: ``90s``, ``5m``, ``24h``. Hours are ``Mon-Fri 01:00-05:00``,
``Sat,Sun 00:00-24:00 Europe/Dublin`` or ``22:00-05:00``; several are separated by semicolons.
Without days every day is meant; without a time zone UTC. Hours that end at or before their
beginning go on into the next day, and belong to the day on which they begin.

Moments are such a duration ago (``90m``, ``2h ago``), ``now``, ``today``, ``yesterday``, or a date
in UTC. A library such as dateparser would bring four packages more, and guesses at what it does not
understand: these few forms are told in one sentence, and all else is refused.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, order=True)
class TimeRange:
    """A half-open period, ``start <= t < end``; epoch seconds."""

    start: int
    end: int

    @property
    def seconds(self) -> int:
        """Its length."""
        return self.end - self.start

    def slices(self, seconds: int) -> Iterator[TimeRange]:
        """Cut into consecutive pieces of at most ``seconds``, oldest first."""
        start = self.start
        while start < self.end:
            end = min(start + seconds, self.end)
            yield TimeRange(start, end)
            start = end


def floor_to(seconds: float, step: int) -> int:
    """Return the largest multiple of ``step`` that is not after ``seconds``."""
    return int(seconds // step) * step


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


MOMENTS = (
    "how long ago (90m, 24h, 7d, 2h ago), now, today, yesterday, or a date in UTC such as "
    "2026-11-28, 2026-11-28 09:30 or 2026-11-28T09:30+01:00"
)
"""The forms of a moment, in words."""

_AGO = re.compile(
    r"\s*(\d+(?:\.\d+)?)\s*"
    r"(ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)(?:\s+ago)?\s*",
    re.IGNORECASE,
)
_WEEK_SECONDS = 7 * 86_400
_DAYS_AGO = {"today": 0, "yesterday": 1}
_DAY_WORD = re.compile(
    r"\s*(?P<day>today|yesterday)(?:\s+(?:at\s+)?(?P<time>\d{2}:\d{2}(?::\d{2})?))?\s*",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\s*\d{4}-\d{2}-\d{2}"
    r"(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?\s*(?:UTC|Z|[+-]\d{2}:?\d{2})?)?\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment that a person has named.

    Attributes:
        at: Epoch seconds.
        seconds_ago: How long ago it is.
        is_date: Whether it was named as a date, or by the word for one, and not by how long ago.
    """

    at: float
    seconds_ago: float
    is_date: bool = True


def parse_moment(text: str, now: float) -> Moment:
    """Return the moment that a text such as ``24h``, ``yesterday`` or ``2026-11-28 09:30`` means.

    Args:
        text: What was written; without a zone it is UTC.
        now: Epoch seconds.

    Raises:
        ValueError: It is no moment, or lies further back than a hundred years.
    """
    if text.strip().lower() == "now":
        return Moment(now, 0.0)
    # "1M" is a month to whoever writes it: no minute.
    if (ago := _AGO.fullmatch(text)) and ago[2] != "M":
        seconds = _ago_seconds(ago)
        return Moment(now - seconds, seconds, is_date=False)
    try:
        at = _date(text, now)
    except ValueError as error:
        reason = f"{_shown(text)} is no date that there is: {error}"
        raise ValueError(reason) from error
    if at is None:
        reason = f"{_shown(text)} is no time that is understood; write {MOMENTS}"
        raise ValueError(reason)
    if now - at > LONGEST_SECONDS:
        reason = f"{_shown(text)} is more than a hundred years ago"
        raise ValueError(reason)
    return Moment(at, now - at)


def _ago_seconds(ago: re.Match[str]) -> float:
    unit = ago[2].lower()
    short = unit if unit in _UNIT_SECONDS else unit[0]
    seconds = float(ago[1]) * (_WEEK_SECONDS if short == "w" else _UNIT_SECONDS[short])
    if not 0 < seconds <= LONGEST_SECONDS:
        why = "must be longer than nothing" if seconds <= 0 else "is longer than a hundred years"
        reason = f"{_shown(ago[0])} {why}"
        raise ValueError(reason)
    return seconds


def _date(text: str, now: float) -> float | None:
    """Return the moment of a date, or of a day by its word; None where it is neither."""
    if named := _DAY_WORD.fullmatch(text):
        day = datetime.fromtimestamp(now, UTC) - timedelta(days=_DAYS_AGO[named["day"].lower()])
        return _date(f"{day:%Y-%m-%d} {named['time'] or '00:00'}", now)
    if not _DATE.fullmatch(text):
        return None
    read = datetime.fromisoformat(re.sub(r"\s*UTC$", "Z", text.strip().upper()))
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _shown(value: object) -> str:
    """Return a value as an error shows it: not all of what goes on for long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_MINUTES_PER_DAY = 24 * 60
_HOURS = re.compile(
    r"(?:(?P<days>[A-Za-z][A-Za-z,\-]*)\s+)?"
    r"(?P<start>\d{1,2}:\d{2})\s*-\s*(?P<end>\d{1,2}:\d{2})"
    r"(?:\s+(?P<zone>\S+))?"
)


@dataclass(frozen=True, slots=True)
class Hours:
    """One period of the day on some days of the week, by one place's clocks on the wall.

    Attributes:
        days: On which it begins; 0 is Monday.
        start_minute: Minutes after midnight.
        minutes: How long it lasts, at most a day.
        zone: Whose clocks count.
    """

    days: frozenset[int]
    start_minute: int
    minutes: int
    zone: tzinfo

    def holds(self, now: float) -> bool:
        """Return whether ``now`` lies in it; epoch seconds."""
        local = datetime.fromtimestamp(now, self.zone)
        minute = local.hour * 60 + local.minute
        return any(
            (local - timedelta(days=ago)).weekday() in self.days
            and self.start_minute
            <= minute + ago * _MINUTES_PER_DAY
            < self.start_minute + self.minutes
            for ago in (0, 1)
        )


def parse_hours(text: str) -> tuple[Hours, ...]:
    """Read hours of the week; none where the text is empty.

    Raises:
        ValueError: It can't be understood.
    """
    return tuple(_one(part.strip()) for part in text.split(";") if part.strip())


def is_within_hours(hours: tuple[Hours, ...], now: float) -> bool:
    """Return whether ``now`` (epoch seconds) lies in one of them; no hours at all mean always."""
    return not hours or any(one.holds(now) for one in hours)


def _one(text: str) -> Hours:
    match = _HOURS.fullmatch(text)
    if match is None:
        reason = f"{text!r} are no hours; write them like 'Mon-Fri 01:00-05:00 Europe/Dublin'"
        raise ValueError(reason)
    start, end = _minute(match["start"], text), _minute(match["end"], text)
    if start in {end, _MINUTES_PER_DAY}:
        reason = f"{text!r} begins where it ends; for whole days write 00:00-24:00"
        raise ValueError(reason)
    minutes = end - start if end > start else end + _MINUTES_PER_DAY - start
    return Hours(_days(match["days"] or "mon-sun", text), start, minutes, _zone(match["zone"]))


def _minute(clock: str, text: str) -> int:
    hour, minute = map(int, clock.split(":"))
    if minute > 59 or hour * 60 + minute > _MINUTES_PER_DAY:  # noqa: PLR2004 - of a clock
        reason = f"{text!r} holds {clock}, which no clock shows"
        raise ValueError(reason)
    return hour * 60 + minute


def _days(words: str, text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in words.lower().split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            reason = f"{text!r} holds a day that is none of Mon, Tue, Wed, Thu, Fri, Sat, Sun"
            raise ValueError(reason)
        start, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(start, (end if end >= start else end + 7) + 1)}
    return frozenset(found)


def _zone(name: str | None) -> tzinfo:
    if name is None or name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        reason = f"{name!r} is not a time zone of this machine, such as Europe/Dublin"
        raise ValueError(reason) from error


def merged(ranges: Iterable[TimeRange]) -> tuple[TimeRange, ...]:
    """The same periods, disjoint, oldest first; neighbours that touch become one."""
    result: list[TimeRange] = []
    for time_range in sorted(ranges):
        if time_range.start >= time_range.end:
            continue
        if result and time_range.start <= result[-1].end:
            last = result[-1]
            result[-1] = TimeRange(last.start, max(last.end, time_range.end))
        else:
            result.append(time_range)
    return tuple(result)


def is_covered(time_range: TimeRange, ranges: Sequence[TimeRange]) -> bool:
    """Whether one of ``ranges`` (merged) holds all of ``time_range``."""
    index = bisect_right(ranges, time_range.start, key=lambda held: held.start) - 1
    return index >= 0 and ranges[index].end >= time_range.end
