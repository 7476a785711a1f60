"""A copy of a state as of one moment, while whoever uses it goes on; nothing is overwritten."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

from monitor.errors import ConfigurationError
from monitor.store.failures import translate_errors
from monitor.store.quick_check import damaged
from monitor.store.state_file import StateFile

_PAGES_AT_A_TIME = 2_000
"""Between two steps Ctrl-C is heard; a transaction is open, so all of them copy one moment."""

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS)
"""What a file system says that has no second names for a file."""


def back_up(file: StateFile, target: Path, *, busy_timeout_seconds: float) -> int:
    """Copy a state into a new file.

    Args:
        file: The state.
        target: Where the copy is to be.
        busy_timeout_seconds: How long to wait for whoever has the state to himself.

    Returns:
        Its size in bytes.

    Raises:
        ConfigurationError: Something is at ``target`` already, or nothing can be.
        LedgerError: The state can't be read, or is damaged: that is no copy to rely on.
    """
    with new_file(target) as copy, translate_errors(file.name):
        address = f"file:{quote(str(file.path))}?mode=rw"
        with (
            closing(sqlite3.connect(address, timeout=busy_timeout_seconds, uri=True)) as source,
            closing(sqlite3.connect(copy)) as destination,
        ):
            source.isolation_level = None
            # As long as it lasts nobody's writing shows, and the copy need not begin anew.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(destination, pages=_PAGES_AT_A_TIME, sleep=0)
            found = destination.execute("PRAGMA quick_check(1)").fetchone()[0]
            # A file that is copied about has no log beside it.
            destination.execute("PRAGMA journal_mode=DELETE")
        if found != "ok":
            raise damaged(file.name, found)
        return copy.stat().st_size


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A place to write a file, which gets its name when it is whole, if nobody else has it.

    Raises:
        ConfigurationError: Something is at ``target`` already, or nothing can be.
    """
    _refuse_what_is_there(target)
    try:
        folder = Path(mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise ConfigurationError(
            f"Nothing can be written in {target.parent}: {error.strerror or error}",
            "Choose another place with --output.",
        ) from error
    try:
        made = folder / target.name
        yield made
        with made.open("rb+") as written:
            os.fsync(written.fileno())
        _name(made, target)
    except OSError as error:
        raise ConfigurationError(
            f"{target} can't be written: {error.strerror or error}",
            "Choose another place with --output, with enough room.",
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _name(made: Path, target: Path) -> None:
    """Give a file its name, unless there is one of that name.

    Raises:
        ConfigurationError: There is.
        OSError: It can't be named so.
    """
    try:
        os.link(made, target)
    except FileExistsError:
        _refuse_what_is_there(target)
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Taken in one step, and then filled: whoever comes second finds it taken.
        with suppress(FileExistsError):
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            made.replace(target)
            return
        _refuse_what_is_there(target)


def _refuse_what_is_there(target: Path) -> None:
    if target.is_symlink() or target.exists():
        raise ConfigurationError(
            f"{target} is there already, and nothing is overwritten",
            "Choose another place with --output, or move it away.",
        )


def refuse_a_server(name: str, what: str) -> ConfigurationError:
    """Return what to say where a state is on a server, which has tools of its own."""
    return ConfigurationError(
        f"The state {name} is on a PostgreSQL server, which this program does not {what}",
        "pg_dump makes a copy of it, and pg_restore brings one back.",
    )
