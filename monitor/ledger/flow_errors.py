"""Callers lost in flows, in the database: each counted once, with totals by flow and exit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from monitor.ledger.model import FlowErrorTotal, Growth, Reading
from monitor.model import FlowErrorTally
from monitor.store import (
    flow_error_basis,
    flow_error_totals,
    flow_errors,
    insert_into,
    remember_flow_error_basis,
    upsert,
)
from monitor.time_ranges import TimeRange, floor_to

_Key = tuple[int, str, str]
"""Start of a window, flow id, exit reason."""


def add_flow_errors(
    connection: Connection,
    org_id: int,
    read: Reading,
    seen: Sequence[FlowErrorTally],
    covered_before: Sequence[TimeRange],
) -> Growth:
    """Let windows and totals grow by what a reading shows beyond what is known.

    Args:
        connection: A write transaction that holds the org.
        org_id: The org.
        read: The reading.
        seen: What it shows, without what was pruned.
        covered_before: What its source was asked for before: merged, oldest first.
    """
    if not read.flow_error_basis:
        return Growth()
    since = _basis_since(connection, org_id, read, covered_before)
    # A reading may tell of windows before those that it was asked for, as far back as the first
    # that ever was: nothing is counted before it.
    first = min([read.covered.start, *(one.start for one in covered_before[:1])])
    largest: dict[_Key, int] = {}
    for one in seen:
        key = one.window_start, one.flow_id, one.exit_reason
        foreign = one.window_start < since and _holds(covered_before, one.window_start)
        if one.window_start >= first and not foreign:
            largest[key] = max(largest.get(key, 0), one.callers)
    known = _known(connection, org_id, largest)
    growth = Growth()
    more: Counter[tuple[str, str]] = Counter()
    rows = []
    for key, callers in sorted(largest.items()):
        window_start, flow_id, exit_reason = key
        before = known.get(key, 0)
        growth.restatements += callers < before
        if callers > before:
            more[flow_id, exit_reason] += callers - before
            growth.added[window_start] = growth.added.get(window_start, 0) + callers - before
            rows.append(
                {
                    "org_id": org_id,
                    "window_start": window_start,
                    "flow_id": flow_id,
                    "exit_reason": exit_reason,
                    "callers": callers,
                }
            )
    upsert(connection, flow_errors, rows)
    _add_to_totals(connection, org_id, more)
    return growth


def totals_of_flow_errors(connection: Connection, org_id: int) -> tuple[FlowErrorTotal, ...]:
    """Return callers lost since the ledger began, by flow and exit reason."""
    statement = (
        select(
            flow_error_totals.c.flow_id,
            flow_error_totals.c.exit_reason,
            flow_error_totals.c.callers,
        )
        .where(flow_error_totals.c.org_id == org_id)
        .order_by(flow_error_totals.c.flow_id, flow_error_totals.c.exit_reason)
    )
    return tuple(FlowErrorTotal(*row) for row in connection.execute(statement))


def flow_errors_within(
    connection: Connection, org_id: int, time_range: TimeRange
) -> list[FlowErrorTally]:
    """Return callers lost in the windows that start in ``time_range``; a flow's come together."""
    statement = (
        select(
            flow_errors.c.flow_id,
            flow_errors.c.exit_reason,
            flow_errors.c.window_start,
            flow_errors.c.callers,
        )
        .where(
            flow_errors.c.org_id == org_id,
            flow_errors.c.window_start >= time_range.start,
            flow_errors.c.window_start < time_range.end,
        )
        .order_by(flow_errors.c.flow_id, flow_errors.c.exit_reason, flow_errors.c.window_start)
    )
    return [FlowErrorTally(*row) for row in connection.execute(statement)]


def _basis_since(
    connection: Connection, org_id: int, read: Reading, covered_before: Sequence[TimeRange]
) -> int:
    """Before which window another basis counted what was read; 0 where there never was another."""
    basis, since = flow_error_basis(connection, org_id)
    if basis == read.flow_error_basis:
        return since
    if basis:
        # The window that the other basis had not read to its end is counted on.
        since = floor_to(covered_before[-1].end, read.window_seconds) if covered_before else 0
    remember_flow_error_basis(connection, org_id, read.flow_error_basis, since)
    return since


def _holds(ranges: Sequence[TimeRange], moment: int) -> bool:
    return any(one.start <= moment < one.end for one in ranges)


def _known(connection: Connection, org_id: int, requested: Mapping[_Key, int]) -> dict[_Key, int]:
    if not requested:
        return {}
    windows = [window for window, _, _ in requested]
    statement = select(
        flow_errors.c.window_start,
        flow_errors.c.flow_id,
        flow_errors.c.exit_reason,
        flow_errors.c.callers,
    ).where(
        flow_errors.c.org_id == org_id,
        flow_errors.c.window_start.between(min(windows), max(windows)),
    )
    return {(row[0], row[1], row[2]): row[3] for row in connection.execute(statement)}


def _add_to_totals(
    connection: Connection, org_id: int, more: Mapping[tuple[str, str], int]
) -> None:
    if not more:
        return
    statement = insert_into(connection, flow_error_totals)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["org_id", "flow_id", "exit_reason"],
            set_={"callers": flow_error_totals.c.callers + statement.excluded.callers},
        ),
        [
            {"org_id": org_id, "flow_id": flow_id, "exit_reason": reason, "callers": callers}
            for (flow_id, reason), callers in sorted(more.items())
        ],
    )
