"""What was changed in an org, and what stands in the way of more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from monitor.errors import LedgerError
from monitor.ledger.change import (
    NEXT,
    OPEN_STATES,
    Change,
    ChangeState,
    Intent,
    Quarantine,
    RemediationState,
    Switch,
)
from monitor.ledger.change_schema import changes, quarantines, switches
from monitor.ledger.database import put

PAUSED = "paused"
TRIPPED = "tripped"
RESUMED = "resumed"


def read_remediation_state(
    connection: Connection, org: str, org_id: int | None, since: float
) -> RemediationState:
    """What is known; the open changes, and those that began at or after ``since``."""
    if org_id is None:
        return RemediationState(org)
    found = {
        row.name: Switch(row.since, row.actor, row.reason)
        for row in connection.execute(select(switches).where(switches.c.org_id == org_id))
    }
    resumed = found.get(RESUMED)
    newest = (
        select(func.max(changes.c.id))
        .where(changes.c.org_id == org_id, changes.c.applied_at.is_not(None))
        .group_by(changes.c.action_id)
        .scalar_subquery()
    )
    latest = _changes(connection, org, changes.c.id.in_(newest))
    return RemediationState(
        org=org,
        paused=found.get(PAUSED),
        tripped=found.get(TRIPPED),
        resumed_at=0.0 if resumed is None else resumed.since,
        changes=_changes(
            connection,
            org,
            changes.c.org_id == org_id,
            or_(changes.c.state.in_([*OPEN_STATES]), changes.c.began_at >= since),
        ),
        latest={one.action_id: one for one in latest},
        quarantines={
            row.action_id: Quarantine(
                row.action_id, row.reason, row.since, row.until, row.change_id
            )
            for row in connection.execute(select(quarantines).where(quarantines.c.org_id == org_id))
        },
    )


def newest_changes(connection: Connection, org: str, org_id: int, limit: int) -> tuple[Change, ...]:
    """The newest changes of an org, the newest first."""
    return _changes(connection, org, changes.c.org_id == org_id)[:limit]


def all_changes(connection: Connection, org: str, org_id: int) -> tuple[Change, ...]:
    """Every change of an org, the newest first."""
    return _changes(connection, org, changes.c.org_id == org_id)


def get_change(connection: Connection, org: str, org_id: int, change_id: int) -> Change:
    """One change of an org.

    Raises:
        LedgerError: There is none with this number.
    """
    found = _changes(connection, org, changes.c.org_id == org_id, changes.c.id == change_id)
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


def set_switch(connection: Connection, org_id: int, name: str, switch: Switch) -> None:
    """Set a switch; one that is set already stays as it was set."""
    known = select(switches.c.name).where(switches.c.org_id == org_id, switches.c.name == name)
    if name != RESUMED and connection.execute(known).first() is not None:
        return
    put(
        connection,
        switches,
        [
            {
                "org_id": org_id,
                "name": name,
                "since": switch.since,
                "actor": switch.actor,
                "reason": switch.reason,
            }
        ],
    )


def clear_switches(connection: Connection, org_id: int) -> None:
    """Clear what stops changes."""
    connection.execute(
        delete(switches).where(switches.c.org_id == org_id, switches.c.name.in_([PAUSED, TRIPPED]))
    )


def set_quarantine(connection: Connection, org_id: int, quarantine: Quarantine) -> None:
    """Leave an action alone for a while; a later one takes the place of an earlier."""
    put(
        connection,
        quarantines,
        [
            {
                "org_id": org_id,
                "action_id": quarantine.action_id,
                "reason": quarantine.reason,
                "since": quarantine.since,
                "until": quarantine.until,
                "change_id": quarantine.change_id,
            }
        ],
    )


def end_quarantine(connection: Connection, org_id: int, action_id: str) -> bool:
    """Take an action out of quarantine; whether it was in one."""
    ended = connection.execute(
        delete(quarantines).where(
            quarantines.c.org_id == org_id, quarantines.c.action_id == action_id
        )
    )
    return ended.rowcount > 0


def _changes(connection: Connection, org: str, *where: Any) -> tuple[Change, ...]:  # noqa: ANN401 - SQL
    statement = select(changes).where(*where).order_by(changes.c.id.desc())
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
        )
        for row in connection.execute(statement)
    )
