"""Looking after a state: what is wrong with it, copies of it, and what can be saved of it."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from monitor.errors import ConfigurationError, LedgerError, NoStateError
from monitor.journal import Switch
from monitor.ledger import Ledger
from monitor.model import BY_AGGREGATES, FlowErrorTally
from monitor.store import IntegrityFault, StateMaintenance
from monitor.store.maintenance.repair import Repair
from monitor.store.schema import metadata
from monitor.time_ranges import TimeRange
from tests.evidence import ORG, SOURCE, T0, bands, count_of, incident, reading, tally, windows
from tests.journal.changing import begun, leased

MANY = 300
"""Windows: enough for several pages."""

Damage = Callable[[Connection], object]


def care(url: str) -> StateMaintenance:
    """What looks after the state at a URL."""
    return StateMaintenance(url, busy_timeout_seconds=2.0)


def do(url: str, *statements: str) -> None:
    """Do something to the database behind the ledger's back."""
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    engine = create_engine(address)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def broken(url: str) -> dict[str, str]:
    """The rules that do not hold, with what was found."""
    with care(url).faults() as rules:
        found: list[IntegrityFault] = list(rules)
    assert len(found) >= 1
    return {one.rule: one.detail for one in found if one.detail}


def filled(url: str) -> None:
    """A state with everything in it."""
    with Ledger.open(url) as ledger:
        for number in range(3):
            ledger.record(
                ORG,
                SOURCE,
                reading(
                    *(tally(number + 2, window=at, action_id=f"a{number}") for at in range(MANY)),
                    incidents=[
                        incident(f"c{number}-{at}", at=T0 + at * 300.0) for at in range(MANY)
                    ],
                    covered=windows(0, MANY),
                ),
            )
        begun(ledger, leased(ledger))
        ledger.journal.pause(ORG, Switch(T0, "somebody", "why"))


def test_a_whole_state_breaks_no_rule(url: str) -> None:
    """Whatever is in it; and looking changes nothing of it."""
    filled(url)
    with Ledger.open(url) as ledger:
        before = ledger.state(ORG)

        assert broken(url) == {}

        ledger.housekeeping.prune(T0 + 3_000)
        assert broken(url) == {}
        assert ledger.state(ORG) == before


@pytest.mark.parametrize(
    ("statement", "rule", "where"),
    [
        ("UPDATE series SET count = count - 1 WHERE id = 1", "totals of executions", "1 in series"),
        ("UPDATE series SET duration_ms = 0", "totals of executions", "in series"),
        ("UPDATE series SET b02 = b02 - 1 WHERE id = 1", "totals of executions", "1 in series"),
        ("UPDATE series SET duration_ms = 1e308 * 10", "numbers", "in series"),
        ("UPDATE tallies SET count = -1 WHERE window_start = {T0}", "numbers", "in tallies"),
        ("UPDATE tallies SET min_ms = 1000, max_ms = 1", "numbers", "in tallies"),
        ("UPDATE tallies SET b05 = 9 WHERE window_start = {T0}", "latency bands", "in tallies"),
        ("UPDATE incident_totals SET incidents = 1", "totals of incidents", "incident_totals"),
        ("DELETE FROM incident_totals", "totals of incidents", "incident_totals"),
        ("UPDATE coverage SET range_end = range_start", "coverage", "in coverage"),
        ("DROP TABLE leases", "schema", "leases"),
        ("ALTER TABLE actions DROP COLUMN kind", "schema", "actions.kind"),
    ],
)
def test_each_rule_is_checked(url: str, statement: str, rule: str, where: str) -> None:
    """By what breaks it, and it is said where."""
    if "1e308 * 10" in statement and url.startswith("postgresql"):
        statement = "UPDATE series SET duration_ms = 'Infinity'"
    filled(url)

    do(url, statement.format(T0=T0))

    assert where in broken(url)[rule]


def test_coverage_that_overlaps_is_told(url: str) -> None:
    """What was read once stands there once."""
    filled(url)
    do(
        url,
        f"INSERT INTO coverage SELECT org_id, source, skipped, range_start + 60, range_end + 60 "  # noqa: S608 - of this test
        f"FROM coverage WHERE range_start = {T0}",
    )

    assert "which overlap" in broken(url)["coverage"]


