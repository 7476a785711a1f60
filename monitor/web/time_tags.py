"""Moments in pages: a ``<time>`` that reads well as it is, and better where a script may run.

The server prints moments in UTC, never ages: a page that says the same is the same to the byte.
``app.js`` writes each in the viewer's zone and in the form that the tag asks for, UTC on hover.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from markupsafe import Markup, escape

from monitor.formats import iso_time, utc_minute


class TimeForm(StrEnum):
    """How a moment is to be written where a script runs."""

    FULL = "full"
    """``2026-11-28 10:40``."""
    SHORT = "short"
    """``10:40`` today, ``28 Nov 10:40`` in this year, ``2025-11-28 10:40`` else."""
    AGE = "age"
    """``3 minutes ago``; counts on by itself."""
    UNTIL = "until"
    """``in 40 seconds``, then ``now``; counts down by itself."""


@lru_cache(maxsize=4096)
def time_tag(at: float, form: str = TimeForm.FULL, year: int | None = None) -> Markup:
    """Return a moment as ``<time>``; the same moments stand on a page poll after poll.

    Args:
        at: Epoch seconds.
        form: How a script is to write it.
        year: The one that a reader takes for granted; where None, the one of the moment.
    """
    short = form != TimeForm.FULL
    is_dated = not short or (year is not None and utc_year(at) != year)
    text = f"{utc_minute(at) if is_dated else _day_and_minute(at)} UTC"
    data = f' data-form="{escape(form)}"' if short else ""
    return Markup(f'<time datetime="{iso_time(at)}"{data}>{text}</time>')  # noqa: S704 - all ours


def utc_year(at: float) -> int:
    """Return the year of a moment.

    Args:
        at: Epoch seconds.
    """
    return datetime.fromtimestamp(at, UTC).year


def _day_and_minute(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment.day} {moment:%b %H:%M}"
