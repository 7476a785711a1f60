"""A state of an older program becomes one of this program's, and loses nothing."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, event, inspect, make_url, text
from sqlalchemy.engine import Engine

from monitor.counts import Tally
from monitor.errors import LedgerError
from monitor.journal import AuditEntry, ChangeState
from monitor.ledger import Ledger
from monitor.model import Action, ActionKind, Bands, TimeoutEdit
from monitor.store.engines import parsed_url
from monitor.store.journal_schema import VERSION_2
from monitor.store.maintenance.repair import repair
from monitor.store.schema import SCHEMA_VERSION, VERSION_4, VERSION_5, metadata
from monitor.store.state_file import StateFile
from tests.evidence import ORG, SOURCE, T0, bands, count_of, reading, tally, windows
from tests.journal.changing import begun, leased


def engine_of(url: str) -> Engine:
    """The database by another way than the ledger's."""
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    return create_engine(address)


BANDS_ADDED = {9: 10, 12: 13, 15: 16, 18: 19}
"""Where version 3 has two bands, version 2 had one, here given by both."""


def make_version_5(url: str) -> None:
    """A ledger as version 5 left it."""
    Ledger.open(url).close()
    engine = engine_of(url)
    with engine.begin() as connection:
        for name in ("alike_since", "effect", "effect_note"):
            connection.execute(text(f"ALTER TABLE changes DROP COLUMN {name}"))
        connection.execute(text("UPDATE meta SET value = '5' WHERE key = 'schema_version'"))
    engine.dispose()


def make_version_4(url: str) -> None:
    """A ledger as version 4 left it."""
    make_version_5(url)
    engine = engine_of(url)
    with engine.begin() as connection:
        metadata.drop_all(connection, tables=VERSION_5)
        connection.execute(text("ALTER TABLE changes DROP COLUMN trial_seconds"))
        connection.execute(text("UPDATE meta SET value = '4' WHERE key = 'schema_version'"))
    engine.dispose()


def make_version_3(url: str) -> None:
    """A ledger as version 3 left it."""
    make_version_4(url)
    engine = engine_of(url)
    with engine.begin() as connection:
        metadata.drop_all(connection, tables=VERSION_4)
        connection.execute(text("ALTER TABLE incidents DROP COLUMN attributed"))
        for name in ("reason", "damage"):
            connection.execute(text(f"ALTER TABLE changes DROP COLUMN {name}"))
        connection.execute(text("UPDATE meta SET value = '3' WHERE key = 'schema_version'"))
    engine.dispose()


def make_version_2(url: str, *tallies: Tally, forgotten: Sequence[Tally] = ()) -> None:
    """A ledger as version 2 left it, with executions in it; some are in the totals alone."""
    with Ledger.open(url) as ledger:
        for found in (*forgotten, *tallies):
            ledger.record(ORG, SOURCE, reading(found))
    make_version_3(url)
    engine = engine_of(url)
    names = [f"b{band:02}" for band in range(21)]
    kept = [name for at, name in enumerate(names) if at not in BANDS_ADDED.values()]
    joined = {f"b{upper:02}": f"b{lower:02}" for lower, upper in BANDS_ADDED.items()}
    with engine.begin() as connection:
        for found in forgotten:
            connection.execute(
                text("DELETE FROM tallies WHERE window_start = :at"), {"at": found.window_start}
            )
        for table in ("series", "tallies"):
            for added, lower in joined.items():
                both = f"UPDATE {table} SET {lower} = {lower} + {added}"  # noqa: S608 - of this test
                connection.execute(text(both))
                connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {added}"))
            for at, name in enumerate(kept):
                if name != names[at]:
                    connection.execute(
                        text(f"ALTER TABLE {table} RENAME COLUMN {name} TO {names[at]}")
                    )
        connection.execute(text("UPDATE meta SET value = '2' WHERE key = 'schema_version'"))
    engine.dispose()


