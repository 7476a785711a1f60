"""The file that an SQLite state is kept in: where it is, and whether it is still the same one.

SQLite itself makes a file where there is none, and goes on writing to one that was deleted. A
program that trusts it counts into nothing, or into a second state, and never notices.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, unquote

from sqlalchemy import URL

from monitor.errors import LedgerError, NoStateError, StateLostError

LEAST_ROOM_BYTES = 4 << 20
"""What must fit where a state is to be written: the log of a poll that counts a busy hour."""

_BYTES_AT_A_TIME = 1 << 20

_SQLITE = b"SQLite format 3\0"
"""What a file of SQLite's begins with."""

_NO_NAMELESS_FILES = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)
"""What a file system or a kernel says that has no files without a name: then nothing is tried."""


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What tells a file from any other of the same name."""

    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class StateFile:
    """The place of an SQLite state.

    Attributes:
        path: Where it is, absolute: the working directory may change.
        name: What errors call it.
    """

    path: Path
    name: str

    @classmethod
    def of(cls, url: URL) -> StateFile:
        """Return the place that a URL of SQLite names, as a path or as SQLite's own ``file:``."""
        database = str(url.database)
        if not database.startswith("file:"):
            return cls(Path(database).absolute(), database)
        path = unquote(database.removeprefix("file:").partition("?")[0])
        return cls(Path("/" + path.lstrip("/") if path.startswith("/") else path).absolute(), path)

    def without_creating(self, url: URL) -> URL:
        """Return the URL that opens what is there, and never makes a file."""
        if str(url.database).startswith("file:"):
            return url if "mode" in url.query else url.update_query_dict({"mode": "rw"})
        return url.set(
            database=f"file:{quote(str(self.path))}",
            query={**url.query, "mode": "rw", "uri": "true"},
        )

    def read_only_url(self) -> URL:
        """Return a URL that reads what is there, and never writes or makes a file."""
        query = {"mode": "ro", "uri": "true"}
        return URL.create("sqlite+pysqlite", database=f"file:{quote(str(self.path))}", query=query)

    @contextmanager
    def unchanging_url(self, *, may_touch_index: bool = True) -> Iterator[URL]:
        """A URL that reads what is there and leaves no trace, not even a file beside it.

        SQLite puts two files beside a state that it reads, but where it takes it for immutable.
        It may, where no log lies there: whoever writes has one. Where a program that ended badly
        has left a log alone, copies are read.

        Args:
            may_touch_index: Whether to note in the index of whoever is at work what is read, as
                every reader does. Where it must not, reading may fail: nobody else's note fits.
        """
        self._refuse_a_log_of_another()
        log, index = self._beside("-wal"), self._beside("-shm")
        if not log.exists() or not log.stat().st_size:
            yield self.read_only_url().update_query_dict({"immutable": "1"})
        elif index.exists():
            noting = {} if may_touch_index else {"readonly_shm": "1"}
            yield self.read_only_url().update_query_dict(noting)
        else:
            with TemporaryDirectory(prefix="timeout-monitor-") as folder:
                copy = StateFile(Path(folder) / self.path.name, self.name)
                shutil.copy(self.path, copy.path)
                shutil.copy(log, copy.path.with_name(f"{copy.path.name}-wal"))
                yield copy.read_only_url()

    def why_not_writable(self) -> str:
        """Return why this user can't write it, or make it where it is not; empty if it can."""
        folder = self.path.resolve().parent
        if not folder.is_dir():
            return f"its directory {folder} is not there"
        if not _may_write(folder):
            return f"its directory {folder} can't be written by this user"
        if self.path.exists() and not _may_write(self.path):
            return "its file can't be written by this user"
        try:
            return _why_no_room(folder)
        except OSError as error:
            return f"its directory {folder} can't be written: {error.strerror or error}"

    def is_empty(self) -> bool:
        """Return whether a file is there in which nothing is, as in the middle of a copy."""
        try:
            return not self.path.stat().st_size
        except OSError:
            return False

    def identity(self) -> FileIdentity | None:
        """Return which file is there now; None where there is none.

        Raises:
            LedgerError: It can't be looked at.
        """
        return self._identity_of(self.path)

    def log_identity(self) -> FileIdentity | None:
        """Return which write-ahead log lies beside it; None where there is none."""
        return self._identity_of(self._beside("-wal"))

    @property
    def parts(self) -> tuple[Path, ...]:
        """Where SQLite keeps it: the file, and what lies beside it while it is used."""
        return (self.path, *(self._beside(end) for end in ("-wal", "-shm", "-journal")))

    def _beside(self, end: str) -> Path:
        """Return what SQLite keeps beside it: where a link leads to it, there."""
        path = os.path.realpath(self.path)
        return Path(f"{path}{end}")

    def _identity_of(self, path: Path) -> FileIdentity | None:
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise LedgerError(
                f"the state {self.name} can't be looked at: {error.strerror or error}",
                "Check its directory, and the disk that it is on.",
            ) from error
        return FileIdentity(found.st_dev, found.st_ino)

    def refuse_absence(self) -> None:
        """Make sure that there is a file.

        Raises:
            NoStateError: There is none.
        """
        if self.identity() is None:
            self._refuse_a_dangling_link()
            raise no_state(self.name)
        self._refuse_what_is_no_file()
        self._refuse_a_log_of_another()

    def make(self) -> None:
        """Make an empty file where there is none; one that is there is left as it is.

        Raises:
            LedgerError: It can't be made.
        """
        self._refuse_a_dangling_link()
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644))
        except FileExistsError:
            self._refuse_what_is_no_file()
            self._refuse_a_log_of_another()
        except OSError as error:
            raise LedgerError(
                f"the state {self.name} can't be opened or created: {error.strerror or error}",
                "Create its directory and give this user write permission there.",
            ) from error
        else:
            # That of a state that was deleted belongs to nothing any more.
            self._beside("-wal").unlink(missing_ok=True)

    def gone(self) -> StateLostError:
        """Return what to say where the file is there no more."""
        return StateLostError(
            f"the state {self.name} is gone: its file was moved or deleted while it was in use",
            "Put the same file back, or restart timeout-monitor to begin with a new state; until "
            "then nothing is counted or changed.",
        )

    def mixed(self) -> StateLostError:
        """Return what to say where another file stands beside the log of the one before it.

        Whoever opens both writes what is in the log over the other file, whatever that is.
        """
        log, index = self._beside("-wal").name, self._beside("-shm").name
        return StateLostError(
            f"the state {self.name} was replaced by another one while it was in use, and the log "
            f"of the one before, {log}, still lies beside it",
            f"Stop timeout-monitor, move {log} and {index} away, and start it again; until then "
            "nothing is counted or changed.",
        )

    def _refuse_what_is_no_file(self) -> None:
        """Make sure that it is no directory, and nothing that SQLite would read without end."""
        if not self.path.is_file():
            raise LedgerError(
                f"the state {self.name} is no file, but a directory, a pipe or a device",
                "Name another path as [state] url.",
            )

    def _refuse_a_log_of_another(self) -> None:
        """Make sure that no log lies beside what it can't belong to.

        Beside an empty file SQLite deletes it, even to read; over any other it writes what is in
        the log.
        """
        log = self._beside("-wal")
        if not log.exists() or not log.stat().st_size:
            return
        try:
            with self.path.open("rb") as file:
                begin = file.read(len(_SQLITE))
        except OSError:
            return
        if begin != _SQLITE:
            what = "no database" if begin else "empty"
            raise LedgerError(
                f"the state {self.name} is {what}, and a log, {log.name}, lies beside it",
                "Put back the file that belongs to the log, or move the log away; nothing was "
                "changed.",
            )

    def _refuse_a_dangling_link(self) -> None:
        if self.path.is_symlink() and not self.path.exists():
            raise LedgerError(
                f"the state {self.name} is a link that leads nowhere",
                "Mount the disk that it leads to, or take the link away; no state was made.",
            )


