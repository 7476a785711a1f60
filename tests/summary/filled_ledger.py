"""One org's executions and incidents to fill a ledger with, in windows of five minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.config import ClassifySettings
from monitor.counts import Counts, SeriesKey, Tally
from monitor.ledger import Ledger, Reading
from monitor.model import (
    BAND_EDGES_MS,
    NO_BANDS,
    NO_ERROR,
    Action,
    Bands,
    Contract,
    FlowErrorTally,
    Incident,
    band_of,
)
from monitor.summary.model import Summary
from monitor.summary.query import summarise
from monitor.time_ranges import TimeRange

ORG = "acme"
WINDOW_SECONDS = 300
HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS
T0 = 1_800_000_000
"""A window begins here."""

HOUR = TimeRange(T0, T0 + HOUR_SECONDS)
TIMED_OUT = "EXECUTION_TIMEOUT"
THROTTLED = "CONCURRENT_EXECUTIONS_EXCEEDED"
BROKEN = "REMOTE_SERVER_ERROR"
CLASSIFIER = ClassifySettings().classifier()


def bands_of(*durations_ms: float) -> Bands:
    """The bands of executions that took this long."""
    counts = [0] * (len(BAND_EDGES_MS) + 1)
    for duration_ms in durations_ms:
        counts[band_of(duration_ms)] += 1
    return tuple(counts)


def executions(  # noqa: PLR0913 - each is one thing that a test is about
    action_id: str,
    durations_ms: Sequence[float],
    *,
    error_type: str = NO_ERROR,
    response_status: str = "",
    window_start: int = T0,
    in_bands: bool = True,
) -> Tally:
    """Executions of one action that ended one way in one window, as a source tallies them."""
    return Tally(
        SeriesKey(action_id, error_type, response_status),
        window_start,
        Counts(
            count=len(durations_ms),
            duration_ms=float(sum(durations_ms)),
            min_ms=float(min(durations_ms)),
            max_ms=float(max(durations_ms)),
            bands=bands_of(*durations_ms) if in_bands else NO_BANDS,
        ),
    )


def timed_out(  # noqa: PLR0913 - each is one thing that a test is about
    conversation_id: str,
    *,
    action_id: str = "crm",
    flow_id: str = "main",
    at: float = T0 + 60,
    error_type: str = TIMED_OUT,
    attributed: str = "",
) -> Incident:
    """A timeout that hit a conversation."""
    return Incident(
        conversation_id=conversation_id,
        segment_start_ms=int(at * 1000),
        at=at,
        action_id=action_id,
        action_name="",
        flow_id=flow_id,
        flow_name={"main": "Main menu", "billing": "Billing"}.get(flow_id, ""),
        error_type=error_type,
        attributed=attributed,
    )


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
        reading = Reading(
            covered, WINDOW_SECONDS, covered.end + 600.0, tallies=tallies, names=names or {}
        )
        self.ledger.record(ORG, "actions", reading)

    def read_details(self, *incidents: Incident, covered: TimeRange = HOUR) -> None:
        """Read conversation detail records."""
        reading = Reading(
            covered,
            WINDOW_SECONDS,
            covered.end + 600.0,
            incidents=incidents,
            incidents_are_executions=self.contract == "flow",
        )
        self.ledger.record(ORG, "conversations", reading)

    def read_flow_errors(self, *lost: FlowErrorTally, covered: TimeRange = HOUR) -> None:
        """Read callers lost in flows."""
        reading = Reading(
            covered,
            WINDOW_SECONDS,
            covered.end + 600.0,
            flow_errors=lost,
            flow_names={"main": "Main menu"},
            flow_error_basis="aggregates",
        )
        self.ledger.record(ORG, "flow-errors", reading)

    def summary(self, time_range: TimeRange = HOUR) -> Summary:
        """The summary of a period."""
        return summarise(self.ledger, ORG, Contract(self.contract), time_range, CLASSIFIER)
