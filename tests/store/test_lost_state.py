"""A state that is lost while it is open: on a disk, and on a server."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from monitor.errors import LedgerError, NoStateError, StateLostError
from monitor.ledger import Ledger
from monitor.store.failures import translate_errors
from monitor.store.opening import open_database
from monitor.store.schema import metadata
from monitor.store.state_file import FileIdentity, StateFile
from tests.evidence import ORG, SOURCE, count_of, reading, tally

Damage = Callable[[Connection], object]


def do(url: str, damage: Damage) -> None:
    """Do something to the database behind the ledger's back."""
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    engine = create_engine(address)
    with engine.begin() as connection:
        damage(connection)
    engine.dispose()


def drop_all(connection: Connection) -> None:
    """Drop every table."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    else:
        metadata.drop_all(connection)


def set_fact(key: str, value: str) -> Damage:
    """Let the state say something else of itself."""
    statement = text("UPDATE meta SET value = :value WHERE key = :key")
    return lambda connection: connection.execute(statement, {"key": key, "value": value})


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (drop_all, "its tables are not there any more"),
        (set_fact("state_id", "another"), "was replaced by another one"),
        (set_fact("application", "another"), "was replaced by another one"),
        (set_fact("schema_version", "99"), "was upgraded by a newer program"),
    ],
)
def test_what_is_not_the_state_that_was_opened_is_not_written(
    url: str, damage: Damage, sentence: str
) -> None:
    """Every writer says so, and so does whoever asks."""
    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, reading(tally(3)))
        ledger.verify()
        do(url, damage)

        with pytest.raises(StateLostError, match=sentence) as caught:
            ledger.verify()
        assert caught.value.hint
        with pytest.raises(StateLostError, match=sentence):
            ledger.record(ORG, SOURCE, reading(tally(4)))
        with pytest.raises(StateLostError, match=sentence):
            ledger.housekeeping.prune(10**10)


def test_a_state_that_another_program_has_made_anew_is_another(url: str) -> None:
    """As where somebody drops it and a timer's poll makes it again."""
    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, reading(tally(3)))
        do(url, drop_all)
        with Ledger.open(url) as new:
            assert new.was_created
            with pytest.raises(StateLostError, match="was replaced by another one"):
                ledger.record(ORG, SOURCE, reading(tally(4)))
            assert count_of(new) == 0


def test_what_opens_alone_makes_none(url: str) -> None:
    """An empty database stays empty, and is named."""
    with pytest.raises(NoStateError, match="there is no state at "):
        Ledger.open(url, may_create=False)

    with Ledger.open(url) as made:
        assert made.was_created
    with Ledger.open(url, may_create=False) as opened:
        assert not opened.was_created


def test_a_state_without_a_number_of_its_own_is_opened(url: str) -> None:
    """One of the days before they had one."""
    Ledger.open(url).close()
    do(url, lambda one: one.execute(text("DELETE FROM meta WHERE key = 'state_id'")))

    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, reading(tally(3)))
        ledger.verify()
        assert count_of(ledger) == 3


def test_words_of_the_database_that_are_no_text_tell_of_damage() -> None:
    """It quotes a page that is spoilt."""
    with pytest.raises(LedgerError, match="the state s is damaged"), translate_errors("s"):
        b"malformed database schema (\xff)".decode()


def half_put_back(kept: Path, place: Path) -> Path:
    """A state whose log is back already, and of whose file a copy has just begun; its log."""
    log = Path(f"{place}-wal")
    for end in ("-wal", "-shm"):
        shutil.copy(f"{kept}{end}", f"{place}{end}")
    place.write_bytes(b"")
    assert log.stat().st_size
    return log


def test_a_state_in_the_middle_of_being_put_back_keeps_its_log(tmp_path: Path) -> None:
    """SQLite deletes the log beside an empty file, and with it what was counted last."""
    kept, place = tmp_path / "kept" / "state.db", tmp_path / "state.db"
    kept.parent.mkdir()
    with Ledger.open(f"sqlite:///{place}") as ledger:
        ledger.record(ORG, SOURCE, reading(tally(3)))
        ledger.verify()
        for end in ("", "-wal", "-shm"):
            shutil.move(f"{place}{end}", f"{kept}{end}")
        log = half_put_back(kept, place)
        before = log.read_bytes()

        for _ in range(2):
            with pytest.raises(StateLostError, match="is gone"):
                ledger.verify()
        assert log.read_bytes() == before

        shutil.copy(kept, place)
        ledger.verify()
        ledger.record(ORG, SOURCE, reading(tally(4)))


NOTES = b"somebody's notes\n" * 1_000


@pytest.mark.parametrize("may_create", [True, False])
@pytest.mark.parametrize(("content", "what"), [(b"", "empty"), (NOTES, "no database")])
def test_what_is_no_state_is_not_opened_beside_a_log(
    tmp_path: Path, content: bytes, what: str, *, may_create: bool
) -> None:
    """By whatever command: SQLite would delete the log, or write it over the file."""
    kept, place = tmp_path / "kept.db", tmp_path / "state.db"
    with Ledger.open(f"sqlite:///{kept}") as ledger:
        ledger.record(ORG, SOURCE, reading(tally(3)))
        log = half_put_back(kept, place)
    place.write_bytes(content)
    before = log.read_bytes()

    for _ in range(2):
        with pytest.raises(LedgerError, match=rf"is {what}, and a log, state\.db-wal,") as told:
            Ledger.open(f"sqlite:///{place}", may_create=may_create)
    assert "move the log away" in told.value.hint
    assert (place.read_bytes(), log.read_bytes()) == (content, before)

    log.unlink()
    if may_create and not content:
        with Ledger.open(f"sqlite:///{place}") as ledger:
            assert ledger.was_created


def test_a_file_that_comes_between_a_look_and_a_connection_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found beside the log of the state, which SQLite would write over it."""
    place, other = tmp_path / "state.db", tmp_path / "other"
    other.write_bytes(NOTES)
    url = f"sqlite:///{place}"
    with (
        Ledger.open(url) as ledger,
        closing(open_database(url, 1.0, may_create=False)) as database,
    ):
        ledger.record(ORG, SOURCE, reading(tally(3)))
        look = StateFile.identity

        def look_then_replace(file: StateFile) -> FileIdentity | None:
            found = look(file)
            with suppress(FileNotFoundError):
                other.rename(place)
            return found

        # While the one connection that is open is in use, another one is opened.
        with database.reading():
            monkeypatch.setattr(StateFile, "identity", look_then_replace)
            with pytest.raises(StateLostError), database.reading() as connection:
                connection.execute(text("SELECT count(*) FROM meta"))
    assert place.read_bytes() == NOTES
