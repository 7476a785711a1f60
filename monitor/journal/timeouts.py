"""The timeout in force over time: as the catalogue showed it, and as changes of ours made it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    delete,
    func,
    select,
    update,
)

from monitor.clock import CLOCK_TOLERANCE_SECONDS
from monitor.journal.change_states import ChangeState
from monitor.journal.model import FLOW_TARGET, Change
from monitor.model import ActionKind, TimeoutEdit
from monitor.store import actions, changes, timeout_edits, timeouts, upsert


def timeouts_over_time(
    connection: Connection, org_id: int, *conditions: ColumnElement[bool]
) -> list[tuple[str, float, int | None]]:
    """Action id, since when (epoch seconds), timeout in force (ms); oldest first.

    All of them, or those for which some conditions hold.
    """
    statement = (
        select(timeouts.c.action_id, timeouts.c.since, timeouts.c.timeout_ms)
        .where(timeouts.c.org_id == org_id, *conditions)
        .order_by(timeouts.c.since, timeouts.c.action_id)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(statement)]


def latest_timeouts(connection: Connection, org_id: int) -> dict[str, tuple[float, int | None]]:
    """Return since when (epoch seconds) and which timeout (ms) is in force, by action id."""
    newest = (
        select(timeouts.c.action_id, func.max(timeouts.c.since).label("since"))
        .where(timeouts.c.org_id == org_id)
        .group_by(timeouts.c.action_id)
        .subquery()
    )
    statement = (
        select(timeouts.c.action_id, timeouts.c.since, timeouts.c.timeout_ms)
        .join(
            newest,
            and_(newest.c.action_id == timeouts.c.action_id, newest.c.since == timeouts.c.since),
        )
        .where(timeouts.c.org_id == org_id)
    )
    return {
        action_id: (since, timeout_ms)
        for action_id, since, timeout_ms in connection.execute(statement)
    }


def last_timeout_change(connection: Connection, org_id: int) -> float:
    """Return when a timeout of an org last became another one, by whomever; 0.0 for never.

    Epoch seconds: when it was first seen so, or set where that is known. The first timeout of an
    action is no change, nor is one that could not be read for a while.
    """
    changed = (
        select(func.max(timeouts.c.since).label("since"))
        .where(timeouts.c.org_id == org_id, timeouts.c.timeout_ms.is_not(None))
        .group_by(timeouts.c.action_id)
        .having(func.count(timeouts.c.timeout_ms.distinct()) > 1)
        .subquery()
    )
    return connection.execute(select(func.max(changed.c.since))).scalar_one() or 0.0


def own_writes(connection: Connection, org_id: int, now: float) -> dict[tuple[str, bool], float]:
    """Return when a write of ours was last known to be in force, or undone; epoch seconds.

    Args:
        connection: A transaction.
        org_id: The org.
        now: What is dated later was dated by a clock that was wrong, and is left out.

    Returns:
        By the action's id, and whether the timeout stands in a flow's document.
    """
    is_undone = changes.c.state == ChangeState.ROLLED_BACK.value
    moment = case((is_undone, changes.c.touched_at), else_=changes.c.applied_at)
    statement = (
        select(changes.c.action_id, changes.c.target, func.max(moment))
        .where(changes.c.org_id == org_id, moment <= now + CLOCK_TOLERANCE_SECONDS)
        .group_by(changes.c.action_id, changes.c.target)
    )
    found: dict[tuple[str, bool], float] = {}
    for action_id, target, at in connection.execute(statement):
        key = (action_id, target == FLOW_TARGET)
        found[key] = max(at, found.get(key, at))
    return found


def note_timeouts(
    connection: Connection, org_id: int, in_force: Mapping[str, int | None], at: float
) -> None:
    """Append to the history those timeouts that are new, or not the one before.

    Args:
        connection: A write transaction that holds the org.
        org_id: The org.
        in_force: Milliseconds by action id.
        at: When the platform said so; epoch seconds.
    """
    latest = latest_timeouts(connection, org_id)
    changed = []
    for action_id, timeout_ms in in_force.items():
        since, known_ms = latest.get(action_id, (at, -1))
        if known_ms != timeout_ms:
            changed.append(
                {
                    "org_id": org_id,
                    "action_id": action_id,
                    # A clock that went backwards must not hide the newest change.
                    "since": max(at, since),
                    "timeout_ms": timeout_ms,
                }
            )
    upsert(connection, timeouts, changed)


def note_timeout(
    connection: Connection, org_id: int, change: Change, timeout_ms: int, at: float
) -> None:
    """Keep a timeout that we have set ourselves, before the next catalogue shows it.

    An action may stand in a flow's document beside the catalogue of integration actions: a timeout
    that was set in one is not the one that is in force in the other.
    """
    action_id = change.action_id
    listed = select(actions.c.kind).where(
        actions.c.org_id == org_id, actions.c.action_id == action_id
    )
    kind = connection.execute(listed).scalar_one_or_none()
    if (kind == ActionKind.FLOW) is not (change.target == FLOW_TARGET):
        return
    since, known_ms = latest_timeouts(connection, org_id).get(action_id, (at, None))
    connection.execute(
        update(actions)
        .where(actions.c.org_id == org_id, actions.c.action_id == action_id)
        .values(configured_timeout_ms=timeout_ms)
    )
    if known_ms != timeout_ms:
        row = {"org_id": org_id, "action_id": action_id, "timeout_ms": timeout_ms}
        # A clock that went backwards must not hide the newest change.
        upsert(connection, timeouts, [row | {"since": max(at, since)}])


def date_timeout(connection: Connection, org_id: int, edit: TimeoutEdit) -> None:
    """Let a timeout be in force since it was set, where only a later refresh had noticed it."""
    if edit.to_ms is None:
        return
    of_action = (timeouts.c.org_id == org_id, timeouts.c.action_id == edit.action_id)
    rows: Sequence[tuple[float, int | None]] = [
        (row[0], row[1])
        for row in connection.execute(
            select(timeouts.c.since, timeouts.c.timeout_ms)
            .where(*of_action)
            .order_by(timeouts.c.since)
        )
    ]
    for (earlier, _), (since, timeout_ms) in itertools.pairwise(rows):
        if earlier < edit.at < since and timeout_ms == edit.to_ms:
            later = select(func.count()).where(
                timeout_edits.c.org_id == org_id,
                timeout_edits.c.action_id == edit.action_id,
                timeout_edits.c.at > edit.at,
                timeout_edits.c.at <= since,
            )
            # Where the action was saved once more since, that save may be what is in force.
            if not connection.execute(later).scalar_one():
                connection.execute(
                    update(timeouts)
                    .where(*of_action, timeouts.c.since == since)
                    .values(since=edit.at)
                )
            return


def date_timeouts(connection: Connection, org_id: int, now: float) -> None:
    """Date what is in force and was first seen in the future, by a clock that was wrong, as now."""
    ahead = (timeouts.c.org_id == org_id) & (timeouts.c.since > now + CLOCK_TOLERANCE_SECONDS)
    columns = (timeouts.c.action_id, timeouts.c.timeout_ms)
    found = connection.execute(select(*columns).where(ahead).order_by(timeouts.c.since)).all()
    if not found:
        return
    connection.execute(delete(timeouts).where(ahead))
    newest = {row.action_id: row.timeout_ms for row in found}
    upsert(
        connection,
        timeouts,
        [
            {"org_id": org_id, "action_id": action_id, "since": now, "timeout_ms": timeout_ms}
            for action_id, timeout_ms in newest.items()
        ],
    )
