"""What was changed in an org, and what stands in the way of more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Column, Connection, Table, delete, func, or_, select, update

from monitor.clock import is_in_future
from monitor.journal.audit import newest_entry_id
from monitor.journal.change_states import OPEN_STATES
from monitor.journal.changes import read_changes
from monitor.journal.model import Quarantine, RemediationState, Switch
from monitor.journal.timeout_edits import read_edits
from monitor.store import changes, quarantines, switches, timeout_edits, upsert

PAUSED = "paused"
TRIPPED = "tripped"
RESUMED = "resumed"

HISTORY_SECONDS = 60 * 86_400
"""How far back it looks: further than any budget, cooldown or row of failures reaches."""

_STEP_SECONDS = 0.001
"""What was written one after the other stays so."""

_MOMENTS: Mapping[Table, tuple[Column[float], ...]] = {
    changes: (
        changes.c.began_at,
        changes.c.sent_at,
        changes.c.applied_at,
        changes.c.ended_at,
        changes.c.touched_at,
    ),
    quarantines: (quarantines.c.since,),
    switches: (switches.c.since,),
}


def current_state(
    connection: Connection, org: str, org_id: int | None, now: float
) -> RemediationState:
    """Return what was changed in an org as of ``now``, with the saves by others that explain it."""
    # First: where the record goes on while the rest is read, the revision is one that is over.
    revision = 0 if org_id is None else newest_entry_id(connection, org_id)
    found = _recorded(connection, org, org_id, now - HISTORY_SECONDS)
    found = replace(found, revision=revision)
    if is_in_future(found.resumed_at, now):
        # Until it is brought back it is void: better a failure too many than all forgotten.
        found = replace(found, resumed_at=0.0)
    if org_id is None or not found.latest:
        return found
    changed = timeout_edits.c.action_id.in_(sorted(found.latest))
    recent = timeout_edits.c.at >= now - HISTORY_SECONDS
    return replace(found, edits=read_edits(connection, org_id, changed, recent))


def _recorded(
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
    latest = read_changes(connection, org, changes.c.id.in_(newest))
    return RemediationState(
        org=org,
        paused=found.get(PAUSED),
        tripped=found.get(TRIPPED),
        resumed_at=0.0 if resumed is None else resumed.since,
        changes=read_changes(
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


def set_switch(connection: Connection, org_id: int, name: str, switch: Switch) -> None:
    """Set a switch; one that is set already stays as it was set."""
    known = select(switches.c.name).where(switches.c.org_id == org_id, switches.c.name == name)
    if name != RESUMED and connection.execute(known).first() is not None:
        return
    upsert(
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
    upsert(
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


def moments_ahead(connection: Connection, org_id: int, now: float) -> list[float]:
    """Return the moments of an org's changes that lie in the future; epoch seconds, ascending."""
    found = {
        moment
        for table, columns in _MOMENTS.items()
        for column in columns
        for moment in connection.execute(
            select(column).where(table.c.org_id == org_id, column > now)
        ).scalars()
        if is_in_future(moment, now)
    }
    return sorted(found)


def bring_back(connection: Connection, org_id: int, now: float) -> float:
    """Bring every moment of an org's changes that lies in the future back to now, in its order.

    A resumption that lies in the future would have every failure forgotten until then, a change
    that helped would end each row of failures, and cooldowns and quarantines would last for as long
    as the clock was wrong. None of them can be later than now, and each is taken to be as recent as
    can be: what ends after a while ends after its own length from now.

    Args:
        connection: A write transaction that holds the org.
        org_id: The org.
        now: Epoch seconds.

    Returns:
        By how many seconds the furthest of them was ahead; 0.0 where none was.
    """
    ahead = moments_ahead(connection, org_id, now)
    for place, moment in enumerate(reversed(ahead)):
        back = now - place * _STEP_SECONDS
        for table, columns in _MOMENTS.items():
            for column in columns:
                values: dict[str, object] = {column.name: back}
                if table is quarantines:
                    values["until"] = quarantines.c.until - (moment - back)
                mine = (table.c.org_id == org_id) & (column == moment)
                connection.execute(update(table).where(mine).values(values))
    return ahead[-1] - now if ahead else 0.0
