"""Looking after a state whose windows are packed: what is wrong, and what can be saved of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from monitor.ledger import Ledger
from monitor.store.packing import pack, unpack
from monitor.time_ranges import TimeRange
from tests.evidence import ORG, SOURCE, T0, reading, tally, windows
from tests.store.test_maintenance import broken, care, do, filled, page_of, repaired, spoil

DAY = T0 // 86_400 * 86_400
EVERYTHING = TimeRange(0, 2 * T0)
LATER = T0 + 90 * 86_400

DAYS = 4
ACTIONS = 40
"""So many that their series lie in two groups."""


def packed(url: str) -> None:
    """A state of four days, all of whose windows are packed."""
    with Ledger.open(url) as ledger:
        for day in range(DAYS):
            found = [
                tally(1 + action % 3, window=day * 288 + at, action_id=f"a{action:02}")
                for action in range(ACTIONS)
                for at in range(3)
            ]
            covered = windows(day * 288, (day + 1) * 288)
            ledger.record(ORG, SOURCE, reading(*found, covered=covered))
        assert ledger.housekeeping.pack(LATER) == DAYS * ACTIONS * 3


def counted(path: Path) -> int:
    """How many executions there are in all windows."""
    with Ledger.open(f"sqlite:///{path}") as ledger:
        return sum(one.counts.count for one in ledger.tallies.sums(ORG, EVERYTHING, 300))


def test_a_whole_state_breaks_no_rule(url: str) -> None:
    """Packed, and after some of it was taken out again and some was pruned."""
    packed(url)
    assert broken(url) == {}

    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, reading(tally(9, window=288, action_id="a07")))
        assert broken(url) == {}
        ledger.housekeeping.prune(T0 + 300)
        assert broken(url) == {}


@pytest.mark.parametrize(
    ("statement", "rule", "what"),
    [
        ("UPDATE packed_days SET windows = substr(windows, 2)", "packed windows", "damaged"),
        ("UPDATE packed_days SET sums = windows", "packed windows", "sums"),
        ("UPDATE packed_days SET day_start = day_start - 86400", "packed windows", "4 that"),
        ("UPDATE packed_days SET last_window = last_window + 1", "packed windows", "elsewhere"),
        ("UPDATE series SET count = count - 1 WHERE id = 1", "totals of executions", "1 in series"),
        ("UPDATE series SET b02 = b02 - 1 WHERE id = 1", "totals of executions", "1 in series"),
        ("UPDATE series SET duration_ms = 0", "totals of executions", "in series"),
    ],
)
def test_each_rule_is_checked(url: str, statement: str, rule: str, what: str) -> None:
    """By what breaks it, and it is said where."""
    filled(url)
    with Ledger.open(url) as ledger:
        ledger.housekeeping.pack(LATER)
    if "day_start" in statement:
        do(
            url,
            "DELETE FROM packed_days WHERE day_start > (SELECT min(day_start) FROM packed_days)",
        )
        what = "1 that"

    do(url, statement)

    assert what in broken(url)[rule]


def test_a_window_that_is_packed_and_open_is_told(url: str) -> None:
    """It would count twice."""
    packed(url)
    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, reading(tally(9, action_id="a07")))
    names = "org_id, series_id, window_start, count, duration_ms, min_ms, max_ms"
    bands = ", ".join(f"b{number:02}" for number in range(21))
    do(
        url,
        f"INSERT INTO tallies ({names}, {bands}) SELECT org_id, series_id + 1, window_start, "  # noqa: S608 - of this test
        f"count, duration_ms, min_ms, max_ms, {bands} FROM tallies",
    )

    assert "open too" in broken(url)["packed windows"]


def total_of(ledger: Ledger) -> int:
    """How many executions the totals tell."""
    return sum(one.count for one in ledger.state(ORG).totals.values())


def spoil_pack(path: Path, day: int) -> None:
    """Turn a bit of the windows of the first group of a day."""
    with closing(sqlite3.connect(path)) as connection:
        where = "WHERE day_start = ? AND series_group = 0"
        (found,) = connection.execute(f"SELECT windows FROM packed_days {where}", (day,)).fetchone()  # noqa: S608 - of this test
        changed = bytearray(found)
        changed[len(changed) // 2] ^= 1
        connection.execute(f"UPDATE packed_days SET windows = ? {where}", (bytes(changed), day))  # noqa: S608 - likewise
        connection.commit()


def test_a_damaged_pack_costs_its_own_windows_and_is_told(tmp_path: Path) -> None:
    """Nothing of it is counted twice; the rest can be read as before."""
    path, place = tmp_path / "state.db", tmp_path / "repaired.db"
    packed(f"sqlite:///{path}")
    whole = counted(path)
    spoil_pack(path, DAY + 86_400)

    left = counted(path)
    assert 0 < whole - left < whole / DAYS
    with Ledger.open(f"sqlite:///{path}") as ledger:
        again = reading(
            tally(3, window=288, action_id="a02"), tally(3, window=290, action_id="a39")
        )
        assert ledger.record(ORG, SOURCE, again).executions_added == 2
        assert total_of(ledger) == whole + 2
    done = repaired(path, place)

    assert done.lost == ["1 group of packed windows, in the days 2027-01-16"]
    assert done.not_counted_before == DAY + 2 * 86_400
    assert counted(place) == left + 2
    with Ledger.open(f"sqlite:///{place}") as ledger:
        assert total_of(ledger) == whole + 2
        read = [(one.start, one.end) for one in ledger.coverage(ORG, SOURCE)]
        assert read == [(T0, DAY + 86_400), (DAY + 2 * 86_400, T0 + DAYS * 86_400)]
        assert ledger.record(ORG, SOURCE, again).executions_added == 0


def test_a_whole_state_is_copied_whole(tmp_path: Path) -> None:
    """Packs are copied as they are, by a backup and by a repair."""
    path, place = tmp_path / "state.db", tmp_path / "repaired.db"
    packed(f"sqlite:///{path}")

    done = repaired(path, place)
    care(f"sqlite:///{path}").back_up(tmp_path / "copy.db")

    assert (done.lost, done.mended, done.not_counted_before) == ([], [], 0)
    assert counted(place) == counted(path) == counted(tmp_path / "copy.db")
    assert done.kept["packed_days"] == 2 * DAYS


def test_what_stands_on_a_spoilt_page_is_lost_and_told(tmp_path: Path) -> None:
    """Which days that was can't be told, so nothing that was read is counted again."""
    path, place = tmp_path / "state.db", tmp_path / "repaired.db"
    packed(f"sqlite:///{path}")
    spoil(path, page_of(path, "packed_days"))

    done = repaired(path, place)

    assert any("packed_days" in one for one in done.lost)
    assert done.not_counted_before == T0 + DAYS * 86_400


