"""The last diagnosis of each org, as whoever made it has written it: opaque, but for the verdicts.

It is kept so that a daemon which starts, or takes an org over, goes on from it, and so that a
report need not judge everything anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, select

from monitor.ledger.verdict_history import (
    PastVerdict,
    SaidVerdict,
    note_verdicts,
    open_verdicts,
    verdicts_within,
)
from monitor.store import (
    Database,
    action_diagnoses,
    diagnoses,
    find_org,
    lock_org,
    orgs,
    upsert,
    upsert_rows,
)
from monitor.time_ranges import TimeRange


@dataclass(frozen=True, slots=True)
class KeptDiagnosis:
    """A diagnosis of an org as it is kept.

    Attributes:
        program: The version of the program that has written it, and can read it.
        taken_at: When it was made; epoch seconds.
        content: All of it but what follows.
        actions: The diagnosis of each action, by its id.
        stamp: Another one each time that it is written; empty where it was not yet.
    """

    program: str
    taken_at: float
    content: bytes
    actions: Mapping[str, bytes]
    stamp: str = ""


class Diagnoses:
    """The diagnoses of a state; each call is one transaction."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def stamp(self, org: str) -> str:
        """Return which diagnosis of an org is kept; empty where none is."""
        # In one query: it is asked at every look at what another program reads.
        of_org = diagnoses.join(orgs, orgs.c.id == diagnoses.c.org_id)
        query = select(diagnoses.c.stamp).select_from(of_org).where(orgs.c.name == org)
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one_or_none() or ""

    def last(self, org: str) -> tuple[KeptDiagnosis | None, Mapping[str, PastVerdict]]:
        """Return the last diagnosis of an org, and what is told of each of its actions."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            if org_id is None:
                return None, {}
            told = open_verdicts(connection, org_id)
            row = connection.execute(
                select(diagnoses).where(diagnoses.c.org_id == org_id)
            ).one_or_none()
            if row is None:
                return None, told
            columns = action_diagnoses.c.action_id, action_diagnoses.c.content
            rows = connection.execute(
                select(*columns).where(action_diagnoses.c.org_id == org_id)
            ).all()
        actions = {row.action_id: row.content for row in rows}
        return KeptDiagnosis(row.program, row.taken_at, row.content, actions, row.stamp), told

    def keep(
        self,
        org: str,
        kept: KeptDiagnosis,
        action_ids: frozenset[str],
        said: Mapping[str, SaidVerdict],
    ) -> str:
        """Write the diagnosis of an org, and what it tells, in one transaction.

        Args:
            org: The org's name in the configuration.
            kept: The diagnosis, with the actions that are new since the one with its ``stamp``;
                where another one is kept, with all of them.
            action_ids: Every action that is diagnosed; what is kept of others is removed.
            said: The verdict on each of them.

        Returns:
            The stamp; empty where nothing was written, for another one is kept.

        Raises:
            NotLeasedError: Another program reads the org by now.
            LedgerError: The state can't be written.
        """
        stamp = secrets.token_hex(8)
        with self._database.writing() as connection:
            org_id = lock_org(connection, org)
            found = select(diagnoses.c.stamp).where(diagnoses.c.org_id == org_id)
            is_same = (connection.execute(found).scalar_one_or_none() or "") == kept.stamp
            if not is_same and kept.actions.keys() != action_ids:
                return ""
            ids = select(action_diagnoses.c.action_id).where(action_diagnoses.c.org_id == org_id)
            for gone in set(connection.execute(ids).scalars()) - action_ids:
                connection.execute(
                    delete(action_diagnoses).where(
                        action_diagnoses.c.org_id == org_id, action_diagnoses.c.action_id == gone
                    )
                )
            rows = [
                (org_id, action_id, kept.taken_at, content)
                for action_id, content in kept.actions.items()
            ]
            upsert_rows(connection, action_diagnoses, rows)
            upsert(
                connection,
                diagnoses,
                [
                    {
                        "org_id": org_id,
                        "stamp": stamp,
                        "program": kept.program,
                        "taken_at": kept.taken_at,
                        "content": kept.content,
                    }
                ],
            )
            note_verdicts(connection, org_id, said, kept.taken_at)
        return stamp

    def verdicts(
        self, org: str, time_range: TimeRange, action_id: str | None = None
    ) -> list[PastVerdict]:
        """Return the verdicts that were told in a period, or later of it; oldest first, by action.

        Args:
            org: The org's name in the configuration.
            time_range: The period.
            action_id: The only action to return; None for all.
        """
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            if org_id is None:
                return []
            return verdicts_within(connection, org_id, time_range, action_id)
