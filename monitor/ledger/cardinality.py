"""How many different names an org may have: beyond that, one name stands for many.

Every name is a row, a label and a part of each reading for ever. A platform that puts an id into
an error type, or makes up actions, would let all three grow with every execution. What is counted
stays counted, under the nearest name that there is:

==================  =======================  ===================================================
beyond              a new                    is counted as
==================  =======================  ===================================================
``MAX_ERROR_TYPES``      error type               itself with ``*`` for its ids, while there is room
                                             for ``MAX_MASKED_ERROR_TYPES`` of those; then
                                             ``OTHER``
``MAX_ACTIONS``    data action              ``unknown``
``MAX_FLOWS``      flow                     the flow without an id
``MAX_SERIES``     ending of an action      ``OTHER`` without a status; a success stays one
==================  =======================  ===================================================

Names that are known stay, and none is forgotten: so a window that is read again is counted under
the same names, and once.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from msgspec import structs
from sqlalchemy import Column, Connection, func, select

from monitor.counts import Counts, SeriesKey, Tally, TallyKey, largest
from monitor.ledger.model import Reading
from monitor.model import NO_ERROR, UNKNOWN_ACTION, FlowErrorTally, Incident
from monitor.store import actions, error_types, flows, series

MAX_ERROR_TYPES: Final = 300
"""Error types of an org under their own names: a platform has dozens."""

MAX_MASKED_ERROR_TYPES: Final = 100
"""And so many more of which the ids were taken out."""

MAX_ACTIONS: Final = 10_000
"""Five times the largest org that this program is made for; each has a histogram."""

MAX_FLOWS: Final = 10_000
"""The same of flows."""

MAX_SERIES: Final = 100_000
"""Endings: ten of each of so many actions."""

OTHER: Final = "OTHER"
"""Stands for every error type that there is no room for."""

_IDS: Final = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f-]{4,}|\b(?=\w*\d)\w+\b|\d+")


@dataclass(frozen=True, slots=True)
class _Room:
    """How names are changed; those that stay are not in it."""

    words: Mapping[str, str]
    actions: frozenset[str]
    flows: frozenset[str]

    @property
    def is_enough(self) -> bool:
        return not (self.words or self.actions or self.flows)


def limit_names(connection: Connection, org_id: int, read: Reading) -> tuple[Reading, int]:
    """Return a reading with no more new names than there is room for.

    Args:
        connection: A write transaction that holds the org.
        org_id: The org.
        read: The reading, its texts fit to be kept.

    Returns:
        The reading, and how many of its records are counted under another name.
    """
    room = _room(connection, org_id, read)
    folded = 0
    if not room.is_enough:
        renamed = {key: _renamed(key, room) for key in {one.key for one in read.tallies}}
        bounded = replace(
            read,
            tallies=_folded(read.tallies, renamed),
            incidents=[_incident(one, room) for one in read.incidents],
            names={key: one for key, one in read.names.items() if key not in room.actions},
            flow_errors=_without_flows(read, room),
            flow_names={key: one for key, one in read.flow_names.items() if key not in room.flows},
        )
        folded += sum(one.key != renamed[one.key] for one in read.tallies)
        folded += sum(a != b for a, b in zip(read.incidents, bounded.incidents, strict=True))
        folded += sum(one.flow_id in room.flows for one in read.flow_errors)
        read = bounded
    endings = _endings_without_room(connection, org_id, read.tallies)
    if endings:
        folded += sum(one.key in endings for one in read.tallies)
        read = replace(read, tallies=_folded(read.tallies, endings))
    return read, folded


def error_type_without_ids(word: str) -> str:
    """Return an error type with ``*`` in the place of each of its ids and numbers."""
    return _IDS.sub("*", word)


def _room(connection: Connection, org_id: int, read: Reading) -> _Room:
    words = {one.key.error_type for one in read.tallies} | {
        one.error_type for one in read.incidents
    }
    ids = {one.key.action_id for one in read.tallies}
    ids |= {one.action_id for one in read.incidents}
    flow_ids = {one.flow_id for one in read.incidents} | {one.flow_id for one in read.flow_errors}
    return _Room(
        _words_without_room(connection, org_id, words - {NO_ERROR}),
        frozenset(
            _without_room(
                connection, org_id, actions.c.action_id, ids - {UNKNOWN_ACTION}, MAX_ACTIONS
            )
        ),
        frozenset(_without_room(connection, org_id, flows.c.flow_id, flow_ids - {""}, MAX_FLOWS)),
    )


def _words_without_room(connection: Connection, org_id: int, words: set[str]) -> dict[str, str]:
    """Return the new error types that there is no room for, and what stands for each."""
    homeless = _without_room(connection, org_id, error_types.c.error_type, words, MAX_ERROR_TYPES)
    if not homeless:
        return {}
    of_org = select(error_types.c.error_type).where(error_types.c.org_id == org_id)
    held = {*connection.execute(of_org).scalars(), *(words - homeless)}
    masked = {word: error_type_without_ids(word) for word in homeless}
    room = max(0, MAX_ERROR_TYPES + MAX_MASKED_ERROR_TYPES - len(held))
    kept = {*held, *sorted(set(masked.values()) - held)[:room]}
    return {word: mask if mask in kept else OTHER for word, mask in masked.items()}


def _without_room(
    connection: Connection, org_id: int, column: Column[str], names: set[str], most: int
) -> set[str]:
    """Return the new names that there is no room for."""
    table = column.table
    count = select(func.count()).select_from(table).where(table.c.org_id == org_id)
    known = connection.execute(count).scalar_one()
    if known + len(names) <= most:
        return set()
    held = set(connection.execute(select(column).where(table.c.org_id == org_id)).scalars())
    return set(sorted(names - held)[max(0, most - known) :])


def _endings_without_room(
    connection: Connection, org_id: int, tallies: Iterable[Tally]
) -> dict[SeriesKey, SeriesKey]:
    keys = {one.key for one in tallies}
    count = select(func.count()).select_from(series).where(series.c.org_id == org_id)
    known = connection.execute(count).scalar_one()
    if known + len(keys) <= MAX_SERIES:
        return {}
    columns = series.c.action_id, series.c.error_type, series.c.response_status
    rows = connection.execute(select(*columns).where(series.c.org_id == org_id))
    absent = sorted(keys - {SeriesKey(*row) for row in rows})
    return {
        key: SeriesKey(key.action_id, NO_ERROR if key.error_type == NO_ERROR else OTHER, "")
        for key in absent[max(0, MAX_SERIES - known) :]
    }


def _renamed(key: SeriesKey, room: _Room) -> SeriesKey:
    action_id, word, status = key
    action_id = UNKNOWN_ACTION if action_id in room.actions else action_id
    return SeriesKey(action_id, room.words.get(word, word), status)


def _folded(tallies: Iterable[Tally], renamed: Mapping[SeriesKey, SeriesKey]) -> list[Tally]:
    """Return tallies under their new names; those that share one now are one."""
    found: dict[TallyKey, Counts] = defaultdict(Counts)
    # What an answer repeats is no second execution: that is settled under the old names.
    for (key, window_start), counts in largest(tallies).items():
        found[renamed.get(key, key), window_start] += counts
    return [Tally(key, window_start, counts) for (key, window_start), counts in found.items()]


def _without_flows(read: Reading, room: _Room) -> list[FlowErrorTally]:
    """Return callers lost, those of flows without room as those of one flow without an id."""
    kept = [one for one in read.flow_errors if one.flow_id not in room.flows]
    together: Counter[tuple[str, int]] = Counter()
    for one in read.flow_errors:
        if one.flow_id in room.flows:
            together[one.exit_reason, one.window_start] += one.callers
    return kept + [FlowErrorTally("", *key, callers) for key, callers in together.items()]


def _incident(incident: Incident, room: _Room) -> Incident:
    return structs.replace(
        incident,
        action_id=UNKNOWN_ACTION if incident.action_id in room.actions else incident.action_id,
        error_type=room.words.get(incident.error_type, incident.error_type),
        flow_id="" if incident.flow_id in room.flows else incident.flow_id,
        flow_name="" if incident.flow_id in room.flows else incident.flow_name,
    )
