"""One reading, written: windows, totals, incidents, names, coverage and lateness together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, select

from monitor.counts import SeriesKey, Tally
from monitor.ledger.cardinality import limit_names
from monitor.ledger.catalogue import save_flow_names, save_names
from monitor.ledger.coverage import add_lateness, advance, cover, read_coverage
from monitor.ledger.flow_errors import add_flow_errors
from monitor.ledger.incidents import add_incidents
from monitor.ledger.model import Reading, Recorded
from monitor.ledger.tallies import TallyKey, add_tallies, largest
from monitor.model import (
    BY_AGGREGATES,
    NO_ERROR,
    UNKNOWN_ACTION,
    Action,
    ActionKind,
    Incident,
)
from monitor.store import error_types, insert_if_absent, lock_org, pruned_before
from monitor.time_ranges import TimeRange, floor_to, is_covered


def record_reading(connection: Connection, org: str, source: str, read: Reading) -> Recorded:
    """Write one reading; reading the same again adds nothing.

    Args:
        connection: A write transaction.
        org: The org's name in the configuration.
        source: The source that gave it.
        read: The reading.
    """
    org_id = lock_org(connection, org)
    read, folded = limit_names(connection, org_id, read)
    # What was pruned is not known any more, so it can't be told from what is new.
    horizon = pruned_before(connection)
    tallies = [t for t in read.tallies if t.counts.count > 0 and t.window_start >= horizon]
    incidents = [i for i in read.incidents if i.at >= horizon]
    flow_errors = [e for e in read.flow_errors if e.callers > 0 and e.window_start >= horizon]
    offered = sum(t.counts.count > 0 for t in read.tallies) + len(read.incidents)
    covered_before = read_coverage(connection, org_id, source)

    new = add_incidents(connection, org_id, incidents)
    more = _as_executions(new, read.window_seconds) if read.incidents_are_executions else {}
    growth = add_tallies(connection, org_id, largest(tallies), more)
    lost = add_flow_errors(connection, org_id, read, flow_errors, covered_before)
    _save_names(connection, org_id, read, tallies, new)

    arrived = Counter(growth.added)
    # The platform may count a caller in the window in which the flow began: then what looks late
    # is the length of the call.
    if read.flow_error_basis != BY_AGGREGATES:
        arrived.update(lost.added)
    if not read.incidents_are_executions:
        arrived.update(floor_to(incident.at, read.window_seconds) for incident in new)
    late = _late(arrived, read, covered_before)
    add_lateness(connection, org_id, source, late)
    known = TimeRange(
        max(read.covered.start, _ceil(horizon, read.window_seconds)), read.covered.end
    )
    if known.start < known.end:
        cover(connection, org_id, source, known, skipped=False)
    advance(connection, org_id, source, read, growth.restatements + lost.restatements)
    return Recorded(
        executions_added=sum(growth.added.values()),
        incidents_added=len(new),
        restatements=growth.restatements + lost.restatements,
        new_error_types=_note_error_types(connection, org_id, read.read_at, tallies, new),
        forgotten=offered - len(tallies) - len(incidents),
        flow_errors_added=sum(lost.added.values()),
        folded=folded,
        shown=(
            sum(t.counts.count for t in read.tallies)
            + len(read.incidents)
            + sum(e.callers for e in read.flow_errors)
        ),
    )


def _ceil(seconds: int, step_seconds: int) -> int:
    return -floor_to(-seconds, step_seconds)


def _as_executions(new: Iterable[Incident], window_seconds: int) -> Mapping[TallyKey, int]:
    return Counter(
        (SeriesKey(one.action_id, one.error_type, ""), floor_to(one.at, window_seconds))
        for one in new
    )


def _late(
    arrived: Mapping[int, int], read: Reading, covered_before: Sequence[TimeRange]
) -> Mapping[float, int]:
    """Executions by their lateness in seconds, of windows that had been read past their end."""
    late: Counter[float] = Counter()
    for window_start, count in arrived.items():
        window = TimeRange(window_start, window_start + read.window_seconds)
        if is_covered(window, covered_before):
            late[max(0.0, read.read_at - window.end)] += count
    return late


def _save_names(
    connection: Connection,
    org_id: int,
    read: Reading,
    tallies: Sequence[Tally],
    new: Sequence[Incident],
) -> None:
    named = {tally.key.action_id: "" for tally in tallies}
    for incident in new:
        # The unknown action stands for many, and has the name of none.
        name = "" if incident.action_id == UNKNOWN_ACTION else incident.action_name
        named[incident.action_id] = name or named.get(incident.action_id, "")
    unknown = {
        action_id: Action(action_id, name or action_id, kind=ActionKind.UNKNOWN)
        for action_id, name in named.items()
    }
    save_names(connection, org_id, (unknown | dict(read.names)).values())
    newest = sorted(new, key=lambda incident: incident.at)
    save_flow_names(
        connection,
        org_id,
        ((incident.flow_id, incident.flow_name, incident.at) for incident in newest),
    )
    unnamed = {one.flow_id: "" for one in read.flow_errors}
    save_flow_names(
        connection,
        org_id,
        [
            (flow_id, name, read.read_at)
            for flow_id, name in (unnamed | dict(read.flow_names)).items()
        ],
    )


def _note_error_types(
    connection: Connection,
    org_id: int,
    at: float,
    tallies: Iterable[Tally],
    new: Iterable[Incident],
) -> tuple[str, ...]:
    seen = {tally.key.error_type for tally in tallies} | {incident.error_type for incident in new}
    known = connection.execute(
        select(error_types.c.error_type).where(error_types.c.org_id == org_id)
    ).scalars()
    unheard = sorted(seen - {NO_ERROR} - set(known))
    insert_if_absent(
        connection,
        error_types,
        [{"org_id": org_id, "error_type": word, "first_seen_at": at} for word in unheard],
    )
    return tuple(unheard)
