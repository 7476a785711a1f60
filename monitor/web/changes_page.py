"""The page of changes: what happened to timeouts, who made it happen, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

import structlog

from monitor.errors import LedgerError
from monitor.journal import Trail, TrailKind, TrailPiece, TrailPlace, TrailQuery
from monitor.web.change_rows import ChangeRow, NotMadeGroup, SwitchRow
from monitor.web.change_words import (
    change_row,
    not_made_group,
    outside_row,
    stop,
    switch_row,
)
from monitor.web.pages import page_response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flask import Response

    from monitor.snapshot import Snapshot
    from monitor.web.state_turns import StateTurns

log = structlog.get_logger()

PIECES_PER_PAGE = 50
"""As many as somebody reads through; older ones are a link away."""

_LONGEST_TEXT = 500

KINDS: Mapping[TrailKind, str] = {
    TrailKind.CHANGE: "made by this program",
    TrailKind.OUTSIDE: "made by others",
    TrailKind.NOT_MADE: "not made",
    TrailKind.SWITCH: "pauses and stops",
}
"""What can be chosen, in words."""

Row = ChangeRow | SwitchRow | NotMadeGroup


class TrailReader(Protocol):
    """Reads what happened to timeouts; the journal of a state is one."""

    def trail(self, query: TrailQuery) -> Trail:
        """Return the newest pieces that are asked for.

        Raises:
            LedgerError: The state can't be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class ChangeFilters:
    """What is asked for, as the address says it.

    Attributes:
        org: The org; empty for all.
        action: The id of an action, or a part of its name; empty for all.
        kind: One kind alone; None for all.
        after: Where to go on; None for the newest.
    """

    org: str = ""
    action: str = ""
    kind: TrailKind | None = None
    after: TrailPlace | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> ChangeFilters:
        """Return what an address asks for; a word that there is not asks for nothing."""
        kind = arguments.get("show", "")
        return cls(
            org=arguments.get("org", ""),
            action=arguments.get("action", "").strip()[:_LONGEST_TEXT],
            kind=TrailKind(kind) if kind in set(TrailKind) else None,
            after=TrailPlace.parse(arguments.get("after", "")),
        )

    @property
    def narrows(self) -> bool:
        """Whether something is left out."""
        return bool(self.org or self.action or self.kind)

    @property
    def url(self) -> str:
        """The address that asks for this."""
        words = {
            "org": self.org,
            "action": self.action,
            "show": self.kind.value if self.kind else "",
            "after": self.after.text if self.after else "",
        }
        query = urlencode({name: value for name, value in words.items() if value})
        return f"/changes?{query}" if query else "/changes"

    def query(self, orgs: tuple[str, ...]) -> TrailQuery:
        """Return the question to the state."""
        return TrailQuery(
            orgs=tuple(one for one in orgs if self.org in {"", one}),
            limit=PIECES_PER_PAGE,
            action=self.action,
            kinds=frozenset({self.kind}) if self.kind else frozenset(),
            after=self.after or TrailPlace(),
        )


def changes_page(
    snapshot: Snapshot,
    now: float,
    filters: ChangeFilters,
    reader: TrailReader | None,
    turns: StateTurns,
) -> Response:
    """Return the page of changes. Needs a request, for its templates.

    Where the state can't be read it shows the newest changes of the snapshot, and says so.

    Args:
        snapshot: What is shown.
        now: The moment of the request; epoch seconds.
        filters: What is asked for.
        reader: Reads the state; None where there is none to read.
        turns: How many pages read it at a time.
    """
    orgs = tuple(one.org for one in snapshot.orgs)
    query = filters.query(orgs)
    read, problem = _read(query, reader, turns)
    trail = _shown(snapshot, query) if read is None else read
    newest, older = replace(filters, after=None), trail.older
    return page_response(
        "changes.html",
        snapshot,
        now,
        filters=filters,
        kinds=[(kind.value, words) for kind, words in KINDS.items()],
        orgs=orgs,
        stops=[
            stop(one.org, one.remediation, read) for one in snapshot.orgs if one.org in query.orgs
        ],
        problem=problem,
        rows=list(_rows(trail)),
        pieces=len(trail.pieces),
        newest_url=newest.url if filters.after else "",
        older_url=replace(filters, after=older).url if older else "",
    )


def _read(
    query: TrailQuery, reader: TrailReader | None, turns: StateTurns
) -> tuple[Trail | None, str]:
    """Return what the state says, or None and why it says nothing."""
    if reader is None:
        return None, ""
    try:
        with turns.turn():
            return reader.trail(query), ""
    except LedgerError as error:
        log.error("changes_not_read", why=error.message, hint=error.hint)
        return None, f"{error.message.rstrip('.')}."


def _shown(snapshot: Snapshot, query: TrailQuery) -> Trail:
    """Return the newest of the snapshot: without the lines about each, and without older ones."""
    asked = [one.remediation for one in snapshot.orgs if one.org in query.orgs]
    pieces = [
        TrailPiece(one.began_at, TrailKind.CHANGE, change=one)
        for done in asked
        for one in done.changes
        if query.wants(TrailKind.CHANGE) and query.wants_action(one.action_id, one.action_name)
    ]
    pieces += [
        TrailPiece(one.at, TrailKind.OUTSIDE, outside=one)
        for done in asked
        for one in done.outside
        if query.wants(TrailKind.OUTSIDE) and query.wants_action(one.action_id, one.action_name)
    ]
    pieces.sort(key=lambda one: one.at, reverse=True)
    return Trail(tuple(pieces[: query.limit]))


def _rows(trail: Trail) -> Iterator[Row]:
    """Yield the rows, with what was not made in a row as one of them."""
    oldest = trail.pieces[-1] if trail.pieces and trail.older else None
    for is_not_made, group in groupby(
        trail.pieces, key=lambda piece: piece.kind is TrailKind.NOT_MADE
    ):
        pieces = tuple(group)
        if is_not_made:
            entries = [piece.entry for piece in pieces if piece.entry]
            yield not_made_group(entries, is_cut=pieces[-1] is oldest)
        else:
            yield from map(_row, pieces)


def _row(piece: TrailPiece) -> Row:
    if piece.change is not None:
        return change_row(piece.change, piece.lines)
    if piece.outside is not None:
        return outside_row(piece.outside)
    assert piece.entry is not None  # noqa: S101 - one of the three is there
    return switch_row(piece.entry)
