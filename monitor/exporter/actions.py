"""What is exported of data actions: counters, gauges from the last hour, and verdicts.

These are nearly all the series that there are, so they are drawn org by org, see ``OrgSeries``.
"""

from __future__ import annotations

from itertools import accumulate
from operator import add, itemgetter
from typing import TYPE_CHECKING

import msgspec

from monitor.config import HistogramDetail
from monitor.exporter.contact_centre_metrics import (
    ACTION_INFO,
    BUDGET_USED,
    CONCURRENCY_ESTIMATE,
    CONCURRENCY_LIMIT,
    DURATION,
    ERRORS,
    EXECUTIONS,
    FLOW_CONVERSATIONS,
    FLOW_ERRORS,
    FLOW_INFO,
    LIMIT,
    LIMIT_USED,
    RECOMMENDED_TIMEOUT,
    TIMEOUT,
    VERDICT,
    VERDICT_SINCE,
)
from monitor.model import (
    BAND_EDGES_MS,
    COARSE_EDGES_MS,
    FLOW_ERRORS_SOURCE,
    NO_BANDS,
    NO_ERROR,
    Action,
    ActionKind,
    Outcome,
)
from monitor.model import FLOW_ERRORS as EXIT_REASONS
from monitor.snapshot import VERDICTS_LAST_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from monitor.exporter.families import Families
    from monitor.exporter.series import OrgSeries
    from monitor.ledger import OrgState
    from monitor.model import Bands, Classifier
    from monitor.snapshot import OrgSnapshot


_EDGES_MS = {HistogramDetail.COARSE: COARSE_EDGES_MS, HistogramDetail.FULL: BAND_EDGES_MS}

BUCKETS: dict[HistogramDetail, tuple[tuple[float, ...], Callable[[Bands], tuple[int, ...]]]] = {
    detail: (
        tuple(edge / 1000 for edge in edges_ms),
        itemgetter(*map(BAND_EDGES_MS.index, edges_ms)),
    )
    for detail, edges_ms in _EDGES_MS.items()
}
"""Edges in seconds, and what takes their buckets out of the counts of all bands below each edge."""

_OUTCOMES = tuple(Outcome)
_TIMEOUT = _OUTCOMES.index(Outcome.TIMEOUT)


def add_actions(
    series: OrgSeries,
    org_snapshot: OrgSnapshot,
    classifier: Classifier,
    histogram: HistogramDetail = HistogramDetail.COARSE,
) -> None:
    """Add everything that one org's data actions and flows show."""
    state, org = org_snapshot.state, org_snapshot.org
    actions = known_actions(state)
    series.add_part(
        "actions",
        (ACTION_INFO, TIMEOUT),
        (actions, state.gone),
        lambda: _add_what_actions_are(series, org, actions, state.gone),
    )
    sums = _sum_by_action(series, org, state, classifier)
    nothing = _ActionSum([0] * len(_OUTCOMES))
    rows = [(org, action.action_id) for action in actions]
    each = [sums.get(action_id, nothing) for _, action_id in rows]
    if org_snapshot.contract.knows_successes:
        counted = [count for own in each for count in own.counted]
        series.add_each(EXECUTIONS, rows, _OUTCOMES, counted)
        if histogram is not HistogramDetail.OFF:
            _add_durations(series, rows, each, histogram)
    else:
        # Only timeouts are ever seen in flows: zeros of the rest would be a claim, no count.
        counted = [own.counted[_TIMEOUT] for own in each]
        series.add_each(EXECUTIONS, rows, (Outcome.TIMEOUT,), counted)
    is_asked_for = FLOW_ERRORS_SOURCE in state.sources
    series.add_part(
        "flows",
        (FLOW_INFO, FLOW_CONVERSATIONS, FLOW_ERRORS),
        (
            state.flow_use,
            state.flow_names,
            state.incident_totals,
            state.flow_error_totals,
            is_asked_for,
        ),
        lambda: _add_flows(series, org, state),
    )
    used = [(one.action_id, one.budget_used_ratio) for one in org_snapshot.hour.actions]
    series.add_part("hour", (BUDGET_USED,), used, lambda: _add_budgets(series, org, used))


class _ActionSum(msgspec.Struct, gc=False):
    """What was counted of one action: by outcome, in the order of these, and by band.

    There are thousands at a time: they are made in no time, and the garbage collector does not look
    at them.
    """

    counted: list[int]
    bands: Bands = NO_BANDS
    duration_ms: float = 0.0


def _sum_by_action(
    series: OrgSeries, org: str, state: OrgState, classifier: Classifier
) -> dict[str, _ActionSum]:
    """Add every way of failing of every action, and return what each action sums up to."""
    sums: dict[str, _ActionSum] = {}
    read: dict[tuple[str, str], int] = {}
    for (action_id, error_type, status), counts in state.totals.items():
        ending = (error_type, status)
        if ending not in read:
            read[ending] = _OUTCOMES.index(classifier.outcome(error_type, status))
        own = sums.get(action_id)
        if own is None:
            own = sums[action_id] = _ActionSum([0] * len(_OUTCOMES))
        own.counted[read[ending]] += counts.count
        if error_type != NO_ERROR:
            series.add(ERRORS, (org, action_id, error_type, status), counts.count)
        # One that shows no duration says nothing of how long it took: it is not among the fast.
        if counts.duration_ms > 0:
            more = counts.bands
            own.bands = more if own.bands is NO_BANDS else tuple(map(add, own.bands, more))
        own.duration_ms += counts.duration_ms
    return sums


