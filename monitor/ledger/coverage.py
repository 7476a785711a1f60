"""How far each source has been read: coverage, freshness and lateness."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, fields, replace

from sqlalchemy import Connection, delete, insert, select, update

from monitor.clock import is_in_future
from monitor.errors import LedgerError
from monitor.journal import date_timeouts
from monitor.ledger.model import LATENESS_EDGES_SECONDS, Lateness, Reading, SourceState
from monitor.store import (
    coverage,
    flows,
    insert_into,
    lateness,
    pruned_before,
    remember_pruned_before,
    sources,
    upsert,
)
from monitor.time_ranges import TimeRange, floor_to, is_covered, merged

_STATE_FIELDS = tuple(field.name for field in fields(SourceState))
"""Columns of ``sources``, each named like the field it holds."""

READ_AGAIN_SECONDS = 86_400
"""How far back is asked for once more: as far as a first poll reads, and clocks that are wrong for
longer without anybody who notices are rare. It costs as many requests as that poll."""


def read_coverage(connection: Connection, org_id: int, source: str) -> tuple[TimeRange, ...]:
    """What has been asked of a source, without what was skipped; merged."""
    return _time_ranges(connection, org_id, source, skipped=False)


def full_coverage(connection: Connection, org_id: int) -> dict[str, tuple[TimeRange, ...]]:
    """What needs no asking any more, by source: read or skipped; merged."""
    statement = select(coverage.c.source, coverage.c.range_start, coverage.c.range_end).where(
        coverage.c.org_id == org_id
    )
    found: dict[str, list[TimeRange]] = defaultdict(list)
    for source, start, end in connection.execute(statement):
        found[source].append(TimeRange(start, end))
    return {source: merged(periods) for source, periods in sorted(found.items())}


def cover(
    connection: Connection, org_id: int, source: str, time_range: TimeRange, *, skipped: bool
) -> None:
    """Let the coverage of a source grow by ``time_range``."""
    before = _time_ranges(connection, org_id, source, skipped=skipped)
    after = merged([*before, time_range])
    if after == before:
        return
    connection.execute(
        delete(coverage).where(
            coverage.c.org_id == org_id,
            coverage.c.source == source,
            coverage.c.skipped == skipped,
        )
    )
    connection.execute(
        insert(coverage),
        [
            {
                "org_id": org_id,
                "source": source,
                "skipped": skipped,
                "range_start": piece.start,
                "range_end": piece.end,
            }
            for piece in after
        ],
    )


def source_states(connection: Connection, org_id: int) -> dict[str, SourceState]:
    """How far each source has been read, by its name."""
    statement = (
        select(*(sources.c[name] for name in _STATE_FIELDS))
        .where(sources.c.org_id == org_id)
        .order_by(sources.c.source)
    )
    states = (
        SourceState(**dict(zip(_STATE_FIELDS, row, strict=True)))
        for row in connection.execute(statement)
    )
    return {state.source: state for state in states}


def advance(
    connection: Connection, org_id: int, source: str, read: Reading, restatements: int
) -> None:
    """Write down that a source has been read; no mark ever moves back.

    Raises:
        LedgerError: It was read in windows of another length before.
    """
    old = source_states(connection, org_id).get(source, SourceState(source))
    if old.window_seconds not in {0, read.window_seconds}:
        raise LedgerError(
            f"the source {source} was read in windows of {old.window_seconds} s, and can't be "
            f"read in windows of {read.window_seconds} s: executions would count twice",
            "Set [collect] window back, or begin with a new state.",
        )
    new = replace(
        old,
        last_success_at=max(old.last_success_at, 0.0 if read.is_past else read.read_at),
        newest_data_at=max(old.newest_data_at, _newest(read)),
        restatements=old.restatements + restatements,
        complete_until=max(old.complete_until, read.complete_until or 0),
        window_seconds=read.window_seconds,
    )
    upsert(connection, sources, [{"org_id": org_id} | asdict(new)])


def skip(
    connection: Connection, org_id: int, source: str, time_range: TimeRange, windows: int
) -> None:
    """Give a period up, and count its windows; once."""
    if is_covered(time_range, full_coverage(connection, org_id).get(source, ())):
        return
    old = source_states(connection, org_id).get(source, SourceState(source))
    new = replace(old, skipped_windows=old.skipped_windows + windows)
    upsert(connection, sources, [{"org_id": org_id} | asdict(new)])
    cover(connection, org_id, source, time_range, skipped=True)


def add_lateness(
    connection: Connection, org_id: int, source: str, late: Mapping[float, int]
) -> None:
    """Count late executions in the histogram of their source.

    Args:
        connection: A write transaction.
        org_id: The org.
        source: The source that gave them.
        late: Executions by how many seconds they were late.
    """
    executions: dict[int, int] = defaultdict(int)
    seconds: dict[int, float] = defaultdict(float)
    for lateness_seconds, count in late.items():
        band = bisect_left(LATENESS_EDGES_SECONDS, lateness_seconds)
        executions[band] += count
        seconds[band] += lateness_seconds * count
    if not executions:
        return
    statement = insert_into(connection, lateness)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["org_id", "source", "band"],
            set_={
                "executions": lateness.c.executions + statement.excluded.executions,
                "seconds_sum": lateness.c.seconds_sum + statement.excluded.seconds_sum,
            },
        ),
        [
            {
                "org_id": org_id,
                "source": source,
                "band": band,
                "executions": executions[band],
                "seconds_sum": seconds[band],
            }
            for band in sorted(executions)
        ],
    )


def lateness_by_source(connection: Connection, org_id: int) -> dict[str, Lateness]:
    """How late data came, by source."""
    statement = select(
        lateness.c.source, lateness.c.band, lateness.c.executions, lateness.c.seconds_sum
    ).where(lateness.c.org_id == org_id)
    executions: dict[str, list[int]] = defaultdict(lambda: [0] * (len(LATENESS_EDGES_SECONDS) + 1))
    seconds: dict[str, float] = defaultdict(float)
    for source, band, count, seconds_sum in connection.execute(statement):
        executions[source][band] = count
        seconds[source] += seconds_sum
    return {
        source: Lateness(tuple(counts), seconds[source])
        for source, counts in sorted(executions.items())
    }


def void_future(connection: Connection, org_id: int, source: str, now: float) -> float:
    """Void what a source was read to in the future, by a clock that was wrong then.

    A clock that was ahead moves coverage and watermark beyond what was really read, and a clock
    that was put right then finds nothing to ask for. Nobody can tell how long it was wrong. So the
    last day is asked for once more: what is counted stays counted once, and what was passed over is
    found.

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
    # Or no flow would take another name until then.
    named = update(flows).where(flows.c.org_id == org_id, flows.c.named_at > now)
    connection.execute(named.values(named_at=now))
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
        upsert(connection, sources, [{"org_id": org_id} | asdict(new)])
    return furthest - now


def _time_ranges(
    connection: Connection, org_id: int, source: str, *, skipped: bool
) -> tuple[TimeRange, ...]:
    statement = select(coverage.c.range_start, coverage.c.range_end).where(
        coverage.c.org_id == org_id, coverage.c.source == source, coverage.c.skipped == skipped
    )
    return merged(TimeRange(start, end) for start, end in connection.execute(statement))


def _newest(read: Reading) -> float:
    # A window still open ends later than anything that can be in it: what was asked limits it.
    ends = (
        min(tally.window_start + read.window_seconds, max(read.covered.end, tally.window_start))
        for tally in read.tallies
        if tally.counts.count > 0
    )
    lost = (
        min(one.window_start + read.window_seconds, max(read.covered.end, one.window_start))
        for one in read.flow_errors
        if one.callers > 0
    )
    moments = (incident.at for incident in read.incidents)
    return max([0.0, *map(float, ends), *map(float, lost), *moments])
