"""What was told of each action, from when to when: written once, and never again once it is over.

``told_from`` and ``told_until`` are when it was said; ``since`` and ``until`` are when what the
verdict speaks of began and ended, as it was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, or_, select

from monitor.clock import CLOCK_TOLERANCE_SECONDS, is_in_future
from monitor.store import upsert, verdict_history
from monitor.time_ranges import TimeRange


@dataclass(frozen=True, slots=True)
class PastVerdict:
    """One verdict of an action for as long as it was told without a break.

    Attributes:
        action_id: The action.
        verdict: The verdict.
        since: When what it speaks of began; epoch seconds, as all moments are.
        until: When that ended; None while it goes on.
        told_from: When it was told first.
        told_until: When something else was told; None while it is told.
        advised_ms: The timeout that was advised with it last; None where none was.
    """

    action_id: str
    verdict: str
    since: float
    until: float | None
    told_from: float
    told_until: float | None
    advised_ms: float | None = None


@dataclass(frozen=True, slots=True)
class SaidVerdict:
    """The verdict of an action as one diagnosis says it.

    Attributes:
        verdict: The verdict.
        since: When what it speaks of began; None where it speaks of no period.
        until: When that ended; None while it goes on, and where it speaks of no period.
        advised_ms: The timeout that is advised; None where none is.
    """

    verdict: str
    since: float | None = None
    until: float | None = None
    advised_ms: float | None = None


def open_verdicts(connection: Connection, org_id: int) -> dict[str, PastVerdict]:
    """Return what is told of each action of an org, by its id."""
    query = _of(org_id).where(verdict_history.c.told_until.is_(None))
    found = map(_past, connection.execute(query))
    # Of two, which a wrong clock may have left, the newer one.
    return {one.action_id: one for one in sorted(found, key=lambda one: one.told_from)}


def verdicts_within(
    connection: Connection, org_id: int, time_range: TimeRange, action_id: str | None = None
) -> list[PastVerdict]:
    """Return what was told in a period, or was told later of it; oldest first, by action.

    Args:
        connection: A transaction.
        org_id: The org.
        time_range: The period.
        action_id: The only action to return; None for all.
    """
    table = verdict_history.c
    query = (
        _of(org_id)
        .where(or_(table.told_until.is_(None), table.told_until >= time_range.start))
        .where(or_(table.told_from < time_range.end, table.since < time_range.end))
        .order_by(table.action_id, table.told_from)
    )
    if action_id is not None:
        query = query.where(table.action_id == action_id)
    return [_past(row) for row in connection.execute(query)]


def note_verdicts(
    connection: Connection, org_id: int, said: Mapping[str, SaidVerdict], at: float
) -> None:
    """Note what a diagnosis says of every action of an org; what is not new is not written.

    Args:
        connection: A transaction that holds the org.
        org_id: The org.
        said: By action id; what is told of any other action ends.
        at: When it is said; epoch seconds.
    """
    before = open_verdicts(connection, org_id)
    if void_future_verdicts(connection, org_id, before.values(), at):
        before = open_verdicts(connection, org_id)
    untold = said.keys() - before.keys()
    ended = _last_ends(connection, org_id) if untold else {}
    rows: list[PastVerdict] = []
    for action_id, one in said.items():
        if action_id in untold:
            rows.append(_first(action_id, one, at, ended.get(action_id)))
        else:
            rows += _next(before[action_id], action_id, one, at)
    rows += [_ended(one, at, at) for key, one in before.items() if key not in said]
    upsert(connection, verdict_history, [_row(org_id, one) for one in rows])


def void_future_verdicts(
    connection: Connection, org_id: int, opened: Iterable[PastVerdict], now: float
) -> bool:
    """Bring what was told by a clock that was ahead back to now, in its order.

    What follows would else have begun when that did, and have ended at once, for as long as the
    clock was ahead.

    Args:
        connection: A write transaction that holds the org.
        org_id: The org.
        opened: What is told of its actions.
        now: Epoch seconds.

    Returns:
        Whether anything lay in the future.
    """
    # What is over was told no longer than until its end, and that is found by an index.
    ended = select(verdict_history.c.action_id).where(
        verdict_history.c.org_id == org_id,
        verdict_history.c.told_until > now + CLOCK_TOLERANCE_SECONDS,
    )
    void = set(connection.execute(ended).scalars())
    void |= {one.action_id for one in opened if is_in_future(_moments(one)[-1], now)}
    for action_id in sorted(void):
        mine = verdict_history.c.action_id == action_id
        rows = [_past(row) for row in connection.execute(_of(org_id).where(mine))]
        back = _brought_back(rows, now)
        # The key holds moments, so that a row may come to be where another one still is.
        connection.execute(delete(verdict_history).where(verdict_history.c.org_id == org_id, mine))
        upsert(connection, verdict_history, [_row(org_id, _moved(one, back)) for one in rows])
    return bool(void)


def _brought_back(rows: Iterable[PastVerdict], now: float) -> dict[float, float]:
    """Return what each moment of an action is to be: none is later than now, all in order."""
    # Those of the last second, too, so that there is room for the others.
    moments = sorted(
        {one for row in rows for one in _moments(row) if one > now - 1.0}, reverse=True
    )
    step = min(1e-3, 0.5 / max(len(moments), 1))
    return {moment: now - place * step for place, moment in enumerate(moments)}


def _moments(one: PastVerdict) -> list[float]:
    """Return all moments of a verdict, oldest first."""
    found = (one.since, one.until, one.told_from, one.told_until)
    return sorted(moment for moment in found if moment is not None)


def _moved(one: PastVerdict, back: Mapping[float, float]) -> PastVerdict:
    return replace(
        one,
        since=back.get(one.since, one.since),
        until=None if one.until is None else back.get(one.until, one.until),
        told_from=back.get(one.told_from, one.told_from),
        told_until=None if one.told_until is None else back.get(one.told_until, one.told_until),
    )


def forget_verdicts(connection: Connection, org_id: int, before: float) -> int:
    """Remove what was told no more before a moment; how many rows that were."""
    table = verdict_history.c
    over = delete(verdict_history).where(table.org_id == org_id, table.told_until < before)
    return connection.execute(over).rowcount


def _last_ends(connection: Connection, org_id: int) -> dict[str, float]:
    """Return by action id when that ended of which anything was told last; epoch seconds."""
    table = verdict_history.c
    query = select(table.action_id, func.max(table.until)).where(
        table.org_id == org_id, table.until.is_not(None)
    )
    found = connection.execute(query.group_by(table.action_id))
    return {action_id: float(until) for action_id, until in found}


def _first(action_id: str, said: SaidVerdict, at: float, ended: float | None) -> PastVerdict:
    """Return what is told of an action of which nothing is told, or nothing any more.

    What was told of it before stands: what is told anew begins no earlier than that ended.
    """
    since = at if said.since is None else said.since
    since = since if ended is None else max(since, ended)
    until = None if said.until is None else max(said.until, since)
    return PastVerdict(action_id, said.verdict, since, until, at, None, said.advised_ms)


def _next(
    before: PastVerdict, action_id: str, said: SaidVerdict, at: float
) -> Iterable[PastVerdict]:
    if before.verdict == said.verdict:
        now = PastVerdict(
            action_id,
            before.verdict,
            before.since,
            None if said.until is None else max(said.until, before.since),
            before.told_from,
            None,
            said.advised_ms,
        )
        return () if now == before else (now,)
    since = at if said.since is None else said.since
    if said.since is None and before.until is not None:
        # It is as it was before that, ever since that ended.
        since = before.until
    ended = _ended(before, at, since)
    # What follows begins no earlier than what was told before it.
    since = max(since, before.since)
    until = None if said.until is None else max(said.until, since)
    # Two of one moment would be one: a clock that was set back has told both.
    told_from = at if at > before.told_from else before.told_from + 1e-3
    opened = PastVerdict(action_id, said.verdict, since, until, told_from, None, said.advised_ms)
    return ended, opened


def _ended(one: PastVerdict, at: float, next_since: float) -> PastVerdict:
    until = min(next_since, at) if one.until is None else one.until
    return PastVerdict(
        one.action_id,
        one.verdict,
        one.since,
        max(until, one.since),
        one.told_from,
        max(at, one.told_from),
        one.advised_ms,
    )


def _of(org_id: int) -> Select[tuple[object, ...]]:
    table = verdict_history.c
    return select(
        table.action_id,
        table.verdict,
        table.since,
        table.until,
        table.told_from,
        table.told_until,
        table.advised_ms,
    ).where(table.org_id == org_id)


def _past(row: Row[tuple[object, ...]]) -> PastVerdict:
    values: Sequence[Any] = row
    return PastVerdict(*values)


def _row(org_id: int, one: PastVerdict) -> dict[str, object]:
    return {
        "org_id": org_id,
        "action_id": one.action_id,
        "told_from": one.told_from,
        "told_until": one.told_until,
        "verdict": one.verdict,
        "since": one.since,
        "until": one.until,
        "advised_ms": one.advised_ms,
    }
