"""What the platform's own audit log tells: who set a timeout outside this program, and when."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.journal.outside_changes import OutsideChange
from monitor.journal.timeout_edits import read_outside_changes, save_edits
from monitor.model import TimeoutEdit
from monitor.store import Database, edits_read_until, find_org, lock_org


class PlatformAudit:
    """What was read of the platform's audit log; each call is one transaction."""

    def __init__(self, database: Database) -> None:
        """Use the ledger's database."""
        self._database = database

    def save_edits(
        self, org: str, edits: Sequence[TimeoutEdit], until: float, own_clients: frozenset[str]
    ) -> None:
        """Keep entries of the platform's audit log; the same again adds nothing.

        Where an entry tells who set a timeout, and when, the history of timeouts and the notes of
        changes that stood down for it say so from now on.

        Args:
            org: The org's name in the configuration.
            edits: Entries of the audit log.
            until: Up to where the log was read; epoch seconds.
            own_clients: The ids of the clients that this program logs in with.
        """
        with self._database.writing() as connection:
            org_id = lock_org(connection, org)
            save_edits(
                connection,
                org,
                org_id,
                found=edits,
                until=until,
                own_clients=own_clients,
            )

    def read_until(self, org: str) -> float:
        """Return up to where the audit log was read; epoch seconds, 0.0 where it never was."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return 0.0 if org_id is None else edits_read_until(connection, org_id)

    def outside_changes(self, org: str, limit: int | None = None) -> list[OutsideChange]:
        """Return the newest changes that this program did not make, all of them without a limit."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return [] if org_id is None else read_outside_changes(connection, org, org_id)[:limit]
