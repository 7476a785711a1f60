"""One summary an action, from the tables of its counts, durations and conversations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import pandas as pd

from monitor.ledger import OrgState
from monitor.model import SOLE_ACTION, Action, ActionKind, Classifier, Outcome
from monitor.summary import groups, tables
from monitor.summary.by_hour import actions_by_hour, no_hours
from monitor.summary.model import ActionSummary, SummaryInput
from monitor.summary.percentiles import DurationDistribution, duration_distribution
from monitor.summary.tables import ActionCounts
from monitor.summary.timeouts_in_force import TimeoutsInForce, timeouts_during

_MS_PER_SECOND = 1_000


class ActionSummaries:
    """Everything about the actions of one org over one period, by action id."""

    def __init__(self, data: SummaryInput, hits: pd.DataFrame, classifier: Classifier) -> None:
        """Count what was seen; ``hits`` are ``tables.hits`` of it."""
        self._data = data
        endings = tables.count_by_ending(data.tallies, classifier)
        self._counts = tables.counts_by_action(endings)
        self._failures = tables.failures_by_action(endings)
        self._successes = tables.durations_by_action(endings, Outcome.SUCCESS)
        self._timeouts = tables.durations_by_action(endings, Outcome.TIMEOUT)
        self._unmeasured = tables.unmeasured_timeouts(endings)
        self._before = (
            None
            if data.executions_day_before is None
            else tables.timeouts_by_action(data.executions_day_before, classifier)
        )
        self._conversations = tables.conversations_by(hits, "action_id")
        self._flows_hit = tables.flows_by_action(hits)
        self._flows_using = _flows_using(data.state.flow_use)
        self._attributed = {
            incident.action_id for incident in data.incidents if incident.attributed
        }
        self._hours = {} if data.by_hour is None else actions_by_hour(data.by_hour, classifier)
        self._no_hours = no_hours(data.by_hour)
        self._in_force = timeouts_during(data.timeouts_in_force, data.time_range)

    def summaries(self) -> tuple[ActionSummary, ...]:
        """Return one for each action of the catalogue or with counts, the most timeouts first."""
        counted = self._counts.keys() | self._conversations.keys()
        return tuple(
            sorted(
                (self._summary(action) for action in _listed_actions(self._data.state, counted)),
                key=lambda one: (-one.timeouts, one.action_name, one.action_id),
            )
        )

    def _summary(self, action: Action) -> ActionSummary:
        data, action_id = self._data, action.action_id
        counts = self._counts.get(action_id, ActionCounts())
        successes = counts.success if data.successes_known else None
        timeout = self._timeouts_in_force(action)
        durations = self._duration_distribution(action_id, timeout)
        p99_seconds = _seconds(durations.percentile_ms(0.99))
        timeout_seconds = _seconds(timeout.at_end_ms)
        day_before = self._timeouts_day_before(action_id)
        hours = self._hours.get(action_id, self._no_hours)
        return ActionSummary(
            org=data.org,
            action_id=action_id,
            action_name=action.name or action_id,
            integration_id=action.integration_id,
            integration_name=action.integration_name,
            category=action.category,
            kind=action.kind,
            executions=counts.executions,
            successes=successes,
            timeouts=counts.timeout,
            errors=counts.error if data.successes_known else None,
            throttled=counts.throttled if data.successes_known else None,
            timeout_share=groups.timeout_share_of(counts.timeout, counts.executions, successes),
            p50_seconds=_seconds(durations.percentile_ms(0.50)),
            p95_seconds=_seconds(durations.percentile_ms(0.95)),
            p99_seconds=p99_seconds,
            timeout_seconds=timeout_seconds,
            budget_used_ratio=_ratio(p99_seconds, timeout_seconds),
            timeouts_day_before=day_before,
            trend_ratio=_ratio(counts.timeout, day_before) if data.missing_seconds == 0 else None,
            conversations=self._conversations.get(action_id, 0) if data.details_read else None,
            flows=_flow_names(self._flows_hit.get(action_id, ()), data.state.flow_names),
            used_by=self._used_by(action_id),
            error_types=tuple(self._failures.get(action_id, ())),
            mean_concurrency=self._mean_concurrency(action_id, counts, timeout),
            attributed=SOLE_ACTION if action_id in self._attributed else "",
            timeouts_by_hour=hours.timeouts,
            executions_by_hour=hours.executions,
        )

    def _used_by(self, action_id: str) -> tuple[str, ...] | None:
        """Return the flows that use an action; None before dependency tracking or the data tell."""
        flows = self._flows_using.get(action_id, set())
        if not flows and action_id not in self._data.state.flow_lookups:
            return None
        return _flow_names(flows, self._data.state.flow_names)

    def _timeouts_in_force(self, action: Action) -> TimeoutsInForce:
        known = self._in_force.get(action.action_id)
        if known is not None:
            return known
        timeout_ms = action.timeout_ms
        return TimeoutsInForce(
            frozenset() if timeout_ms is None else frozenset({timeout_ms}), timeout_ms
        )

    def _duration_distribution(
        self, action_id: str, timeout: TimeoutsInForce
    ) -> DurationDistribution:
        if not self._data.successes_known:
            return DurationDistribution()
        return duration_distribution(
            self._successes.get(action_id, ()),
            self._timeouts.get(action_id, ()),
            timeout.during_ms,
        )

    def _timeouts_day_before(self, action_id: str) -> int | None:
        if self._before is None:
            return None
        return self._before.get(action_id, 0)

    def _mean_concurrency(
        self, action_id: str, counts: ActionCounts, timeout: TimeoutsInForce
    ) -> float:
        read_seconds = self._data.time_range.seconds - self._data.missing_seconds
        if read_seconds <= 0:
            return 0.0
        # Timeouts that show no duration held their slots as long as they were given.
        slot_time_ms = self._unmeasured.get(action_id, 0) * (timeout.at_end_ms or 0)
        return (counts.duration_ms + slot_time_ms) / _MS_PER_SECOND / read_seconds


def _listed_actions(state: OrgState, counted: Collection[str]) -> Iterable[Action]:
    """Return the actions to tell of: those of the catalogue, and every other one with counts."""
    known = {action.action_id: action for action in state.actions}
    for action_id, action in known.items():
        in_catalogue = action.kind is not ActionKind.UNKNOWN and action_id not in state.gone
        if in_catalogue or action_id in counted:
            yield action
    for action_id in sorted(set(counted) - known.keys()):
        yield Action(action_id, action_id, kind=ActionKind.UNKNOWN)


def _flows_using(flow_use: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    users: dict[str, set[str]] = defaultdict(set)
    for action_id, flow_id in flow_use:
        users[action_id].add(flow_id)
    return users


def _flow_names(flow_ids: Iterable[str], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(names.get(flow_id) or flow_id for flow_id in flow_ids))


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / _MS_PER_SECOND


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None
