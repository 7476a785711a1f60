"""What is to be said of an org as a whole: its day, its flows that lost callers, its sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from monitor.formats import count_of
from monitor.model import UNKNOWN_ACTION
from monitor.render import describe_limits
from monitor.web.overview_rows import UNKNOWN, trend_words
from monitor.web.time_tags import TimeForm, time_tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.snapshot import OrgSnapshot
    from monitor.summary import CallersLost
    from monitor.web.watched_actions import WatchedAction


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One source of an org, in words."""

    name: str
    answers: str
    last_read: Markup | str
    complete_up_to: Markup | str
    newest_data: Markup | str


@dataclass(frozen=True, slots=True)
class LostRow:
    """Callers lost in one flow, in words."""

    flow: str
    callers: str
    ended: str
    timeouts: str


@dataclass(frozen=True, slots=True)
class OrgSection:
    """One org, in words.

    Attributes:
        name: The org's name.
        headline: What happened in the day, in one sentence.
        notes: What can't be known there.
        lost: Flows that lost callers to an error of their own.
        sources: How fresh each source is.
        day_from: Begin of the day that is shown.
        day_to: Its end.
        judged_at: When its verdicts were last made; empty where there are none.
        mode: What remediation does: ``off``, ``recommend`` or ``auto``.
    """

    name: str
    headline: str
    notes: tuple[str, ...]
    lost: tuple[LostRow, ...]
    sources: tuple[SourceRow, ...]
    day_from: Markup
    day_to: Markup
    judged_at: Markup
    mode: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Some orgs together, in words; a dash for what is known of none of them.

    Attributes:
        name: The org's name; empty where it is about several.
        attention: Actions that need attention.
        actions: Actions that are known.
        hour: Timeouts of the last hour.
        timeouts: Timeouts of the day.
        trend: How much more or fewer than the day before.
        before: Timeouts of the day before; empty where not known.
        conversations: Conversations hit in the day.
        lost: Callers lost in flows in the day.
        limit: The tightest of the org's own limits and its use; empty where none is known.
    """

    name: str
    attention: int
    actions: int
    hour: str
    timeouts: str
    trend: str
    before: str
    conversations: str
    lost: str
    limit: str


def org_section(org_snapshot: OrgSnapshot) -> OrgSection:
    """Return what is to be said of an org."""
    day = org_snapshot.day
    limits = describe_limits(org_snapshot.limits)
    told = (f"The org's limits in the busiest window of the last hour: {limits}.",)
    return OrgSection(
        name=org_snapshot.org,
        headline=_headline(org_snapshot),
        notes=(*(f"{note.rstrip('.')}." for note in day.notes), *(told if limits else ())),
        lost=tuple(_lost(flow) for flow in day.callers_lost or ()),
        sources=tuple(_source(org_snapshot, source) for source in org_snapshot.source_names),
        day_from=time_tag(day.time_range.start),
        day_to=time_tag(day.time_range.end),
        judged_at=_judged_at(org_snapshot),
        mode=org_snapshot.remediation.mode,
    )


def totals(
    org_snapshots: Sequence[OrgSnapshot], actions: Sequence[WatchedAction], name: str = ""
) -> Totals:
    """Return some orgs together.

    Args:
        org_snapshots: The orgs.
        actions: Their actions.
        name: What they are called.
    """
    timeouts = sum(one.day.total.timeouts for one in org_snapshots)
    before = _day_before(org_snapshots)
    conversations = [one.day.total.conversations for one in org_snapshots]
    lost = [
        sum(flow.callers for flow in one.day.callers_lost)
        for one in org_snapshots
        if one.day.callers_lost is not None
    ]
    hit = [one for one in conversations if one is not None]
    tightest = [one.limits[:1] for one in org_snapshots if one.limits]
    return Totals(
        name=name,
        attention=sum(1 for one in actions if one.needs_attention and one.is_named),
        actions=sum(1 for one in actions if one.is_named),
        hour=f"{sum(one.hour.total.timeouts for one in org_snapshots):,}",
        timeouts=f"{timeouts:,}",
        trend=trend_words(timeouts, before),
        before="" if before is None else f"was {before:,}",
        conversations=f"{sum(hit):,}" if hit else UNKNOWN,
        lost=f"{sum(lost):,}" if lost else UNKNOWN,
        limit=describe_limits(tightest[0]) if len(org_snapshots) == 1 and tightest else "",
    )


def _day_before(org_snapshots: Sequence[OrgSnapshot]) -> int | None:
    """Timeouts of the day before; None unless both days of every org were read completely."""
    counts = [one.timeouts_day_before for org in org_snapshots for one in org.day.actions]
    known = [one for one in counts if one is not None]
    complete = all(one.day.complete for one in org_snapshots)
    return sum(known) if known and complete and len(known) == len(counts) else None


def _headline(org_snapshot: OrgSnapshot) -> str:
    total = org_snapshot.day.total
    actions = [one for one in org_snapshot.day.actions if one.action_id != UNKNOWN_ACTION]
    known = count_of(len(actions), "data action")
    if org_snapshot.is_starting:
        return "Starting."
    if not actions:
        return "No data action is known yet."
    if not total.timeouts:
        return f"No timeout in {known}."
    timed_out = sum(1 for one in actions if one.timeouts)
    timeouts = f"{count_of(total.timeouts, 'timeout')} in {timed_out:,} of {known}"
    if total.conversations is None:
        return f"{timeouts}."
    return f"{timeouts}; {count_of(total.conversations, 'conversation')} hit."


def _lost(flow: CallersLost) -> LostRow:
    return LostRow(
        flow=flow.flow_name,
        callers=f"{flow.callers:,}",
        ended=", ".join(f"{reason} {callers:,}" for reason, callers in flow.exit_reasons),
        timeouts=UNKNOWN if flow.action_timeouts is None else f"{flow.action_timeouts:,}",
    )


def _judged_at(org_snapshot: OrgSnapshot) -> Markup:
    known = org_snapshot.diagnosis
    return Markup() if known is None else time_tag(known.taken_at, TimeForm.SHORT)


def _source(org_snapshot: OrgSnapshot, source: str) -> SourceRow:
    state = org_snapshot.state.sources.get(source)
    watermark = org_snapshot.watermark(source)
    answers = {True: "yes", False: "no", None: UNKNOWN}
    return SourceRow(
        name=source,
        answers=answers[org_snapshot.health.source_available.get(source)],
        last_read=_ago(org_snapshot.last_success_at(source)),
        complete_up_to=UNKNOWN if watermark is None else time_tag(watermark),
        newest_data=_ago(state.newest_data_at if state else 0.0),
    )


def _ago(moment: float) -> Markup | str:
    return time_tag(moment, TimeForm.AGE) if moment else "never"
