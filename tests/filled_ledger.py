"""A ledger that is filled with the evidence of one org, and the summary of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitor.config import ClassifySettings
from monitor.contract import Contract
from monitor.counts import Tally
from monitor.ledger import Ledger, Reading
from monitor.model import Action, FlowErrorTally, Incident
from monitor.summary.model import Summary
from monitor.summary.query import summarise
from monitor.time_ranges import TimeRange
from tests.evidence import ORG, T0, WINDOW_SECONDS

HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS
HOUR = TimeRange(T0, T0 + HOUR_SECONDS)
CLASSIFIER = ClassifySettings().classifier()


@dataclass
class FilledLedger:
    """A ledger and what an org put into it.

    Attributes:
        ledger: The ledger.
        contract: The org's contract.
    """

    ledger: Ledger
    contract: str = "platform"

    def catalogue(self, *actions: Action, at: float = T0 - DAY_SECONDS) -> None:
        """Let the platform list these actions."""
        self.ledger.save_catalogue(ORG, actions, at)

    def read_actions(
        self,
        *tallies: Tally,
        covered: TimeRange = HOUR,
        names: Mapping[str, Action] | None = None,
    ) -> None:
        """Read action aggregates."""
        self._read("actions", covered, tallies=tallies, names=names or {})

    def read_details(self, *incidents: Incident, covered: TimeRange = HOUR) -> None:
        """Read conversation detail records."""
        self._read(
            "conversations",
            covered,
            incidents=incidents,
            incidents_are_executions=self.contract == "flow",
        )

    def read_flow_errors(self, *lost: FlowErrorTally, covered: TimeRange = HOUR) -> None:
        """Read callers lost in flows."""
        self._read(
            "flow-errors",
            covered,
            flow_errors=lost,
            flow_names={"main": "Main menu"},
            flow_error_basis="aggregates",
        )

    def summary(self, time_range: TimeRange = HOUR) -> Summary:
        """Return the summary of a period."""
        return summarise(self.ledger, ORG, Contract(self.contract), time_range, CLASSIFIER)

    def _read(self, source: str, covered: TimeRange, **found: Any) -> None:  # noqa: ANN401
        reading = Reading(covered, WINDOW_SECONDS, covered.end + 600.0, **found)
        self.ledger.record(ORG, source, reading)
