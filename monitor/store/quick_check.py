"""Whether the database itself is damaged: pages that can't be what was written."""

from __future__ import annotations

import time

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from monitor.errors import LedgerError

QUICK_CHECK_SECONDS = 5.0
"""A start must not be held up for long: what a large state does not show in this time it shows to
``state check``, which has no limit, or to the reading that meets it."""

_STEPS = 20_000
"""Instructions of SQLite's machine between two looks at the clock; about a millisecond."""

REPAIR_HINT = (
    "timeout-monitor state repair copies what can be read into a new file; or restore a backup, or "
    "move it away and start afresh."
)


def refuse_damage(connection: Connection, name: str, most_seconds: float | None) -> bool:
    """Look through an SQLite file for damage; a server looks after its own pages.

    Args:
        connection: A read transaction.
        name: What errors call the state.
        most_seconds: When to give up; None for never.

    Returns:
        Whether all of it was looked at.

    Raises:
        LedgerError: It is damaged.
    """
    if connection.dialect.name != "sqlite":
        return True
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - a connection of a transaction is open
    if most_seconds is not None:
        deadline = time.monotonic() + most_seconds
        driver.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        found = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
    except OperationalError as error:
        if "interrupted" in str(error.orig):
            return False
        raise
    finally:
        driver.set_progress_handler(None, _STEPS)
    if found != "ok":
        raise damaged(name, found)
    return True


def damaged(name: str, what: str) -> LedgerError:
    """Return what to say of a damaged state."""
    words = " ".join(what.split())
    return LedgerError(f"the state {name} is damaged: {words}", REPAIR_HINT)
