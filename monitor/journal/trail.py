"""What happened to the timeouts of some orgs, piece by piece from the newest on.

Changes of this program with every line of the audit trail about them, changes that others made,
what was decided and not made, and the switches that stop everything.
"""

from __future__ import annotations

import heapq
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from sqlalchemy import Column, ColumnElement, Connection, or_, select

from monitor.journal.audit import read_entries
from monitor.journal.changes import read_changes
from monitor.journal.model import AuditEntry, Change, Switch
from monitor.journal.outside_changes import OutsideChange
from monitor.journal.remediation_state import PAUSED, TRIPPED
from monitor.journal.timeout_edits import read_outside_changes
from monitor.store import audit, changes, find_org, switches

_LARGEST_NUMBER = 2**31 - 1
"""Of an integer in a database."""

NOT_MADE = ("dry_run", "recommended", "refused")
"""Events that tell of a change which was decided, and not made."""


class TrailKind(StrEnum):
    """What a piece of the trail tells of."""

    CHANGE = "changes"
    """A change that this program made, or was about to."""
    OUTSIDE = "outside"
    """A change that somebody else made."""
    NOT_MADE = "not-made"
    """A refusal, a recommendation, or what was tried without writing."""
    SWITCH = "switches"
    """Paused, tripped, resumed; an action that is left alone no more."""


