"""What is exported about reading an org: freshness, polls, lateness and cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.exporter.own_metrics import (
    API_REQUESTS,
    API_RETRIES,
    CATALOGUE_AGE,
    CLOCK_SKEW,
    CLOSER_LOOKS,
    DATA_LAG,
    DIAGNOSIS_AGE,
    DROPPED_RECORDS,
    LAST_SUCCESS,
    LATENESS,
    POLL_AGE,
    POLL_DURATION,
    POLLS,
    RATE_LIMITED,
    RECONCILED,
    REQUIRED_SOURCE_AVAILABLE,
    RESTATEMENTS,
    SKIPPED_WINDOWS,
    SOURCE_AGE,
    SOURCE_AVAILABLE,
    WATERMARK,
)
from monitor.ledger import LATENESS_EDGES_SECONDS, Lateness, SourceState

if TYPE_CHECKING:
    from monitor.exporter.families import Families
    from monitor.snapshot import OrgSnapshot, PollHealth

POLL_RESULTS: tuple[str, ...] = ("ok", "partial", "failed")
"""How a poll can end; each has a series from the first scrape."""


def add_collection(families: Families, org_snapshot: OrgSnapshot) -> None:
    """Add how reading one org goes here, except what depends on the moment of the scrape."""
    _add_freshness(families, org_snapshot)
    # Also of the audit log, which counts nothing.
    for source, answers in sorted(org_snapshot.health.source_available.items()):
        families.add(SOURCE_AVAILABLE, (org_snapshot.org, source), answers)
    if org_snapshot.required_source in org_snapshot.health.source_available:
        families.add(
            REQUIRED_SOURCE_AVAILABLE,
            (org_snapshot.org, org_snapshot.required_source),
            not org_snapshot.is_required_source_off,
        )
    families.add(CLOCK_SKEW, (org_snapshot.org,), org_snapshot.health.clock_skew_seconds)
    _add_polls(families, org_snapshot.org, org_snapshot.health)
    _add_cost(families, org_snapshot.org, org_snapshot.health)
    for (source, reason), records in sorted(org_snapshot.health.dropped_records.items()):
        families.add(DROPPED_RECORDS, (org_snapshot.org, source, reason), records)


def add_readings(families: Families, org_snapshot: OrgSnapshot) -> None:
    """Add what the state has counted of reading one org, by whatever program."""
    for source in org_snapshot.source_names:
        labels = (org_snapshot.org, source)
        state = org_snapshot.state.sources.get(source, SourceState(source))
        families.add(RESTATEMENTS, labels, state.restatements)
        families.add(SKIPPED_WINDOWS, labels, state.skipped_windows)
    _add_lateness(families, org_snapshot)


def add_ages(families: Families, org_snapshot: OrgSnapshot, now: float) -> None:
    """Add how long ago everything was read, and how old the newest data is, at ``now``.

    ``now`` is that of ``Snapshot.moment``; what was never read has no age.
    """
    for source in org_snapshot.source_names:
        last = org_snapshot.last_success_at(source)
        if last > 0:
            families.add(SOURCE_AGE, (org_snapshot.org, source), max(0.0, now - last))
    for spec, at in (
        (POLL_AGE, org_snapshot.polled_at),
        (CATALOGUE_AGE, org_snapshot.catalogue_read_at),
        (DIAGNOSIS_AGE, org_snapshot.diagnosed_at),
    ):
        if at is not None:
            families.add(spec, (org_snapshot.org,), max(0.0, now - at))
    for source, state in sorted(org_snapshot.state.sources.items()):
        if state.newest_data_at > 0:
            lag_seconds = max(0.0, now - state.newest_data_at)
            families.add(DATA_LAG, (org_snapshot.org, source), lag_seconds)


def _add_freshness(families: Families, org_snapshot: OrgSnapshot) -> None:
    for source in org_snapshot.source_names:
        labels = (org_snapshot.org, source)
        families.add(WATERMARK, labels, org_snapshot.watermark(source))
        families.add(LAST_SUCCESS, labels, org_snapshot.last_success_at(source) or None)
    families.add(RECONCILED, (org_snapshot.org,), org_snapshot.health.reconciled)
    families.add(CLOSER_LOOKS, (org_snapshot.org,), org_snapshot.health.closer_looks)


def _add_lateness(families: Families, org_snapshot: OrgSnapshot) -> None:
    for source in org_snapshot.source_names:
        late = org_snapshot.state.lateness.get(source, Lateness())
        families.add_histogram(
            LATENESS,
            (org_snapshot.org, source),
            LATENESS_EDGES_SECONDS,
            late.executions,
            late.seconds_sum,
        )


def _add_polls(families: Families, org: str, health: PollHealth) -> None:
    for result in POLL_RESULTS:
        families.add(POLLS, (org, result), health.polls.get(result, 0))
    families.add_summary(
        POLL_DURATION, (org,), sum(health.polls.values()), health.durations_sum_seconds
    )


def _add_cost(families: Families, org: str, health: PollHealth) -> None:
    for (endpoint, status), requests in sorted(health.api_requests.items()):
        families.add(API_REQUESTS, (org, endpoint, status), requests)
    asked = {endpoint for endpoint, _ in health.api_requests}
    for endpoint in sorted(asked | health.api_retries.keys() | health.rate_limited_seconds.keys()):
        families.add(API_RETRIES, (org, endpoint), health.api_retries.get(endpoint, 0))
        families.add(RATE_LIMITED, (org, endpoint), health.rate_limited_seconds.get(endpoint, 0.0))
