"""What a state calls past and lies in the future: written while a clock was wrong, and void.

A clock that was ahead moves coverage and watermark beyond what was really read, and a clock that
was put right then finds nothing to ask for. Nobody can tell how long it was wrong. So the last day
is asked for once more: what is counted stays counted once, and what was passed over is found.
"""

from __future__ import annotations

from dataclasses import asdict, replace

from sqlalchemy import Connection, delete, insert, select

from monitor.clock import is_in_future
from monitor.ledger.catalogue import date_timeouts
from monitor.ledger.database import put
from monitor.ledger.orgs import pruned_before, remember_pruned_before
from monitor.ledger.progress import source_states
from monitor.ledger.schema import coverage, sources
from monitor.time_ranges import floor_to

READ_AGAIN_SECONDS = 86_400
"""How far back is asked for once more: as far as a first poll reads, and clocks that are wrong for
longer without anybody who notices are rare. It costs as many requests as that poll."""


def void_future(connection: Connection, org_id: int, source: str, now: float) -> float:
    """Void what a source was read to in the future.

    Args:
        connection: A write transaction that holds the org.
        org_id: The org.
        source: The source.
        now: Epoch seconds.

    Returns:
        By how many seconds the furthest of it was ahead; 0.0 where nothing was void.
    """
    old = source_states(connection, org_id).get(source)
    mine = (coverage.c.org_id == org_id) & (coverage.c.source == source)
    columns = (coverage.c.skipped, coverage.c.range_start, coverage.c.range_end)
    covered = [tuple(row) for row in connection.execute(select(*columns).where(mine))]
    horizon = pruned_before(connection)
    marks = [float(end) for _, _, end in covered]
    if old is not None:
        marks += [old.last_success_at, float(old.complete_until)]
    furthest = max([*marks, float(horizon)], default=0.0)
    if not is_in_future(furthest, now):
        return 0.0
    window = old.window_seconds if old is not None and old.window_seconds else 60
    honest = floor_to(now, window)
    if horizon > honest:
        # What is gone is gone; what happens from now on is not to be left out for it.
        remember_pruned_before(connection, honest)
    date_timeouts(connection, org_id, now)
    # Nothing is asked for that lies before the first window of all, unless all of it lies ahead.
    begun = min((start for _, start, _ in covered if start <= now), default=0)
    until = max(floor_to(now - READ_AGAIN_SECONDS, window), begun)
    connection.execute(delete(coverage).where(mine))
    rows = [
        {
            "org_id": org_id,
            "source": source,
            "skipped": skipped,
            "range_start": start,
            "range_end": min(end, until),
        }
        for skipped, start, end in covered
        if start < min(end, until)
    ]
    if rows:
        connection.execute(insert(coverage), rows)
    if old is not None:
        new = replace(
            old,
            last_success_at=0.0 if is_in_future(old.last_success_at, now) else old.last_success_at,
            newest_data_at=min(old.newest_data_at, now),
            complete_until=min(old.complete_until, until),
        )
        put(connection, sources, [{"org_id": org_id} | asdict(new)])
    return furthest - now
