"""Restores the list of tables of a damaged SQLite state from this program's own schema.

SQLite keeps on the first pages where each table begins and the statement that made it: with one
byte of it spoilt a table can't be read, though all of its rows are there. The schema is known, so
the list can be written anew; where a table begins is read from what is left of the list, or known
because every state that is made by one version of the schema has its tables in the same places.
"""

from __future__ import annotations

import shutil
import sqlite3
import struct
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from monitor.store.maintenance.table_reader import TableReader, TableSource
from monitor.store.schema import APPLICATION, SCHEMA_VERSION, metadata

PAGE_BYTES = 4_096
"""SQLite's own size of a page, which no state of this program has changed."""

MOST_SPOILT_PLACES = 3
"""Tables that a damaged list may say other places of than a new state has, and still be taken for
the list of such a state. One that was upgraded has dozens in other places."""

_HEADER_BYTES = 100
_INTERIOR, _LEAF = 5, 13
"""What the first byte of a page of the list says: it leads to others, or holds entries."""


@dataclass(frozen=True, slots=True)
class ListedItem:
    """One entry of the list of tables; each has the name and the type that SQLite gives it."""

    kind: str
    name: str
    table: str
    root_page: int
    statement: str


class DamagedListError(Exception):
    """The list of tables can't be read as it must be, and can't be restored."""


def read_list(connection: sqlite3.Connection) -> tuple[list[ListedItem], bool]:
    """Return what can be read of the list of tables, and whether that is all of it."""
    reader = TableReader()
    columns = ("type", "name", "tbl_name", "rootpage", "sql")
    items = [
        ListedItem(
            str(kind), str(name), str(table), root if isinstance(root, int) else 0, str(sql or "")
        )
        for kind, name, table, root, sql in reader.read(
            connection, TableSource("sqlite_master", columns)
        )
    ]
    return items, not reader.failures


def is_as_it_should_be(connection: sqlite3.Connection, items: Sequence[ListedItem]) -> bool:
    """Whether a list that could be read is one of ours, or of another program, and not spoilt."""
    ours = {one.name for one in items if one.name in metadata.tables}
    if not ours:
        return True
    expected = _listed_in(_new_state())
    if {(one.kind, one.name) for one in items} - {(one.kind, one.name) for one in expected}:
        return False
    moved = _in_other_places(expected, items)
    if 0 < len(moved) <= MOST_SPOILT_PLACES or (not moved and _has_spoilt_text(expected, items)):
        return False
    try:
        for name in ours:
            found = connection.execute(f'PRAGMA table_info("{name}")').fetchall()
            columns = {row[1] for row in found}
            if not columns or not columns <= {one.name for one in metadata.tables[name].columns}:
                return False
    except sqlite3.Error:
        return False
    return True


