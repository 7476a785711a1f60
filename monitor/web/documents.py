"""The JSON documents of the API, built from a snapshot and nothing else.

Words are snake_case, durations seconds, times ISO 8601 in UTC; what is not known is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from monitor import __version__
from monitor.formats import iso_time
from monitor.render import (
    ChangesDocument,
    DroppedRecordsDocument,
    OrgStatusDocument,
    OrgSwitchesDocument,
    ReadinessDocument,
    RefusedDocument,
    SourceDocument,
    StandbyDocument,
    StatusDocument,
    UnreadyDocument,
    change_document,
    limit_documents,
    outside_document,
)
from monitor.web.readiness import why_not_ready

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.snapshot import OrgSnapshot, Snapshot
    from monitor.web.readiness import Unready


def readiness_document(snapshot: Snapshot, now: float) -> ReadinessDocument:
    """The answer of ``/readyz``: whether to rely on what is shown, and every reason not to."""
    reasons = why_not_ready(snapshot, now)
    return ReadinessDocument(
        ready=not reasons,
        reasons=_reasons(reasons, snapshot),
        standby=[
            StandbyDocument(org=org_snapshot.org, read_by=org_snapshot.read_by)
            for org_snapshot in snapshot.orgs
            if org_snapshot.read_by
        ],
    )


def status_document(snapshot: Snapshot, now: float) -> StatusDocument:
    """The answer of ``/api/v1/status``: how reading each org goes."""
    return StatusDocument(
        generated_at=iso_time(now),
        snapshot_taken_at=iso_time(snapshot.taken_at),
        version=__version__,
        **msgspec.structs.asdict(readiness_document(snapshot, now)),
        stale_after_seconds=snapshot.stale_after_seconds,
        state_writable=snapshot.state_writable,
        clock_steps=dict(snapshot.clock_steps),
        orgs=[_org(org_snapshot, now) for org_snapshot in snapshot.orgs],
    )


def changes_document(snapshot: Snapshot, now: float) -> ChangesDocument:
    """The answer of ``/api/v1/changes``: what was changed lately, and what stops changes."""
    return ChangesDocument(
        generated_at=iso_time(now),
        snapshot_taken_at=iso_time(snapshot.taken_at),
        orgs=[
            OrgSwitchesDocument(
                org=org_snapshot.org,
                mode=org_snapshot.remediation.mode,
                paused=org_snapshot.remediation.paused,
                tripped=org_snapshot.remediation.tripped,
            )
            for org_snapshot in snapshot.orgs
        ],
        changes=[
            change_document(change)
            for org_snapshot in snapshot.orgs
            for change in org_snapshot.remediation.changes
        ],
        outside=[
            outside_document(change)
            for org_snapshot in snapshot.orgs
            for change in org_snapshot.remediation.outside
        ],
    )


def _reasons(reasons: Sequence[Unready], snapshot: Snapshot) -> list[UnreadyDocument]:
    problems = {org_snapshot.org: org_snapshot.health.problem for org_snapshot in snapshot.orgs}
    refused = {
        (org_snapshot.org, source): why
        for org_snapshot in snapshot.orgs
        for source, why in org_snapshot.health.refused.items()
    }
    return [
        UnreadyDocument(
            org=unready.org or None,
            source=unready.source or None,
            reason=unready.reason,
            last_success_at=iso_time(unready.last_success_at),
            stale_since=iso_time(unready.stale_since),
            problem=(
                refused.get((unready.org, unready.source)) or problems.get(unready.org) or None
            ),
        )
        for unready in reasons
    ]


def _org(org_snapshot: OrgSnapshot, now: float) -> OrgStatusDocument:
    health, known = org_snapshot.health, org_snapshot.diagnosis
    return OrgStatusDocument(
        org=org_snapshot.org,
        contract=org_snapshot.contract,
        read_by=org_snapshot.read_by or None,
        problem=health.problem or None,
        polls={"ok": 0, "partial": 0, "failed": 0} | dict(health.polls),
        poll_duration_seconds=health.duration_seconds,
        actions=len(org_snapshot.state.actions),
        concurrency_limit=org_snapshot.concurrency_limit,
        limits=limit_documents(org_snapshot.limits),
        api_requests=sum(health.api_requests.values()),
        dropped_records=[
            DroppedRecordsDocument(source=source, reason=reason, records=records)
            for (source, reason), records in sorted(health.dropped_records.items())
        ],
        polled_at=iso_time(org_snapshot.polled_at),
        catalogue_read_at=iso_time(org_snapshot.catalogue_read_at),
        diagnosed_at=iso_time(None if known is None else known.taken_at),
        catalogue_problem=health.catalogue_problem or None,
        clock_skew_seconds=health.clock_skew_seconds,
        sources=[_source(org_snapshot, source, now) for source in org_snapshot.source_names],
        refused=[
            RefusedDocument(source=source, required=source == org_snapshot.required_source, why=why)
            for source, why in sorted(health.refused.items())
        ],
    )


def _source(org_snapshot: OrgSnapshot, source: str, now: float) -> SourceDocument:
    state = org_snapshot.state.sources.get(source)
    newest = (state.newest_data_at if state else 0.0) or None
    return SourceDocument(
        source=source,
        available=org_snapshot.health.source_available.get(source),
        last_success_at=iso_time(org_snapshot.last_success_at(source) or None),
        watermark=iso_time(org_snapshot.watermark(source)),
        newest_data_at=iso_time(newest),
        data_lag_seconds=None if newest is None else max(0.0, now - newest),
        restatements=state.restatements if state else 0,
        skipped_windows=state.skipped_windows if state else 0,
    )
