"""Incidents in the database: each counted once, with totals per flow and action."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from sqlalchemy import Connection, and_, func, insert, select, true

from monitor.ledger.model import ActionHits, IncidentTotal
from monitor.model import Incident
from monitor.store import actions, flows, incident_totals, incidents, insert_into
from monitor.time_ranges import TimeRange

_CONVERSATIONS_PER_QUERY = 500
"""Values in one IN list: well below the limits of every database."""

_Place = tuple[str, str]
"""A flow, and the action in it that timed out."""


def add_incidents(connection: Connection, org_id: int, seen: Sequence[Incident]) -> list[Incident]:
    """Keep the incidents that are new, and count them.

    Args:
        connection: A write transaction that holds the org.
        org_id: The org.
        seen: What a reading shows; it may repeat itself.

    Returns:
        Those that were new.
    """
    new: list[Incident] = []
    hits: Counter[_Place] = Counter()
    conversations: Counter[_Place] = Counter()
    # A few conversations at a time: what is known of these is needed for no other.
    for part in _by_conversation(seen):
        known: set[tuple[str, int]] = set()
        hit: set[tuple[str, _Place]] = set()
        for conversation_id, start_ms, *place in _of_same_conversations(connection, org_id, part):
            known.add((conversation_id, start_ms))
            hit.add((conversation_id, (place[0], place[1])))
        fresh: list[Incident] = []
        for incident in part:
            key = incident.conversation_id, incident.segment_start_ms
            if key not in known:
                known.add(key)
                fresh.append(incident)
        if fresh:
            _insert(connection, org_id, fresh)
        for incident in fresh:
            at = incident.flow_id, incident.action_id
            hits[at] += 1
            conversations[at] += (incident.conversation_id, at) not in hit
            hit.add((incident.conversation_id, at))
        new += fresh
    if new:
        _add_to_totals(connection, org_id, hits, conversations)
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


def _by_conversation(seen: Sequence[Incident]) -> Iterator[list[Incident]]:
    """Yield incidents, those of so many conversations together as are asked for in one query."""
    part: list[Incident] = []
    conversations = 0
    for _, hits in groupby(sorted(seen, key=_conversation_id), key=_conversation_id):
        part += hits
        conversations += 1
        if conversations == _CONVERSATIONS_PER_QUERY:
            yield part
            part, conversations = [], 0
    if part:
        yield part


_conversation_id = attrgetter("conversation_id")


def _of_same_conversations(
    connection: Connection, org_id: int, seen: Sequence[Incident]
) -> Iterator[tuple[str, int, str, str]]:
    statement = select(
        incidents.c.conversation_id,
        incidents.c.segment_start_ms,
        incidents.c.flow_id,
        incidents.c.action_id,
    ).where(
        incidents.c.org_id == org_id,
        incidents.c.conversation_id.in_(sorted({one.conversation_id for one in seen})),
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
    hits: Mapping[_Place, int],
    conversations: Mapping[_Place, int],
) -> None:
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
                "conversations": conversations[flow_id, action_id],
            }
            for (flow_id, action_id), count in sorted(hits.items())
        ],
    )