def test_lost_callers_have_totals_too(url: str) -> None:
    """Their sums are checked like others."""
    with Ledger.open(url) as ledger:
        lost = FlowErrorTally("f1", "FLOW_ERROR_DISCONNECT", T0, 3)
        read = replace(
            reading(covered=windows(0, 3)), flow_errors=[lost], flow_error_basis=BY_AGGREGATES
        )
        ledger.record(ORG, "flow-errors", read)
        assert broken(url) == {}

    do(url, "UPDATE flow_error_totals SET callers = 2")

    assert "1 in flow_error_totals" in broken(url)["totals of lost callers"]


def test_rows_of_nobody_are_told(tmp_path: Path) -> None:
    """On a server they can't come to be."""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    filled(url)
    do(url, "DELETE FROM series WHERE id = 1")

    assert f"{MANY} in tallies" in broken(url)["rows of no org or series"]


def test_a_page_that_is_spoilt_is_told(tmp_path: Path) -> None:
    """And the rules that need it are not taken for kept."""
    path = tmp_path / "state.db"
    filled(f"sqlite:///{path}")
    spoil(path, page_of(path, "tallies"))

    found = broken(f"sqlite:///{path}")

    assert found["pages"]
    assert "is damaged" in found["totals of executions"]


def test_no_state_is_no_good_state(url: str) -> None:
    """It is told, and none is made."""
    with pytest.raises(NoStateError), care(url).faults():
        pass
    with pytest.raises((NoStateError, ConfigurationError)):
        care(url).back_up(None)
    with pytest.raises((NoStateError, ConfigurationError)):
        care(url).repair(None)
    with pytest.raises(NoStateError):
        Ledger.open(url, may_create=False)


@pytest.mark.parametrize("what", ["back_up", "repair"])
def test_a_server_has_tools_of_its_own(postgresql: Callable[[], str], what: str) -> None:
    """They are named."""
    with pytest.raises(ConfigurationError, match="PostgreSQL server") as refused:
        getattr(care(postgresql()), what)(None)
    assert "pg_dump" in refused.value.hint


def test_a_copy_is_of_one_moment_while_others_write(tmp_path: Path) -> None:
    """It holds what a transaction has written wholly or not at all, and can be used as a state."""
    url, copy = f"sqlite:///{tmp_path / 'state.db'}", tmp_path / "copy.db"
    filled(url)
    stop = threading.Event()

    def write() -> None:
        with Ledger.open(url) as ledger:
            at = MANY
            while not stop.is_set():
                at += 1
                ledger.record(
                    ORG, SOURCE, reading(tally(1, window=at), covered=windows(at, at + 1))
                )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        place, size = care(url).back_up(copy)
    finally:
        stop.set()
        writer.join()

    assert (place, size) == (copy, copy.stat().st_size)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "state.db"]
    assert broken(f"sqlite:///{copy}") == {}
    with Ledger.open(f"sqlite:///{copy}") as ledger:
        executions = sum(
            found.counts.count for found in ledger.tallies.sums(ORG, TimeRange(0, 2 * T0))
        )
        assert executions == sum(total.count for total in ledger.state(ORG).totals.values())


