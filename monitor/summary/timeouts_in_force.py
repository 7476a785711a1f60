"""Which timeouts were in force during a period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.time_ranges import TimeRange


@dataclass(frozen=True, slots=True)
class TimeoutsInForce:
    """The timeouts of one action during a period.

    Attributes:
        during_ms: Every timeout that was in force at some time of it.
        at_end_ms: The one at its end; None where it is unknown.
    """

    during_ms: frozenset[int] = frozenset()
    at_end_ms: int | None = None


def timeouts_during(
    history: Iterable[tuple[str, float, int | None]], time_range: TimeRange
) -> dict[str, TimeoutsInForce]:
    """Return the timeouts of each action during a range of time.

    What was in force before the catalogue was first read is taken to be what it first showed:
    the durations of executions that timed out are held against it before it is believed.

    Args:
        history: Action id, since when (epoch seconds), timeout (ms); oldest first.
        time_range: The period.
    """
    changes: dict[str, list[tuple[float, int | None]]] = defaultdict(list)
    for action_id, since, timeout_ms in history:
        changes[action_id].append((since, timeout_ms))
    return {action_id: _during(time_range, steps) for action_id, steps in changes.items()}


def _during(time_range: TimeRange, steps: list[tuple[float, int | None]]) -> TimeoutsInForce:
    at_start, at_end = steps[0][1], steps[0][1]
    during: set[int | None] = set()
    for since, timeout_ms in steps:
        if since <= time_range.start:
            at_start = timeout_ms
        if since < time_range.end:
            at_end = timeout_ms
        if time_range.start < since < time_range.end:
            during.add(timeout_ms)
    during.add(at_start)
    return TimeoutsInForce(frozenset(timeout for timeout in during if timeout is not None), at_end)
