"""The audit trail as a file: every line once, whatever was killed, moved or broken meanwhile."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.config import Settings
from monitor.journal import AuditEntry
from monitor.ledger import Ledger
from monitor.remediation.audit_file import AuditFile, audit_path

ORG = "acme"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger whose audit trail has five lines."""
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        add(opened, 5)
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "audit.jsonl"


def add(ledger: Ledger, count: int) -> None:
    """More lines."""
    entries = [
        AuditEntry(1_800_000_000.0 + n, ORG, "dry_run", "ann@desk", detail="é" * n)
        for n in range(count)
    ]
    ledger.journal.audit.note(entries)


def numbers(path: Path) -> list[int]:
    """The lines that are there."""
    return [json.loads(line)["entry_id"] for line in path.read_text("utf-8").splitlines()]


def test_every_line_is_written_once_and_tells_all(ledger: Ledger, path: Path) -> None:
    """In its order, with the time in words too."""
    for _ in range(2):
        AuditFile(path, ledger.journal).catch_up()
        add(ledger, 1)

    assert numbers(path) == [1, 2, 3, 4, 5, 6]
    second = json.loads(path.read_text("utf-8").splitlines()[1])
    assert (second["detail"], second["actor"], second["org"]) == ("é", "ann@desk", ORG)
    assert second["time"] == "2027-01-15T08:00:01+00:00"


@pytest.mark.parametrize("cut", [1, 10, 250])
def test_half_a_line_of_a_killed_program_is_written_anew(
    ledger: Ledger, path: Path, cut: int
) -> None:
    """Whole, and nothing before it twice."""
    AuditFile(path, ledger.journal).catch_up()
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    AuditFile(path, ledger.journal).catch_up()

    assert path.read_bytes() == whole


def test_a_file_that_was_moved_away_begins_anew_with_everything(ledger: Ledger, path: Path) -> None:
    """Nobody can tell what the collector has seen; the numbers tell it."""
    AuditFile(path, ledger.journal).catch_up()
    path.unlink()
    AuditFile(path, ledger.journal).catch_up()

    assert numbers(path) == [1, 2, 3, 4, 5]


def test_somebody_elses_file_is_left_as_it_is(
    ledger: Ledger, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What to do about it stands in the log."""
    path.write_text("no audit trail\n", "utf-8")
    AuditFile(path, ledger.journal).catch_up()

    assert path.read_text("utf-8") == "no audit trail\n"
    assert "Mend remediation.audit_file" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        b"notes whose last line has no end",
        b"notes\nwhose last line has no end",
        b'{"a": 1}\n{"action_id": "x", "entry_id',
        b'{"entry_id": 3}\n',
        b'{"entry_id": 3}\n{"act',
        b"[" * 100_000 + b"\n",
        b"x" * (3 << 20),
        b"\n",
        b'{"action_id": "somebody',
    ],
)
def test_nothing_of_somebody_elses_file_is_cut(
    ledger: Ledger, path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    """Only what is the beginning of a line of ours is mended: a setting may name any file."""
    path.write_bytes(content)

    AuditFile(path, ledger.journal).catch_up()

    assert path.read_bytes() == content
    assert "its last line is none of ours" in capsys.readouterr().out


def test_what_a_power_cut_left_is_written_anew(ledger: Ledger, path: Path) -> None:
    """The system had given the file its size, and not yet its bytes."""
    AuditFile(path, ledger.journal).catch_up()
    whole = path.read_bytes()
    path.write_bytes(whole[:-40] + b"\0" * 40)
    AuditFile(path, ledger.journal).catch_up()

    assert path.read_bytes() == whole


@pytest.mark.parametrize("name", ["folder", "pipe", "n" * 300])
def test_what_is_no_file_stops_nobody(
    ledger: Ledger, path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """A pipe that nobody reads would hold every change up."""
    (path.parent / "folder").mkdir()
    os.mkfifo(path.parent / "pipe")

    AuditFile(path.parent / name, ledger.journal).catch_up()

    assert "audit_file_failed" in capsys.readouterr().out


def test_a_file_that_can_not_be_written_is_made_up_for_later(
    ledger: Ledger, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk or a missing folder stops no daemon: the ledger has every line."""
    missing = path.parent / "missing" / "audit.jsonl"
    AuditFile(missing, ledger.journal).catch_up()
    assert "audit_file_failed" in capsys.readouterr().out
    missing.parent.mkdir()
    AuditFile(missing, ledger.journal).catch_up()

    assert numbers(missing) == [1, 2, 3, 4, 5]


def test_more_lines_than_are_read_at_a_time_are_all_written(ledger: Ledger, path: Path) -> None:
    """After a month without the file."""
    add(ledger, 1_100)
    AuditFile(path, ledger.journal).catch_up()

    assert numbers(path) == list(range(1, 1_106))


def test_nothing_is_made_where_nothing_happened(tmp_path: Path) -> None:
    """An empty file would make people wonder."""
    with Ledger.open(f"sqlite:///{tmp_path / 'fresh.db'}") as fresh:
        AuditFile(tmp_path / "none.jsonl", fresh.journal).catch_up()

    assert not (tmp_path / "none.jsonl").exists()


@pytest.mark.parametrize(
    ("url", "chosen", "expected"),
    [
        ("sqlite:////var/lib/tm/state.db", None, "/var/lib/tm/state.audit.jsonl"),
        ("sqlite:////var/lib/tm/state.db", "/var/log/tm.jsonl", "/var/log/tm.jsonl"),
        ("postgresql+psycopg://db/state", None, None),
        ("postgresql+psycopg://db/state", "/var/log/tm.jsonl", "/var/log/tm.jsonl"),
    ],
)
def test_the_file_is_where_it_was_configured_or_beside_the_state(
    url: str, chosen: str | None, expected: str | None
) -> None:
    """A state on a server has no beside."""
    remediation = {} if chosen is None else {"audit_file": chosen}
    settings = Settings.model_validate(
        {
            "state": {"url": url},
            "remediation": remediation,
            "org": [
                {"name": ORG, "client_id": "i", "client_secret": "s", "region": "mypurecloud.ie"}
            ],
        }
    )

    assert audit_path(settings) == (None if expected is None else Path(expected))
