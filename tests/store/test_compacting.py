"""A file of which most is free gives the room back; what is in it stays."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from monitor.ledger import Ledger
from monitor.store import engines
from monitor.time_ranges import TimeRange
from tests.evidence import ORG, SOURCE, T0, reading, tally, windows
from tests.store.test_maintenance import broken


def filled(ledger: Ledger) -> None:
    """Some thousand windows, each a row."""
    found = [
        tally(2, window=at, action_id=f"a{action}") for action in range(60) for at in range(99)
    ]
    ledger.record(ORG, SOURCE, reading(*found, covered=windows(0, 99)))


def test_a_file_is_smaller_once_its_windows_are_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the same state, of the same file, while others have it open; and then it is left."""
    monkeypatch.setattr(engines, "LEAST_FREE_BYTES", 100_000)
    path = tmp_path / "state.db"
    url = f"sqlite:///{path}"
    with Ledger.open(url) as ledger, Ledger.open(url) as other:
        filled(ledger)
        before = other.tallies.sums(ORG, TimeRange(0, 2 * T0), 300)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size, file = path.stat().st_size, path.stat().st_ino
        ledger.housekeeping.pack(T0 + 86_400)

        given_back = ledger.housekeeping.compact()

        assert given_back > 100_000
        assert path.stat().st_size < size - 100_000
        assert path.stat().st_ino == file
        assert other.tallies.sums(ORG, TimeRange(0, 2 * T0), 300) == before
        assert ledger.housekeeping.compact() == 0
    assert broken(url) == {}


def test_a_file_that_has_little_to_give_is_left_alone(url: str) -> None:
    """A server looks after its own files."""
    with Ledger.open(url) as ledger:
        filled(ledger)
        ledger.housekeeping.pack(T0 + 86_400)
        assert ledger.housekeeping.compact() == 0
