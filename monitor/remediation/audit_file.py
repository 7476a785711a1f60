"""The audit trail as a file of JSON lines, for whoever collects such files; the ledger has it all.

The file goes on from the number of its own last line, under a lock: so what a killed program could
not write any more, the next one writes, and two programs write nothing twice.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import structlog
from sqlalchemy import make_url

from monitor.config import Settings
from monitor.journal import AuditEntry, Journal

log = structlog.get_logger()

ENDING = ".audit.jsonl"
_BATCH = 500
_LONGEST_LINE = 1 << 20
"""Bytes from the end in which the last whole line is looked for."""


def audit_path(settings: Settings) -> Path | None:
    """Where the file is: as configured, else beside the SQLite file; None for PostgreSQL."""
    chosen = settings.remediation.audit_file
    if chosen is not None:
        return chosen.expanduser()
    url = make_url(settings.state.url)
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith("file:"):
        return None
    return Path(url.database).with_suffix(ENDING)


class AuditFile:
    """The file; a failure to write it is logged and made up for later, for the ledger has it."""

    def __init__(self, path: Path | None, journal: Journal) -> None:
        """Touch nothing yet.

        Args:
            path: Where it is; None for none.
            journal: What it is written from.
        """
        self._path = path
        self._journal = journal

    def catch_up(self) -> None:
        """Write every line that the file does not have yet.

        Raises:
            LedgerError: The ledger can't be read.
        """
        if self._path is None:
            return
        try:
            if not self._path.exists() and not self._journal.audit.after(0, 1):
                return
            _refuse_what_is_no_file(self._path)
            with self._path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                self._append(file)
        except OSError as error:
            log.error(
                "audit_file_failed",
                path=str(self._path),
                why=error.strerror or str(error),
                hint="Nothing is lost: the ledger has every line. Mend remediation.audit_file.",
            )

    def _append(self, file: BinaryIO) -> None:
        end = _read_end(file)
        last = _number_of(end.last_line)
        if end.torn:
            # What a killed program left of a line of ours goes; nothing else of a file ever does.
            if not self._is_ours(end, last):
                raise OSError(_NOT_OURS)
            file.truncate(end.whole_bytes)
        while entries := self._journal.audit.after(last, _BATCH):
            file.writelines(as_json_line(entry) for entry in entries)
            last = entries[-1].entry_id
        file.flush()
        os.fsync(file.fileno())

    def _is_ours(self, end: _End, last: int) -> bool:
        """Whether what stands behind the last whole line is the beginning of a line of ours."""
        torn = end.torn.rstrip(b"\0")  # what a power cut leaves in the place of what was written
        if end.last_line is not None:
            return torn.startswith(_BEGINNING) or _BEGINNING.startswith(torn)
        first = self._journal.audit.after(last, 1)
        return end.whole_bytes == 0 and bool(first) and as_json_line(first[0]).startswith(torn)


def _refuse_what_is_no_file(path: Path) -> None:
    """Make sure that lines can be added: a pipe that nobody reads would hold every change up."""
    if path.exists() and not path.is_file():
        reason = "it is no file, but a directory, a pipe or a device"
        raise OSError(reason)


def as_json_line(entry: AuditEntry) -> bytes:
    """One line: every field under its own name, the time in ISO 8601 too."""
    document = asdict(entry) | {"time": datetime.fromtimestamp(entry.at, UTC).isoformat()}
    return json.dumps(document, ensure_ascii=False, sort_keys=True).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class _End:
    """How a file ends.

    Attributes:
        last_line: Its last whole line; None where it has none.
        torn: What stands behind that, without an end of its own.
        whole_bytes: Bytes of the file before it.
    """

    last_line: bytes | None
    torn: bytes
    whole_bytes: int


_NOT_OURS = "its last line is none of ours, so that it was left as it is"

_BEGINNING = b'{"action_id": "'
"""What each line of ours begins with: its fields are sorted."""


def _read_end(file: BinaryIO) -> _End:
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - _LONGEST_LINE)
    file.seek(start)
    tail = file.read()
    end = tail.rfind(b"\n") + 1
    if start and not end:
        raise OSError(_NOT_OURS)
    lines = tail[:end].splitlines()
    return _End(lines[-1] if lines else None, tail[end:], start + end)


def _number_of(line: bytes | None) -> int:
    """Return the number of a line of ours; 0 where there is none.

    Raises:
        OSError: It is somebody else's.
    """
    if line is None:
        return 0
    try:
        document = json.loads(line)
        if {field.name for field in fields(AuditEntry)} <= document.keys():
            return int(document["entry_id"])
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise OSError(_NOT_OURS) from error
    raise OSError(_NOT_OURS)
