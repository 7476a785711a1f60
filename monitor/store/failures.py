"""What a database says when it fails, in words that a user can act on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from monitor.errors import LedgerError, StateLostError
from monitor.store.quick_check import REPAIR_HINT

_SQLITE_SENTENCES: dict[str, tuple[str, str]] = {
    "SQLITE_BUSY": (
        "is locked by another process",
        "End the other program that has it open, or wait until it has finished.",
    ),
    "SQLITE_LOCKED": (
        "is locked by another process",
        "End the other program that has it open, or wait until it has finished.",
    ),
    "SQLITE_READONLY": (
        "can't be written",
        "Give this user write permission on the file and on its directory.",
    ),
    "SQLITE_PERM": (
        "can't be written",
        "Give this user write permission on the file and on its directory.",
    ),
    "SQLITE_CANTOPEN": (
        "can't be opened or created",
        "Create its directory and give this user write permission there.",
    ),
    "SQLITE_NOTADB": (
        "is not an SQLite file",
        "Point [state] url at another path; this file was left as it is.",
    ),
    "SQLITE_CORRUPT": (
        "is damaged",
        REPAIR_HINT,
    ),
    "SQLITE_FULL": (
        "can't grow because the disk is full",
        "Free some space; nothing is lost, what is missing will be read again.",
    ),
    "SQLITE_IOERR": (
        "can't be read or written: the disk reports an error",
        "Check the disk and its mount; nothing is lost, what is missing will be read again.",
    ),
}
"""By primary result code, see https://www.sqlite.org/rescode.html: the rest of a sentence that
begins with the name of the state, and a hint."""


_NOT_THERE = ("3D000", "3F000", "42P01")
"""What PostgreSQL says where the database, the schema or a table is not there; see
https://www.postgresql.org/docs/current/errcodes-appendix.html."""


@contextmanager
def translate_errors(state: str) -> Iterator[None]:
    """Raise what the database says as a ``LedgerError``, with the cause chained.

    Args:
        state: The name of the state without any secret.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        # SQLite quotes a damaged page in what it says, and its driver can't read that.
        raise LedgerError(f"the state {state} is damaged", REPAIR_HINT) from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise ledger_error(state, error) from error


def ledger_error(state: str, error: Exception) -> LedgerError:
    """The sentence and the hint for one failure of the database."""
    # The driver's own words only: SQLAlchemy's add the statement and its values.
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    code = getattr(cause, "sqlite_errorname", None) or ""
    for primary, (sentence, hint) in _SQLITE_SENTENCES.items():
        if code == primary or code.startswith(f"{primary}_"):
            return LedgerError(f"the state {state} {sentence}", hint)
    words = " ".join(str(cause).split())
    is_sqlite = isinstance(cause, sqlite3.Error)
    if getattr(cause, "sqlstate", None) in _NOT_THERE or (
        is_sqlite and words.startswith("no such table: ")
    ):
        return StateLostError(
            f"the state {state} is gone: its tables are not there any more",
            "Restore it from a backup, or restart timeout-monitor to begin with a new state.",
        )
    return LedgerError(
        f"the state {state} can't be used: {words}",
        "Check [state] url and that its database is up.",
    )
