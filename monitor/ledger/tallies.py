"""What was counted, read back over any period: as sums, as columns, by the hour."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from monitor.counts import SeriesKey, Tally
from monitor.store import Database, find_org
from monitor.time_ranges import TimeRange

if TYPE_CHECKING:
    from monitor.ledger.counts_by_hour import HourlyCounts
    from monitor.ledger.tally_columns import OrgTallies

_UNKNOWN_ORG = -1
"""An org that was never read has no rows; no org has this id."""


class Tallies:
    """The tallies of a state, packed or not; each call reads them as of one moment."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def sums(
        self,
        org: str,
        time_range: TimeRange,
        bucket_seconds: int | None = None,
        action_id: str | None = None,
    ) -> list[Tally]:
        """Return the windows that start in ``time_range``, summed by series and bucket.

        Args:
            org: The org's name in the configuration.
            time_range: Which windows; by their start.
            bucket_seconds: Length of a bucket; buckets are counted from ``time_range.start``. None
                is one bucket for all.
            action_id: The only action to return; None for all.

        Returns:
            Sums sorted by action, error type, status and bucket; empty buckets are left out.
        """
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            if org_id is None:
                return []
            from monitor.ledger.sums import sum_tallies  # noqa: PLC0415 - numpy, for this alone

            return sum_tallies(connection, org_id, time_range, bucket_seconds, action_id)

    def executions(self, org: str, time_range: TimeRange) -> Mapping[SeriesKey, int]:
        """Return the executions of the windows that start in ``time_range``, by series.

        They are what ``sums`` counts, without how long they took.
        """
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            if org_id is None:
                return {}
            from monitor.ledger.sums import sum_executions  # noqa: PLC0415 - numpy, for this alone

            return sum_executions(connection, org_id, time_range)

    def columns(
        self,
        org: str,
        time_range: TimeRange,
        *,
        bucket_seconds: int,
        window_seconds: int,
        action_ids: Collection[str] | None = None,
    ) -> OrgTallies:
        """Return every tally of the windows that start in ``time_range``, as columns.

        Args:
            org: The org's name in the configuration.
            time_range: Which windows; by their start.
            bucket_seconds: Over how much successes are summed; a multiple of ``window_seconds``.
            window_seconds: Length of a window.
            action_ids: Only these actions; None for all.
        """
        from monitor.ledger.tally_columns import read_org_tallies  # noqa: PLC0415 - numpy, for this alone

        with self._database.reading() as connection:
            org_id = find_org(connection, org) or _UNKNOWN_ORG
            return read_org_tallies(
                connection, org_id, time_range, bucket_seconds, window_seconds, action_ids
            )

    def counts_by_hour(self, org: str, time_range: TimeRange) -> HourlyCounts:
        """Return the executions of the windows that start in ``time_range``, by the hour."""
        from monitor.ledger.counts_by_hour import read_counts_by_hour  # noqa: PLC0415 - numpy, for this alone

        with self._database.reading() as connection:
            org_id = find_org(connection, org) or _UNKNOWN_ORG
            return read_counts_by_hour(connection, org_id, time_range)

    def window_loads(self, org: str, time_range: TimeRange) -> list[Tally]:
        """Return what each ending of each action put on an org, window by window, in no order."""
        from monitor.ledger.sums import window_loads  # noqa: PLC0415 - numpy, for this alone

        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return [] if org_id is None else window_loads(connection, org_id, time_range)