@dataclass(frozen=True, slots=True)
class TrailPlace:
    """How far the trail was read: each of its sources by what is next in it.

    Attributes:
        change_id: Changes with a smaller number are next.
        entry_id: Lines of the audit trail with a smaller number are next.
        outside: So many of the others' changes were read.
    """

    change_id: int = _LARGEST_NUMBER
    entry_id: int = _LARGEST_NUMBER
    outside: int = 0

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the place that ``text`` has written; None where it has not."""
        found = re.fullmatch(r"(\d{1,10})-(\d{1,10})-(\d{1,10})", text, re.ASCII)
        return cls(*(min(int(one), _LARGEST_NUMBER) for one in found.groups())) if found else None

    @property
    def text(self) -> str:
        """The place as it stands in an address."""
        return f"{self.change_id}-{self.entry_id}-{self.outside}"


@dataclass(frozen=True, slots=True)
class TrailQuery:
    """What is asked for.

    Attributes:
        orgs: The orgs' configured names.
        limit: At most so many pieces.
        action: The id of an action, or a part of its name in any case; empty for all.
        kinds: What is to be told of; empty for everything.
        after: Where to go on; the newest first.
    """

    orgs: tuple[str, ...]
    limit: int
    action: str = ""
    kinds: frozenset[TrailKind] = frozenset()
    after: TrailPlace = TrailPlace()

    def wants(self, kind: TrailKind) -> bool:
        """Return whether a kind is asked for."""
        return not self.kinds or kind in self.kinds

    def wants_action(self, action_id: str, name: str) -> bool:
        """Return whether an action is asked for."""
        return not self.action or self.action == action_id or self.action.lower() in name.lower()


@dataclass(frozen=True, slots=True)
class TrailPiece:
    """One thing that happened; one of the three is there.

    Attributes:
        at: When; epoch seconds.
        kind: What it is.
        change: A change of this program.
        lines: Its lines in the audit trail, the earliest first.
        outside: A change of somebody else.
        entry: A line that is about no change.
    """

    at: float
    kind: TrailKind
    change: Change | None = None
    lines: tuple[AuditEntry, ...] = ()
    outside: OutsideChange | None = None
    entry: AuditEntry | None = None


@dataclass(frozen=True, slots=True)
class Trail:
    """What was read.

    Attributes:
        pieces: The newest first.
        older: Where the next older ones begin; None where there are none.
        paused: Who has paused all changes, by org; without those where nobody has.
        tripped: What has stopped all changes after failures, likewise.
    """

    pieces: tuple[TrailPiece, ...]
    older: TrailPlace | None = None
    paused: Mapping[str, Switch] = field(default_factory=dict)
    tripped: Mapping[str, Switch] = field(default_factory=dict)


def read_trail(connection: Connection, query: TrailQuery) -> Trail:
    """Return the newest pieces that are asked for, in a read transaction."""
    orgs = {org_id: org for org in query.orgs if (org_id := find_org(connection, org)) is not None}
    # Each source is in its own order; what happened first of the next ones of all is next.
    merged = heapq.merge(
        _own(connection, query, orgs),
        _others(connection, query, orgs),
        _entries(connection, query, orgs),
        key=lambda piece: piece.at,
        reverse=True,
    )
    pieces = [piece for _, piece in zip(range(query.limit + 1), merged, strict=False)]
    shown, is_more = pieces[: query.limit], len(pieces) > query.limit
    told = _lines(connection, orgs, [one.change.change_id for one in shown if one.change])
    return Trail(
        tuple(
            one if one.change is None else replace(one, lines=tuple(told[one.change.change_id]))
            for one in shown
        ),
        _place_after(query.after, shown) if is_more else None,
        _switched(connection, orgs, PAUSED),
        _switched(connection, orgs, TRIPPED),
    )


def _switched(connection: Connection, orgs: Mapping[int, str], name: str) -> dict[str, Switch]:
    mine = switches.c.org_id.in_(orgs), switches.c.name == name
    rows = connection.execute(select(switches).where(*mine))
    return {orgs[row.org_id]: Switch(row.since, row.actor, row.reason) for row in rows}


def _place_after(before: TrailPlace, shown: Sequence[TrailPiece]) -> TrailPlace:
    change_ids = [one.change.change_id for one in shown if one.change]
    entry_ids = [one.entry.entry_id for one in shown if one.entry]
    return TrailPlace(
        min([before.change_id, *change_ids]),
        min([before.entry_id, *entry_ids]),
        before.outside + sum(one.outside is not None for one in shown),
    )


def _own(
    connection: Connection, query: TrailQuery, orgs: Mapping[int, str]
) -> Iterator[TrailPiece]:
    if not query.wants(TrailKind.CHANGE):
        return
    found = [
        change
        for org_id, org in orgs.items()
        for change in read_changes(
            connection,
            org,
            changes.c.org_id == org_id,
            changes.c.id < query.after.change_id,
            *_about(query.action, changes.c.action_id, changes.c.action_name),
            limit=query.limit + 1,
        )
    ]
    for change in sorted(found, key=lambda one: one.change_id, reverse=True):
        yield TrailPiece(change.began_at, TrailKind.CHANGE, change=change)


def _others(
    connection: Connection, query: TrailQuery, orgs: Mapping[int, str]
) -> Iterator[TrailPiece]:
    if not query.wants(TrailKind.OUTSIDE):
        return
    found = [
        change
        for org_id, org in orgs.items()
        for change in read_outside_changes(connection, org, org_id)
        if query.wants_action(change.action_id, change.action_name)
    ]
    found.sort(key=lambda one: one.at, reverse=True)
    for change in found[query.after.outside :]:
        yield TrailPiece(change.at, TrailKind.OUTSIDE, outside=change)


def _entries(
    connection: Connection, query: TrailQuery, orgs: Mapping[int, str]
) -> Iterator[TrailPiece]:
    conditions = {
        TrailKind.NOT_MADE: audit.c.event.in_(NOT_MADE),
        TrailKind.SWITCH: audit.c.event.not_in(NOT_MADE),
    }
    kinds = [condition for kind, condition in conditions.items() if query.wants(kind)]
    if not kinds or not orgs:
        return
    found = read_entries(
        connection,
        audit.c.org_id.in_(orgs),
        audit.c.change_id.is_(None),
        audit.c.id < query.after.entry_id,
        or_(*kinds),
        *_about(query.action, audit.c.action_id, audit.c.action_name),
        limit=query.limit + 1,
    )
    for entry in found:
        kind = TrailKind.NOT_MADE if entry.event in NOT_MADE else TrailKind.SWITCH
        yield TrailPiece(entry.at, kind, entry=entry)


def _about(
    action: str, action_id: Column[str], name: Column[str]
) -> tuple[ColumnElement[bool], ...]:
    if not action:
        return ()
    return (or_(action_id == action, name.icontains(action, autoescape=True)),)


def _lines(
    connection: Connection, orgs: Mapping[int, str], change_ids: Sequence[int]
) -> Mapping[int, list[AuditEntry]]:
    found: dict[int, list[AuditEntry]] = defaultdict(list)
    if change_ids:
        mine = audit.c.org_id.in_(orgs), audit.c.change_id.in_(change_ids)
        for entry in reversed(read_entries(connection, *mine)):
            assert entry.change_id is not None  # noqa: S101 - by the condition
            found[entry.change_id].append(entry)
    return found
