"""What the ledger knows of one org and one period: all that a summary is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.ledger import OrgState, TallySum
from monitor.model import (
    DETAIL_SOURCE,
    FLOW_CONTRACT,
    FLOW_ERRORS_SOURCE,
    FlowErrorTally,
    Incident,
    source_of_executions,
)
from monitor.time_ranges import TimeRange


@dataclass(frozen=True, slots=True)
class SummaryInput:
    """What the ledger knows of one org and one period.

    Attributes:
        org: The org's configured name.
        contract: ``platform`` or ``flow``.
        time_range: The period.
        state: Catalogue, flows and coverage.
        tallies: Executions of the period, summed by ending.
        tallies_day_before: The same 24 hours earlier; None where that was not read completely.
        incidents: Timeouts of the period from detail records.
        flow_errors: Callers lost in flows in the period.
        timeouts_in_force: Action id, since when (epoch seconds), timeout (ms); oldest first.
    """

    org: str
    contract: str
    time_range: TimeRange
    state: OrgState
    tallies: Sequence[TallySum] = ()
    tallies_day_before: Sequence[TallySum] | None = None
    incidents: Sequence[Incident] = ()
    flow_errors: Sequence[FlowErrorTally] = ()
    timeouts_in_force: Sequence[tuple[str, float, int | None]] = ()

    @property
    def successes_known(self) -> bool:
        """Whether successes can be seen at all, and with them shares and durations."""
        return self.contract != FLOW_CONTRACT

    @property
    def missing_seconds(self) -> int:
        """How much of the period the source of its executions was not read for."""
        return self.state.missing_seconds(self.time_range, source_of_executions(self.contract))

    @property
    def missing_detail_seconds(self) -> int:
        """How much of the period no conversation detail records were read for."""
        return self.state.missing_seconds(self.time_range, DETAIL_SOURCE)

    @property
    def flow_errors_read(self) -> bool:
        """Whether callers lost in flows can be known at all."""
        missing = self.state.missing_seconds(self.time_range, FLOW_ERRORS_SOURCE)
        return missing < self.time_range.seconds

    @property
    def details_read(self) -> bool:
        """Whether conversations and flows can be known at all."""
        return self.missing_detail_seconds < self.time_range.seconds