@pytest.mark.parametrize("what", ["back_up", "repair"])
def test_nothing_is_overwritten(tmp_path: Path, what: str) -> None:
    """Neither a file nor a link; and nothing is left half made."""
    url, there = f"sqlite:///{tmp_path / 'state.db'}", tmp_path / "there"
    filled(url)
    there.write_text("somebody's notes")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")

    for taken in (there, link, tmp_path / "state.db"):
        with pytest.raises(ConfigurationError, match="nothing is overwritten"):
            getattr(care(url), what)(taken)

    assert there.read_text() == "somebody's notes"
    with pytest.raises(ConfigurationError, match="can be written"):
        getattr(care(url), what)(tmp_path / "absent" / "copy.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "state.db", "there"]


def test_a_copy_has_a_name_of_its_own(tmp_path: Path) -> None:
    """Beside the state, after the moment."""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    filled(url)

    place, _ = care(url).back_up(None)

    assert place.parent == tmp_path
    assert place.name.startswith("state-2")
    assert place.name.endswith("Z.db")


def test_a_damaged_state_is_no_good_copy(tmp_path: Path) -> None:
    """Whoever relies on it would find out too late."""
    path = tmp_path / "state.db"
    filled(f"sqlite:///{path}")
    spoil(path, page_of(path, "tallies"))

    with pytest.raises(LedgerError, match="is damaged"):
        care(f"sqlite:///{path}").back_up(tmp_path / "copy.db")

    assert [one.name for one in tmp_path.iterdir()] == ["state.db"]


@pytest.mark.parametrize("is_left_alone", [False, True])
def test_what_stands_in_the_log_is_read_through_a_link_too(
    tmp_path: Path, *, is_left_alone: bool
) -> None:
    """While a program writes it, and where one that ended badly has left it alone."""
    target, link = tmp_path / "disk" / "kept.db", tmp_path / "state.db"
    target.parent.mkdir()
    target.touch()
    link.symlink_to(target)
    with Ledger.open(f"sqlite:///{link}") as ledger:
        ledger.record(ORG, SOURCE, reading(tally(3), covered=windows(0, 1)))
        if is_left_alone:
            left = tmp_path / "left"
            left.mkdir()
            shutil.copy(target, left)
            shutil.copy(f"{target}-wal", left)
            link.unlink()
            link.symlink_to(left / target.name)

        assert broken(f"sqlite:///{link}") == {}
        _, done = care(f"sqlite:///{link}").repair(tmp_path / "repaired.db")

    assert done.kept["tallies"] == 1


def page_of(path: Path, name: str) -> int:
    """The first page of a table."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        page: int = connection.execute(query, (name,)).fetchone()[0]
    return page


def spoil(path: Path, page: int) -> None:
    """Overwrite a page."""
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4_096 : page * 4_096] = b"\xa5" * 4_096
    path.write_bytes(content)


def repaired(path: Path, place: Path) -> Repair:
    """Repair a state into a new file, and see that the old one stays as it is."""
    before = path.read_bytes()
    found, done = care(f"sqlite:///{path}").repair(place)
    assert found == place
    assert path.read_bytes() == before
    assert broken(f"sqlite:///{place}") == {}
    return done


def rows_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row but what a state says of itself, by table."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr)  # noqa: S608 - names of the schema
            for name in metadata.tables
            if name != "meta"
        }


def test_a_whole_state_is_copied_whole(tmp_path: Path) -> None:
    """Nothing is lost, and it goes on as the same state."""
    path, place = tmp_path / "state.db", tmp_path / "repaired.db"
    filled(f"sqlite:///{path}")

    done = repaired(path, place)

    assert (done.lost, done.not_counted_before, done.is_paused) == ([], 0, False)
    assert rows_of(place) == rows_of(path)
    with Ledger.open(f"sqlite:///{place}") as ledger:
        assert ledger.record(ORG, SOURCE, reading(tally(9, window=0))).executions_added == 6


def test_lost_windows_are_told_and_never_counted_again(tmp_path: Path) -> None:
    """They stand in the totals; what came later is counted, and reports know what they lack."""
    path, place = tmp_path / "state.db", tmp_path / "repaired.db"
    url = f"sqlite:///{path}"
    with Ledger.open(url) as ledger:
        everything = reading(
            *(tally(2, window=at, in_bands=bands(b3=2)) for at in range(MANY)),
            covered=windows(0, MANY),
        )
        ledger.record(ORG, SOURCE, everything)
    spoil(path, leaf_of(path, "tallies", in_the_middle=True))

    done = repaired(path, place)

    assert 0 < done.kept["tallies"] < MANY
    assert any("rows of tallies" in one for one in done.lost)
    assert T0 < done.not_counted_before < T0 + MANY * 300
    with Ledger.open(f"sqlite:///{place}") as ledger:
        assert ledger.record(ORG, SOURCE, everything).executions_added == 0
        assert count_of(ledger) == 2 * MANY
        later = reading(tally(7, window=MANY), covered=windows(MANY, MANY + 1))
        assert ledger.record(ORG, SOURCE, later).executions_added == 7
    with Ledger.open(f"sqlite:///{place}") as ledger:
        lacking = [one for one in ledger.coverage(ORG, SOURCE) if one.start > T0]
        assert lacking


def leaf_of(path: Path, name: str, *, in_the_middle: bool) -> int:
    """A page that holds rows of a table, found by trying which one it can't be read without."""
    with closing(sqlite3.connect(path)) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        total = connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608 - of this test
    root = page_of(path, name)
    found = []
    for page in range(2, pages + 1):
        trial = path.with_name("trial.db")
        shutil.copy(path, trial)
        spoil(trial, page)
        seen = 0
        try:
            with closing(sqlite3.connect(trial)) as connection:
                for _ in connection.execute(f"SELECT * FROM {name} NOT INDEXED"):  # noqa: S608 - of this test
                    seen += 1
        except sqlite3.DatabaseError:
            if page != root:
                found.append((seen, page))
        trial.unlink()
    middle = [page for seen, page in sorted(found) if total // 4 < seen < 3 * total // 4]
    return middle[0] if in_the_middle else max(found)[1]


def test_whatever_page_is_spoilt_nothing_is_made_up_or_counted_twice(tmp_path: Path) -> None:
    """Page by page: what is kept is what was there, what is missing is told, totals don't grow."""
    path = tmp_path / "state.db"
    with Ledger.open(f"sqlite:///{path}") as ledger:
        everything = reading(
            *(tally(2, window=at, action_id=f"a{at % 3}") for at in range(60)),
            incidents=[incident(f"c{at}", at=T0 + at * 300.0) for at in range(60)],
            covered=windows(0, 60),
        )
        ledger.record(ORG, SOURCE, everything)
        begun(ledger, leased(ledger))
        totals = {key.action_id: one.count for key, one in ledger.state(ORG).totals.items()}
    whole = rows_of(path)
    pages = path.stat().st_size // 4_096
    counted = {name for name, rows in whole.items() if rows}
    told = 0
    for page in range(2, pages + 1):
        spoilt, place = tmp_path / "spoilt.db", tmp_path / f"repaired-{page}.db"
        shutil.copy(path, spoilt)
        spoil(spoilt, page)
        done = repaired(spoilt, place)
        kept = rows_of(place)
        for name in counted - {"coverage", "switches", "orgs"}:
            missing = [row for row in whole[name] if row not in kept[name]]
            assert [row for row in kept[name] if row not in whole[name]] == [], (page, name)
            assert not missing or done.lost, (page, name)
        told += bool(done.lost)
        with Ledger.open(f"sqlite:///{place}") as ledger:
            ledger.record(ORG, SOURCE, everything)
            for key, total in ledger.state(ORG).totals.items():
                assert total.count <= totals[key.action_id], page
            found = ledger.state(ORG).incident_totals
            assert sum(one.incidents for one in found) <= 60, page
    assert told > 5


def test_what_stopped_changes_may_be_lost_so_all_are_paused(tmp_path: Path) -> None:
    """A pause that can't be read any more still holds."""
    path, place = tmp_path / "state.db", tmp_path / "repaired.db"
    filled(f"sqlite:///{path}")
    spoil(path, page_of(path, "switches"))

    assert repaired(path, place).is_paused
    with Ledger.open(f"sqlite:///{place}") as ledger:
        assert ledger.journal.remediation_state(ORG, T0).paused


def test_a_state_of_which_nothing_can_be_read(tmp_path: Path) -> None:
    """The first page tells where everything is, the second whose it is; nothing is left behind."""
    path = tmp_path / "state.db"
    filled(f"sqlite:///{path}")
    spoil(path, 1)
    spoil(path, 2)

    with pytest.raises(LedgerError, match="its first page is damaged") as refused:
        care(f"sqlite:///{path}").repair(None)

    assert refused.value.hint
    assert [one.name for one in tmp_path.iterdir()] == ["state.db"]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE series SET count = 1 WHERE id = 1", "totals of 1 series"),
        ("UPDATE series SET duration_ms = 0 WHERE id = 1", "totals of 1 series"),
        ("UPDATE series SET b02 = 0 WHERE id = 2", "totals of 1 series"),
        ("UPDATE incident_totals SET incidents = 1", "of incidents, raised"),
        ("UPDATE coverage SET range_end = range_start", "what was read"),
        ("INSERT INTO coverage SELECT org_id, source, 0, 7, 2 * range_end FROM coverage", "read"),
    ],
)
def test_what_breaks_a_rule_is_mended(tmp_path: Path, statement: str, told: str) -> None:
    """Totals are raised to what they were counted from; it is said, and the check finds nothing."""
    path, place = tmp_path / "state.db", tmp_path / "repaired.db"
    filled(f"sqlite:///{path}")
    whole = rows_of(path)
    do(f"sqlite:///{path}", statement)

    done = repaired(path, place)

    assert (done.lost, done.faults) == ([], [])
    assert told in " ".join(done.mended)
    if "coverage" not in statement:
        assert rows_of(place) == whole


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tallies SET count = -1 WHERE window_start = {T0}",
        "UPDATE tallies SET b05 = 9 WHERE window_start = {T0}",
        "UPDATE tallies SET min_ms = 1000, max_ms = 1 WHERE window_start = {T0}",
        "UPDATE series SET count = -1 WHERE id = 1",
    ],
)
def test_numbers_that_can_not_be_are_left_out(tmp_path: Path, statement: str) -> None:
    """They are told as lost, and what they stand for is not counted again."""
    path, place = tmp_path / "state.db", tmp_path / "repaired.db"
    filled(f"sqlite:///{path}")
    do(f"sqlite:///{path}", statement.format(T0=T0))

    assert "that held what can't be" in " ".join(repaired(path, place).lost)


