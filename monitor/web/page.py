"""The status page: the current snapshot as one quiet page of HTML that needs nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from monitor.diagnosis import Severity
from monitor.formats import count_of, utc_moment
from monitor.render import describe_limits, most_severe_first
from monitor.web.pages import page_response
from monitor.web.readiness import REFUSED, why_not_ready
from monitor.web.time_tags import TimeForm, time_tag
from monitor.web.wording import UNKNOWN, describe_action

if TYPE_CHECKING:
    from flask import Response

    from monitor.snapshot import OrgSnapshot, Snapshot
    from monitor.summary import CallersLost
    from monitor.web.readiness import Unready
    from monitor.web.wording import ActionRow


_LOUD = {Severity.WARNING.value, Severity.CRITICAL.value}
"""Severities that are shown without asking, such as an outage whose timeouts are not of today."""


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
        warnings: Why its data can't be relied on; empty where it can.
        notes: What can't be known there.
        loud: Actions that timed out or are not well, the worst first.
        quiet: All others.
        lost: Flows that lost callers to an error of their own.
        sources: How fresh each source is.
        day_from: Begin of the day that is shown.
        day_to: Its end.
    """

    name: str
    headline: str
    warnings: tuple[Markup | str, ...]
    notes: tuple[str, ...]
    loud: tuple[ActionRow, ...]
    quiet: tuple[ActionRow, ...]
    lost: tuple[LostRow, ...]
    sources: tuple[SourceRow, ...]
    day_from: str
    day_to: str


def overview_page(snapshot: Snapshot, now: float) -> Response:
    """Return the overview. Needs a request, for its templates.

    Args:
        snapshot: What to show.
        now: The moment of the request; epoch seconds.
    """
    reasons = why_not_ready(snapshot, now)
    return page_response(
        "overview.html",
        snapshot,
        now,
        state_writable=snapshot.state_writable,
        ready=not reasons,
        off=sorted(
            {source for org_snapshot in snapshot.orgs for source in org_snapshot.sources_off}
        ),
        orgs=[_section(org_snapshot, reasons) for org_snapshot in snapshot.orgs],
    )


def _section(org_snapshot: OrgSnapshot, reasons: tuple[Unready, ...]) -> OrgSection:
    day = org_snapshot.day
    diagnoses = org_snapshot.diagnosis and {org_snapshot.org: org_snapshot.diagnosis}
    rows = tuple(
        describe_action(action, org_snapshot.diagnosis)
        for action in most_severe_first([day], diagnoses or {})
    )
    loud = tuple(row for row in rows if row.timed_out or row.severity in _LOUD)
    return OrgSection(
        name=org_snapshot.org,
        headline=_headline(org_snapshot, sum(row.timed_out for row in rows)),
        warnings=_warnings(org_snapshot, reasons),
        notes=(
            *_on_standby(org_snapshot),
            *_on_sources_off(org_snapshot),
            *(f"{note.rstrip('.')}." for note in day.notes),
            *_on_limits(org_snapshot),
        ),
        loud=loud,
        quiet=tuple(row for row in rows if row not in loud),
        lost=tuple(_lost(flow) for flow in day.callers_lost or ()),
        sources=tuple(_source(org_snapshot, source) for source in org_snapshot.source_names),
        day_from=utc_moment(day.time_range.start),
        day_to=utc_moment(day.time_range.end),
    )


def _on_sources_off(org_snapshot: OrgSnapshot) -> tuple[str, ...]:
    """What is not known because a source that nothing is counted from is switched off."""
    refused = org_snapshot.health.refused
    return tuple(
        f"Source {source} does not answer, so what it tells is not known. "
        f"{refused.get(source, '')}".rstrip()
        for source in org_snapshot.sources_off
        if source != org_snapshot.required_source
    )


def _on_limits(org_snapshot: OrgSnapshot) -> tuple[str, ...]:
    told = describe_limits(org_snapshot.limits)
    return (f"The org's limits in the busiest window of the last hour: {told}.",) if told else ()


def _headline(org_snapshot: OrgSnapshot, timed_out_actions: int) -> str:
    total = org_snapshot.day.total
    known = count_of(len(org_snapshot.day.actions), "data action")
    if not org_snapshot.day.actions:
        return "No data action is known yet."
    if not total.timeouts:
        return f"No timeout in {known}."
    timeouts = f"{count_of(total.timeouts, 'timeout')} in {timed_out_actions:,} of {known}"
    if total.conversations is None:
        return f"{timeouts}."
    return f"{timeouts}; {count_of(total.conversations, 'conversation')} hit."


def _on_standby(org_snapshot: OrgSnapshot) -> list[str]:
    if org_snapshot.read_by:
        return [f"Standby: read by {org_snapshot.read_by}, which also judges its actions."]
    if org_snapshot.is_leased or org_snapshot.is_counted_here:
        return []
    why = "The state could not be asked for longer than a lease lasts"
    return [
        f"{why}: another program may read this org by now, so its counts are not exported here."
    ]


def _warnings(org_snapshot: OrgSnapshot, reasons: tuple[Unready, ...]) -> tuple[Markup | str, ...]:
    warnings: list[Markup | str] = [
        _warning(unready, org_snapshot.health.refused.get(unready.source, ""))
        for unready in reasons
        if unready.org == org_snapshot.org
    ]
    if org_snapshot.health.problem and not org_snapshot.is_required_source_off:
        problem = org_snapshot.health.problem.rstrip(".")
        warnings.append(f"The newest poll had a problem: {problem}.")
    if org_snapshot.health.catalogue_problem:
        read_at = org_snapshot.catalogue_read_at
        warnings.append(
            Markup("Names and timeouts in force could not be read; they are as of {}. {}").format(
                UNKNOWN if read_at is None else time_tag(read_at),
                org_snapshot.health.catalogue_problem,
            )
        )
    if not org_snapshot.day.complete:
        warnings.append("A part of this day has not been read: counts are too low.")
    return tuple(warnings)


def _warning(unready: Unready, why: str) -> Markup | str:
    if unready.reason == REFUSED:
        return f"Source {unready.source} is refused, so nothing is counted. {why}".rstrip()
    if unready.source and unready.last_success_at is not None:
        read_at = time_tag(unready.last_success_at)
        return Markup("Source {} is stale: it was last read {}.").format(unready.source, read_at)
    if unready.source:
        return f"Source {unready.source} has never been read."
    return f"{unready.reason[0].upper()}{unready.reason[1:]}."


def _lost(flow: CallersLost) -> LostRow:
    return LostRow(
        flow=flow.flow_name,
        callers=f"{flow.callers:,}",
        ended=", ".join(f"{reason} {callers:,}" for reason, callers in flow.exit_reasons),
        timeouts=UNKNOWN if flow.action_timeouts is None else f"{flow.action_timeouts:,}",
    )


def _source(org_snapshot: OrgSnapshot, source: str) -> SourceRow:
    state = org_snapshot.state.sources.get(source)
    newest = state.newest_data_at if state else 0.0
    watermark = org_snapshot.watermark(source)
    answers = {True: "yes", False: "no", None: UNKNOWN}
    return SourceRow(
        name=source,
        answers=answers[org_snapshot.health.source_available.get(source)],
        last_read=_ago(org_snapshot.last_success_at(source)),
        complete_up_to=UNKNOWN if watermark is None else time_tag(watermark),
        newest_data=_ago(newest),
    )


def _ago(moment: float) -> Markup | str:
    return time_tag(moment, TimeForm.AGE) if moment else "never"
