"""What others wrote, made fit to be kept: the one door that every name and error type passes.

PostgreSQL refuses a NUL, no database takes half a character, and an index takes only so much. What
comes from the platform has passed the same rules where it was read, so that counts of one thing
meet under one name; but for the ids of conversations, under which nothing is counted. Here nothing
is left to whoever calls.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from msgspec import structs

from monitor.counts import SeriesKey, Tally
from monitor.ledger.model import Reading
from monitor.model import Action, FlowErrorTally, Incident
from monitor.sanitize import sanitize, sanitize_id
from monitor.store import LONGEST_SUM_MS


def sanitize_reading(read: Reading) -> Reading:
    """Return a reading whose every text can be kept; one that is fit already comes back equal."""
    return replace(
        read,
        tallies=_tallies(read.tallies),
        incidents=[_incident(one) for one in read.incidents],
        names={sanitize_id(key): _action(one) for key, one in read.names.items()},
        flow_errors=[_flow_error(one) for one in read.flow_errors],
        flow_names=sanitize_names(read.flow_names),
    )


def sanitize_actions(actions: Iterable[Action]) -> Sequence[Action]:
    """Return actions whose every text can be kept."""
    return [_action(one) for one in actions]


def sanitize_names(names: Mapping[str, str]) -> dict[str, str]:
    """Return names by id that can be kept."""
    return {sanitize_id(key): sanitize(name) for key, name in names.items()}


def _tallies(tallies: Iterable[Tally]) -> list[Tally]:
    """Return tallies whose every text can be kept; a reading has the same few keys often."""
    fit: dict[SeriesKey, SeriesKey] = {}
    kept = []
    for one in tallies:
        key = fit.get(one.key)
        if key is None:
            key = fit[one.key] = SeriesKey(*map(sanitize_id, one.key))
        kept.append(_tally(one, key))
    return kept


def _tally(tally: Tally, key: SeriesKey) -> Tally:
    counts = tally.counts
    if not (
        0 <= counts.duration_ms <= LONGEST_SUM_MS
        and 0 <= counts.min_ms <= LONGEST_SUM_MS
        and 0 <= counts.max_ms <= LONGEST_SUM_MS
    ):
        counts = structs.replace(
            counts,
            duration_ms=_duration(counts.duration_ms),
            min_ms=_duration(counts.min_ms),
            max_ms=_duration(counts.max_ms),
        )
    if key == tally.key and counts is tally.counts:
        return tally
    return Tally(key, tally.window_start, counts)


def _duration(duration_ms: float) -> float:
    """Return a duration that can be summed; one that is no number says nothing."""
    return min(max(duration_ms, 0.0), LONGEST_SUM_MS) if math.isfinite(duration_ms) else 0.0


def _incident(incident: Incident) -> Incident:
    fit = structs.replace(
        incident,
        conversation_id=sanitize_id(incident.conversation_id),
        action_id=sanitize_id(incident.action_id),
        action_name=sanitize(incident.action_name),
        flow_id=sanitize_id(incident.flow_id),
        flow_name=sanitize(incident.flow_name),
        error_type=sanitize_id(incident.error_type),
    )
    return incident if fit == incident else fit


def _flow_error(one: FlowErrorTally) -> FlowErrorTally:
    return replace(one, flow_id=sanitize_id(one.flow_id), exit_reason=sanitize_id(one.exit_reason))


def _action(action: Action) -> Action:
    return replace(
        action,
        action_id=sanitize_id(action.action_id),
        name=sanitize(action.name),
        integration_id=sanitize_id(action.integration_id),
        integration_name=sanitize(action.integration_name),
        category=sanitize(action.category),
    )
