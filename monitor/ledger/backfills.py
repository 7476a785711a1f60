"""What a backfill has read so far, so that one that was ended goes on where it was."""

from __future__ import annotations

from monitor.store import (
    Database,
    backfilled,
    find_org,
    forget_backfilled,
    lock_org,
    remember_backfilled,
)
from monitor.time_ranges import TimeRange

BACKFILL_LASTS_SECONDS = 86_400.0
"""A backfill that was ended goes on where it was within a day; what came late since is then rare,
and ``reconcile`` finds it."""


class Backfills:
    """How far the backfills of a state have come; each call is one transaction."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def done(self, org: str, source: str, now: float) -> TimeRange | None:
        """Return what a backfill that was ended has read of a source; None where it is a day ago.

        Args:
            org: The org's name in the configuration.
            source: The source.
            now: Epoch seconds.
        """
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            told = None if org_id is None else backfilled(connection, org_id, source)
        if told is None:
            return None
        done, at = told
        return done if 0 <= now - at < BACKFILL_LASTS_SECONDS else None

    def note(self, org: str, source: str, done: TimeRange, at: float) -> None:
        """Remember what a backfill that is under way has read of a source so far, and when."""
        with self._database.writing() as connection:
            remember_backfilled(connection, lock_org(connection, org), source, done, at)

    def forget(self, org: str, source: str) -> None:
        """Forget what a backfill has read of a source: the next one reads all of it."""
        with self._database.writing() as connection:
            forget_backfilled(connection, lock_org(connection, org), source)