def _add_durations(
    series: OrgSeries,
    rows: Sequence[tuple[str, str]],
    each: Iterable[_ActionSum],
    histogram: HistogramDetail,
) -> None:
    edges_seconds, places = BUCKETS[histogram]
    numbers: list[float] = []
    for own in each:
        # An execution without a band (the bands of an answer may lag behind its count) is known to
        # have ended, not when: it counts in +Inf alone, which stays the sum of executions.
        executions = sum(own.counted)
        numbers += places(tuple(accumulate(own.bands)))
        numbers += executions, executions, float(own.duration_ms) / 1000
    series.add_histograms(DURATION, rows, edges_seconds, numbers)


def _add_what_actions_are(
    series: OrgSeries, org: str, actions: Iterable[Action], gone: frozenset[str]
) -> None:
    for action in actions:
        labels = (org, action.action_id)
        names = (action.name, action.integration_id, action.integration_name, action.category)
        series.add(ACTION_INFO, (*labels, *names), 1)
        if action.timeout_ms is not None and action.action_id not in gone:
            series.add(TIMEOUT, labels, action.timeout_ms / 1000)


def _add_budgets(series: OrgSeries, org: str, used: Iterable[tuple[str, float | None]]) -> None:
    for action_id, ratio in used:
        series.add(BUDGET_USED, (org, action_id), ratio)


def known_actions(state: OrgState) -> list[Action]:
    """The catalogue, and whatever has counts without being in it."""
    known = {action.action_id: action for action in state.actions}
    seen = [key.action_id for key in state.totals]
    seen += [total.action_id for total in state.incident_totals]
    for action_id in seen:
        if action_id not in known:
            known[action_id] = Action(action_id, name=action_id, kind=ActionKind.UNKNOWN)
    return list(known.values())


def are_verdicts_fresh(org_snapshot: OrgSnapshot, now: float) -> bool:
    """Whether one org's verdicts are not out of date.

    Args:
        org_snapshot: The org.
        now: When the snapshot was taken; epoch seconds.
    """
    known = org_snapshot.diagnosis
    return known is not None and now - known.taken_at <= VERDICTS_LAST_SECONDS


def add_verdicts(series: OrgSeries, org_snapshot: OrgSnapshot) -> None:
    """Add the verdicts of one org's data actions."""
    known = org_snapshot.diagnosis
    if known is None:
        return
    for action_id, diagnosis in known.diagnoses.items():
        labels = (org_snapshot.org, action_id)
        series.add(VERDICT, (*labels, diagnosis.verdict.value), 1)
        if diagnosis.period is not None:
            series.add(VERDICT_SINCE, labels, diagnosis.period.since)
        advice = diagnosis.recommendation
        if advice is not None:
            series.add(RECOMMENDED_TIMEOUT, (*labels, "raw"), advice.raw_ms / 1000)
            if advice.capped_ms is not None:
                series.add(RECOMMENDED_TIMEOUT, (*labels, "capped"), advice.capped_ms / 1000)


def _add_flows(series: OrgSeries, org: str, state: OrgState) -> None:
    for action_id, flow_id in sorted(state.flow_use):
        # An empty id is a timeout whose flow the platform does not name: nothing to join on.
        if flow_id:
            name = state.flow_names.get(flow_id, flow_id)
            series.add(FLOW_INFO, (org, action_id, flow_id, name), 1)
    conversations = {(flow_id, action_id): 0 for action_id, flow_id in state.flow_use}
    for total in state.incident_totals:
        conversations[total.flow_id, total.action_id] = total.conversations
    for (flow_id, action_id), count in sorted(conversations.items()):
        series.add(FLOW_CONVERSATIONS, (org, flow_id, action_id), count)
    for (flow_id, exit_reason), callers in sorted(callers_lost(state).items()):
        series.add(FLOW_ERRORS, (org, flow_id, exit_reason), callers)


def callers_lost(state: OrgState) -> dict[tuple[str, str], int]:
    """Return callers lost by flow and exit reason; 0 for every flow known, once asked for."""
    lost = (
        {(flow_id, reason): 0 for flow_id in state.flow_names for reason in EXIT_REASONS}
        if FLOW_ERRORS_SOURCE in state.sources
        else {}
    )
    return lost | {
        (total.flow_id, total.exit_reason): total.callers for total in state.flow_error_totals
    }


def add_org_limits(families: Families, org_snapshot: OrgSnapshot) -> None:
    """Add how much of each of its own limits one org uses."""
    # Durations of successes are not known there, and a mean over a period with holes is too low.
    if org_snapshot.contract.knows_successes and org_snapshot.hour.complete:
        concurrency = sum(summary.mean_concurrency for summary in org_snapshot.hour.actions)
        families.add(CONCURRENCY_ESTIMATE, (org_snapshot.org,), concurrency)
    families.add(CONCURRENCY_LIMIT, (org_snapshot.org,), org_snapshot.concurrency_limit)
    for one in org_snapshot.limits:
        families.add(LIMIT, (org_snapshot.org, one.name), one.limit)
        # In a part of an hour the busiest window may be missing.
        if org_snapshot.hour.complete:
            families.add(LIMIT_USED, (org_snapshot.org, one.name), one.used_ratio)
