"""Whom it hit: timeouts in conversations, and callers lost in flows, of any period."""

from __future__ import annotations

from monitor.ledger.flow_errors import flow_errors_within
from monitor.ledger.incidents import hits_within, incidents_within
from monitor.ledger.model import ActionHits
from monitor.model import FlowErrorTally, Incident
from monitor.store import Database, find_org
from monitor.time_ranges import TimeRange


class Impact:
    """Whom the timeouts of a state hit; each call reads as of one moment."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def incidents(self, org: str, time_range: TimeRange) -> list[Incident]:
        """Return incidents whose ``at`` lies in a period, oldest first, under the names of now."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return [] if org_id is None else incidents_within(connection, org_id, time_range)

    def hits_of_action(
        self, org: str, time_range: TimeRange, action_id: str, newest: int
    ) -> ActionHits:
        """Return whom the timeouts of one action hit in a period.

        Args:
            org: The org's name in the configuration.
            time_range: The period.
            action_id: The action.
            newest: How many of them are returned one by one.
        """
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            if org_id is None:
                return ActionHits()
            return hits_within(connection, org_id, time_range, action_id, newest)

    def flow_errors(self, org: str, time_range: TimeRange) -> list[FlowErrorTally]:
        """Return callers lost in flows in the windows that start in ``time_range``."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return [] if org_id is None else flow_errors_within(connection, org_id, time_range)