def make_version_1(url: str) -> None:
    """A ledger as version 1 left it, with executions in it."""
    make_version_2(url, tally(3))
    engine = engine_of(url)
    with engine.begin() as connection:
        metadata.drop_all(connection, tables=VERSION_2)
        connection.execute(text("UPDATE meta SET value = '1' WHERE key = 'schema_version'"))
        if connection.dialect.name == "postgresql":
            connection.execute(text("DROP FUNCTION audit_only_grows()"))
    engine.dispose()


def bands_in(url: str, table: str) -> list[Bands]:
    """The bands of every row, in the order of their windows."""
    engine = engine_of(url)
    names = ", ".join(f"b{band:02}" for band in range(21))
    order = "window_start" if table == "tallies" else "id"
    with engine.connect() as connection:
        query = text(f"SELECT {names} FROM {table} ORDER BY {order}")  # noqa: S608 - of this test
        found = [tuple(row) for row in connection.execute(query)]
    engine.dispose()
    return found


def version_of(url: str) -> tuple[str, set[str]]:
    """The version that the state says it is, and its tables."""
    engine = engine_of(url)
    with engine.connect() as connection:
        query = text("SELECT value FROM meta WHERE key = 'schema_version'")
        found = connection.execute(query).scalar_one(), set(inspect(connection).get_table_names())
    engine.dispose()
    return found


def test_a_state_of_version_1_is_upgraded_when_it_is_opened(url: str) -> None:
    """What was counted stays, and changes can be recorded."""
    make_version_1(url)

    with Ledger.open(url) as ledger:
        assert count_of(ledger) == 3
        assert ledger.record(ORG, SOURCE, reading(tally(5))).executions_added == 2
        assert begun(ledger, leased(ledger)).change_id == 1
    version, tables = version_of(url)
    assert version == str(SCHEMA_VERSION)
    assert tables == set(metadata.tables)


def test_a_state_of_version_3_is_upgraded_when_it_is_opened(url: str) -> None:
    """What was counted and changed stays, and what version 4 keeps can be kept."""
    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, reading(tally(3)))
        begun(ledger, leased(ledger))
    make_version_3(url)

    with Ledger.open(url) as ledger:
        assert count_of(ledger) == 3
        assert [one.change_id for one in ledger.journal.changes(ORG, 9)] == [1]
        ledger.journal.platform_audit.save_edits(ORG, [TimeoutEdit("e", T0, "a1")], T0, frozenset())
        assert ledger.journal.platform_audit.read_until(ORG) == T0
    assert version_of(url) == (str(SCHEMA_VERSION), set(metadata.tables))


def test_a_state_of_version_4_is_upgraded_when_it_is_opened(url: str) -> None:
    """What was counted stays where it is; it is packed later, bit by bit."""
    found = [tally(number + 1, window=number * 200) for number in range(4)]
    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, reading(*found))
    make_version_4(url)

    with Ledger.open(url) as ledger:
        assert ledger.housekeeping.pack(T0 + 86_400) == 2
        assert ledger.housekeeping.pack(T0 + 10 * 86_400) == 2
        assert ledger.tallies.sums(ORG, windows(0, 900), 300) == found
        assert count_of(ledger) == 10
        assert ledger.record(ORG, SOURCE, reading(*found)).executions_added == 0
    assert version_of(url) == (str(SCHEMA_VERSION), set(metadata.tables))


def test_a_state_of_version_5_is_upgraded_when_it_is_opened(url: str) -> None:
    """What was changed stays; what version 6 keeps with a change can be kept."""
    with Ledger.open(url) as ledger:
        begun(ledger, leased(ledger))
    make_version_5(url)

    with Ledger.open(url) as ledger:
        (change,) = ledger.journal.changes(ORG, 9)
        assert (change.alike_since, change.effect, change.effect_note) == (0.0, "", "")
        lease = ledger.journal.take_lease(ORG, "another", T0 + 3_600, 60.0)
        assert lease is not None
        told = ("helped", "none timed out after it")
        line = AuditEntry(T0 + 3_600, ORG, "", "auto@h", "a1", "Look Up")
        moved = ledger.journal.move(lease, change, ChangeState.ABANDONED, line, effect=told)
        assert (moved.effect, moved.effect_note) == told
    assert version_of(url) == (str(SCHEMA_VERSION), set(metadata.tables))


