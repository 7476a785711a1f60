"""The audit trail as a file of JSON lines, for whoever collects such files; the ledger has it all.

The file goes on from the number of its own last line, under a lock: so what a killed program could
not write any more, the next one writes, and two programs write nothing twice.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import structlog
from sqlalchemy import make_url

from monitor.config import Settings
from monitor.ledger import AuditEntry, Journal

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
        if self._path is None or (not self._path.exists() and not self._journal.audit_after(0, 1)):
            return
        try:
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
        last = _last_number(file)
        while entries := self._journal.audit_after(last, _BATCH):
            file.writelines(as_json_line(entry) for entry in entries)
            last = entries[-1].entry_id
        file.flush()
        os.fsync(file.fileno())


def as_json_line(entry: AuditEntry) -> bytes:
    """One line: every field under its own name, the time in ISO 8601 too."""
    document = asdict(entry) | {"time": datetime.fromtimestamp(entry.at, UTC).isoformat()}
    return json.dumps(document, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def _last_number(file: BinaryIO) -> int:
    """The number of the file's last whole line; what a killed program left of one is cut off."""
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - _LONGEST_LINE)
    file.seek(start)
    tail = file.read()
    end = tail.rfind(b"\n") + 1
    file.truncate(start + end)
    file.seek(0, os.SEEK_END)
    lines = tail[:end].splitlines()
    if not lines:
        return 0
    try:
        return int(json.loads(lines[-1])["entry_id"])
    except (ValueError, KeyError, TypeError) as error:
        reason = "its last line is none of ours"
        raise OSError(reason) from error
