"""Counts from what the ledger gives: by the ending of an action, by action and by flow.

Rows may come in any order and in pieces: the same rows give the same counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from monitor.counts import Counts, SeriesKey, Tally
from monitor.model import UNKNOWN_ACTION, Classifier, Incident, Outcome
from monitor.summary.percentiles import BandedDurations


@dataclass(frozen=True, slots=True)
class ActionCounts:
    """Executions of one action by outcome.

    Attributes:
        success: Executions that succeeded.
        timeout: Executions that timed out.
        error: Executions that failed otherwise.
        throttled: Executions that the platform refused to run.
        duration_ms: Sum of the durations of all of them.
    """

    success: int = 0
    timeout: int = 0
    error: int = 0
    throttled: int = 0
    duration_ms: float = 0.0

    @property
    def executions(self) -> int:
        """All of them."""
        return self.success + self.timeout + self.error + self.throttled


class Ending(NamedTuple):
    """All executions of one action that ended in one way."""

    key: SeriesKey
    outcome: Outcome
    counts: Counts


class Hit(NamedTuple):
    """A timeout that hit a conversation."""

    conversation_id: str
    action_id: str
    flow_id: str


def count_by_ending(sums: Iterable[Tally], classifier: Classifier) -> tuple[Ending, ...]:
    """Return one for each way that an action ended, sorted by action, error type and status."""
    pieces: defaultdict[SeriesKey, list[Counts]] = defaultdict(list)
    for row in sums:
        if row.counts.count > 0:
            pieces[row.key].append(row.counts)
    in_order = attrgetter("action_id", "error_type", "response_status")
    return tuple(
        Ending(key, classifier.outcome(key.error_type, key.response_status), _sum(pieces[key]))
        for key in sorted(pieces, key=in_order)
    )


def _sum(pieces: list[Counts]) -> Counts:
    # Sums of fractions depend on their order.
    first, *others = sorted(pieces, key=attrgetter("duration_ms"))
    return sum(others, first)


def counts_by_action(endings: Iterable[Ending]) -> dict[str, ActionCounts]:
    """Return executions of each action by outcome."""
    executions: defaultdict[str, Counter[str]] = defaultdict(Counter)
    duration_ms: Counter[str] = Counter()
    for key, outcome, counts in endings:
        executions[key.action_id][outcome.value] += counts.count
        duration_ms[key.action_id] += counts.duration_ms  # type: ignore[assignment]
    return {
        action_id: ActionCounts(**by_outcome, duration_ms=duration_ms[action_id])
        for action_id, by_outcome in executions.items()
    }


def failures_by_action(endings: Iterable[Ending]) -> dict[str, list[tuple[str, str, int]]]:
    """Return each action's failures, (errorType, responseStatus, executions), most first."""
    found: defaultdict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for key, outcome, counts in endings:
        if outcome is not Outcome.SUCCESS:
            failure = (key.error_type, key.response_status, counts.count)
            found[key.action_id].append(failure)
    for failures in found.values():
        failures.sort(key=lambda one: (-one[2], one[0], one[1]))
    return found


def durations_by_action(
    endings: Iterable[Ending], outcome: Outcome
) -> dict[str, list[BandedDurations]]:
    """Return the bands of each action's executions that ended in one way."""
    found: defaultdict[str, list[BandedDurations]] = defaultdict(list)
    for ending in endings:
        if ending.outcome is outcome:
            counts = ending.counts
            found[ending.key.action_id].append(
                BandedDurations(
                    counts.count,
                    tuple(counts.bands),
                    counts.duration_ms,
                    counts.min_ms,
                    counts.max_ms,
                )
            )
    return found


def unmeasured_timeouts(endings: Iterable[Ending]) -> Counter[str]:
    """Return each action's timeouts that show no duration."""
    found: Counter[str] = Counter()
    for key, outcome, counts in endings:
        if outcome is Outcome.TIMEOUT and counts.duration_ms <= 0 and counts.max_ms <= 0:
            found[key.action_id] += counts.count
    return found


def hits(incidents: Iterable[Incident], classifier: Classifier) -> tuple[Hit, ...]:
    """Return the timeouts that hit conversations."""
    return tuple(
        Hit(incident.conversation_id, incident.action_id, incident.flow_id)
        for incident in incidents
        if classifier.outcome(incident.error_type, "") is Outcome.TIMEOUT
    )


def conversations_by(found: Iterable[Hit], group_of: Callable[[Hit], str | None]) -> dict[str, int]:
    """Return how many conversations were hit in each group.

    Args:
        found: What was hit.
        group_of: The group of each; None for none.
    """
    conversations: defaultdict[str, set[str]] = defaultdict(set)
    for hit in found:
        group = group_of(hit)
        if group is not None:
            conversations[group].add(hit.conversation_id)
    return {group: len(ids) for group, ids in conversations.items()}


def flows_by_action(found: Iterable[Hit]) -> dict[str, set[str]]:
    """Return the flows in which each action timed out, by id; those without one left out."""
    flows: defaultdict[str, set[str]] = defaultdict(set)
    for hit in found:
        if hit.flow_id:
            flows[hit.action_id].add(hit.flow_id)
    return flows


def counts_by_flow(found: Sequence[Hit]) -> list[tuple[str, int, int, int]]:
    """Return each flow's id, timeouts, distinct named actions and distinct conversations."""
    timeouts = Counter(hit.flow_id for hit in found)
    conversations = conversations_by(found, attrgetter("flow_id"))
    named: defaultdict[str, set[str]] = defaultdict(set)
    for hit in found:
        if hit.action_id != UNKNOWN_ACTION:
            named[hit.flow_id].add(hit.action_id)
    return [
        (flow_id, count, len(named[flow_id]), conversations[flow_id])
        for flow_id, count in timeouts.items()
    ]
