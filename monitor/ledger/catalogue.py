"""Actions and flows in the database: their names, and who uses what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, and_, delete, or_, select, update

from monitor.clock import is_in_future
from monitor.journal import note_timeouts, own_writes
from monitor.model import Action, ActionKind
from monitor.store import (
    actions,
    flow_lookups,
    flow_use,
    flows,
    insert_if_absent,
    insert_into,
    listed_at,
    remember_listed_at,
    upsert,
)


def save_actions(  # noqa: PLR0913, PLR0917 - a listing, and by which moments it is judged
    connection: Connection,
    org_id: int,
    listed: Sequence[Action],
    at: float,
    began: Mapping[str, float],
    now: float,
) -> None:
    """Make ``listed`` the catalogue; what it no longer lists stays, marked as gone.

    What began before a write of ours, or before the listing that is there, shows what was so then.

    Args:
        connection: A write transaction that holds the org.
        org_id: The org.
        listed: Every action of the org; a page may have repeated one.
        at: When the listing began; epoch seconds.
        began: When reading an action began, by its id; the listing itself where absent.
        now: When it is kept; what is dated later was dated by a clock that was wrong, and is void.
    """
    newest_at = listed_at(connection, org_id)
    if at < newest_at and not is_in_future(newest_at, now):
        return
    remember_listed_at(connection, org_id, at)
    by_id = {action.action_id: action for action in listed}
    written = {
        action_id: written_at
        for (action_id, in_flow), written_at in own_writes(connection, org_id, now).items()
        if action_id in by_id and in_flow is (by_id[action_id].kind is ActionKind.FLOW)
    }
    older = [one for one, written_at in written.items() if began.get(one, at) < written_at]
    by_id |= _as_written(connection, org_id, [by_id[one] for one in older])
    connection.execute(update(actions).where(actions.c.org_id == org_id).values(listed=False))
    upsert(
        connection,
        actions,
        [_row(org_id, action, listed=True) for action in by_id.values()],
    )
    in_force = {action.action_id: action.timeout_ms for action in by_id.values()}
    note_timeouts(connection, org_id, in_force, at)


def _as_written(connection: Connection, org_id: int, older: Sequence[Action]) -> dict[str, Action]:
    """Return actions by id, with the timeouts that we have set since they were read."""
    by_id = {action.action_id: action for action in older}
    if not by_id:
        return {}
    known = select(actions.c.action_id, actions.c.configured_timeout_ms).where(
        actions.c.org_id == org_id, actions.c.action_id.in_(sorted(by_id))
    )
    return {
        action_id: replace(by_id[action_id], configured_timeout_ms=timeout_ms)
        for action_id, timeout_ms in connection.execute(known)
    }


def save_names(connection: Connection, org_id: int, named: Iterable[Action]) -> None:
    """Keep actions that only the data names.

    What the catalogue says stays; a bare id gives way to a name. What is known is not written: each
    reading names every action that it has counted, and hardly ever a new one.
    """
    known = select(actions.c.action_id, actions.c.name, actions.c.kind)
    found = {
        action_id: kind == ActionKind.UNKNOWN.value and name == action_id
        for action_id, name, kind in connection.execute(known.where(actions.c.org_id == org_id))
    }
    rows = [
        _row(org_id, action, listed=False)
        for action in named
        if action.action_id not in found
        or (found[action.action_id] and action.name != action.action_id)
    ]
    if not rows:
        return
    statement = insert_into(connection, actions)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["org_id", "action_id"],
            set_={
                name: statement.excluded[name]
                for name in ("name", "integration_id", "integration_name", "category")
            },
            where=and_(
                actions.c.kind == ActionKind.UNKNOWN.value,
                actions.c.name == actions.c.action_id,
                statement.excluded.name != actions.c.action_id,
            ),
        ),
        rows,
    )


def save_flow_names(
    connection: Connection, org_id: int, named: Iterable[tuple[str, str, float]]
) -> None:
    """Keep flows and their names, the newest for each.

    Args:
        connection: A write transaction.
        org_id: The org.
        named: Flow id, name (may be empty), and when it was called so (epoch seconds).
    """
    rows = [
        {"org_id": org_id, "flow_id": flow_id, "name": name, "named_at": at}
        for flow_id, name, at in named
        if flow_id
    ]
    if not rows:
        return
    statement = insert_into(connection, flows)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["org_id", "flow_id"],
            set_={"name": statement.excluded.name, "named_at": statement.excluded.named_at},
            where=and_(
                statement.excluded.name != "",
                or_(flows.c.name == "", flows.c.named_at <= statement.excluded.named_at),
            ),
        ),
        rows,
    )


def save_flows_of_action(
    connection: Connection, org_id: int, action_id: str, users: Mapping[str, str], at: float
) -> None:
    """Make ``users`` (name by flow id) the flows that use an action."""
    connection.execute(
        delete(flow_use).where(flow_use.c.org_id == org_id, flow_use.c.action_id == action_id)
    )
    insert_if_absent(
        connection,
        flow_use,
        [
            {"org_id": org_id, "action_id": action_id, "flow_id": flow_id}
            for flow_id in sorted(users)
        ],
    )
    save_flow_names(
        connection, org_id, ((flow_id, name, at) for flow_id, name in sorted(users.items()))
    )
    upsert(
        connection,
        flow_lookups,
        [{"org_id": org_id, "action_id": action_id, "looked_up_at": at}],
    )


def forget_lookups_without_use(connection: Connection, org_id: int) -> None:
    """Do as if the actions that no flow was said to use had never been asked about."""
    used = select(flow_use.c.action_id).where(flow_use.c.org_id == org_id)
    connection.execute(
        delete(flow_lookups).where(
            flow_lookups.c.org_id == org_id, flow_lookups.c.action_id.not_in(used)
        )
    )


def known_actions(connection: Connection, org_id: int) -> tuple[tuple[Action, ...], frozenset[str]]:
    """Every action ever known, by id, and the ids of those the catalogue lists no more."""
    statement = (
        select(
            actions.c.action_id,
            actions.c.name,
            actions.c.integration_id,
            actions.c.integration_name,
            actions.c.category,
            actions.c.kind,
            actions.c.configured_timeout_ms,
            actions.c.listed,
        )
        .where(actions.c.org_id == org_id)
        .order_by(actions.c.action_id)
    )
    known: list[Action] = []
    gone: set[str] = set()
    for row in connection.execute(statement):
        action = Action(row[0], row[1], row[2], row[3], row[4], ActionKind(row[5]), row[6])
        known.append(action)
        if not row[7] and action.kind is not ActionKind.UNKNOWN:
            gone.add(action.action_id)
    return tuple(known), frozenset(gone)


def is_listed(connection: Connection, org_id: int, action_id: str, flow_id: str) -> bool:
    """Return whether the catalogue has an action, and in a flow unless that is empty."""
    listed = select(actions.c.listed).where(
        actions.c.org_id == org_id,
        actions.c.action_id == action_id,
        actions.c.kind != ActionKind.UNKNOWN.value,
    )
    if connection.execute(listed).scalar() is False:
        return False
    looked_up = select(flow_lookups.c.looked_up_at).where(
        flow_lookups.c.org_id == org_id, flow_lookups.c.action_id == action_id
    )
    if not flow_id or connection.execute(looked_up).first() is None:
        return True
    used = select(flow_use.c.flow_id).where(
        flow_use.c.org_id == org_id, flow_use.c.action_id == action_id
    )
    return flow_id in set(connection.execute(used).scalars())


def flow_names(connection: Connection, org_id: int) -> dict[str, str]:
    """Names by flow id; a flow that nobody named goes by its id."""
    statement = select(flows.c.flow_id, flows.c.name).where(flows.c.org_id == org_id)
    return {
        flow_id: name or flow_id
        for flow_id, name in connection.execute(statement.order_by(flows.c.flow_id))
    }


def tracked_flow_use(connection: Connection, org_id: int) -> set[tuple[str, str]]:
    """Pairs of action id and flow id, from dependency tracking."""
    statement = select(flow_use.c.action_id, flow_use.c.flow_id).where(flow_use.c.org_id == org_id)
    return {(action_id, flow_id) for action_id, flow_id in connection.execute(statement)}


def lookups_of_flow_use(connection: Connection, org_id: int) -> dict[str, float]:
    """When dependency tracking was last asked about an action, by its id; epoch seconds."""
    statement = select(flow_lookups.c.action_id, flow_lookups.c.looked_up_at)
    rows = connection.execute(statement.where(flow_lookups.c.org_id == org_id))
    return {row[0]: row[1] for row in rows}


def _row(org_id: int, action: Action, *, listed: bool) -> dict[str, object]:
    return {
        "org_id": org_id,
        "action_id": action.action_id,
        "name": action.name or action.action_id,
        "integration_id": action.integration_id,
        "integration_name": action.integration_name,
        "category": action.category,
        "kind": action.kind.value,
        "configured_timeout_ms": action.configured_timeout_ms,
        "listed": listed,
    }
