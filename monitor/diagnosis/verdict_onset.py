"""Since when a verdict holds, and until when, from the windows that made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from monitor.diagnosis.early_ends import early_timeouts
from monitor.diagnosis.evidence import DAY_SECONDS, ActionEvidence, Floats
from monitor.diagnosis.model import Verdict
from monitor.diagnosis.outages import Outages
from monitor.diagnosis.severity import ONGOING_SECONDS
from monitor.diagnosis.share_changes import share_segments
from monitor.diagnosis.verdict_period import VerdictPeriod

QUIET_SECONDS = 3_600
"""Outages with less between them are one that wavered; with more, they are apart."""

UNCALLED_SECONDS = DAY_SECONDS
"""What was not called for so long is not said to go on; nor is its timeout raised."""

MIN_BAD_SHARE = 0.5
"""Bad is a time in which as many calls failed as half of the share that the verdict speaks of."""

MIN_EDGE_SHARE = 0.25
"""A window belongs to the outage beside it when its share of timeouts lies this part of the way
from that of steady times to the outage's: less shows only that the next one began, or the last
one ended, within it."""

MAX_WIDENING = 3
"""An outage reaches beyond the range that was found by at most one window in as many on each side:
the lengths that are tried lie no further apart, and beyond is what chance shows at any time."""

_BY_TAIL = frozenset(
    {Verdict.SLOW_TAIL, Verdict.HANGS, Verdict.UNCLEAR, Verdict.BIMODAL, Verdict.AT_CAP}
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What was judged, and how.

    Attributes:
        verdict: Why the action times out.
        timeout_share: Share of the calls that take longer than the timeout in force.
        target: The success share that is aimed at.
        incidents: The outages, oldest first.
    """

    verdict: Verdict
    timeout_share: float
    target: float
    incidents: tuple[VerdictPeriod, ...] = ()


def verdict_period(
    evidence: ActionEvidence, outages: Outages, judged: Judged
) -> VerdictPeriod | None:
    """Return since when a verdict holds; None for those that hold of no period in particular.

    An outage is the newest one. ``too_long`` holds since the timeout is what it is. All others
    hold for the newest time in which as much was bad: back over segments that are alike, to where
    it was not.

    Args:
        evidence: All settled windows.
        outages: Which of them were in outages.
        judged: The verdict.
    """
    if judged.verdict is Verdict.OUTAGE:
        return judged.incidents[-1] if judged.incidents else None
    if judged.verdict is Verdict.TOO_LONG:
        return _since_the_timeout(evidence)
    if judged.verdict is Verdict.THROTTLED:
        every = evidence.successes + evidence.timeouts + evidence.errors + evidence.throttled
        share = float(evidence.throttled.sum()) / max(float(every.sum()), 1.0)
        return _bad_period(evidence, evidence.throttled, every, share, judged.target)
    if judged.verdict not in _BY_TAIL | {Verdict.REMOTE_TIMEOUT}:
        return None
    steady = evidence.where(outages.steady)
    calls = steady.successes + steady.timeouts
    if judged.verdict is Verdict.REMOTE_TIMEOUT:
        early = early_timeouts(steady)
        share = float(early.sum()) / max(float(calls.sum()), 1.0)
        return _bad_period(steady, early, calls, share, judged.target)
    return _bad_period(steady, steady.timeouts, calls, judged.timeout_share, judged.target)


def ended_with_its_calls(
    verdict: Verdict, period: VerdictPeriod | None, last_called_at: float | None, until: float
) -> VerdictPeriod | None:
    """Return the period of what went on as long as it was called; None where it still goes on.

    ``too_long`` goes on without calls: the timeout is what it is.

    Args:
        verdict: The verdict.
        period: What it speaks of; None for no period in particular.
        last_called_at: The end of the newest window in which anything was executed; None for none.
        until: The end of the newest settled window; epoch seconds.
    """
    if verdict is Verdict.TOO_LONG or period is None or last_called_at is None:
        return None
    if not period.is_ongoing or until < last_called_at + UNCALLED_SECONDS:
        return None
    return replace(period, until=max(last_called_at, period.since))


