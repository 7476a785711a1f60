"""Entries of the platform's audit log in the database, and what they make better known."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from monitor.ledger.catalogue import action_names, timeouts_over_time
from monitor.ledger.change_schema import changes
from monitor.ledger.database import put_if_absent
from monitor.ledger.edits import (
    OutsideChange,
    named_since,
    outside_changes,
    own_change,
)
from monitor.ledger.orgs import edits_read_until, remember_edits_read_until
from monitor.ledger.remediation_state import all_changes
from monitor.ledger.schema import timeout_edits, timeouts
from monitor.model import TimeoutEdit


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
    edits = list(found)
    made = all_changes(connection, org, org_id)
    put_if_absent(
        connection,
        timeout_edits,
        [_row(org_id, edit, own_change(edit, made, own_clients)) for edit in edits],
    )
    for edit in edits:
        _date_timeout(connection, org_id, edit)
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
    return outside_changes(
        org,
        timeouts_over_time(connection, org_id, timeouts.c.action_id.in_(changed)),
        read_edits(connection, org_id),
        all_changes(connection, org, org_id),
        action_names(connection, org_id),
    )


def forget_edits(connection: Connection, org_id: int, before: float) -> int:
    """Forget entries that are older than ``before``; how many there were."""
    old = (timeout_edits.c.org_id == org_id, timeout_edits.c.at < before)
    return connection.execute(delete(timeout_edits).where(*old)).rowcount


def _date_timeout(connection: Connection, org_id: int, edit: TimeoutEdit) -> None:
    """Let a timeout be in force since it was set, where only a later refresh had noticed it."""
    if edit.to_ms is None:
        return
    of_action = (timeouts.c.org_id == org_id, timeouts.c.action_id == edit.action_id)
    rows: Sequence[tuple[float, int | None]] = [
        (row[0], row[1])
        for row in connection.execute(
            select(timeouts.c.since, timeouts.c.timeout_ms)
            .where(*of_action)
            .order_by(timeouts.c.since)
        )
    ]
    for (earlier, _), (since, timeout_ms) in itertools.pairwise(rows):
        if earlier < edit.at < since and timeout_ms == edit.to_ms:
            later = select(func.count()).where(
                timeout_edits.c.org_id == org_id,
                timeout_edits.c.action_id == edit.action_id,
                timeout_edits.c.at > edit.at,
                timeout_edits.c.at <= since,
            )
            # Where the action was saved once more since, that save may be what is in force.
            if not connection.execute(later).scalar_one():
                connection.execute(
                    update(timeouts)
                    .where(*of_action, timeouts.c.since == since)
                    .values(since=edit.at)
                )
            return


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
