"""Incidents in the database: each counted once, with totals per flow and action."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, and_, func, insert, select, true

from monitor.ledger.model import ActionHits, IncidentTotal
from monitor.model import Incident
from monitor.store import actions, flows, incident_totals, incidents, insert_into
from monitor.time_ranges import TimeRange

_CONVERSATIONS_PER_QUERY = 500
"""Values in one IN list: well below the limits of every database."""


def add_incidents(connection: Connection, org_id: int, seen: Sequence[Incident]) -> list[Incident]:
    """Keep the incidents that are new, and count them.

    Args:
        connection: A write transaction that holds the org.
        org_id: The org.
        seen: What a reading shows; it may repeat itself.

    Returns:
        Those that were new.
    """
    known: set[tuple[str, int]] = set()
    hit: set[tuple[str, str, str]] = set()
    for conversation_id, start_ms, flow_id, action_id in _of_same_conversations(
        connection, org_id, seen
    ):
        known.add((conversation_id, start_ms))
        hit.add((flow_id, action_id, conversation_id))
    new: list[Incident] = []
    for incident in seen:
        key = incident.conversation_id, incident.segment_start_ms
        if key not in known:
            known.add(key)
            new.append(incident)
    if new:
        _insert(connection, org_id, new)
        _add_to_totals(connection, org_id, new, hit)
    return new


def incidents_within(
    connection: Connection,
    org_id: int,
    time_range: TimeRange,
    action_id: str | None = None,
    newest: int | None = None,
) -> list[Incident]:
    """The incidents whose ``at`` lies in ``time_range``, oldest first, under the names of now.

    Of one action, where one is named, and the newest alone where so many are enough.
    """
    of_action = true() if action_id is None else incidents.c.action_id == action_id
    order = (incidents.c.at, incidents.c.conversation_id, incidents.c.segment_start_ms)
    statement = (
        select(
            incidents.c.conversation_id,
            incidents.c.segment_start_ms,
            incidents.c.at,
            incidents.c.action_id,
            actions.c.name,
            incidents.c.flow_id,
            flows.c.name,
            incidents.c.error_type,
            incidents.c.attributed,
        )
        .join_from(
            incidents,
            actions,
            and_(
                actions.c.org_id == incidents.c.org_id,
                actions.c.action_id == incidents.c.action_id,
            ),
            isouter=True,
        )
        .join(
            flows,
            and_(flows.c.org_id == incidents.c.org_id, flows.c.flow_id == incidents.c.flow_id),
            isouter=True,
        )
        .where(
            incidents.c.org_id == org_id,
            incidents.c.at >= time_range.start,
            incidents.c.at < time_range.end,
            of_action,
        )
        .order_by(*(order if newest is None else (one.desc() for one in order)))
        .limit(newest)
    )
    found = [
        Incident(row[0], row[1], row[2], row[3], row[4] or "", row[5], row[6] or "", *row[7:])
        for row in connection.execute(statement)
    ]
    return found if newest is None else found[::-1]


def hits_within(
    connection: Connection, org_id: int, time_range: TimeRange, action_id: str, newest: int
) -> ActionHits:
    """Whom the timeouts of one action hit in a period: counted, and the newest by name."""
    statement = (
        select(incidents.c.flow_id, incidents.c.conversation_id, func.count())
        .where(
            incidents.c.org_id == org_id,
            incidents.c.at >= time_range.start,
            incidents.c.at < time_range.end,
            incidents.c.action_id == action_id,
        )
        .group_by(incidents.c.flow_id, incidents.c.conversation_id)
    )
    by_flow: dict[str, int] = defaultdict(int)
    conversations: set[str] = set()
    total = 0
    for flow_id, conversation_id, count in connection.execute(statement):
        by_flow[flow_id] += 1
        conversations.add(conversation_id)
        total += count
    return ActionHits(
        timeouts=total,
        conversations=len(conversations),
        conversations_by_flow=dict(by_flow),
        newest=tuple(reversed(incidents_within(connection, org_id, time_range, action_id, newest)))
        if total
        else (),
    )


def totals_of_incidents(connection: Connection, org_id: int) -> tuple[IncidentTotal, ...]:
    """Incidents since the ledger began, by flow and action."""
    statement = (
        select(
            incident_totals.c.flow_id,
            incident_totals.c.action_id,
            incident_totals.c.incidents,
            incident_totals.c.conversations,
        )
        .where(incident_totals.c.org_id == org_id)
        .order_by(incident_totals.c.flow_id, incident_totals.c.action_id)
    )
    return tuple(IncidentTotal(*row) for row in connection.execute(statement))


def _of_same_conversations(
    connection: Connection, org_id: int, seen: Sequence[Incident]
) -> Iterator[tuple[str, int, str, str]]:
    conversations = sorted({incident.conversation_id for incident in seen})
    for start in range(0, len(conversations), _CONVERSATIONS_PER_QUERY):
        statement = select(
            incidents.c.conversation_id,
            incidents.c.segment_start_ms,
            incidents.c.flow_id,
            incidents.c.action_id,
        ).where(
            incidents.c.org_id == org_id,
            incidents.c.conversation_id.in_(
                conversations[start : start + _CONVERSATIONS_PER_QUERY]
            ),
        )
        for row in connection.execute(statement):
            yield row[0], row[1], row[2], row[3]


def _insert(connection: Connection, org_id: int, new: Sequence[Incident]) -> None:
    connection.execute(
        insert(incidents),
        [
            {
                "org_id": org_id,
                "conversation_id": incident.conversation_id,
                "segment_start_ms": incident.segment_start_ms,
                "at": incident.at,
                "action_id": incident.action_id,
                "flow_id": incident.flow_id,
                "error_type": incident.error_type,
                "attributed": incident.attributed,
            }
            for incident in new
        ],
    )


def _add_to_totals(
    connection: Connection,
    org_id: int,
    new: Sequence[Incident],
    already_hit: set[tuple[str, str, str]],
) -> None:
    hits: dict[tuple[str, str], int] = defaultdict(int)
    conversations: dict[tuple[str, str], set[str]] = defaultdict(set)
    for incident in new:
        key = incident.flow_id, incident.action_id
        hits[key] += 1
        if (*key, incident.conversation_id) not in already_hit:
            conversations[key].add(incident.conversation_id)
    statement = insert_into(connection, incident_totals)
    excluded = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["org_id", "flow_id", "action_id"],
            set_={
                "incidents": incident_totals.c.incidents + excluded.incidents,
                "conversations": incident_totals.c.conversations + excluded.conversations,
            },
        ),
        [
            {
                "org_id": org_id,
                "flow_id": flow_id,
                "action_id": action_id,
                "incidents": count,
                "conversations": len(conversations[flow_id, action_id]),
            }
            for (flow_id, action_id), count in sorted(hits.items())
        ],
    )