def test_what_is_not_mended_is_said(tmp_path: Path) -> None:
    """A repaired state that the check refuses is not called a good one."""
    path = tmp_path / "state.db"
    filled(f"sqlite:///{path}")
    do(f"sqlite:///{path}", "ALTER TABLE actions DROP COLUMN kind")

    _, done = care(f"sqlite:///{path}").repair(tmp_path / "repaired.db")

    assert {one.rule: one.detail for one in done.faults} == {"schema": "missing: actions.kind"}


def places_of_the_list(path: Path) -> list[int]:
    """Offsets that are spread over the list of tables, its header, its pointers and its texts."""
    content = path.read_bytes()
    texts = [content.index(word) for word in (b"CREATE TABLE tallies", b"CREATE INDEX", b"changes")]
    pages = [page * 4_096 for page in range(3, len(content) // 4_096)]
    leaves = [at for at in pages if b"CREATE TABLE" in content[at : at + 4_096]]
    heads = [leaves[0] + offset for offset in (0, 4, 8, 2_000)]
    return [0, 100, 104, 111, 112, *heads, *(at + 9 for at in texts)]


def test_a_spoilt_byte_in_the_list_of_tables_costs_nothing(tmp_path: Path) -> None:
    """The schema is known, and so is where a new state has its tables."""
    path, spoilt = tmp_path / "state.db", tmp_path / "spoilt.db"
    with Ledger.open(f"sqlite:///{path}") as ledger:
        ledger.record(
            ORG, SOURCE, reading(*(tally(2, window=at) for at in range(3)), covered=windows(0, 3))
        )
        begun(ledger, leased(ledger))
    whole, content = rows_of(path), path.read_bytes()
    for at in places_of_the_list(path):
        changed = bytearray(content)
        changed[at] ^= 0xA5
        spoilt.write_bytes(changed)
        place = tmp_path / f"repaired-{at}.db"

        assert repaired(spoilt, place).lost == [], at
        assert rows_of(place) == whole, at


def test_tables_in_other_places_are_not_guessed(tmp_path: Path) -> None:
    """A state whose list says nothing any more may have its tables elsewhere than a new one."""
    path = tmp_path / "state.db"
    filled(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE before (x)")
        connection.execute("DROP TABLE flows")
        connection.execute("CREATE TABLE flows (org_id INTEGER, flow_id VARCHAR, name VARCHAR)")
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("VACUUM")
    spoil(path, 1)

    with pytest.raises(LedgerError, match="nothing can be read"):
        care(f"sqlite:///{path}").repair(None)


def test_the_file_of_another_program_is_not_repaired(tmp_path: Path) -> None:
    """It is none of ours."""
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE contacts (name TEXT)")

    with pytest.raises(LedgerError, match="belongs to another program"):
        care(f"sqlite:///{path}").repair(None)


def test_what_is_no_state_is_not_copied(tmp_path: Path) -> None:
    """An empty file, or another program's: a copy of it would pass for a backup."""
    empty, foreign = tmp_path / "empty.db", tmp_path / "foreign.db"
    empty.touch()
    with closing(sqlite3.connect(foreign)) as other:
        other.execute("CREATE TABLE payroll (amount)")
        other.commit()

    for path, kind in ((empty, NoStateError), (foreign, LedgerError)):
        with pytest.raises(kind):
            care(f"sqlite:///{path}").back_up(tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()