@pytest.mark.parametrize(
    ("version", "make"),
    [
        (1, make_version_1),
        (2, make_version_2),
        (3, make_version_3),
        (4, make_version_4),
        (5, make_version_5),
        (6, lambda url: Ledger.open(url).close()),
    ],
)
def test_a_state_that_can_not_say_its_version_is_repaired(
    tmp_path: Path, version: int, make: Callable[[str], None]
) -> None:
    """Its columns say it, so that what was kept of it can be opened."""
    url = f"sqlite:///{tmp_path}/old.db"
    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, reading(tally(3)))
        if version > 1:
            begun(ledger, leased(ledger))
    make(url)
    engine = engine_of(url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM meta"))
    engine.dispose()

    repair(StateFile.of(parsed_url(url)), tmp_path / "new.db", busy_timeout_seconds=1.0)

    with Ledger.open(f"sqlite:///{tmp_path}/new.db") as ledger:
        assert len(ledger.journal.changes(ORG, 9)) == (version > 1)
        assert count_of(ledger) >= 3
    assert version_of(f"sqlite:///{tmp_path}/new.db") == (str(SCHEMA_VERSION), set(metadata.tables))


def test_an_upgrade_that_is_broken_off_leaves_the_old_state(url: str) -> None:
    """All of it is done, or nothing."""
    make_version_1(url)
    before = version_of(url)

    def fail_at_the_last_table(_: Connection, __: object, statement: str, *___: object) -> None:
        if "CREATE TABLE leases" in statement:
            reason = "the power is gone"
            raise RuntimeError(reason)

    event.listen(Engine, "before_cursor_execute", fail_at_the_last_table)
    try:
        with pytest.raises(RuntimeError, match="power"):
            Ledger.open(url)
    finally:
        event.remove(Engine, "before_cursor_execute", fail_at_the_last_table)

    assert version_of(url) == before
    with Ledger.open(url) as ledger:
        assert count_of(ledger) == 3


def test_programs_that_start_together_upgrade_once(url: str) -> None:
    """The others wait, and find it done."""
    make_version_1(url)
    ready, errors = threading.Barrier(4), []

    def start() -> None:
        ready.wait()
        try:
            Ledger.open(url).close()
        except LedgerError as error:
            errors.append(error.message)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert version_of(url)[0] == str(SCHEMA_VERSION)


def test_a_band_that_became_two_is_shared_out_evenly(url: str) -> None:
    """Over many windows of one execution each, both halves get their part, and none is lost."""
    make_version_2(url, *(tally(1, window=at, in_bands=bands(b12=1)) for at in range(100)))

    Ledger.open(url).close()
    found = bands_in(url, "tallies")
    assert [sum(row) for row in found] == [1] * 100
    below, above = sum(row[12] for row in found), sum(row[13] for row in found)
    assert (below, above) == (40, 60)
    [total] = bands_in(url, "series")
    assert (total[12], total[13]) == (below, above)


@given(
    counts=st.lists(st.tuples(*(st.integers(0, 7) for _ in range(21))), min_size=1, max_size=4),
    forgotten=st.lists(st.tuples(*(st.integers(0, 7) for _ in range(21))), max_size=2),
)
@settings(max_examples=25, deadline=None)
def test_no_total_falls_below_the_sum_of_its_windows(
    counts: list[Bands], forgotten: list[Bands]
) -> None:
    """Band by band, whatever was pruned; and every band of version 2 keeps its executions."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/ledger.db"
        windows = [
            tally(max(1, sum(one)), window=window, in_bands=one)
            for window, one in enumerate([*counts, *forgotten])
        ]
        make_version_2(url, *windows[: len(counts)], forgotten=windows[len(counts) :])
        Ledger.open(url).close()
        found, [total] = bands_in(url, "tallies"), bands_in(url, "series")
    of_windows = [sum(column) for column in zip(*found, strict=True)]
    assert all(whole >= part for whole, part in zip(total, of_windows, strict=True))
    assert as_in_version_2(total) == as_in_version_2(
        tuple(map(sum, zip(*counts, *forgotten, strict=True)))
    )
    assert [as_in_version_2(one) for one in found] == [as_in_version_2(one) for one in counts]


def as_in_version_2(found: Bands) -> list[int]:
    """The bands that version 2 had."""
    merged = list(found)
    for lower, upper in BANDS_ADDED.items():
        merged[lower] += merged[upper]
    return [count for at, count in enumerate(merged) if at not in BANDS_ADDED.values()]


def test_kinds_that_were_guessed_are_not_known_any_more(url: str) -> None:
    """Version 3 told functions by their category; what else is known of an action stays."""
    guessed = [
        Action("c", "Custom", "i", "CRM", "Web", ActionKind.CUSTOM, 3_000),
        Action("f", "Function", "j", "Code", "Functions", ActionKind.FUNCTION),
    ]
    certain = [
        Action("s", "Static", kind=ActionKind.STATIC),
        Action("w", "In a flow", kind=ActionKind.FLOW, configured_timeout_ms=3_000),
    ]
    with Ledger.open(url) as ledger:
        ledger.save_catalogue(ORG, [*guessed, *certain], T0)
    make_version_3(url)

    with Ledger.open(url) as ledger:
        assert ledger.state(ORG).actions == (
            *(replace(one, kind=ActionKind.UNDETERMINED) for one in guessed),
            *certain,
        )
        assert len(ledger.timeouts_in_force(ORG)) == 4


def test_names_that_were_kept_as_they_came_are_made_fit_to_be_shown(url: str) -> None:
    """What clears a terminal or turns its writing around does neither after an upgrade."""
    odd, shown = "Pay\x1b[2J\u202eyap", "Pay\ufffd[2J\ufffdyap"
    with Ledger.open(url) as ledger:
        names = [Action(f"a{at}", "Name", "i1", "Integration", "Category") for at in range(2)]
        ledger.save_catalogue(ORG, names, T0)
        ledger.save_flow_use(ORG, "a1", {"f1": "Flow"}, T0)
        begun(ledger, leased(ledger))
    make_version_3(url)
    engine = engine_of(url)
    with engine.begin() as connection:
        for table, columns in {
            "actions": ("name", "integration_name", "category"),
            "flows": ("name",),
            "changes": ("action_name",),
        }.items():
            for column in columns:
                statement = f"UPDATE {table} SET {column} = :odd"  # noqa: S608 - of this test
                connection.execute(text(statement), {"odd": odd})
    engine.dispose()

    with Ledger.open(url) as ledger:
        state = ledger.state(ORG)
        (change,) = ledger.journal.changes(ORG, 10)

    assert {(one.name, one.integration_name, one.category) for one in state.actions} == {
        (shown, shown, shown)
    }
    assert set(state.flow_names.values()) == {shown}
    assert change.action_name == shown


def test_what_stopped_changes_by_their_notes_still_does(url: str) -> None:
    """Version 3 looked into the words for people; who upgrades is as safe as before."""
    noted = {
        "unhelpful": "the write changed more than the timeout: $.x; not put back: refused",
        "abandoned": "put off: too many requests",
        "undoing": "the write changed more than the timeout: $.x; being put back",
        "writing": "about to be sent",
    }
    refused = "not undone: Terraform manages it"
    with Ledger.open(url) as ledger:
        lease = leased(ledger)
        for action_id in (*noted, "refused"):
            begun(ledger, lease, action_id)
    make_version_3(url)
    engine = engine_of(url)
    with engine.begin() as connection:
        statement = "UPDATE changes SET state = :state, note = :note WHERE action_id = :action"
        rows = [{"state": state, "note": note, "action": state} for state, note in noted.items()]
        rows.append({"state": "unhelpful", "note": refused, "action": "refused"})
        connection.execute(text(statement), rows)
    engine.dispose()

    with Ledger.open(url) as ledger:
        found = {
            one.action_id: (one.reason, bool(one.damage)) for one in ledger.journal.changes(ORG, 10)
        }
    assert found == {
        "unhelpful": ("", True),
        "abandoned": ("put_off", False),
        "undoing": ("putting_back", True),
        "writing": ("", False),
        "refused": ("not_undone", False),
    }
