"""What is wrong with a state, beyond whether it opens: its pages, its tables, and its sums.

Every rule here holds after each transaction of this program, so that what breaks one was written
by something else, or has rotted on the disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    and_,
    func,
    inspect,
    or_,
    select,
    text,
)

from monitor.errors import LedgerError
from monitor.store.database import Database
from monitor.store.maintenance.packed_integrity import LARGEST, check_packs, check_totals
from monitor.store.schema import (
    BAND_COLUMNS,
    SCHEMA_VERSION,
    coverage,
    flow_error_totals,
    flow_errors,
    incident_totals,
    incidents,
    metadata,
    series,
    tallies,
    verdict_history,
)

MOST_MESSAGES = 20
"""Messages of SQLite that are shown: the first ones tell what is damaged, of thousands maybe."""


@dataclass(frozen=True, slots=True)
class IntegrityFault:
    """One rule, and how it was broken.

    Attributes:
        rule: What was looked at, in a word or two.
        detail: What was found; empty where the rule holds.
    """

    rule: str
    detail: str = ""


def check_integrity(database: Database) -> Iterator[IntegrityFault]:
    """Check every rule, one after the other; one that can't be checked is broken.

    Args:
        database: Opened to be read.

    Raises:
        LedgerError: It is not ours, or not this program's version.
    """
    version = database.recognise()
    yield _result(database, "pages", _pages)
    if version != SCHEMA_VERSION:
        yield IntegrityFault(
            f"schema (version {version}: run upgrades it, and its sums can be checked)"
        )
        return
    for rule, check in (
        ("schema", _schema),
        ("rows of no org or series", _orphans),
        ("numbers", _numbers),
        ("latency bands", _bands),
        ("packed windows", check_packs),
        ("totals of executions", check_totals),
        ("totals of incidents", _incident_totals),
        ("totals of lost callers", _flow_error_totals),
        ("coverage", _coverage),
        ("verdicts", _verdicts),
    ):
        yield _result(database, rule, check)


def _result(database: Database, rule: str, check: Callable[[Connection], str]) -> IntegrityFault:
    try:
        with database.reading() as connection:
            return IntegrityFault(rule, check(connection))
    except LedgerError as error:
        return IntegrityFault(rule, error.message)


def _pages(connection: Connection) -> str:
    if connection.dialect.name != "sqlite":
        return ""  # a server looks after its own
    found = connection.execute(text(f"PRAGMA integrity_check({MOST_MESSAGES})")).scalars()
    return "; ".join(" ".join(str(one).split()) for one in found if one != "ok")


def _schema(connection: Connection) -> str:
    inspector = inspect(connection)
    there = set(inspector.get_table_names())
    missing = [name for name in sorted(metadata.tables) if name not in there]
    for name in sorted(there.intersection(metadata.tables)):
        columns = {one["name"] for one in inspector.get_columns(name)}
        missing += [
            f"{name}.{one.name}" for one in metadata.tables[name].columns if one.name not in columns
        ]
    return f"missing: {', '.join(missing)}" if missing else ""


def _orphans(connection: Connection) -> str:
    if connection.dialect.name != "sqlite":
        return ""  # a server does not let them come to be
    found: Counter[str] = Counter(
        row[0] for row in connection.execute(text("PRAGMA foreign_key_check"))
    )
    return ", ".join(f"{count} in {name}" for name, count in sorted(found.items()))


def _numbers(connection: Connection) -> str:
    broken = []
    for table in (series, tallies):
        wrong = or_(
            table.c["count"] < 0,
            table.c.duration_ms < 0,
            table.c.duration_ms > LARGEST,
            *(table.c[name] < 0 for name in BAND_COLUMNS),
        )
        if table is tallies:
            wrong = or_(wrong, table.c.min_ms > table.c.max_ms, table.c.max_ms > LARGEST)
        broken.append(_counted(connection, table, wrong))
    return _joined(broken)


def _bands(connection: Connection) -> str:
    """In bands there are at most as many executions as there are in all."""
    broken = []
    for table in (series, tallies):
        total: ColumnElement[int] = sum((table.c[name] for name in BAND_COLUMNS[1:]), table.c.b00)
        broken.append(_counted(connection, table, total > table.c["count"]))
    return _joined(broken)


def _incident_totals(connection: Connection) -> str:
    return _sums_of(
        connection, incidents, incident_totals, ("org_id", "flow_id", "action_id"), "incidents"
    )


def _flow_error_totals(connection: Connection) -> str:
    return _sums_of(
        connection, flow_errors, flow_error_totals, ("org_id", "flow_id", "exit_reason"), "callers"
    )


def _sums_of(
    connection: Connection, rows: Table, totals: Table, keys: tuple[str, ...], counted: str
) -> str:
    amount = func.sum(rows.c[counted]) if counted in rows.c else func.count()
    sums = select(*(rows.c[key] for key in keys), amount.label("amount"))
    sums_by_key = sums.group_by(*(rows.c[key] for key in keys)).subquery()
    joined: FromClause = sums_by_key.join(
        totals, and_(*(totals.c[key] == sums_by_key.c[key] for key in keys)), isouter=True
    )
    short = sums_by_key.c.amount > func.coalesce(totals.c[counted], 0)
    query = select(func.count()).select_from(joined).where(short)
    return _joined([_number(connection, query, totals.name)])


def _coverage(connection: Connection) -> str:
    """Ranges of one kind begin before they end, and touch no other."""
    one, other = coverage.alias(), coverage.alias()
    same = and_(*(one.c[key] == other.c[key] for key in ("org_id", "source", "skipped")))
    overlap = and_(
        same, one.c.range_start < other.c.range_start, one.c.range_end > other.c.range_start
    )
    query = select(func.count()).select_from(one.join(other, overlap))
    return _joined(
        [
            _counted(connection, coverage, coverage.c.range_end <= coverage.c.range_start),
            _number(connection, query, "coverage, which overlap"),
        ]
    )


def _verdicts(connection: Connection) -> str:
    """Nothing ends before it begins, and one verdict of an action is told at a time."""
    table = verdict_history.c
    told = select(func.count().label("told")).where(table.told_until.is_(None))
    several = told.group_by(table.org_id, table.action_id).having(func.count() > 1).subquery()
    backward = or_(table.told_until < table.told_from, table.until < table.since)
    return _joined(
        [
            _counted(connection, verdict_history, backward),
            _number(
                connection,
                select(func.count()).select_from(several),
                "verdict_history, which are told at the same time",
            ),
        ]
    )


def _counted(connection: Connection, table: Table, wrong: ColumnElement[bool]) -> str:
    return _number(connection, select(func.count()).select_from(table).where(wrong), table.name)


def _number(connection: Connection, query: Select[Any], where: str) -> str:
    found = connection.execute(query).scalar_one()
    return f"{found} in {where}" if found else ""


def _joined(broken: list[str]) -> str:
    found = ", ".join(one for one in broken if one)
    return f"rows that can't be: {found}" if found else ""
