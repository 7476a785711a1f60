"""Puts in order what was copied of a damaged state: every rule of a whole one holds again."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from monitor.ledger.salvage import Gap, Row

INDEXED: Mapping[str, tuple[str, ...]] = {
    "orgs": ("id", "name"),
    "series": ("id", "org_id", "action_id", "error_type", "response_status"),
}
"""What the unique index of a table knows of each row, without the table itself."""


def name_orgs(destination: sqlite3.Connection, table: str, indexed: Iterable[Row]) -> Iterator[str]:
    """Let every org that has rows in a table have a name: its own, or a makeshift one.

    Args:
        destination: The copy.
        table: Where orgs have rows.
        indexed: What the index of orgs knows.

    Yields:
        What is lost.
    """
    known: dict[object, object] = {row[0]: row[1] for row in indexed}
    query = f"SELECT DISTINCT org_id FROM {table} EXCEPT SELECT id FROM orgs"  # noqa: S608 - of the schema
    nameless = {row[0] for row in destination.execute(query)}
    for org in sorted(nameless | (known.keys() - _ids(destination, "orgs")), key=str):
        name = known.get(org, f"lost-{org}")
        destination.execute("INSERT OR IGNORE INTO orgs (id, name) VALUES (?, ?)", (org, name))
        if org not in known:
            yield f"the name of an org, whose rows stand under {name}"


def make_series_again(destination: sqlite3.Connection, indexed: Iterable[Row]) -> Iterator[str]:
    """Let series that only their index still knows have totals of the windows that are left.

    Yields:
        What is lost.
    """
    found = destination.execute("PRAGMA table_info(tallies)").fetchall()
    bands = [row[1] for row in found if re.fullmatch(r"b\d\d", row[1])]
    sums = ("count", "duration_ms", *bands)
    columns = ", ".join((*INDEXED["series"], *sums))
    values = ", ".join(f"coalesce(sum({one}), 0)" for one in sums)
    known, made = _ids(destination, "series"), 0
    for row in indexed:
        if row[0] not in known:
            made += destination.execute(
                f"INSERT OR IGNORE INTO series ({columns}) "  # noqa: S608 - names of the schema
                f"SELECT ?, ?, ?, ?, ?, {values} FROM tallies WHERE series_id = ?",
                (*row, row[0]),
            ).rowcount
    if made:
        yield f"the totals of {made} series, which begin anew from the windows that are left"


def leave_out_orphans(destination: sqlite3.Connection, tables: Sequence[str]) -> Iterator[str]:
    """Leave out rows whose org or series could not be read: nobody knows whose they are.

    Yields:
        What is lost.
    """
    for name in sorted(set(tables) - {"meta", "orgs"}):
        for whose, others in (("org", "orgs"), ("series", "series")):
            if whose == "series" and name != "tallies":
                continue
            gone = destination.execute(
                f"DELETE FROM {name} WHERE {whose}_id NOT IN (SELECT id FROM {others})"  # noqa: S608 - of the schema
            ).rowcount
            if gone:
                yield f"{gone} rows of {name}, whose {whose} is lost"


def raise_totals(destination: sqlite3.Connection, tables: Sequence[str]) -> None:
    """Let totals that were lost hold at least what they were counted from."""
    destination.execute(
        "INSERT INTO incident_totals (org_id, flow_id, action_id, incidents, conversations) "
        "SELECT org_id, flow_id, action_id, count(*), count(DISTINCT conversation_id) "
        "FROM incidents WHERE true GROUP BY org_id, flow_id, action_id "
        "ON CONFLICT (org_id, flow_id, action_id) DO UPDATE SET "
        "incidents = max(incidents, excluded.incidents), "
        "conversations = max(conversations, excluded.conversations)"
    )
    if "flow_errors" in tables:
        destination.execute(
            "INSERT INTO flow_error_totals (org_id, flow_id, exit_reason, callers) "
            "SELECT org_id, flow_id, exit_reason, sum(callers) "
            "FROM flow_errors WHERE true GROUP BY org_id, flow_id, exit_reason "
            "ON CONFLICT (org_id, flow_id, exit_reason) DO UPDATE SET "
            "callers = max(callers, excluded.callers)"
        )


def uncover(destination: sqlite3.Connection, org_id: int, gap: Gap) -> None:
    """Let windows that are lost not pass for read: reports say what they lack."""
    rows = destination.execute(
        "SELECT source, skipped, range_start, range_end FROM coverage WHERE org_id = ? "
        "AND range_start <= ? AND range_end > ?",
        (org_id, gap.last, gap.first),
    ).fetchall()
    for source, skipped, start, end in rows:
        destination.execute(
            "DELETE FROM coverage WHERE org_id = ? AND source = ? AND skipped = ? "
            "AND range_start = ?",
            (org_id, source, skipped, start),
        )
        destination.executemany(
            "INSERT INTO coverage (org_id, source, skipped, range_start, range_end) "
            "VALUES (?, ?, ?, ?, ?)",
            [
                (org_id, source, skipped, begin, until)
                for begin, until in ((start, gap.first), (gap.last + 1, end))
                if begin < until
            ],
        )


def pause(destination: sqlite3.Connection) -> None:
    """Change no timeout any more until a person says so: what stopped changes may be lost."""
    destination.execute(
        "INSERT OR REPLACE INTO switches (org_id, name, since, actor, reason) "
        "SELECT id, 'paused', ?, 'state repair', ? FROM orgs",
        (time.time(), "what was changed or stopped could not all be read"),
    )


def count_rows(destination: sqlite3.Connection, tables: Iterable[str]) -> dict[str, int]:
    """Return the rows of each table."""
    return {
        name: destination.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608 - of the schema
        for name in tables
    }


def _ids(destination: sqlite3.Connection, table: str) -> set[object]:
    return {row[0] for row in destination.execute(f"SELECT id FROM {table}")}  # noqa: S608 - of the schema
