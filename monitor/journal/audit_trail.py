"""The lines of the audit trail, as whoever writes and reads them uses it."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.journal.audit import (
    add_entries,
    add_refusals,
    count_events,
    entries_after,
    newest_entries,
    undone_changes,
)
from monitor.journal.model import AuditEntry
from monitor.store import Database, find_org, lock_org


class AuditTrail:
    """What was done and refused, line by line; each call is one transaction.

    What is done to a change adds its line by itself, in the transaction of the ``Journal``.
    """

    def __init__(self, database: Database) -> None:
        """Use the ledger's database."""
        self._database = database

    def note(self, entries: Sequence[AuditEntry]) -> None:
        """Add lines of one org, such as what a dry run would have done."""
        if entries:
            with self._database.writing() as connection:
                add_entries(connection, lock_org(connection, entries[0].org), entries)

    def note_refusals(self, entries: Sequence[AuditEntry]) -> int:
        """Add refusals of one org where they are news.

        A refusal that says what the last one of its action said is not written again: a poll comes
        every minute.

        Returns:
            How many were added.
        """
        if not entries:
            return 0
        with self._database.writing() as connection:
            return add_refusals(connection, lock_org(connection, entries[0].org), entries)

    def newest(self, org: str, limit: int) -> list[AuditEntry]:
        """Return the newest lines of an org, the newest first."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return [] if org_id is None else newest_entries(connection, org_id, limit)

    def after(self, entry_id: int, limit: int) -> list[AuditEntry]:
        """Return the lines of all orgs after a number, in their order."""
        with self._database.reading() as connection:
            return entries_after(connection, entry_id, limit)

    def event_counts(self, org: str) -> dict[str, int]:
        """Return how often each event has happened, since the ledger began."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return {} if org_id is None else count_events(connection, org_id)

    def undone_changes(self, org: str) -> list[tuple[bool, str, str]]:
        """Return the changes that were set back.

        Returns:
            Of each whether somebody asked for it, and why, as code and words.
        """
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return [] if org_id is None else undone_changes(connection, org_id)
