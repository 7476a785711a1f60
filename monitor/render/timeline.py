"""What was told of an action over time, as a document and as a line of a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from monitor.formats import exact_seconds, iso_time, significant, utc_minute
from monitor.render.documents import (
    IncidentDocument,
    TimelineDocument,
    TimeoutStepDocument,
    ToldVerdictDocument,
)

if TYPE_CHECKING:
    from monitor.diagnosis import Diagnosis
    from monitor.investigation import ActionTimeline, TimeoutStep
    from monitor.ledger import PastVerdict
    from monitor.time_ranges import TimeRange


def timeline_document(timeline: ActionTimeline, found: Diagnosis | None) -> TimelineDocument:
    """Return what was told of an action, the changes of its timeout, and its incidents.

    Args:
        timeline: The first two.
        found: Its last diagnosis, whose incidents they are; None before the first.
    """
    return TimelineDocument(
        verdicts=[_told(one) for one in timeline.verdicts],
        timeouts=[
            TimeoutStepDocument(
                at=iso_time(one.at),
                from_seconds=_seconds(one.from_ms),
                to_seconds=_seconds(one.to_ms),
            )
            for one in timeline.steps
        ],
        incidents=[
            IncidentDocument(
                from_=iso_time(one.since), to=iso_time(one.until), ongoing=one.is_ongoing
            )
            for one in (() if found is None else found.incidents)
        ],
    )


def describe_timeline(timeline: ActionTimeline, time_range: TimeRange) -> str:
    """Return what changed of an action in a period, in a few words; empty where nothing did."""
    told = [
        (after.told_from, f"{_words(before)} → {_words(after)} ({utc_minute(after.told_from)})")
        for before, after in timeline.changes_told
        if time_range.start <= after.told_from
    ]
    steps = [
        (one.at, f"timeout {step_words(one)} ({utc_minute(one.at)})") for one in timeline.steps
    ]
    return ", ".join(words for _, words in sorted((*told, *steps)))


def describe_timelines(
    timelines: Iterable[tuple[str, ActionTimeline]], time_range: TimeRange, most: int
) -> str:
    """Return what changed in a period, action by action; empty where nothing did.

    Args:
        timelines: The name of each action, and what was told of it; those that matter most first.
        time_range: The period.
        most: So many actions are told.
    """
    told = [
        f"{name}: {words}"
        for name, timeline in timelines
        if (words := describe_timeline(timeline, time_range))
    ]
    more = f"; and {len(told) - most:,} more" if len(told) > most else ""
    return "; ".join(told[:most]) + more


def step_words(step: TimeoutStep) -> str:
    """Return a change of a timeout as ``3 s → 5 s``."""
    before, after = (
        "?" if value is None else exact_seconds(value) for value in (step.from_ms, step.to_ms)
    )
    return f"{before} → {after}"


def _told(one: PastVerdict) -> ToldVerdictDocument:
    return ToldVerdictDocument(
        verdict=one.verdict,
        since=iso_time(one.since),
        until=iso_time(one.until),
        told_from=iso_time(one.told_from),
        told_until=iso_time(one.told_until),
        advised_timeout_seconds=_seconds(one.advised_ms),
    )


def _words(one: PastVerdict) -> str:
    return one.verdict.replace("_", " ")


def _seconds(value_ms: float | None) -> float | None:
    return None if value_ms is None else significant(value_ms / 1_000)
