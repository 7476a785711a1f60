"""The rows of the orgs, and what is remembered for all of them together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, delete, select

from monitor.model import (
    CONCURRENT_EXECUTIONS,
    EXECUTIONS_PER_MINUTE,
    FUNCTION_CONCURRENT_EXECUTIONS,
)
from monitor.store.engines import insert_if_absent, upsert
from monitor.store.reading_leases import verify_fence
from monitor.store.schema import meta, orgs
from monitor.time_ranges import TimeRange

PRUNED_BEFORE = "pruned_before"
_FLOW_ERROR_BASIS = "flow_error_basis"
_LIMIT_KEYS: Mapping[str, str] = {
    CONCURRENT_EXECUTIONS: "concurrency_limit",
    EXECUTIONS_PER_MINUTE: "executions_per_minute_limit",
    FUNCTION_CONCURRENT_EXECUTIONS: "function_concurrency_limit",
}
_EDITS_READ_UNTIL = "edits_read_until"
_LISTED_AT = "listed_at"
_RECONCILED_AT = "reconciled_at"
_BACKFILLED = "backfilled"
_LOOKED_AT = "looked_at"


def find_org(connection: Connection, org: str) -> int | None:
    """The number of an org, or None where nothing is known of it."""
    return connection.execute(select(orgs.c.id).where(orgs.c.name == org)).scalar_one_or_none()


def lock_org(connection: Connection, org: str) -> int:
    """The number of an org, which is made known where it is not.

    Where the database locks rows, the org's row stays locked until the transaction ends, so
    that what a writer has read of the org stays true until it has written. SQLite's writers
    hold the whole file already, and it ignores FOR UPDATE.

    Raises:
        NotLeasedError: The transaction is fenced, and another program reads the org by now.
    """
    statement = select(orgs.c.id).where(orgs.c.name == org).with_for_update()
    found: int | None = connection.execute(statement).scalar_one_or_none()
    if found is None:
        insert_if_absent(connection, orgs, [{"name": org}])
        found = int(connection.execute(statement).scalar_one())
    verify_fence(connection, org, found)
    return found


def lock_every_org(connection: Connection) -> list[int]:
    """The numbers of all orgs, locked like ``lock_org`` does."""
    statement = select(orgs.c.id).order_by(orgs.c.id).with_for_update()
    return list(connection.execute(statement).scalars())


def pruned_before(connection: Connection) -> int:
    """What is older than this has been forgotten; epoch seconds, 0 where nothing has."""
    return int(_fact(connection, PRUNED_BEFORE) or 0)


def remember_pruned_before(connection: Connection, before: int) -> None:
    """Remember what has been forgotten."""
    upsert(connection, meta, [{"key": PRUNED_BEFORE, "value": str(before)}])


def known_limits(connection: Connection, org_id: int) -> dict[str, int]:
    """Return the org's own limits by name, as far as the platform showed them."""
    keys = {f"{key}:{org_id}": name for name, key in _LIMIT_KEYS.items()}
    found = connection.execute(select(meta.c.key, meta.c.value).where(meta.c.key.in_(keys)))
    return {keys[key]: int(value) for key, value in found}


def remember_limits(connection: Connection, org_id: int, limits: Mapping[str, int]) -> None:
    """Make ``limits`` what is known of the org's own limits."""
    keys = {name: f"{key}:{org_id}" for name, key in _LIMIT_KEYS.items()}
    absent = [key for name, key in keys.items() if name not in limits]
    connection.execute(delete(meta).where(meta.c.key.in_(absent)))
    rows = [{"key": keys[name], "value": str(limit)} for name, limit in limits.items()]
    upsert(connection, meta, rows)


def edits_read_until(connection: Connection, org_id: int) -> float:
    """Up to where the platform's audit log was read; epoch seconds, 0.0 where it never was."""
    return float(_fact(connection, f"{_EDITS_READ_UNTIL}:{org_id}") or 0.0)


def remember_edits_read_until(connection: Connection, org_id: int, until: float) -> None:
    """Remember up to where the audit log was read."""
    upsert(connection, meta, [{"key": f"{_EDITS_READ_UNTIL}:{org_id}", "value": repr(until)}])


def listed_at(connection: Connection, org_id: int) -> float:
    """Return when the newest listing of the catalogue has begun; epoch seconds, 0.0 for never."""
    return float(_fact(connection, f"{_LISTED_AT}:{org_id}") or 0.0)


def remember_listed_at(connection: Connection, org_id: int, began_at: float) -> None:
    """Remember when the newest listing of the catalogue has begun."""
    upsert(connection, meta, [{"key": f"{_LISTED_AT}:{org_id}", "value": repr(began_at)}])


def reconciled_at(connection: Connection, org_id: int) -> float:
    """Return when an org was last compared with the platform; epoch seconds, 0.0 for never."""
    return float(_fact(connection, f"{_RECONCILED_AT}:{org_id}") or 0.0)


def remember_reconciled_at(connection: Connection, org_id: int, at: float) -> None:
    """Remember when an org was last compared with the platform."""
    upsert(connection, meta, [{"key": f"{_RECONCILED_AT}:{org_id}", "value": repr(at)}])


def looked_at(connection: Connection, org_id: int) -> tuple[float, ...]:
    """Return when the requests of closer looks were last sent; epoch seconds, oldest first."""
    told = _fact(connection, f"{_LOOKED_AT}:{org_id}")
    return tuple(map(float, told.split(","))) if told else ()


def remember_looked_at(connection: Connection, org_id: int, moments: Iterable[float]) -> None:
    """Remember when the requests of closer looks were last sent; epoch seconds, oldest first."""
    told = ",".join(map(repr, moments))
    upsert(connection, meta, [{"key": f"{_LOOKED_AT}:{org_id}", "value": told}])


def backfilled(connection: Connection, org_id: int, source: str) -> tuple[TimeRange, float] | None:
    """Return what an unfinished backfill of a source has read, and when it read the last of it."""
    told = _fact(connection, f"{_BACKFILLED}:{org_id}:{source}")
    if told is None:
        return None
    begin, end, at = told.split("@")
    return TimeRange(int(begin), int(end)), float(at)


def remember_backfilled(
    connection: Connection, org_id: int, source: str, done: TimeRange, at: float
) -> None:
    """Remember what an unfinished backfill has read so far, and when."""
    told = f"{done.start}@{done.end}@{at!r}"
    upsert(connection, meta, [{"key": f"{_BACKFILLED}:{org_id}:{source}", "value": told}])


def forget_backfilled(connection: Connection, org_id: int, source: str) -> None:
    """Forget what a backfill has read: it is done, or begins anew."""
    connection.execute(delete(meta).where(meta.c.key == f"{_BACKFILLED}:{org_id}:{source}"))


def flow_error_basis(connection: Connection, org_id: int) -> tuple[str, int]:
    """Return what flow errors are counted from, and from which window on; empty where nothing."""
    basis, _, since = (_fact(connection, f"{_FLOW_ERROR_BASIS}:{org_id}") or "").partition("@")
    return basis, int(since or 0)


def remember_flow_error_basis(connection: Connection, org_id: int, basis: str, since: int) -> None:
    """Remember what flow errors are counted from, from a window on."""
    fact = {"key": f"{_FLOW_ERROR_BASIS}:{org_id}", "value": f"{basis}@{since}"}
    upsert(connection, meta, [fact])


def _fact(connection: Connection, key: str) -> str | None:
    return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar_one_or_none()
