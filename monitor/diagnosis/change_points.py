"""When an action began to behave otherwise: changes in the share of its calls that time out.

So are changes found in the share that is throttled, and in that of the answers that are slow.

Windows are parted where two binomials are likelier than one (``share_segments``). A back end that
is busy every noon is parted so too, every day, though nothing changes; therefore a segment counts
as changed only where it differs from the same time of day since the change before that. What came
back to how it was within a day has no such days: it is held against those before the change that
it came back from.

How unlikely a segment is, is bounded after Hoeffding (J. Am. Stat. Assoc. 58, 1963): of all calls
of a time of day that timed out, each lies in the segment with the part of the calls that it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import log

import numpy as np

from monitor.diagnosis.evidence import ActionEvidence, Floats
from monitor.diagnosis.share_changes import share_segments

MIN_PARTING_RATIO = 7.0
"""What the log-likelihood ratio of a change must reach beyond the log of the number of windows:
looked at every few minutes, chance shows one in fewer than one of a hundred actions a week."""

MIN_LOG_LIKELIHOOD_RATIO = 8.0
"""Against the same time of other days: chance reaches it once in 3,000 segments."""

MIN_TIMES = 1.5
"""A share that is less than so many times what it was, or more than one in so many, is worth no
verdict of its own: it says little else, and would have less evidence to say it from."""

MIN_COVERED = 0.5
"""So much of the calls at least must have the same time of other days to be held against."""

UNSEEN = 0.5
"""Timeouts that a time of day without any is taken to hold."""

MAX_CHANGES = 3
"""More than these in what is looked at, eight days, are how the back end is: then none counts."""

_SLOT_SECONDS = 900
_SLOTS = 96


class Changed(StrEnum):
    """What became more, or less."""

    TIMEOUTS = "timeouts"
    THROTTLING = "throttling"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """When an action began to behave otherwise.

    Attributes:
        at: Start of the first window that is so; epoch seconds.
        before: Share of the calls that were counted (timed out, were throttled, were answered
            slowly) before it, since the change before that.
        after: The same since then, until the next change.
        what: What was counted.
        slow_ms: Of latency, how long an answer took that was slow.
    """

    at: float
    before: float
    after: float
    what: Changed = Changed.TIMEOUTS
    slow_ms: float = 0.0

    @property
    def is_rise(self) -> bool:
        """Whether it is more now."""
        return self.after > self.before


def change_points(
    evidence: ActionEvidence, counted: Floats, calls: Floats
) -> tuple[ChangePoint, ...]:
    """Return when the share changed, oldest first.

    Only windows under the timeout in force are looked at: another timeout cuts off another share,
    and that is no change of the back end.

    Args:
        evidence: The steady windows, outages left out; n of them.
        counted: Of the calls, those whose share it is, by window; shape (n,).
        calls: All calls, likewise.
    """
    if not counted.any():
        return ()
    rows = slice(first_under_the_timeout(evidence), None)
    start, counted, calls = evidence.start[rows], counted[rows], calls[rows]
    segments = share_segments(counted, calls, MIN_PARTING_RATIO)
    if len(segments) <= 1:
        return ()
    by_time = _ByTimeOfDay(start, counted, calls)
    borders = [0]
    for one in segments[1:]:
        if by_time.differs(borders, one.first, one.end):
            borders.append(one.first)
    if len(borders) > MAX_CHANGES + 1:
        return ()
    ends = [*borders, len(start)]
    shares = [by_time.share(first, end) for first, end in pairwise(ends)]
    return tuple(
        ChangePoint(float(start[at]), before, after)
        for at, (before, after) in zip(borders[1:], pairwise(shares), strict=True)
    )


def first_under_the_timeout(evidence: ActionEvidence) -> int:
    """Return the first window since which the timeout in force is what it is; 0 for all of them."""
    others = np.flatnonzero(
        (evidence.timeout_ms > 0) & (evidence.timeout_ms != evidence.current_timeout_ms)
    )
    return int(others[-1]) + 1 if others.size else 0


class _ByTimeOfDay:
    """What was counted, by the time of day."""

    def __init__(self, start: Floats, counted: Floats, calls: Floats) -> None:
        self._slot = (start // _SLOT_SECONDS % _SLOTS).astype(np.int64)
        self._counted, self._calls = counted, calls

    def share(self, first: int, end: int) -> float:
        counted, calls = self._counted[first:end].sum(), self._calls[first:end].sum()
        return float(counted / calls) if calls > 0 else 0.0

    def differs(self, borders: list[int], first: int, end: int) -> bool:
        """Return whether a segment differs from what was since the newest border.

        Args:
            borders: First windows of what was alike, oldest first; at least one.
            first: The first window of the segment.
            end: The one after its last.
        """
        new, since = self._within(first, end), self._within(borders[-1], first)
        known = since[1] > 0
        if new[1][known].sum() >= MIN_COVERED * new[1].sum():
            return _is_unlike(new[:, known], since[:, known])
        if len(borders) == 1:
            return False
        return _came_back(new, since, self._within(borders[-2], borders[-1]))

    def _within(self, first: int, end: int) -> Floats:
        """Return what was counted, and all calls, by the time of day; shape (2, 96)."""
        return np.stack(
            [
                np.bincount(self._slot[first:end], weights=column[first:end], minlength=_SLOTS)
                for column in (self._counted, self._calls)
            ]
        )


def _is_unlike(new: Floats, old: Floats, least: float = MIN_LOG_LIKELIHOOD_RATIO) -> bool:
    """Return whether a share is another one than at the same times before, beyond chance.

    Args:
        new: What was counted, and all calls, by the time of day; shape (2, n).
        old: Likewise.
        least: What the log of the bound on chance must reach.
    """
    total, observed = float((new[0] + old[0]).sum()), float(new[0].sum())
    # As if there had been as many calls at each time before as there are now.
    usual = float(old[0] @ (new[1] / np.maximum(old[1], 1e-12)))
    if max(observed, usual) < MIN_TIMES * min(observed, usual):
        return False
    part = new[1] / np.maximum(new[1] + old[1], 1e-12)
    expected = float((new[0] + old[0]) @ part)
    return _term(observed, expected) + _term(total - observed, total - expected) >= least


def _came_back(new: Floats, since: Floats, old: Floats) -> bool:
    """Return whether what changed less than a day ago has ended.

    It has where all is as it was before at these times, and not so many times as much as the
    change had made of that.
    """
    known = old[1] > 0
    if new[1][known].sum() < MIN_COVERED * new[1].sum():
        return False
    if _is_unlike(new[:, known], old[:, known], MIN_LOG_LIKELIHOOD_RATIO / 2):
        return False
    usual = (old[0] + UNSEEN) / (old[1] + 1)
    times = float(since[0].sum()) / max(float(since[1] @ usual), 1e-12)
    expected = float(new[1][known] @ np.minimum(times * usual[known], 1.0))
    observed = float(new[0][known].sum())
    surprise = _term(observed, expected) - (observed - expected)
    return surprise >= MIN_LOG_LIKELIHOOD_RATIO


def _term(observed: float, expected: float) -> float:
    return observed * log(observed / max(expected, 1e-12)) if observed > 0 else 0.0
