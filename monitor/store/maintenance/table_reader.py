"""Reads what can still be read of a damaged SQLite table: around each page that can't be."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

Row = tuple[object, ...]

MOST_FAILURES = 20_000
"""Questions of one table that may fail: a page that leads to others can hide millions of rows, and
looking for each would take for ever."""

BEYOND_STEPS = 5_000
"""How far to look beyond what was read from one end where the other end can't be read."""

_LOWEST, _HIGHEST = -(2**62), 2**62
_FAILURES = (sqlite3.DatabaseError, OverflowError)


@dataclass(frozen=True, slots=True)
class TableSource:
    """A table of a damaged file, read in the order of a number.

    Attributes:
        name: The table.
        columns: What is read of it.
        key: What it is kept in the order of: ``rowid``, or the column that follows ``prefix``.
        prefix: A column that comes before it in that order, and its value; None for none.
        inner: What rows of one key are kept in the order of; empty where a key has one row.
        step: Keys lie at least this far apart.
    """

    name: str
    columns: tuple[str, ...]
    key: str = "rowid"
    prefix: tuple[str, int] | None = None
    inner: str = ""
    step: int = 1

    def query(self, *, descending: bool = False) -> str:
        """Return the question for the rows between two keys; the key comes first in each row."""
        columns = ", ".join(f'"{one}"' for one in self.columns)
        where = f'"{self.prefix[0]}" = {self.prefix[1]:d} AND ' if self.prefix else ""
        way = "DESC" if descending else "ASC"
        order = ", ".join(f'"{one}" {way}' for one in (self.key, self.inner) if one)
        # Never by an index: it may be damaged while the table is not, or know other rows.
        return (
            f'SELECT "{self.key}", {columns} FROM "{self.name}" NOT INDEXED '  # noqa: S608 - names of the schema
            f'WHERE {where}"{self.key}" BETWEEN ? AND ? ORDER BY {order}'
        )


@dataclass(slots=True)
class Gap:
    """Keys from the first to the last, both of which may be missing in part or wholly."""

    first: int
    last: int


EVERYTHING = Gap(_LOWEST, _HIGHEST)
"""Where nothing could be read, neither from the front nor from the end."""


@dataclass(slots=True)
class TableReader:
    """Reads one table, and keeps where rows are missing.

    Attributes:
        gaps: Where rows are missing, in order; more than are missing may lie there.
        failures: Questions that failed.
    """

    gaps: list[Gap] = field(default_factory=list)
    failures: int = 0

    def read(self, connection: sqlite3.Connection, source: TableSource) -> Iterator[Row]:
        """Read every row that can be read, each once, in no order.

        Args:
            connection: The damaged file.
            source: The table.
        """
        last = yield from self._from_one_end(connection, source, _LOWEST, _HIGHEST)
        if last is None:
            return
        # The same from the end, down to where reading from the front has stopped.
        first = yield from self._from_one_end(
            connection, source, last + 1, _HIGHEST, descending=True
        )
        if first is None:
            return
        beyond = BEYOND_STEPS * source.step
        if last < _LOWEST and first > _HIGHEST:
            self._miss(_LOWEST, _HIGHEST)
            return
        low = first - beyond if last < _LOWEST else last + 1
        high = last + beyond if first > _HIGHEST else first - 1
        yield from self._between(connection, source, low, high)

    def _from_one_end(
        self,
        connection: sqlite3.Connection,
        source: TableSource,
        low: int,
        high: int,
        *,
        descending: bool = False,
    ) -> Generator[Row, None, int | None]:
        """Read one way as far as it goes.

        Returns:
            The last key whose rows were all read before one that can't be; None where all can.
        """
        whole = high + 1 if descending else low - 1
        key: int | None = None
        held: list[Row] = []
        try:
            for row in connection.execute(source.query(descending=descending), (low, high)):
                if row[0] != key:
                    yield from held
                    whole, key, held = whole if key is None else key, int(row[0]), []
                held.append(row[1:])
        except _FAILURES:
            # Of the key that it stopped in some rows may be missing: it is read again, apart.
            self.failures += 1
            return whole
        yield from held
        return None

    def _between(
        self, connection: sqlite3.Connection, source: TableSource, low: int, high: int
    ) -> Iterator[Row]:
        """Read what can be read between two keys, halving what can't."""
        todo = [(low, high)]
        while todo:
            begin, end = todo.pop()
            if begin > end:
                continue
            if self.failures > MOST_FAILURES:
                self._miss(begin, end)
                continue
            try:
                rows = connection.execute(source.query(), (begin, end)).fetchall()
            except _FAILURES:
                self.failures += 1
                if end - begin < source.step:
                    yield from self._within(connection, source, begin, end)
                    continue
                middle = (begin + end) // 2
                todo += [(middle + 1, end), (begin, middle)]
            else:
                yield from (row[1:] for row in rows)

    def _within(
        self, connection: sqlite3.Connection, source: TableSource, begin: int, end: int
    ) -> Iterator[Row]:
        """Read what comes before the damage, and behind it, among the rows of one key."""
        self._miss(begin, end)
        seen: set[Row] = set()
        for descending in (False, True) if source.inner else ():
            try:
                for row in connection.execute(source.query(descending=descending), (begin, end)):
                    if row[1:] not in seen:
                        seen.add(row[1:])
                        yield row[1:]
            except _FAILURES:
                self.failures += 1

    def _miss(self, begin: int, end: int) -> None:
        if self.gaps and begin <= self.gaps[-1].last + 1:
            self.gaps[-1].last = max(self.gaps[-1].last, end)
        else:
            self.gaps.append(Gap(begin, end))