def _may_write(path: Path) -> bool:
    ways = os.W_OK | (os.X_OK if path.is_dir() else 0)
    return os.access(path, ways, effective_ids=os.access in os.supports_effective_ids)


def _why_no_room(folder: Path) -> str:
    """Return why a transaction would find no room in a directory; empty where it would.

    Raises:
        OSError: Nothing can be written there.
    """
    disk = os.statvfs(folder)
    room = disk.f_bavail * disk.f_frsize
    if disk.f_blocks and room < LEAST_ROOM_BYTES:  # some network drives tell nothing, and have room
        return (
            f"its directory {folder} has {room / 1024:,.0f} KiB of room, and a poll may take "
            f"{LEAST_ROOM_BYTES / 1024:,.0f} KiB"
        )
    try:
        # A file without a name: nobody sees it, and nothing stays of it whatever happens.
        number = os.open(folder, os.O_TMPFILE | os.O_RDWR)
    except OSError as error:
        if error.errno not in _NO_NAMELESS_FILES:
            raise
        # Such as /proc, where nobody can make a file, whatever its permissions say.
        return "" if disk.f_bavail else f"there is no room in its directory {folder}"
    try:
        left = LEAST_ROOM_BYTES
        while left > 0:
            left -= os.write(number, bytes(min(left, _BYTES_AT_A_TIME)))
    finally:
        os.close(number)
    return ""


def no_state(name: str) -> NoStateError:
    """Return what to say where there is no state."""
    return NoStateError(
        f"there is no state at {name}",
        "timeout-monitor run, poll and backfill make one. If a daemon has one elsewhere, name its "
        "configuration file with --config, or its [state] url.",
    )
