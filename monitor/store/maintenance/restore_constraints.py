"""Puts in order what was copied of a damaged state: every rule of a whole one holds again."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from monitor.formats import count_of
from monitor.store.maintenance.packed_repair import PACKED_SUMS
from monitor.store.maintenance.table_reader import Gap, Row

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
    sums = ("count", "duration_ms", *_bands(destination))
    columns = ", ".join((*INDEXED["series"], *sums))
    values = ", ".join(f"coalesce(sum({one}), 0)" for one in sums)
    known, made = _ids(destination, "series"), 0
    for row in indexed:
        if row[0] not in known:
            made += destination.execute(
                f"INSERT OR IGNORE INTO series ({columns}) "  # noqa: S608 - names of the schema
                f"SELECT ?, ?, ?, ?, ?, {values} "
                f"FROM ({_windows(destination)}) WHERE series_id = ?",
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
                yield f"{count_of(gone, 'row')} of {name}, whose {whose} is lost"


def raise_totals(destination: sqlite3.Connection, tables: Sequence[str]) -> Iterator[str]:
    """Let totals hold at least what they were counted from: a total only ever grows.

    Yields:
        What is mended by it.
    """
    raised = _raise_series(destination)
    if raised:
        yield f"the totals of {raised} series, which were less than their windows add up to"
    raised = destination.execute(
        "INSERT INTO incident_totals (org_id, flow_id, action_id, incidents, conversations) "
        "SELECT org_id, flow_id, action_id, count(*), count(DISTINCT conversation_id) "
        "FROM incidents WHERE true GROUP BY org_id, flow_id, action_id "
        "ON CONFLICT (org_id, flow_id, action_id) DO UPDATE SET "
        "incidents = max(incidents, excluded.incidents), "
        "conversations = max(conversations, excluded.conversations) "
        "WHERE incidents < excluded.incidents OR conversations < excluded.conversations"
    ).rowcount
    if raised:
        yield f"{count_of(raised, 'total')} of incidents, raised to the incidents that are kept"
    if "flow_errors" in tables:
        raised = destination.execute(
            "INSERT INTO flow_error_totals (org_id, flow_id, exit_reason, callers) "
            "SELECT org_id, flow_id, exit_reason, sum(callers) "
            "FROM flow_errors WHERE true GROUP BY org_id, flow_id, exit_reason "
            "ON CONFLICT (org_id, flow_id, exit_reason) DO UPDATE SET "
            "callers = max(callers, excluded.callers) WHERE callers < excluded.callers"
        ).rowcount
        if raised:
            yield f"{count_of(raised, 'total')} of lost callers, raised to the sum of their windows"


def _raise_series(destination: sqlite3.Connection) -> int:
    """Raise what is less than the sum of its windows; return how many series that was."""
    bands = _bands(destination)
    columns = ("count", "duration_ms", *bands)
    short = " OR ".join(
        # Sums of durations are added up in another order than they grew in.
        f"windows.{one} > series.{one}" + (" * 1.000001 + 0.000001" if one == columns[1] else "")
        for one in columns
    )
    raised = destination.execute(
        f"UPDATE series SET {', '.join(f'{one} = max(series.{one}, windows.{one})' for one in columns)} "  # noqa: S608, E501 - names of the schema
        f"FROM (SELECT series_id, {', '.join(f'sum({one}) AS {one}' for one in columns)} "
        f"FROM ({_windows(destination)}) GROUP BY series_id) AS windows "
        f"WHERE windows.series_id = series.id AND ({short})"
    ).rowcount
    # Each band may have been raised for itself; in all there are at least as many executions.
    in_bands = " + ".join(bands)
    raised_counts = destination.execute(
        f"UPDATE series SET count = {in_bands} WHERE count < {in_bands}"  # noqa: S608 - likewise
    ).rowcount
    return max(raised, raised_counts)


def _windows(destination: sqlite3.Connection) -> str:
    """Return the query of what each series counted: windows, and the sums of packed ones."""
    columns = ", ".join(("series_id", "count", "duration_ms", *_bands(destination)))
    query = f"SELECT {columns} FROM tallies"  # noqa: S608 - names of the schema
    if destination.execute(f"PRAGMA table_info({PACKED_SUMS})").fetchall():
        query += f" UNION ALL SELECT {columns} FROM {PACKED_SUMS}"  # noqa: S608 - likewise
    return query


def _bands(destination: sqlite3.Connection) -> list[str]:
    found = destination.execute("PRAGMA table_info(tallies)").fetchall()
    return [row[1] for row in found if re.fullmatch(r"b\d\d", row[1])]


def join_coverage(destination: sqlite3.Connection) -> Iterator[str]:
    """Let what was read stand there once: ranges that overlap become one, empty ones go.

    Yields:
        What is mended by it.
    """
    rows = destination.execute(
        "SELECT org_id, source, skipped, range_start, range_end FROM coverage "
        "ORDER BY org_id, source, skipped, range_start"
    ).fetchall()
    joined: list[tuple[object, object, object, int, int]] = []
    for *key, start, end in rows:
        if end <= start:
            continue
        if joined and list(joined[-1][:3]) == key and start < joined[-1][4]:
            joined[-1] = (*joined[-1][:4], max(end, joined[-1][4]))
        else:
            joined.append((key[0], key[1], key[2], start, end))
    if joined != rows:
        destination.execute("DELETE FROM coverage")
        destination.executemany(
            "INSERT INTO coverage (org_id, source, skipped, range_start, range_end) "
            "VALUES (?, ?, ?, ?, ?)",
            joined,
        )
        yield "what was read, parts of which were empty or stood there twice"


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
