"""What the platform takes at most in one request, and who says so: one table for both sides.

The program keeps to it, the simulated platform refuses beyond it, ``docs/platform.md`` shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

MOST_VIEWS: Final = 10
LONGEST_AGGREGATE_DAYS: Final = 31
LONGEST_DETAIL_DAYS: Final = 31
LONGEST_UNFILTERED_DETAIL_DAYS: Final = 7
MOST_CONVERSATIONS_A_PAGE: Final = 100
MOST_ENTITIES_A_PAGE: Final = 100
MOST_ROWS_A_JOB_PAGE: Final = 1_000
MOST_IDS: Final = 50
MOST_REQUESTS_A_MINUTE: Final = 300


@dataclass(frozen=True, slots=True)
class PlatformLimit:
    """One documented limit.

    Attributes:
        subject: What is limited, where.
        most: The most that is taken.
        unit: Of what.
        source: Who says so.
        program: What the program asks for.
    """

    subject: str
    most: int
    unit: str
    source: str
    program: str


_GUIDE: Final = "the developer guide"
_SDK: Final = "the SDK's documentation"

LIMITS: Final = (
    PlatformLimit(
        "Views of an aggregates query", MOST_VIEWS, "views", _GUIDE, "one query of 10, or two"
    ),
    PlatformLimit(
        "Interval of an aggregates query",
        LONGEST_AGGREGATE_DAYS,
        "days",
        f"{_GUIDE}; for actions see `longest_interval`",
        "two hours",
    ),
    PlatformLimit(
        "Interval of a query of detail records with a filter",
        LONGEST_DETAIL_DAYS,
        "UTC days",
        _GUIDE,
        "a day, and the six hours before it",
    ),
    PlatformLimit(
        "Interval of a query of detail records without a filter",
        LONGEST_UNFILTERED_DETAIL_DAYS,
        "UTC days",
        _GUIDE,
        "never without one",
    ),
    PlatformLimit(
        "Page of detail records", MOST_CONVERSATIONS_A_PAGE, "conversations", _SDK, "100"
    ),
    PlatformLimit("Page of a listing", MOST_ENTITIES_A_PAGE, "entities", _SDK, "100"),
    PlatformLimit("Page of a job's results", MOST_ROWS_A_JOB_PAGE, "rows", _SDK, "1,000"),
    PlatformLimit("`ids` of a listing of actions", MOST_IDS, "ids", _SDK, "one"),
    PlatformLimit(
        "Requests of a token", MOST_REQUESTS_A_MINUTE, "requests a minute", _GUIDE, "240 a minute"
    ),
)
"""Every limit of one request, and of one token."""

_SECONDS_A_DAY: Final = 86_400


def beyond(path: str, query: Mapping[str, str], body: Mapping[str, object]) -> Iterator[str]:
    """Yield each limit that a request goes beyond, in words; nothing where it keeps to all.

    Args:
        path: The request's path.
        query: Its query parameters.
        body: Its JSON body; empty where it has none.
    """
    views = body.get("views")
    if isinstance(views, list | tuple) and len(views) > MOST_VIEWS:
        yield f"{len(views)} views, at most {MOST_VIEWS}"
    yield from _too_long(path, body)
    yield from _too_large(path, query, body)
    ids = [one for one in query.get("ids", "").split(",") if one]
    if len(ids) > MOST_IDS:
        yield f"{len(ids)} ids, at most {MOST_IDS}"


def _too_long(path: str, body: Mapping[str, object]) -> Iterator[str]:
    text = body.get("interval")
    if not isinstance(text, str):
        return
    begin, end = (datetime.fromisoformat(one).timestamp() for one in text.split("/"))
    if "/aggregates/" in path:
        days, longest = (end - begin) / _SECONDS_A_DAY, LONGEST_AGGREGATE_DAYS
    elif path.endswith("/conversations/details/query"):
        filtered = any(key.endswith("Filters") and body[key] for key in body)
        # Whole UTC days are looked through, those that the interval only touches too.
        days = -(-end // _SECONDS_A_DAY) - begin // _SECONDS_A_DAY
        longest = LONGEST_DETAIL_DAYS if filtered else LONGEST_UNFILTERED_DETAIL_DAYS
    else:
        return
    if days > longest:
        yield f"an interval of {days:g} days, at most {longest}"


def _too_large(path: str, query: Mapping[str, str], body: Mapping[str, object]) -> Iterator[str]:
    paging = body.get("paging")
    asked = paging.get("pageSize") if isinstance(paging, Mapping) else body.get("pageSize")
    asked = query.get("pageSize", asked)
    most = MOST_ROWS_A_JOB_PAGE if "/jobs" in path else MOST_ENTITIES_A_PAGE
    if asked is not None and int(str(asked)) > most:
        yield f"a page of {asked}, at most {most}"
