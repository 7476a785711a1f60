"""Errors that end exactly where the timeout in force does: they may be timeouts by another name.

No list of the platform's words is published. Where neither word nor status tells a timeout, its
duration still does: nothing else ends at the very timeout of its action, action by action. Where
the duration is missing too, it can't be told, and that is all that can be said.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from monitor.counts import Tally
from monitor.model import BAND_EDGES_MS, Classifier, Outcome
from monitor.summary.model import ErrorsAtTimeout
from monitor.summary.timeouts_in_force import TimeoutsInForce

TOLERANCE = 0.02
"""Measured durations stray by less than this part around the timeout that ended them."""

MAX_OVERSHOOT_MS = 500.0
"""So much more may be shown than the timeout."""

MIN_EXECUTIONS = 5
"""Fewer may have ended there by chance."""


def errors_at_timeout(
    sums: Iterable[Tally], in_force: Mapping[str, TimeoutsInForce], classifier: Classifier
) -> tuple[ErrorsAtTimeout, ...]:
    """Return the errors that ended at the timeout in force, by their names, most first.

    Args:
        sums: Executions of a time range, one row for each way that an action ended.
        in_force: The timeouts of each action meanwhile. Where one was changed it is left out: the
            sums do not say under which one an execution ran.
        classifier: Reads how executions ended.
    """
    found: dict[str, dict[str, tuple[int, float]]] = defaultdict(dict)
    for row in sums:
        known = in_force.get(row.key.action_id)
        if known is None or len(known.during_ms) != 1:
            continue
        (timeout_ms,) = known.during_ms
        if classifier.outcome(row.key.error_type, row.key.response_status) is not Outcome.ERROR:
            continue
        count = _ended_at(row, float(timeout_ms))
        if count:
            before, _ = found[row.key.error_type].get(row.key.action_id, (0, 0.0))
            found[row.key.error_type][row.key.action_id] = before + count, timeout_ms / 1_000
    errors = [
        ErrorsAtTimeout(
            error_type=error_type,
            executions=sum(count for count, _ in by_action.values()),
            timeouts_seconds=tuple(sorted({seconds for _, seconds in by_action.values()})),
            actions=len(by_action),
        )
        for error_type, by_action in found.items()
    ]
    enough = [one for one in errors if one.executions >= MIN_EXECUTIONS]
    return tuple(sorted(enough, key=lambda one: (-one.executions, one.error_type)))


def errors_without_a_trace(
    sums: Iterable[Tally], classifier: Classifier
) -> tuple[tuple[str, int], ...]:
    """Return the errors that show neither a status nor a duration, by their names, most first.

    Args:
        sums: Executions of a time range, one row for each way that an action ended.
        classifier: Reads how executions ended.
    """
    found: Counter[str] = Counter()
    for row in sums:
        if row.key.response_status or row.counts.duration_ms > 0:
            continue
        if classifier.outcome(row.key.error_type, row.key.response_status) is Outcome.ERROR:
            found[row.key.error_type] += row.counts.count
    enough = [(error_type, count) for error_type, count in found.items() if count >= MIN_EXECUTIONS]
    return tuple(sorted(enough, key=lambda one: (-one[1], one[0])))


def _ended_at(row: Tally, timeout_ms: float) -> int:
    """Return how many executions of a row can have ended at the timeout.

    Some must: the longest ended there, or up to half a second later. Where the shortest did too,
    all of them; else those of the bands from there on.
    """
    least = timeout_ms * (1 - TOLERANCE)
    if not least <= row.counts.max_ms <= timeout_ms + max(MAX_OVERSHOOT_MS, TOLERANCE * timeout_ms):
        return 0
    if row.counts.min_ms >= least:
        return row.counts.count
    ends = (*BAND_EDGES_MS, float("inf"))
    return sum(count for count, end in zip(row.counts.bands, ends, strict=True) if end > timeout_ms)