def test_totals_are_raised_to_what_is_packed(tmp_path: Path) -> None:
    """A total only ever grows."""
    path, place = tmp_path / "state.db", tmp_path / "repaired.db"
    packed(f"sqlite:///{path}")
    do(f"sqlite:///{path}", "UPDATE series SET count = 0, b02 = 0")

    done = repaired(path, place)

    assert done.mended == ["the totals of 40 series, which were less than their windows add up to"]
    with Ledger.open(f"sqlite:///{place}") as ledger:
        assert total_of(ledger) == counted(place)


def test_packed_windows_of_a_lost_series_are_left_out(tmp_path: Path) -> None:
    """Nobody knows whose they are."""
    path, place = tmp_path / "state.db", tmp_path / "repaired.db"
    packed(f"sqlite:///{path}")
    whole = counted(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM series WHERE id = 1")
        connection.commit()
    assert "of no series" in broken(f"sqlite:///{path}")["packed windows"]

    done = repaired(path, place)

    assert done.lost == ["12 packed windows, whose series is lost"]
    assert counted(place) == whole - 12


def test_what_was_packed_is_left_byte_by_byte(tmp_path: Path) -> None:
    """A pack that is written anew has the same bytes, so that copies can be compared."""
    path = tmp_path / "state.db"
    packed(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        found = [row[0] for row in connection.execute("SELECT windows FROM packed_days")]

    assert [pack(unpack(one)) for one in found] == found
