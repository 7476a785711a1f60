"""The past, window by window, from one read transaction and never all of it in memory at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, func, select

from monitor.counts import Tally
from monitor.journal import event_times, timeouts_over_time
from monitor.ledger.coverage import read_coverage
from monitor.ledger.flow_errors import flow_errors_within
from monitor.ledger.model import FirstHit, OrgState
from monitor.ledger.read import read_state
from monitor.model import FlowErrorTally
from monitor.store import find_org, incidents
from monitor.time_ranges import TimeRange

_ROWS_AT_ONCE = 1_000
_END_OF_TIME = 2**62


class History:
    """What the ledger holds, as of the moment at which the transaction began.

    Rows are streamed: they must be read to their end, or left, before the next question.
    """

    def __init__(self, connection: Connection) -> None:
        """Read through a connection whose transaction stays open as long as this is used."""
        self._connection = connection

    def state(self, org: str) -> OrgState:
        """Everything the exporter shows of an org."""
        return read_state(self._connection, org)

    def read_time_ranges(self, org: str, source: str) -> tuple[TimeRange, ...]:
        """What was read of a source, without what was given up: merged, oldest first."""
        org_id = find_org(self._connection, org)
        return () if org_id is None else read_coverage(self._connection, org_id, source)

    def timeouts_in_force(self, org: str) -> list[tuple[str, float, int | None]]:
        """Action id, since when (epoch seconds), timeout in force (ms); oldest first."""
        org_id = find_org(self._connection, org)
        return [] if org_id is None else timeouts_over_time(self._connection, org_id)

    def event_times(self, org: str) -> list[tuple[str, float]]:
        """Events of the audit trail and when they happened, in epoch seconds; earliest first."""
        org_id = find_org(self._connection, org)
        return [] if org_id is None else event_times(self._connection, org_id)

    def sums_since(self, org: str, start: int) -> list[Tally]:
        """What every series counted in the windows that begin at ``start`` or later."""
        org_id = find_org(self._connection, org)
        if org_id is None:
            return []
        from monitor.ledger.sums import sum_tallies  # noqa: PLC0415 - numpy, for this alone

        return sum_tallies(self._connection, org_id, TimeRange(start, _END_OF_TIME), None)

    def windows(self, org: str, time_range: TimeRange, *, by_series: bool) -> Iterator[Tally]:
        """The tallies of the windows that start in ``time_range``, one an element.

        Args:
            org: The org's name in the configuration.
            time_range: Which windows; by their start.
            by_series: Whether all windows of one series come together; otherwise those of one
                action do, oldest first. Which series or action comes first is the database's
                choice.
        """
        from monitor.ledger.past_windows import past_windows  # noqa: PLC0415 - numpy, for this alone

        org_id = find_org(self._connection, org)
        if org_id is None:
            return iter(())
        return past_windows(self._connection, org_id, time_range, by_series=by_series)

    def first_hits(self, org: str, start: int) -> Iterator[FirstHit]:
        """Conversations first hit at ``start`` or later, each once for a pair of flow and action.

        Those of one pair come together, oldest first.
        """
        pair = incidents.c.flow_id, incidents.c.action_id
        first = func.min(incidents.c.at)
        statement = (
            select(*pair, first)
            .where(incidents.c.org_id == find_org(self._connection, org))
            .group_by(*pair, incidents.c.conversation_id)
            .having(first >= start)
            .order_by(*pair, first)
        )
        for row in self._streamed(statement):
            yield FirstHit(*row)

    def flow_errors(self, org: str, start: int) -> list[FlowErrorTally]:
        """Return callers lost in flows in the windows from ``start`` on; a flow's come together."""
        org_id = find_org(self._connection, org)
        if org_id is None:
            return []
        return flow_errors_within(self._connection, org_id, TimeRange(start, _END_OF_TIME))

    def _streamed(self, statement: Select[Any]) -> Iterator[Any]:
        options = {"yield_per": _ROWS_AT_ONCE}
        with self._connection.execute(statement, execution_options=options) as result:
            yield from result
