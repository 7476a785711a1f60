"""What remediation has written down while a clock was ahead: brought back to now, in its order.

A resumption that lies in the future would have every failure forgotten until then, a change that
helped would end each row of failures, and cooldowns and quarantines would last for as long as the
clock was wrong. None of them can be later than now, and each is taken to be as recent as can be:
what ends after a while ends after its own length from now.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Column, Connection, Table, select, update

from monitor.clock import is_in_future
from monitor.ledger.change_schema import changes, quarantines, switches

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
    """Bring every moment of an org's changes that lies in the future back to now.

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