def restore_list(source: sqlite3.Connection, file: Path, copy: Path) -> None:
    """Copy a state, with its list of tables written anew.

    Args:
        source: The damaged state, opened to be read.
        file: Where it is.
        copy: Where the copy is to be; it is only fit to be read.

    Raises:
        DamagedListError: Where the tables begin is not known any more.
    """
    items = _copied(source, file, copy)
    template = _new_state()
    expected = _listed_in(template)
    places = _places(expected, items, copy.stat().st_size // PAGE_BYTES)
    lost = [(one.name,) for one in expected if one.root_page and one.name not in places]
    with closing(sqlite3.connect(":memory:")) as made:
        made.deserialize(template)
        made.execute("PRAGMA writable_schema=ON")
        made.executemany(
            "UPDATE sqlite_master SET rootpage = ? WHERE name = ?",
            [(page, name) for name, page in places.items()],
        )
        made.executemany("DELETE FROM sqlite_master WHERE name = ?", lost)
        made.commit()
        _transplant(made.serialize(), copy)
    _refuse_what_does_not_fit(copy, is_guessed=not items)


def _copied(source: sqlite3.Connection, file: Path, copy: Path) -> list[ListedItem]:
    """Copy the pages as they are, with those that stand in the log, and read what is listed.

    Raises:
        DamagedListError: SQLite takes it for no database, and has a log beside it.
    """
    try:
        with closing(sqlite3.connect(copy)) as destination:
            source.backup(destination)
        items, _ = read_list(source)
    except (sqlite3.Error, UnicodeDecodeError):
        if file.with_name(f"{file.name}-wal").exists():
            raise DamagedListError from None
        shutil.copy(file, copy)
        return []
    return items


def _new_state() -> bytes:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    try:
        metadata.create_all(engine)
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None  # noqa: S101 - the connection is open
            content: bytes = driver.serialize()
            return content
    finally:
        engine.dispose()


def _listed_in(content: bytes) -> list[ListedItem]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(content)
        return read_list(connection)[0]


def _in_other_places(
    expected: Sequence[ListedItem], items: Sequence[ListedItem]
) -> list[ListedItem]:
    usual = {one.name: one.root_page for one in expected}
    return [one for one in items if usual.get(one.name, one.root_page) != one.root_page]


def _has_spoilt_text(expected: Sequence[ListedItem], items: Sequence[ListedItem]) -> bool:
    """Whether a statement differs in single characters; one that was meant to has another length.

    Only to be asked of a state that has its tables where a new one has them.
    """
    usual = {one.name: one for one in expected}
    return any(
        one != usual[one.name] and len(one.statement) == len(usual[one.name].statement)
        for one in items
        if one.name in usual
    )


def _places(
    expected: Sequence[ListedItem], items: Sequence[ListedItem], pages: int
) -> dict[str, int]:
    """Return the first page of each table and index, by name; 0 for a trigger, which has none.

    Raises:
        DamagedListError: They can't be told.
    """
    usual = {one.name: one.root_page for one in expected}
    told = {one.name: one.root_page for one in items if one.name in usual}
    is_new = len(_in_other_places(expected, items)) <= MOST_SPOILT_PLACES
    if is_new and max(usual.values()) <= pages and bool(told) == bool(items):
        return usual
    # It was upgraded, and has its tables where the list says.
    places = {name: root for name, root in told.items() if 1 < root <= pages}
    if not places:
        raise DamagedListError
    return places


def _transplant(template: bytes, copy: Path) -> None:
    """Give a file the list of tables of another: its first page, and what that leads to."""
    first = bytearray(template[:PAGE_BYTES])
    kind, count = first[_HEADER_BYTES], struct.unpack_from(">H", first, _HEADER_BYTES + 3)[0]
    pages = copy.stat().st_size // PAGE_BYTES
    with copy.open("r+b") as file:
        if kind == _INTERIOR:
            cells = struct.unpack_from(f">{count}H", first, _HEADER_BYTES + 12)
            for pointer in (*cells, _HEADER_BYTES + 8):
                (child,) = struct.unpack_from(">I", first, pointer)
                pages += 1
                struct.pack_into(">I", first, pointer, pages)
                file.seek((pages - 1) * PAGE_BYTES)
                file.write(template[(child - 1) * PAGE_BYTES : child * PAGE_BYTES])
        # Its size, no list of free pages, and no log beside it: all of that is of the other file.
        struct.pack_into(">BB", first, 18, 1, 1)
        struct.pack_into(">III", first, 28, pages, 0, 0)
        first[92:96] = first[24:28]
        file.seek(0)
        file.write(first)
        file.truncate(pages * PAGE_BYTES)


def _refuse_what_does_not_fit(copy: Path, *, is_guessed: bool) -> None:
    """Make sure that the tables are what the restored list says of them.

    Raises:
        DamagedListError: They are of an older schema, or of another program; or where each begins
            was guessed, and is not so.
    """
    facts: dict[str, str] = {}
    found = ["ok"]
    try:
        with closing(sqlite3.connect(f"file:{quote(str(copy))}?mode=ro", uri=True)) as connection:
            facts = dict(connection.execute("SELECT key, value FROM meta NOT INDEXED"))
            if is_guessed:
                found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    except (sqlite3.Error, UnicodeDecodeError, ValueError) as error:
        if is_guessed:
            raise DamagedListError from error
    version = str(SCHEMA_VERSION)
    is_ours = facts.get("application", "" if is_guessed else APPLICATION) == APPLICATION
    if not is_ours or facts.get("schema_version", version) != version:
        raise DamagedListError
    if any(one != "ok" and not one.endswith("is never used") for one in found):
        raise DamagedListError
