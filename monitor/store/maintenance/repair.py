"""Copies what can be read of a damaged state into a new file, and says what is lost.

Losing windows must not make anything count twice: their executions stand in the totals, and the
platform may still show them. So what was read before the newest loss is treated as pruned.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from monitor.errors import LedgerError
from monitor.formats import count_of, iso_time
from monitor.store.failures import translate_errors
from monitor.store.identity import HOME, STATE_ID
from monitor.store.maintenance.backup import new_file
from monitor.store.maintenance.integrity import IntegrityFault
from monitor.store.maintenance.packed_repair import PackFilter, mend_packs, sum_packs
from monitor.store.maintenance.restore_constraints import (
    INDEXED,
    count_rows,
    join_coverage,
    leave_out_orphans,
    make_series_again,
    name_orgs,
    pause,
    raise_totals,
    uncover,
)
from monitor.store.maintenance.row_validator import RowValidator
from monitor.store.maintenance.schema_table import (
    DamagedListError,
    is_as_it_should_be,
    read_list,
    restore_list,
)
from monitor.store.maintenance.table_reader import EVERYTHING, Gap, Row, TableReader, TableSource
from monitor.store.migrations import OLDEST, version_by_columns
from monitor.store.org_facts import PRUNED_BEFORE
from monitor.store.schema import APPLICATION, SCHEMA_VERSION, metadata, packed_days
from monitor.store.state_file import StateFile, no_state

_SHORTEST_WINDOW_SECONDS = 60
_ROWS_AT_A_TIME = 1_000
_MOST_GAPS = 5
"""Gaps of one table that are named one by one."""


@dataclass(slots=True)
class Repair:
    """What became of a state.

    Attributes:
        kept: Rows that were copied, by table.
        lost: What is missing or was left out, a sentence each; empty where nothing is.
        mended: What was wrong and is right now, likewise.
        faults: What ``state check`` still finds in the copy: nothing here mends it.
        is_paused: Whether all changes of timeouts are paused: what stopped some may be lost.
        not_counted_before: What was read up to here is not counted again, should the platform show
            it; epoch seconds, 0 where that needs no saying.
    """

    kept: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    faults: list[IntegrityFault] = field(default_factory=list)
    not_counted_before: int = 0
    is_paused: bool = False


def repair(file: StateFile, target: Path, *, busy_timeout_seconds: float) -> Repair:
    """Copy what can be read of a state into a new file; the old one stays as it is.

    Args:
        file: The state.
        target: Where the new one is to be.
        busy_timeout_seconds: How long to wait for whoever has the state to himself.

    Raises:
        ConfigurationError: Something is at ``target`` already, or nothing can be.
        LedgerError: It is not ours, or nothing of it can be read.
    """
    with (
        file.unchanging_url() as address,
        new_file(target) as made,
        translate_errors(file.name),
        _readable(address, file, made.with_name("list-restored"), busy_timeout_seconds) as source,
        closing(sqlite3.connect(made, isolation_level=None)) as destination,
    ):
        destination.execute("BEGIN")
        result = _Copy(source, destination, file.name).run()
        destination.execute("COMMIT")
        return result


@contextmanager
def _readable(
    address: URL, file: StateFile, copy: Path, busy_timeout_seconds: float
) -> Iterator[sqlite3.Connection]:
    """The state, or where its list of tables is damaged a copy of it with the list restored.

    Raises:
        LedgerError: The list can't be read, and can't be restored.
    """
    query = "&".join(f"{key}={value}" for key, value in address.query.items())
    with closing(_opened(f"{address.database}?{query}", busy_timeout_seconds)) as source:
        try:
            items, is_whole = read_list(source)
        except (sqlite3.Error, UnicodeDecodeError):
            items, is_whole = [], False
        if not items and is_whole:
            raise no_state(file.name)
        if is_whole and is_as_it_should_be(source, items):
            yield source
            return
        try:
            restore_list(source, file.path, copy)
        except DamagedListError as error:
            raise LedgerError(
                f"nothing can be read of the state {file.name}: it is no database, or its first "
                "page is damaged",
                "Restore a backup of it, or move it away and start afresh, then backfill.",
            ) from error
    with closing(_opened(f"file:{quote(str(copy))}?mode=ro&immutable=1", 0.0)) as restored:
        yield restored


def _opened(address: str, busy_timeout_seconds: float) -> sqlite3.Connection:
    source = sqlite3.connect(address, timeout=busy_timeout_seconds, uri=True)
    source.text_factory = lambda text: text.decode("utf-8", "replace")
    # Where the list of tables is damaged, those that it still names are read all the same. Nothing
    # is written: it is opened to be read.
    source.execute("PRAGMA writable_schema=ON")
    return source


class _Copy:
    """One copy, table by table."""

    def __init__(
        self, source: sqlite3.Connection, destination: sqlite3.Connection, name: str
    ) -> None:
        self._source = source
        self._destination = destination
        self._name = name
        self._result = Repair()
        self._lost_windows: list[tuple[TableSource, Gap]] = []
        self._counts_are_lost = False
        self._incomplete: set[str] = set()
        self._master = self._read_master()

    def run(self) -> Repair:
        """Copy everything.

        Raises:
            LedgerError: It is not ours.
        """
        statements = self._statements()
        facts = self._facts()
        version = self._version(facts)
        absent = sorted(metadata.tables.keys() - statements.keys())
        if version != SCHEMA_VERSION:
            absent = []  # an older schema lacks some, and the upgrade makes them
        if absent:
            self._result.lost.append(f"the tables {', '.join(absent)}, which are empty now")
            self._counts_are_lost |= bool(_COUNTED.intersection(absent))
            statements |= {name: _ddl(metadata.tables[name]) for name in absent}
        # Orgs and series first: what belongs to none that could be read is left out.
        first = ("meta", "orgs", "series")
        tables = sorted(statements, key=lambda name: (name not in first, name))
        for name in tables:
            self._destination.execute(statements[name])
        for name in tables:
            self._result.kept[name] = 0
            if name not in absent:
                self._copy(metadata.tables[name])
            if name == first[-1]:
                # Before anything is read org by org.
                self._note(name_orgs(self._destination, "series", self._from_index("orgs")))
        self._note(name_orgs(self._destination, "coverage", ()))
        sum_packs(self._destination, tables)
        self._note(make_series_again(self._destination, self._from_index("series")))
        self._note(name_orgs(self._destination, "series", ()))
        self._note(leave_out_orphans(self._destination, tables))
        self._note(mend_packs(self._destination, tables))
        self._result.mended += raise_totals(self._destination, tables)
        self._result.mended += join_coverage(self._destination)
        self._result.kept = count_rows(self._destination, tables)
        for statement in self._beside_tables():
            self._destination.execute(statement)
        self._write_facts(facts, version)
        if _JOURNAL.intersection(self._incomplete) | _JOURNAL.intersection(absent):
            pause(self._destination)
            self._result.is_paused = True
        return self._result

    def _note(self, lost: Iterable[str]) -> None:
        self._result.lost += lost

    def _read_master(self) -> list[tuple[str, str, str, str]]:
        """The list of what is in the file: kind, name, table, statement."""
        items, _ = read_list(self._source)
        return [(one.kind, one.name, one.table, one.statement) for one in items if one.statement]

    def _statements(self) -> dict[str, str]:
        return {
            name: sql
            for kind, name, _, sql in self._master
            if kind == "table" and name in metadata.tables
        }

    def _beside_tables(self) -> Iterator[str]:
        """The indexes and triggers, once the rows are there."""
        for kind, _, table, sql in self._master:
            if kind in {"index", "trigger"} and table in self._result.kept:
                yield sql

    def _facts(self) -> dict[str, str]:
        try:
            return dict(self._source.execute("SELECT key, value FROM meta NOT INDEXED"))
        except sqlite3.DatabaseError:
            rows = TableReader().read(self._source, TableSource("meta", ("key", "value")))
            try:
                return {str(key): str(value) for key, value in rows}
            except sqlite3.DatabaseError:
                return {}

    def _version(self, facts: Mapping[str, str]) -> int:
        """The version of its schema; what its columns tell where the state can't say.

        Raises:
            LedgerError: It is not ours, or of a version that is of no use.
        """
        if facts.get("application", APPLICATION) != APPLICATION or not self._statements():
            raise LedgerError(
                f"the state {self._name} belongs to another program",
                "Point [state] url at the state that is to be repaired.",
            )
        text = facts.get("schema_version", "")
        names = self._statements()
        columns = {name: self._columns(metadata.tables[name]) for name in names}
        version = int(text) if text.isdecimal() else version_by_columns(columns)
        if not OLDEST <= version <= SCHEMA_VERSION:
            raise LedgerError(
                f"the state {self._name} is of schema {version}, which this program can't repair",
                "Use the program that wrote it.",
            )
        return version

    def _copy(self, table: Table) -> None:
        columns = self._columns(table)
        spoilt = 0
        gaps: list[tuple[TableSource, Gap]] = []
        insert = (
            f'INSERT OR IGNORE INTO "{table.name}" ({", ".join(columns)}) '  # noqa: S608 - names of the schema
            f"VALUES ({', '.join('?' * len(columns))})"
        )
        fit = RowValidator(table, columns)
        packs = PackFilter(columns) if table is packed_days else None
        for source in self._sources(table, columns):
            reader = TableReader()
            rows = reader.read(self._source, source)
            while batch := list(islice(rows, _ROWS_AT_A_TIME)):
                good = [row for row in batch if fit.allows(row)]
                spoilt += len(batch) - len(good)
                if packs is not None:
                    good = [row for row in good if packs.allows(row)]
                self._destination.executemany(insert, good)
            gaps += [(source, gap) for gap in reader.gaps]
        if packs is not None:
            self._note(packs.told())
            self._lost_windows += [(_of_org(org), gap) for org, gap in packs.lost]
        if gaps:
            self._result.lost.append(_told(table.name, gaps))
        if spoilt:
            self._result.lost.append(
                f"{count_of(spoilt, 'row')} of {table.name} that held what can't be"
            )
        if gaps or spoilt:
            self._incomplete.add(table.name)
        if table.name in _COUNTED and (gaps or spoilt):
            self._lost_windows += [] if spoilt else gaps
            self._counts_are_lost |= bool(spoilt) or table.name != "tallies"

    def _columns(self, table: Table) -> tuple[str, ...]:
        found = self._source.execute(f'PRAGMA table_info("{table.name}")').fetchall()
        return tuple(row[1] for row in found)

    def _sources(self, table: Table, columns: tuple[str, ...]) -> Iterable[TableSource]:
        if table.name != "tallies":
            return [TableSource(table.name, columns)]
        # Kept in the order of its key, org by org: it has no numbers of rows.
        orgs = [row[0] for row in self._destination.execute("SELECT id FROM orgs ORDER BY id")]
        return [
            TableSource(
                table.name,
                columns,
                key="window_start",
                prefix=("org_id", org),
                inner="series_id",
                step=_SHORTEST_WINDOW_SECONDS,
            )
            for org in orgs
        ]

    def _from_index(self, name: str) -> list[Row]:
        """What the index of a table knows, where rows of the table itself could not be read."""
        if name not in self._incomplete:
            return []
        columns = INDEXED[name]
        query = (
            f"SELECT {', '.join(columns)} FROM {name} "  # noqa: S608 - names of the schema
            f"INDEXED BY sqlite_autoindex_{name}_1"
        )
        rows, fit = list[Row](), RowValidator(metadata.tables[name], columns)
        # That the table is not whole is told already; what comes before a failure is a gain.
        with suppress(sqlite3.DatabaseError):
            for row in self._source.execute(query):
                if fit.allows(row):
                    rows.append(row)
        return rows

    def _horizon(self) -> int:
        """Before when nothing may be counted again, for it could be among what is lost."""
        if not self._counts_are_lost and not self._lost_windows:
            return 0
        ends = self._destination.execute("SELECT max(range_end) FROM coverage").fetchone()[0]
        read_until = int(ends) if ends is not None else int(time.time())
        if self._counts_are_lost:
            return read_until
        return min(read_until, max(gap.last + 1 for _, gap in self._lost_windows))

    def _write_facts(self, facts: Mapping[str, str], version: int) -> None:
        windows = "SELECT min(window_start) AS first FROM tallies"
        if packed_days.name in self._result.kept:
            windows += " UNION ALL SELECT min(first_window) FROM packed_days"
        windows = f"SELECT min(first) FROM ({windows})"  # noqa: S608 - names of the schema
        oldest = self._destination.execute(windows).fetchone()[0]
        pruned = int(facts.get(PRUNED_BEFORE, 0) or 0)
        if PRUNED_BEFORE not in facts and "application" not in facts:
            # Whatever was pruned is not known any more; what is older than all that is left may be.
            pruned = int(oldest or 0)
        horizon = max(pruned, self._horizon())
        for source, gap in self._lost_windows:
            if source.prefix is not None:
                uncover(self._destination, source.prefix[1], gap)
        if horizon > pruned:
            self._result.not_counted_before = horizon
        written = {
            STATE_ID: facts.get(STATE_ID, uuid.uuid4().hex),
            "application": APPLICATION,
            "schema_version": str(version),
        }
        if horizon:
            written[PRUNED_BEFORE] = str(horizon)
        # It may be used from the place that it was made in, too.
        self._destination.execute("DELETE FROM meta WHERE key = ?", (HOME,))
        self._destination.executemany(
            "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", list(written.items())
        )


_JOURNAL = frozenset({"changes", "switches", "quarantines", "audit"})
"""Tables that say what was changed, and what stops changes."""

_COUNTED = frozenset({"tallies", packed_days.name, "incidents", "flow_errors"})
"""Tables of what totals were counted from."""


def _of_org(org_id: int) -> TableSource:
    """Return where the windows of an org are."""
    return TableSource(packed_days.name, (), key="day_start", prefix=("org_id", org_id))


def _ddl(table: Table) -> str:
    return str(CreateTable(table).compile(dialect=sqlite.dialect()))


def _told(name: str, gaps: list[tuple[TableSource, Gap]]) -> str:
    if any(gap == EVERYTHING for _, gap in gaps):
        return f"every row of {name}, if it had any"
    if name == "tallies":
        shown = [_times(gap) for _, gap in gaps[:_MOST_GAPS]]
        what = "rows of tallies, in windows that begin in"
    else:
        shown = [f"{gap.first} to {gap.last}" for _, gap in gaps[:_MOST_GAPS]]
        what = f"rows of {name}, among those with the numbers"
    more = (
        f" and {count_of(len(gaps) - _MOST_GAPS, 'more place')}" if len(gaps) > _MOST_GAPS else ""
    )
    return f"{what} {', '.join(shown)}{more}"


def _times(gap: Gap) -> str:
    """The first and the last window that may begin in a gap."""
    step = _SHORTEST_WINDOW_SECONDS
    first, last = -(-gap.first // step) * step, gap.last // step * step
    return f"{_iso(first)} to {_iso(max(first, last))}"


def _iso(at: int) -> str:
    try:
        return iso_time(at)
    except (ValueError, OverflowError, OSError):
        return "any time"
