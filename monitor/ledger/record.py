"""One reading, written: windows and totals, incidents, names, coverage and lateness together."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace
from sqlalchemy import Connection, bindparam, literal, select, update

from monitor.counts import (
    EDGES_ABOVE,
    Counts,
    SeriesKey,
    Tally,
    TallyKey,
    fineness,
    largest,
)
from monitor.ledger.cardinality import limit_names
from monitor.ledger.catalogue import save_flow_names, save_names
from monitor.ledger.coverage import add_lateness, advance, cover, read_coverage
from monitor.ledger.flow_errors import add_flow_errors
from monitor.ledger.incidents import add_incidents
from monitor.ledger.model import Growth, Reading, Recorded
from monitor.model import (
    BY_AGGREGATES,
    NO_BANDS,
    NO_ERROR,
    UNKNOWN_ACTION,
    Action,
    ActionKind,
    Incident,
)
from monitor.redaction import SECRETS
from monitor.store import (
    BAND_COLUMNS,
    error_types,
    execute_rows,
    insert_if_absent,
    insert_into,
    lock_org,
    pruned_before,
    series,
    tallies,
    upsert_rows,
)
from monitor.time_ranges import TimeRange, floor_to, is_covered

_Row = tuple[int, int]
"""Series number and start of a window."""

_Known = tuple[int, int, int]
"""Executions of a window, how many of them have a band, and the ``fineness`` of their bands."""

_NOTHING: _Known = (0, 0, 0)


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
    shown = [t for t in read.tallies if t.counts.count > 0 and t.window_start >= horizon]
    incidents = [i for i in read.incidents if i.at >= horizon]
    flow_errors = [e for e in read.flow_errors if e.callers > 0 and e.window_start >= horizon]
    offered = sum(t.counts.count > 0 for t in read.tallies) + len(read.incidents)
    covered_before = read_coverage(connection, org_id, source)

    new = add_incidents(connection, org_id, incidents)
    more = _as_executions(new, read.window_seconds) if read.incidents_are_executions else {}
    seen, restated = _beside_packed(connection, org_id, largest(shown), more)
    growth = add_tallies(connection, org_id, seen, more)
    growth.restatements += restated
    lost = add_flow_errors(connection, org_id, read, flow_errors, covered_before)
    _save_names(connection, org_id, read, shown, new)

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
        new_error_types=_note_error_types(connection, org_id, read.read_at, shown, new),
        forgotten=offered - len(shown) - len(incidents),
        flow_errors_added=sum(lost.added.values()),
        folded=folded,
        shown=(
            sum(t.counts.count for t in read.tallies)
            + len(read.incidents)
            + sum(e.callers for e in read.flow_errors)
        ),
    )


def _beside_packed(
    connection: Connection,
    org_id: int,
    seen: Mapping[TallyKey, Counts],
    more: Mapping[TallyKey, int],
) -> tuple[Mapping[TallyKey, Counts], int]:
    """Return what is shown of windows that are not packed, or not any more; see ``take_out``."""
    from monitor.ledger.packing import take_out  # noqa: PLC0415 - numpy, for what is written alone

    return take_out(connection, org_id, seen, more)


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
    shown: Sequence[Tally],
    new: Sequence[Incident],
) -> None:
    named = {tally.key.action_id: "" for tally in shown}
    for incident in new:
        # The unknown action stands for many, and has the name of none.
        name = "" if incident.action_id == UNKNOWN_ACTION else incident.action_name
        named[incident.action_id] = name or named.get(incident.action_id, "")
    unknown = {
        action_id: Action(action_id, name or action_id, kind=ActionKind.UNKNOWN)
        for action_id, name in named.items()
    }
    save_names(connection, org_id, (unknown | dict(read.names)).values())
    flow_names: dict[str, tuple[str, float]] = {}
    for incident in sorted(new, key=lambda incident: incident.at):
        # The newest name there is; one without is of no use where another has one.
        if incident.flow_name or incident.flow_id not in flow_names:
            flow_names[incident.flow_id] = incident.flow_name, incident.at
    save_flow_names(connection, org_id, ((key, *name) for key, name in flow_names.items()))
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
    shown: Iterable[Tally],
    new: Iterable[Incident],
) -> tuple[str, ...]:
    seen = {tally.key.error_type for tally in shown} | {incident.error_type for incident in new}
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


def add_tallies(
    connection: Connection,
    org_id: int,
    seen: Mapping[TallyKey, Counts],
    more: Mapping[TallyKey, int],
) -> Growth:
    """Let windows and totals grow by what a reading shows beyond what is known.

    Args:
        connection: A write transaction that holds the org.
        org_id: The org.
        seen: What the reading shows; counts are those of the whole window.
        more: Executions that come on top of what is known, one by one (incidents).
    """
    keys = seen.keys() | more.keys()
    if not keys:
        return Growth()
    numbers = _series_numbers(connection, org_id, {key for key, _ in keys})
    known = _known_counts(connection, org_id, {window for _, window in keys})
    growth = Growth()
    larger: dict[_Row, Counts] = {}
    for key in keys:
        row = numbers[key[0]], key[1]
        before, banded, fine = known.get(row, _NOTHING)
        shown = seen.get(key) or Counts()
        if key in seen and shown.count < before:
            growth.restatements += 1
        count = max(before, shown.count) + more.get(key, 0)
        if count > before:
            larger[row] = replace(shown, count=count) if key in more else shown
            growth.added[key[1]] = growth.added.get(key[1], 0) + count - before
        elif shown.count == before and (sum(shown.bands) > banded or fineness(shown.bands) > fine):
            # The same executions, of which an earlier reading could not tell how long some took,
            # or not as finely.
            larger[row] = shown
    _write(connection, org_id, larger, known)
    return growth


def _series_numbers(
    connection: Connection, org_id: int, requested: set[SeriesKey]
) -> dict[SeriesKey, int]:
    numbers = _known_series(connection, org_id)
    absent = requested - numbers.keys()
    if not absent:
        return numbers
    redact = SECRETS.redact_name
    rows: list[tuple[float | str, ...]] = [
        # Redacted as the columns would, which are passed by.
        (org_id, action_id, redact(error_type), redact(response_status), 0, 0.0, *NO_BANDS)
        for action_id, error_type, response_status in sorted(absent)
    ]
    names = [column.name for column in series.columns if column is not series.c.id]
    execute_rows(connection, insert_into(connection, series).on_conflict_do_nothing(), names, rows)
    return _known_series(connection, org_id)


def _known_series(connection: Connection, org_id: int) -> dict[SeriesKey, int]:
    statement = select(
        series.c.id, series.c.action_id, series.c.error_type, series.c.response_status
    ).where(series.c.org_id == org_id)
    return {
        SeriesKey(action_id, error_type, response_status): number
        for number, action_id, error_type, response_status in connection.execute(statement)
    }


def _known_counts(connection: Connection, org_id: int, windows: set[int]) -> dict[_Row, _Known]:
    """Return how many executions are known, of how many the band, and how finely."""
    # For all windows in one go: a poll shows mostly what is known already.
    bands = [tallies.c[name] for name in BAND_COLUMNS]
    banded = sum(bands, start=literal(0))
    fine = sum((band * edges for band, edges in zip(bands, EDGES_ABOVE, strict=True)), literal(0))
    statement = select(
        tallies.c.series_id, tallies.c.window_start, tallies.c["count"], banded, fine
    ).where(tallies.c.org_id == org_id, tallies.c.window_start.between(min(windows), max(windows)))
    return {
        (number, window): (count, in_bands, finely)
        for number, window, count, in_bands, finely in connection.execute(statement)
    }


def _kept(connection: Connection, org_id: int, rows: Iterable[_Row]) -> dict[_Row, Counts]:
    requested = set(rows)
    if not requested:
        return {}
    windows = {window for _, window in requested}
    statement = select(
        tallies.c.series_id,
        tallies.c.window_start,
        tallies.c["count"],
        tallies.c.duration_ms,
        tallies.c.min_ms,
        tallies.c.max_ms,
        *(tallies.c[name] for name in BAND_COLUMNS),
    ).where(tallies.c.org_id == org_id, tallies.c.window_start.between(min(windows), max(windows)))
    return {
        (row[0], row[1]): Counts(row[2], row[3], row[4], row[5], tuple(row[6:]))
        for row in connection.execute(statement)
        if (row[0], row[1]) in requested
    }


def _write(
    connection: Connection,
    org_id: int,
    larger: Mapping[_Row, Counts],
    known: Mapping[_Row, _Known],
) -> None:
    old = _kept(connection, org_id, larger.keys() & known.keys())
    rows: list[tuple[float, ...]] = []
    added: dict[int, list[Counts]] = defaultdict(list)
    for (number, window), shown in larger.items():
        before = old.get((number, window))
        if before is None and sum(shown.bands) <= shown.count:
            after = shown
        else:
            after = (before or Counts()).grown_by(shown)
        rows.append(
            (
                org_id,
                window,
                number,
                after.count,
                after.duration_ms,
                after.min_ms,
                after.max_ms,
                *after.bands,
            )
        )
        added[number].append(after if before is None else after - before)
    # As they lie on disk.
    rows.sort()
    upsert_rows(connection, tallies, rows)
    _add_to_totals(connection, added)


def _add_to_totals(connection: Connection, added: Mapping[int, Sequence[Counts]]) -> None:
    columns = ("count", "duration_ms", *BAND_COLUMNS)
    statement = (
        update(series)
        .where(series.c.id == bindparam("number"))
        .values({name: series.c[name] + bindparam(f"more_{name}") for name in columns})
    )
    rows = [
        (
            sum(one.count for one in more),
            # What an older program kept may be infinite: it must not refuse every later reading.
            sum(one.duration_ms for one in more if math.isfinite(one.duration_ms)),
            *map(sum, zip(*(one.bands for one in more), strict=True)),
            number,
        )
        for number, more in added.items()
    ]
    execute_rows(connection, statement, [*(f"more_{name}" for name in columns), "number"], rows)
