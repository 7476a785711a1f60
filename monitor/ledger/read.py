"""What the ledger answers: totals, and sums over any period."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Select, func, literal, select

from monitor.counts import Counts, SeriesKey, Tally
from monitor.ledger.catalogue import (
    flow_names,
    known_actions,
    lookups_of_flow_use,
    tracked_flow_use,
)
from monitor.ledger.coverage import full_coverage, lateness_by_source, source_states
from monitor.ledger.flow_errors import totals_of_flow_errors
from monitor.ledger.incidents import totals_of_incidents
from monitor.ledger.model import OrgState
from monitor.model import UNKNOWN_ACTION
from monitor.store import BAND_COLUMNS, find_org, known_limits, series, tallies
from monitor.time_ranges import TimeRange


def read_state(connection: Connection, org: str) -> OrgState:
    """Everything the exporter shows of an org; empty where nothing is known of it."""
    org_id = find_org(connection, org)
    if org_id is None:
        return OrgState(org)
    actions, gone = known_actions(connection, org_id)
    incident_totals = totals_of_incidents(connection, org_id)
    seen_use = {
        (total.action_id, total.flow_id)
        for total in incident_totals
        if total.flow_id and total.action_id != UNKNOWN_ACTION
    }
    return OrgState(
        org=org,
        actions=actions,
        totals=_totals(connection, org_id),
        incident_totals=incident_totals,
        flow_error_totals=totals_of_flow_errors(connection, org_id),
        flow_names=flow_names(connection, org_id),
        flow_use=frozenset(seen_use | tracked_flow_use(connection, org_id)),
        flow_lookups=lookups_of_flow_use(connection, org_id),
        sources=source_states(connection, org_id),
        coverage=full_coverage(connection, org_id),
        lateness=lateness_by_source(connection, org_id),
        gone=gone,
        limits=known_limits(connection, org_id),
    )


def sum_tallies(
    connection: Connection,
    org_id: int,
    time_range: TimeRange,
    bucket_seconds: int | None,
    action_id: str | None = None,
) -> list[Tally]:
    """Tallies of the windows that start in ``time_range``, summed by series and bucket.

    Buckets are counted from the start of the period. Of one action, where one is named.
    """
    bucket: ColumnElement[int] = literal(time_range.start)
    if bucket_seconds is not None:
        since_start = tallies.c.window_start - time_range.start
        bucket = time_range.start + (since_start // bucket_seconds) * bucket_seconds
    bucket = bucket.label("bucket_start")
    # Summed by number before the words are joined: half a million rows carry no text.
    sums = (
        select(
            tallies.c.series_id,
            bucket,
            func.sum(tallies.c["count"]).label("executions"),
            func.sum(tallies.c.duration_ms).label("duration_ms"),
            func.min(tallies.c.min_ms).label("min_ms"),
            func.max(tallies.c.max_ms).label("max_ms"),
            *(func.sum(tallies.c[name]).label(name) for name in BAND_COLUMNS),
        )
        .where(
            tallies.c.org_id == org_id,
            tallies.c.window_start >= time_range.start,
            tallies.c.window_start < time_range.end,
            *(
                []
                if action_id is None
                else [tallies.c.series_id.in_(_series_of(org_id, action_id))]
            ),
        )
        .group_by(tallies.c.series_id, *([] if bucket_seconds is None else [bucket]))
        .subquery()
    )
    words = series.c.action_id, series.c.error_type, series.c.response_status
    statement = (
        select(
            *words,
            sums.c.bucket_start,
            sums.c.executions,
            sums.c.duration_ms,
            sums.c.min_ms,
            sums.c.max_ms,
            *(sums.c[name] for name in BAND_COLUMNS),
        )
        .join_from(sums, series, series.c.id == sums.c.series_id)
        .order_by(*words, sums.c.bucket_start)
    )
    return [
        # int(): PostgreSQL's sums of big integers are decimals.
        Tally(
            SeriesKey(*row[:3]),
            int(row[3]),
            Counts(int(row[4]), row[5], row[6], row[7], tuple(map(int, row[8:]))),
        )
        for row in connection.execute(statement)
    ]


def loads_of_windows(connection: Connection, org_id: int, time_range: TimeRange) -> list[Tally]:
    """Return every tally of the windows that start in ``time_range``, without bands and minimum."""
    statement = (
        select(
            series.c.action_id,
            series.c.error_type,
            series.c.response_status,
            tallies.c.window_start,
            tallies.c["count"],
            tallies.c.duration_ms,
            tallies.c.max_ms,
        )
        .join_from(tallies, series, series.c.id == tallies.c.series_id)
        .where(
            tallies.c.org_id == org_id,
            tallies.c.window_start >= time_range.start,
            tallies.c.window_start < time_range.end,
        )
    )
    return [
        Tally(SeriesKey(*row[:3]), row[3], Counts(row[4], row[5], max_ms=row[6]))
        for row in connection.execute(statement)
    ]


def _series_of(org_id: int, action_id: str) -> Select[tuple[int]]:
    return select(series.c.id).where(series.c.org_id == org_id, series.c.action_id == action_id)


def _totals(connection: Connection, org_id: int) -> dict[SeriesKey, Counts]:
    words = series.c.action_id, series.c.error_type, series.c.response_status
    statement = (
        select(
            *words,
            series.c["count"],
            series.c.duration_ms,
            *(series.c[name] for name in BAND_COLUMNS),
        )
        .where(series.c.org_id == org_id)
        .order_by(*words)
    )
    return {
        SeriesKey(*row[:3]): Counts(row[3], row[4], bands=tuple(row[5:]))
        for row in connection.execute(statement)
    }
