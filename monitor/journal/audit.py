"""The audit trail: lines are added and read, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import ColumnElement, Connection, Select, func, insert, select

from monitor.journal.change_states import ASKED_FOR, ChangeState
from monitor.journal.model import AuditEntry
from monitor.sanitize import sanitize
from monitor.store import audit, orgs, refusals, upsert

_AUDIT_LOCK = 0x6175_6474
"""Key of the advisory lock that PostgreSQL's writers of the trail queue for ("audt"): a line with
a smaller number must not appear after one with a larger, or a reader that goes on from the last
number it has seen would miss it."""


def add_entries(connection: Connection, org_id: int, entries: Sequence[AuditEntry]) -> None:
    """Add lines, in their order."""
    if not entries:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_AUDIT_LOCK)))
    connection.execute(
        insert(audit),
        [
            {key: value for key, value in asdict(entry).items() if key not in {"org", "entry_id"}}
            | {"org_id": org_id}
            for entry in entries
        ],
    )


def add_refusals(connection: Connection, org_id: int, entries: Sequence[AuditEntry]) -> int:
    """Add those refusals that say something else than the last one of their action.

    Returns:
        How many were added.
    """
    known = {
        row.action_id: (row.reason, row.from_ms, row.to_ms)
        for row in connection.execute(select(refusals).where(refusals.c.org_id == org_id))
    }
    news = [
        entry
        for entry in entries
        if known.get(entry.action_id) != (entry.reason, entry.from_ms, entry.to_ms)
    ]
    add_entries(connection, org_id, news)
    upsert(
        connection,
        refusals,
        [
            {
                "org_id": org_id,
                "action_id": entry.action_id,
                "reason": entry.reason,
                "from_ms": entry.from_ms,
                "to_ms": entry.to_ms,
            }
            for entry in news
        ],
    )
    return len(news)


def newest_entry_id(connection: Connection, org_id: int) -> int:
    """Return the number of an org's newest line, 0 where it has none.

    Every change of what decides about changes adds a line in its own transaction.
    """
    newest = select(func.max(audit.c.id)).where(audit.c.org_id == org_id)
    return int(connection.execute(newest).scalar() or 0)


def newest_evidence(
    connection: Connection, org_id: int, change_id: int, events: Sequence[str]
) -> dict[str, object]:
    """Return the evidence of the newest line of a change about one of some events, else nothing."""
    statement = (
        select(audit.c.evidence)
        .where(
            audit.c.org_id == org_id,
            audit.c.change_id == change_id,
            audit.c.event.in_(events),
        )
        .order_by(audit.c.id.desc())
        .limit(1)
    )
    row = connection.execute(statement).first()
    return {} if row is None else row.evidence


def count_events(connection: Connection, org_id: int) -> dict[str, int]:
    """How often each event has happened; a count never falls, for no line ever goes."""
    statement = select(audit.c.event, func.count()).where(audit.c.org_id == org_id)
    rows = connection.execute(statement.group_by(audit.c.event))
    return {row[0]: int(row[1]) for row in rows}


def undone_changes(connection: Connection, org_id: int) -> list[tuple[bool, str, str]]:
    """Return of each change that was set back whether somebody asked, and why it was set back.

    The reason is the one that its newest undoing was begun with, as a code and in words. Somebody
    has asked where one undoing was begun for them, also where another program has finished it.
    """
    mine = audit.c.org_id == org_id
    undone = select(audit.c.change_id).where(mine, audit.c.event == ChangeState.ROLLED_BACK.value)
    lines = connection.execute(
        select(audit.c.change_id, audit.c.reason, audit.c.detail)
        .where(mine, audit.c.event == ChangeState.UNDOING.value, audit.c.change_id.in_(undone))
        .order_by(audit.c.id)
    )
    found: dict[int, tuple[bool, str, str]] = {}
    for line in lines:
        asked, *_ = found.get(line.change_id, (False, "", ""))
        found[line.change_id] = asked or line.reason == ASKED_FOR, line.reason, line.detail
    return list(found.values())


def event_times(connection: Connection, org_id: int) -> list[tuple[str, float]]:
    """Every event of an org and when it happened, in epoch seconds; the earliest first."""
    statement = select(audit.c.event, audit.c.at).where(audit.c.org_id == org_id)
    return [(row[0], row[1]) for row in connection.execute(statement.order_by(audit.c.at))]


def newest_entries(connection: Connection, org_id: int, limit: int) -> list[AuditEntry]:
    """The newest lines of an org, the newest first."""
    return read_entries(connection, audit.c.org_id == org_id, limit=limit)


def read_entries(
    connection: Connection, *where: ColumnElement[bool], limit: int | None = None
) -> list[AuditEntry]:
    """Return the lines for which some conditions hold, the newest first; all without a limit."""
    statement = _selected().where(*where).order_by(audit.c.id.desc())
    return _read(connection, statement.limit(limit))


def entries_after(connection: Connection, entry_id: int, limit: int) -> list[AuditEntry]:
    """The lines of all orgs after a number, in their order."""
    return _read(
        connection, _selected().where(audit.c.id > entry_id).order_by(audit.c.id).limit(limit)
    )


def _selected() -> Select[tuple[object, ...]]:
    return select(audit, orgs.c.name.label("org")).join(orgs, orgs.c.id == audit.c.org_id)


def _read(connection: Connection, statement: Select[tuple[object, ...]]) -> list[AuditEntry]:
    return [
        AuditEntry(
            at=row.at,
            org=row.org,
            event=row.event,
            actor=row.actor,
            action_id=row.action_id,
            action_name=sanitize(row.action_name),
            change_id=row.change_id,
            from_ms=row.from_ms,
            to_ms=row.to_ms,
            reason=row.reason,
            detail=row.detail,
            lock_before=row.lock_before,
            lock_after=row.lock_after,
            evidence=row.evidence,
            entry_id=row.id,
        )
        for row in connection.execute(statement)
    ]
