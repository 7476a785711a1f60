"""Entries of the platform's audit log in the database, and what they make better known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from monitor.journal.changes import all_changes
from monitor.journal.outside_changes import (
    OutsideChange,
    named_since,
    outside_changes,
    own_change,
)
from monitor.journal.timeouts import date_timeout, timeouts_over_time
from monitor.model import TimeoutEdit
from monitor.sanitize import sanitize, sanitize_id
from monitor.store import (
    actions,
    changes,
    edits_read_until,
    insert_if_absent,
    remember_edits_read_until,
    timeout_edits,
    timeouts,
)


def save_edits(  # noqa: PLR0913 - the entries, and what tells ours from others'
    connection: Connection,
    org: str,
    org_id: int,
    *,
    found: Iterable[TimeoutEdit],
    until: float,
    own_clients: frozenset[str],
) -> None:
    """Keep entries of the audit log; one that is known stays as it was judged first.

    Who changed a timeout, and when it came into force, is set right where they tell it.

    Args:
        connection: A write transaction that holds the org.
        org: The org's configured name.
        org_id: The org.
        found: The entries.
        until: Up to where the log was read; epoch seconds.
        own_clients: The ids of the clients that this program logs in with.
    """
    edits = _fit(found)
    made = all_changes(connection, org, org_id)
    insert_if_absent(
        connection,
        timeout_edits,
        [_row(org_id, edit, own_change(edit, made, own_clients)) for edit in edits],
    )
    for edit in edits:
        date_timeout(connection, org_id, edit)
    known = read_edits(connection, org_id)
    for change in made:
        note = named_since(change, known)
        if note is not None:
            connection.execute(
                update(changes).where(changes.c.id == change.change_id).values(note=note)
            )
    remember_edits_read_until(connection, org_id, max(until, edits_read_until(connection, org_id)))


def read_edits(
    connection: Connection, org_id: int, *conditions: ColumnElement[bool]
) -> tuple[TimeoutEdit, ...]:
    """Every entry of an org for which some conditions hold, the oldest first."""
    table = timeout_edits.c
    statement = (
        select(
            table.edit_id,
            table.at,
            table.action_id,
            table.user_id,
            table.user_name,
            table.client_id,
            table.from_ms,
            table.to_ms,
            table.change_id,
        )
        .where(table.org_id == org_id, *conditions)
        .order_by(table.at, table.edit_id)
    )
    return tuple(TimeoutEdit(*row) for row in connection.execute(statement))


def read_outside_changes(connection: Connection, org: str, org_id: int) -> list[OutsideChange]:
    """Every change of a timeout that this program did not make, the newest first."""
    changed = (
        select(timeouts.c.action_id)
        .where(timeouts.c.org_id == org_id)
        .group_by(timeouts.c.action_id)
        .having(func.count() > 1)
    )
    over_time = timeouts_over_time(connection, org_id, timeouts.c.action_id.in_(changed))
    edits = read_edits(connection, org_id)
    if not over_time and not edits:
        return []
    return outside_changes(
        org,
        over_time,
        edits,
        all_changes(connection, org, org_id),
        _action_names(connection, org_id),
    )


def forget_edits(connection: Connection, org_id: int, before: float) -> int:
    """Forget entries that are older than ``before``; how many there were."""
    old = (timeout_edits.c.org_id == org_id, timeout_edits.c.at < before)
    return connection.execute(delete(timeout_edits).where(*old)).rowcount


def _action_names(connection: Connection, org_id: int) -> dict[str, str]:
    """Names by action id."""
    statement = select(actions.c.action_id, actions.c.name).where(actions.c.org_id == org_id)
    return {row[0]: row[1] for row in connection.execute(statement)}


def _fit(edits: Iterable[TimeoutEdit]) -> list[TimeoutEdit]:
    """Return entries of the audit log whose every text can be kept."""
    return [
        replace(
            one,
            edit_id=sanitize_id(one.edit_id),
            action_id=sanitize_id(one.action_id),
            user_id=sanitize_id(one.user_id),
            user_name=sanitize(one.user_name),
            client_id=sanitize_id(one.client_id),
        )
        for one in edits
    ]


def _row(org_id: int, edit: TimeoutEdit, own: object) -> dict[str, object]:
    return {
        "org_id": org_id,
        "edit_id": edit.edit_id,
        "at": edit.at,
        "action_id": edit.action_id,
        "user_id": edit.user_id,
        "user_name": edit.user_name,
        "client_id": edit.client_id,
        "from_ms": edit.from_ms,
        "to_ms": edit.to_ms,
        "change_id": getattr(own, "change_id", None),
    }
