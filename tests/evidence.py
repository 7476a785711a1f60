"""Executions and timeouts of one org, and readings of them to be recorded in a ledger.

Windows are five minutes long, and counted from ``T0``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.counts import Counts, SeriesKey, Tally
from monitor.ledger import Ledger, Reading
from monitor.model import BAND_EDGES_MS, NO_BANDS, NO_ERROR, Action, Bands, Incident, band_of
from monitor.time_ranges import TimeRange

ORG = "acme"
SOURCE = "actions"
WINDOW_SECONDS = 300
T0 = 1_800_000_000
"""A window begins here."""

TIMED_OUT = "EXECUTION_TIMEOUT"
THROTTLED = "CONCURRENT_EXECUTIONS_EXCEEDED"
BROKEN = "REMOTE_SERVER_ERROR"


def bands(**counts: int) -> Bands:
    """Counts by band: ``bands(b0=3, b16=1)``."""
    return tuple(counts.get(f"b{index}", 0) for index in range(len(BAND_EDGES_MS) + 1))


def bands_of(*durations_ms: float) -> Bands:
    """The bands of executions that took this long."""
    counts = [0] * (len(BAND_EDGES_MS) + 1)
    for duration_ms in durations_ms:
        counts[band_of(duration_ms)] += 1
    return tuple(counts)


def tally(  # noqa: PLR0913 - each names one thing a test is about
    count: int,
    *,
    window: int = 0,
    action_id: str = "a1",
    error_type: str = NO_ERROR,
    duration_ms: float | None = None,
    min_ms: float = 100.0,
    max_ms: float = 900.0,
    in_bands: Bands | None = None,
) -> Tally:
    """One tally in the window with this number, counted from T0."""
    return Tally(
        SeriesKey(action_id, error_type, "200" if error_type == NO_ERROR else ""),
        T0 + window * WINDOW_SECONDS,
        Counts(
            count=count,
            duration_ms=count * 200.0 if duration_ms is None else duration_ms,
            min_ms=min_ms,
            max_ms=max_ms,
            bands=bands(b2=count) if in_bands is None else in_bands,
        ),
    )


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


def incident(  # noqa: PLR0913 - each names one thing a test is about
    conversation_id: str = "c1",
    *,
    segment: int = 0,
    at: float = T0 + 10.0,
    action_id: str = "a1",
    action_name: str = "",
    flow_id: str = "f1",
    flow_name: str = "",
    error_type: str = "Timeout",
    attributed: str = "",
) -> Incident:
    """One timeout of one conversation."""
    return Incident(
        conversation_id=conversation_id,
        segment_start_ms=int(at * 1000) + segment,
        at=at,
        action_id=action_id,
        action_name=action_name,
        flow_id=flow_id,
        flow_name=flow_name,
        error_type=error_type,
        attributed=attributed,
    )


def timed_out(
    conversation_id: str,
    *,
    action_id: str = "crm",
    flow_id: str = "main",
    at: float = T0 + 60,
    error_type: str = TIMED_OUT,
    **more: Any,  # noqa: ANN401 - what ``incident`` takes
) -> Incident:
    """A timeout of ``crm`` in the main menu, or in another flow."""
    more.setdefault("flow_name", {"main": "Main menu", "billing": "Billing"}.get(flow_id, ""))
    return incident(
        conversation_id,
        at=at,
        action_id=action_id,
        flow_id=flow_id,
        error_type=error_type,
        **more,
    )


def windows(first: int, end: int) -> TimeRange:
    """The period from the window ``first`` to before the window ``end``."""
    return TimeRange(T0 + first * WINDOW_SECONDS, T0 + end * WINDOW_SECONDS)


def reading(  # noqa: PLR0913 - each names one thing a test is about
    *tallies: Tally,
    covered: TimeRange | None = None,
    read_at: float | None = None,
    incidents: Sequence[Incident] = (),
    incidents_are_executions: bool = False,
    names: Mapping[str, Action] | None = None,
    complete_until: int | None = None,
    window_seconds: int = WINDOW_SECONDS,
) -> Reading:
    """One reading; it covers one hour and is read at its end where nothing else is said."""
    covered = covered or windows(0, 12)
    return Reading(
        covered=covered,
        window_seconds=window_seconds,
        read_at=float(covered.end) if read_at is None else read_at,
        tallies=tallies,
        incidents=incidents,
        incidents_are_executions=incidents_are_executions,
        names=names or {},
        complete_until=complete_until,
    )


def totals(ledger: Ledger, org: str = ORG) -> dict[tuple[str, str], Counts]:
    """Totals by action and error type."""
    return {
        (key.action_id, key.error_type): total for key, total in ledger.state(org).totals.items()
    }


def count_of(ledger: Ledger, action_id: str = "a1", error_type: str = NO_ERROR) -> int:
    """Executions of one action that ended one way; 0 where it never did."""
    total = totals(ledger).get((action_id, error_type))
    return total.count if total else 0
