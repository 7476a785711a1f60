"""What a verdict is given of: the newest period in which an action behaved alike.

An outage that is over for long is left out: it was an incident, and is listed as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from monitor.diagnosis.change_points import Changed, ChangePoint, change_points
from monitor.diagnosis.evidence import DAY_SECONDS, ActionEvidence
from monitor.diagnosis.outages import Outages, outages_among
from monitor.model import BAND_EDGES_MS

OUTAGE_TOLD_SECONDS = 20 * 3_600
"""So long after its end an outage is the verdict: whoever asks in the morning is told of the night,
and a day later it is an incident of the past."""

MAX_GAP_TIMES = 1.5
"""Outages that come again are told on until the next one is overdue by half."""

MAX_AGAIN_SECONDS = 1.2 * DAY_SECONDS
"""What comes again within so long, every night for one, comes again."""


MIN_LATENCY_SECONDS = 3 * DAY_SECONDS
"""Answers that are faster for a weekend, when fewer call, are no change: what lasts for three days
is one. Until then drift is told of, and nothing is raised."""

SAME_CHANGE_SECONDS = 6 * 3_600
"""A change of latency no further than this from one of timeouts is that one: where few calls time
out, theirs is found some hours beside where it was."""


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPeriod:
    """Evidence of a period, and what happened in it.

    Attributes:
        evidence: Its windows, but for those of outages that are over for long.
        outages: Those in it.
        change: The change that it begins with; None where it is all that is known.
    """

    evidence: ActionEvidence
    outages: Outages
    change: ChangePoint | None


def periods_to_judge(
    evidence: ActionEvidence, outages: Outages, settled_until: float
) -> tuple[JudgedPeriod, ...]:
    """Return the periods that a verdict may be given of, the newest first; the last is all.

    Args:
        evidence: All settled windows.
        outages: The outages among them.
        settled_until: The end of the newest settled window; epoch seconds.
    """
    current = ~_past(evidence, outages, settled_until)
    found = []
    for change in reversed(_changes(evidence, outages)):
        chosen = current & (evidence.start >= change.at)
        found.append(
            JudgedPeriod(evidence.where(chosen), outages_among(evidence, outages, chosen), change)
        )
    found.append(
        JudgedPeriod(evidence.where(current), outages_among(evidence, outages, current), None)
    )
    return tuple(found)


def told_until(ranges: Sequence[tuple[int, int]]) -> float:
    """Return until when the newest of some outages is told of; epoch seconds.

    Args:
        ranges: Start and end of each; epoch seconds, oldest first, at least one.
    """
    begin, end = ranges[-1]
    gaps = [begin - one for one, _ in ranges[:-1] if begin - one <= MAX_AGAIN_SECONDS]
    return max(end + OUTAGE_TOLD_SECONDS, begin + MAX_GAP_TIMES * max(gaps, default=0))


def told_outages(
    ranges: Sequence[tuple[int, int]], settled_until: float
) -> Sequence[tuple[int, int]]:
    """Return the outages that are not over for long, and those that these came again after.

    Args:
        ranges: Start and end of each; epoch seconds, oldest first.
        settled_until: The end of the newest settled window; epoch seconds.
    """
    if not ranges or told_until(ranges) <= settled_until:
        return ()
    first = len(ranges) - 1
    while first and ranges[first][0] - ranges[first - 1][0] <= MAX_AGAIN_SECONDS:
        first -= 1
    return ranges[first:]


def _past(
    evidence: ActionEvidence, outages: Outages, settled_until: float
) -> npt.NDArray[np.bool_]:
    """Return the windows of outages that are over for long."""
    told = told_outages(outages.outages, settled_until)
    begin = told[0][0] if told else np.inf
    return np.asarray(~outages.steady & (evidence.start < begin))


def _changes(evidence: ActionEvidence, outages: Outages) -> list[ChangePoint]:
    """Return when anything changed that a verdict speaks of, oldest first."""
    steady = evidence.where(outages.steady)
    calls = steady.successes + steady.timeouts
    found = [*change_points(steady, steady.timeouts, calls)]
    if steady.throttled.any():
        every = calls + steady.errors + steady.throttled
        throttled = change_points(steady, steady.throttled, every)
        found += [replace(one, what=Changed.THROTTLING) for one in throttled]
    found += [
        one
        for one in _changes_of_latency(steady)
        if all(abs(one.at - other.at) > SAME_CHANGE_SECONDS for other in found)
    ]
    return sorted(found, key=lambda one: one.at)


def _changes_of_latency(evidence: ActionEvidence) -> tuple[ChangePoint, ...]:
    """Return when answers became slower or faster: the share beyond the edge next to the median."""
    shown = evidence.bands.sum(axis=1)
    total = float(shown.sum())
    if total <= 0:
        return ()
    below = np.cumsum(evidence.bands.sum(axis=0))[: len(BAND_EDGES_MS)] / total
    edge = int(np.argmin(np.abs(below - 0.5)))
    slow = shown - evidence.bands[:, : edge + 1].sum(axis=1)
    found = change_points(evidence, slow, shown)
    ends = [*(one.at for one in found[1:]), evidence.end]
    return tuple(
        replace(one, what=Changed.LATENCY, slow_ms=float(BAND_EDGES_MS[edge]))
        for one, end in zip(found, ends, strict=False)
        if end - one.at >= MIN_LATENCY_SECONDS
    )