def _bad_period(
    evidence: ActionEvidence, counted: Floats, calls: Floats, share: float, target: float
) -> VerdictPeriod | None:
    if not evidence.start.size:
        return None
    least = max(MIN_BAD_SHARE * share, 1 - target)
    segments = share_segments(counted, calls)
    bad = [at for at, one in enumerate(segments) if one.share >= least]
    if not bad:
        # Too little of it at any time: it is so, if at all, throughout.
        return VerdictPeriod(float(evidence.start[0]), is_since_start=True)
    last = first = bad[-1]
    while first - 1 in bad:
        first -= 1
    begin, end = segments[first].first, segments[last].end - 1
    return VerdictPeriod(
        since=float(evidence.start[begin]),
        until=None if last == len(segments) - 1 else float(_end(evidence)[end]),
        is_since_start=first == 0,
    )


def _since_the_timeout(evidence: ActionEvidence) -> VerdictPeriod | None:
    """Return the period since which the timeout in force is what it is."""
    if not evidence.start.size:
        return None
    others = np.flatnonzero(
        (evidence.timeout_ms > 0) & (evidence.timeout_ms != evidence.current_timeout_ms)
    )
    begin = min(int(others[-1]) + 1, len(evidence.start) - 1) if others.size else 0
    return VerdictPeriod(float(evidence.start[begin]), is_since_start=begin == 0)


def incidents(
    evidence: ActionEvidence,
    ranges: Sequence[tuple[int, int]],
    settled_until: float | None = None,
    others: Sequence[tuple[int, int]] = (),
) -> tuple[VerdictPeriod, ...]:
    """Return ranges in which timeouts came together as what happened, to the window; oldest first.

    What is less than ``QUIET_SECONDS`` apart is one. The newest goes on while its last window is
    the newest one.

    Args:
        evidence: All settled windows.
        ranges: Start and end of each; epoch seconds, oldest first.
        settled_until: The end of the newest settled window, whether or not anything was executed
            in it; epoch seconds, None where that is the end of the evidence.
        others: More ranges that are not as steady times are.
    """
    steady_share = _steady_share(evidence, (*ranges, *others))
    runs: list[tuple[int, int]] = []
    for since, until in ranges:
        if runs and since - runs[-1][1] < QUIET_SECONDS:
            since = runs.pop()[0]  # noqa: PLW2901 - it began with the one before
        runs.append((since, until))
    newest = evidence.end if settled_until is None else settled_until
    found = []
    for since, until in runs:
        inside = np.flatnonzero((evidence.start >= since) & (evidence.start < until))
        if not inside.size:
            continue
        first, last = _edges(evidence, inside, steady_share)
        end = float(_end(evidence)[last])
        # An action that is called now and then may not have been called again since.
        goes_on = last == len(evidence.start) - 1 and end >= newest - ONGOING_SECONDS
        found.append(
            VerdictPeriod(
                since=float(evidence.start[first]),
                until=None if goes_on else end,
                is_since_start=first == 0,
            )
        )
    return tuple(found)


def _steady_share(evidence: ActionEvidence, ranges: Sequence[tuple[int, int]]) -> float:
    """Return the share of timeouts outside of all ranges."""
    steady = np.ones(len(evidence.start), dtype=np.bool_)
    for since, until in ranges:
        steady &= (evidence.start < since) | (evidence.start >= until)
    timeouts = float(evidence.timeouts[steady].sum())
    return timeouts / max(float(evidence.successes[steady].sum()) + timeouts, 1.0)


def _edges(
    evidence: ActionEvidence, inside: npt.NDArray[np.intp], steady_share: float
) -> tuple[int, int]:
    """Return the first and the last window of an outage: ranges are scanned by a few lengths."""
    calls = evidence.successes + evidence.timeouts
    share = float(evidence.timeouts[inside].sum() / max(float(calls[inside].sum()), 1e-12))
    least = steady_share + MIN_EDGE_SHARE * max(share - steady_share, 0.0)
    bad = evidence.timeouts >= least * np.maximum(calls, 1e-12)
    bad &= evidence.timeouts > 0
    within = inside[bad[inside]]
    first, last = (int(within[0]), int(within[-1])) if within.size else (inside[0], inside[-1])
    reach = -(-inside.size // MAX_WIDENING)
    least_row, most_row = max(int(inside[0]) - reach, 0), min(int(inside[-1]) + reach, len(bad) - 1)
    while first > least_row and bad[first - 1] and _adjoins(evidence, first - 1):
        first -= 1
    while last < most_row and bad[last + 1] and _adjoins(evidence, last):
        last += 1
    return int(first), int(last)


def _adjoins(evidence: ActionEvidence, row: int) -> bool:
    """Return whether the next window follows at once."""
    return bool(evidence.start[row + 1] <= _end(evidence)[row])


def _end(evidence: ActionEvidence) -> Floats:
    return np.asarray(evidence.start + evidence.seconds)
