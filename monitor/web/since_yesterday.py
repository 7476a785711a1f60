"""What changed in the last day: timeouts, by this program or past it, and verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from monitor.formats import count_of, exact_seconds
from monitor.snapshot import SHOWN_CHANGES
from monitor.web.overview_filters import verdict_words
from monitor.web.overview_rows import action_url
from monitor.web.time_tags import TimeForm, time_tag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.journal import Change, OutsideChange
    from monitor.snapshot import Snapshot
    from monitor.web.watched_actions import WatchedAction

DAY_SECONDS = 86_400
MOST_SHOWN = 25
"""Lines; a page of all changes is a click away."""


@dataclass(frozen=True, slots=True)
class News:
    """One thing that changed.

    Attributes:
        when: When, as a page shows it.
        org: Its org.
        words: What, safe in HTML.
    """

    when: Markup
    org: str
    words: Markup


@dataclass(frozen=True, slots=True)
class _Event:
    """One thing that changed, whose words are made where they are shown: there may be thousands."""

    at: float
    org: str
    kind: str
    tell: Callable[[], Markup]


@dataclass(frozen=True, slots=True)
class SinceYesterday:
    """All that changed.

    Attributes:
        summary: How much of what, in one line.
        news: The newest first, no more than can be read.
        left_out: How many more there are; empty where there are none.
    """

    summary: str
    news: tuple[News, ...]
    left_out: str


def since_yesterday(
    snapshot: Snapshot, actions: Iterable[WatchedAction], org: str = ""
) -> SinceYesterday:
    """Return what changed within a day before the snapshot.

    Args:
        snapshot: What is shown.
        actions: Its actions, those whose verdicts are told of.
        org: One org alone; all where empty.
    """
    begin = snapshot.taken_at - DAY_SECONDS
    found = [*_verdicts(actions)]
    is_cut = False
    for org_snapshot in snapshot.orgs:
        if org in {"", org_snapshot.org}:
            done = org_snapshot.remediation
            made = [
                _Event(_moment(one), one.org, "timeout", partial(_change, one))
                for one in done.changes
            ]
            seen = [
                _Event(one.at, one.org, "timeout", partial(_outside, one)) for one in done.outside
            ]
            is_cut = is_cut or _is_cut(made, begin) or _is_cut(seen, begin)
            found += made + seen
    events = sorted((one for one in found if one.at >= begin), key=lambda one: -one.at)
    return SinceYesterday(
        summary=_summary(events, is_cut=is_cut),
        news=tuple(
            News(time_tag(one.at, TimeForm.SHORT), one.org, one.tell())
            for one in events[:MOST_SHOWN]
        ),
        left_out=_left_out(len(events) - MOST_SHOWN, is_cut=is_cut),
    )


def _is_cut(newest: list[_Event], begin: float) -> bool:
    """Whether the day may have had more of these than the snapshot has."""
    return len(newest) >= SHOWN_CHANGES and newest[-1].at >= begin


def _left_out(count: int, *, is_cut: bool) -> str:
    if count <= 0:
        return ""
    return f"at least {count:,} more" if is_cut else f"{count:,} more"


def _verdicts(actions: Iterable[WatchedAction]) -> Iterable[_Event]:
    for one in actions:
        period = one.found.period if one.found else None
        if period is None or not one.needs_attention:
            continue
        if not period.is_since_start:
            yield _Event(period.since, one.day.org, "began", partial(_verdict, one, "began"))
        if period.until is not None:
            yield _Event(period.until, one.day.org, "ended", partial(_verdict, one, "ended"))


def _verdict(one: WatchedAction, what: str) -> Markup:
    return Markup('<a class="name" href="{}"><bdi>{}</bdi></a>: {} {}').format(
        action_url(one.day), one.name, verdict_words(one.verdict), what
    )


def _moment(change: Change) -> float:
    return max(change.began_at, change.applied_at or 0.0, change.ended_at or 0.0, change.touched_at)


def _change(change: Change) -> Markup:
    return Markup("<bdi>{}</bdi>: timeout {} \N{RIGHTWARDS ARROW} {}, {}, by {}").format(
        change.action_name or change.action_id,
        exact_seconds(change.from_ms),
        exact_seconds(change.to_ms),
        change.state.replace("_", " "),
        change.actor,
    )


def _outside(change: OutsideChange) -> Markup:
    return Markup(
        "<bdi>{}</bdi>: timeout {} \N{RIGHTWARDS ARROW} {}, set outside this program by {}"
    ).format(
        change.action_name or change.action_id,
        _timeout(change.from_ms),
        _timeout(change.to_ms),
        change.set_by.who,
    )


def _timeout(timeout_ms: int | None) -> str:
    return "not known" if timeout_ms is None else exact_seconds(timeout_ms)


def _summary(events: list[_Event], *, is_cut: bool) -> str:
    counts = Counter(one.kind for one in events)
    told = []
    if counts["began"]:
        told.append(f"{count_of(counts['began'], 'verdict')} began")
    if counts["ended"]:
        told.append(f"{count_of(counts['ended'], 'verdict')} ended")
    if counts["timeout"]:
        least = "at least " if is_cut else ""
        told.append(f"{least}{count_of(counts['timeout'], 'change')} of timeouts")
    return ", ".join(told) or "nothing changed"
