"""What the ledger answers of an org as a whole: its totals, and all that is known beside them."""

from __future__ import annotations

from sqlalchemy import Connection, select

from monitor.counts import Counts, SeriesKey
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
from monitor.store import BAND_COLUMNS, find_org, known_limits, series


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
