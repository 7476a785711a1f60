"""The rows of changes: recorded, moved to their next state, and read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from monitor.errors import LedgerError
from monitor.journal.change_states import NEXT, ChangeState
from monitor.journal.model import Change, Intent
from monitor.store import changes


def newest_changes(
    connection: Connection, org: str, org_id: int, limit: int | None
) -> tuple[Change, ...]:
    """The newest changes of an org, the newest first."""
    return read_changes(connection, org, changes.c.org_id == org_id)[:limit]


def all_changes(connection: Connection, org: str, org_id: int) -> tuple[Change, ...]:
    """Every change of an org, the newest first."""
    return read_changes(connection, org, changes.c.org_id == org_id)


def get_change(connection: Connection, org: str, org_id: int, change_id: int) -> Change:
    """One change of an org.

    Raises:
        LedgerError: There is none with this number.
    """
    found = read_changes(connection, org, changes.c.org_id == org_id, changes.c.id == change_id)
    if not found:
        raise LedgerError(
            f"{org} has no change {change_id}", "timeout-monitor history lists all of them."
        )
    return found[0]


def add_change(connection: Connection, org_id: int, intent: Intent) -> Change:
    """Record an intent."""
    result = connection.execute(
        insert(changes).returning(changes.c.id),
        {
            "org_id": org_id,
            "action_id": intent.action_id,
            "action_name": intent.action_name,
            "target": intent.target,
            "container_id": intent.container_id,
            "from_ms": intent.from_ms,
            "to_ms": intent.to_ms,
            "state": ChangeState.PLANNED.value,
            "actor": intent.actor,
            "began_at": intent.at,
            "touched_at": intent.at,
            "lock_before": "",
            "lock_after": "",
            "note": "",
            "measured": intent.measured,
            "reason": "",
            "damage": "",
            "trial_seconds": intent.trial_seconds,
            "alike_since": intent.alike_since,
            "effect": "",
            "effect_note": "",
        },
    )
    return get_change(connection, intent.org, org_id, int(result.scalar_one()))


def move_change(
    connection: Connection, change: Change, to: ChangeState, values: Mapping[str, Any]
) -> None:
    """Let a change come further.

    Raises:
        LedgerError: It has come further already, or ``to`` can't follow its state.
    """
    if to not in NEXT[change.state]:
        raise LedgerError(
            f"change {change.change_id} is {change.state}, and {to} can't follow that",
            "timeout-monitor history shows how it came there.",
        )
    moved = connection.execute(
        update(changes)
        .where(changes.c.id == change.change_id, changes.c.state == change.state.value)
        .values(state=to.value, **values)
    )
    if moved.rowcount != 1:
        raise LedgerError(
            f"change {change.change_id} is not {change.state} any more",
            "Somebody else has gone on with it; look at timeout-monitor history.",
        )


def mark_damaged(connection: Connection, change: Change, words: str) -> None:
    """Keep what the write of a change has changed beside the timeout, for good."""
    connection.execute(update(changes).where(changes.c.id == change.change_id).values(damage=words))


def read_changes(
    connection: Connection,
    org: str,
    *where: Any,  # noqa: ANN401 - SQL
    limit: int | None = None,
) -> tuple[Change, ...]:
    """Return the changes for which some conditions hold, the newest first; all without a limit."""
    statement = select(changes).where(*where).order_by(changes.c.id.desc()).limit(limit)
    return tuple(
        Change(
            change_id=row.id,
            org=org,
            action_id=row.action_id,
            action_name=row.action_name,
            target=row.target,
            container_id=row.container_id,
            from_ms=row.from_ms,
            to_ms=row.to_ms,
            state=ChangeState(row.state),
            actor=row.actor,
            began_at=row.began_at,
            sent_at=row.sent_at,
            applied_at=row.applied_at,
            ended_at=row.ended_at,
            touched_at=row.touched_at,
            lock_before=row.lock_before,
            lock_after=row.lock_after,
            note=row.note,
            measured=row.measured,
            reason=row.reason,
            damage=row.damage,
            trial_seconds=row.trial_seconds,
            alike_since=row.alike_since,
            effect=row.effect,
            effect_note=row.effect_note,
        )
        for row in connection.execute(statement)
    )
