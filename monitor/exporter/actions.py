"""What is exported of data actions: counters, gauges from the last hour, and verdicts."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from monitor.contract import Contract
from monitor.diagnosis import Verdict
from monitor.exporter.catalogue import (
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
)
from monitor.model import (
    BAND_EDGES_MS,
    FLOW_ERRORS_SOURCE,
    NO_BANDS,
    NO_ERROR,
    Action,
    ActionKind,
    Outcome,
)
from monitor.model import FLOW_ERRORS as EXIT_REASONS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from monitor.counts import Counts, SeriesKey
    from monitor.exporter.families import Families
    from monitor.ledger import OrgState
    from monitor.model import Classifier
    from monitor.snapshot import OrgSnapshot

_EDGES_SECONDS = tuple(edge / 1000 for edge in BAND_EDGES_MS)

VERDICT_SHOWN_SECONDS = 3_600.0
"""A diagnosis is renewed with every window that settles; an older one is no news, but a mistake."""


def add_actions(families: Families, org_snapshot: OrgSnapshot, classifier: Classifier) -> None:
    """Add everything that one org's data actions and flows show."""
    state = org_snapshot.state
    totals: dict[str, dict[SeriesKey, Counts]] = defaultdict(dict)
    for key, counts in state.totals.items():
        totals[key.action_id][key] = counts
    for action in known_actions(state):
        labels = (org_snapshot.org, action.action_id)
        own = totals[action.action_id]
        _add_names(families, org_snapshot.org, action)
        _add_outcomes(families, labels, own, org_snapshot.contract, classifier)
        _add_errors(families, labels, own)
        if org_snapshot.contract.knows_successes:
            _add_durations(families, labels, own.values())
        if action.timeout_ms is not None and action.action_id not in state.gone:
            families.add(TIMEOUT, labels, action.timeout_ms / 1000)
    _add_flows(families, org_snapshot.org, state)
    _add_last_hour(families, org_snapshot)


def known_actions(state: OrgState) -> list[Action]:
    """The catalogue, and whatever has counts without being in it."""
    known = {action.action_id: action for action in state.actions}
    seen = [key.action_id for key in state.totals]
    seen += [total.action_id for total in state.incident_totals]
    for action_id in seen:
        if action_id not in known:
            known[action_id] = Action(action_id, name=action_id, kind=ActionKind.UNKNOWN)
    return list(known.values())


def add_verdicts(families: Families, org_snapshot: OrgSnapshot, now: float) -> None:
    """Add the verdicts of one org's data actions, where they are not out of date.

    Args:
        families: What is being filled.
        org_snapshot: The org.
        now: When the snapshot was taken; epoch seconds.
    """
    known = org_snapshot.diagnosis
    if known is None or now - known.taken_at > VERDICT_SHOWN_SECONDS:
        return
    for action_id, diagnosis in known.diagnoses.items():
        labels = (org_snapshot.org, action_id)
        for verdict in Verdict:
            families.add(VERDICT, (*labels, verdict.value), diagnosis.verdict is verdict)
        advice = diagnosis.recommendation
        if advice is not None:
            families.add(RECOMMENDED_TIMEOUT, (*labels, "raw"), advice.raw_ms / 1000)
            if advice.capped_ms is not None:
                families.add(RECOMMENDED_TIMEOUT, (*labels, "capped"), advice.capped_ms / 1000)


def _add_names(families: Families, org: str, action: Action) -> None:
    families.add(
        ACTION_INFO,
        (
            org,
            action.action_id,
            action.name,
            action.integration_id,
            action.integration_name,
            action.category,
        ),
        1,
    )


def _add_outcomes(
    families: Families,
    labels: tuple[str, str],
    totals: Mapping[SeriesKey, Counts],
    contract: Contract,
    classifier: Classifier,
) -> None:
    counts: Counter[Outcome] = Counter()
    for key, total in totals.items():
        counts[classifier.outcome(key.error_type, key.response_status)] += total.count
    # Only timeouts are ever seen in flows: zeros of the rest would be a claim, not a count.
    for outcome in Outcome if contract.knows_successes else (Outcome.TIMEOUT,):
        families.add(EXECUTIONS, (*labels, outcome.value), counts[outcome])


def _add_errors(
    families: Families, labels: tuple[str, str], totals: Mapping[SeriesKey, Counts]
) -> None:
    for key, total in totals.items():
        if key.error_type != NO_ERROR:
            families.add(ERRORS, (*labels, key.error_type, key.response_status), total.count)


def _add_durations(families: Families, labels: tuple[str, str], totals: Collection[Counts]) -> None:
    # One that shows no duration says nothing of how long it took: it is not among the fast ones.
    measured = [total.bands for total in totals if total.duration_ms > 0]
    bands = list(map(sum, zip(NO_BANDS, *measured, strict=True)))
    # An execution without a band (the bands of an answer may lag behind its count) is known to
    # have ended, not when: it counts in +Inf alone, so that +Inf stays the sum of executions.
    bands[-1] += sum(total.count for total in totals) - sum(bands)
    duration_seconds = sum(total.duration_ms for total in totals) / 1000
    families.add_histogram(DURATION, labels, _EDGES_SECONDS, bands, duration_seconds)


def _add_flows(families: Families, org: str, state: OrgState) -> None:
    for action_id, flow_id in sorted(state.flow_use):
        # An empty id is a timeout whose flow the platform does not name: nothing to join on.
        if flow_id:
            name = state.flow_names.get(flow_id, flow_id)
            families.add(FLOW_INFO, (org, action_id, flow_id, name), 1)
    conversations = {(flow_id, action_id): 0 for action_id, flow_id in state.flow_use}
    for total in state.incident_totals:
        conversations[total.flow_id, total.action_id] = total.conversations
    for (flow_id, action_id), count in sorted(conversations.items()):
        families.add(FLOW_CONVERSATIONS, (org, flow_id, action_id), count)
    for (flow_id, exit_reason), callers in sorted(callers_lost(state).items()):
        families.add(FLOW_ERRORS, (org, flow_id, exit_reason), callers)


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


def _add_last_hour(families: Families, org_snapshot: OrgSnapshot) -> None:
    for summary in org_snapshot.hour.actions:
        labels = (org_snapshot.org, summary.action_id)
        families.add(BUDGET_USED, labels, summary.budget_used_ratio)
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
