"""Which timed-out executions our timeout ended, and which ended early: a remote gave up by itself.

It is told from the durations of the executions that timed out. How many end before the timeout in
force is told by the windows under it: under another one they were ended by what may be over by now,
or were not yet ended by what is there today.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.diagnosis.evidence import ActionEvidence, Floats
from monitor.model import BAND_EDGES_MS, band_of

EARLY_RATIO = 0.98
"""A timed-out execution that took less than this part of our timeout was not ended by it.

Measured durations stray by less than 1 % around the timeout; the nearest limit that is worth
telling apart is a gateway's 29 s below our 30 s, at 0.967.
"""

MIN_CALLS_IN_FORCE = 200.0
"""Fewer calls under the timeout in force don't tell how many end early today."""

_LOWER_EDGES = np.array([0, *BAND_EDGES_MS], dtype=np.float64)
_UPPER_EDGES = np.array([*BAND_EDGES_MS, np.inf], dtype=np.float64)

Windows = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class EarlyEnds:
    """The early ends of the windows whose timeout is known; n of them.

    Attributes:
        count: Timed-out executions that ended early, at least; shape (n,).
        mean_ms: Their mean duration; 0.0 where there are none; shape (n,).
        today: The windows that tell how many end before the timeout in force; shape (n,).
        before: The windows whose early ends came before the timeout in force; shape (n,).
        calls: Successes and timeouts of today.
    """

    count: Floats
    mean_ms: Floats
    today: Windows
    before: Windows
    calls: float

    @staticmethod
    def of(evidence: ActionEvidence, rows: Windows) -> EarlyEnds:
        """Return those of the chosen windows, whose timeout is known."""
        in_force, current_ms = evidence.timeout_ms[rows], evidence.current_timeout_ms
        count, mean_ms = _early(evidence, rows)
        today = np.full(len(in_force), fill_value=True)
        calls = evidence.successes[rows] + evidence.timeouts[rows]
        # Where those under the timeout in force are too few, those under a longer one tell it too.
        for chosen in (in_force == current_ms, in_force >= current_ms):
            if calls[chosen].sum() >= MIN_CALLS_IN_FORCE:
                today = chosen
                break
        before = mean_ms < EARLY_RATIO * current_ms
        return EarlyEnds(count, mean_ms, today, before, float(calls[today].sum()))

    @property
    def mean_ms_before(self) -> float:
        """Mean duration of those of today that ended before the timeout in force; 0.0 for none."""
        count = self.count * (self.today & self.before)
        total = float(count.sum())
        return float(count @ self.mean_ms) / total if total else 0.0

    @property
    def counts(self) -> Windows:
        """The windows whose early ends count as they were counted: others are not of today."""
        return self.today | ~self.before

    @property
    def mean_ms_by_band(self) -> Floats:
        """Mean duration of those in each latency band; 0.0 where there are none; shape (21,)."""
        total_ms = self.by_band(self.counts, self.count * self.mean_ms)
        count = self.by_band(self.counts)
        return np.divide(total_ms, count, out=np.zeros_like(count), where=count > 0)

    def by_band(self, chosen: Windows, summed: Floats | None = None) -> Floats:
        """Return how many of the chosen windows ended in each latency band; shape (21,).

        Args:
            chosen: The windows; shape (n,).
            summed: What is summed in place of how many; shape (n,).
        """
        found = np.zeros(len(_LOWER_EDGES))
        rows = np.flatnonzero(chosen & (self.count > 0))
        values = (self.count if summed is None else summed)[rows]
        for at_ms, value in zip(self.mean_ms[rows].tolist(), values.tolist(), strict=True):
            found[band_of(at_ms)] += value
        return found

    def by_timeout(self, timeout_ms: Floats, group: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Return how many ended early under each timeout, and how many more are taken to; (g, 21).

        The first are as they were counted: those of today, and those that ended after the timeout
        in force. The second are a part of all executions under a timeout: as many as today end
        before the timeout in force, and before that timeout would have ended them.

        Args:
            timeout_ms: The timeouts, ascending; shape (g,).
            group: Which of them was in force in each window; shape (n,).
        """
        counted, part = np.zeros((2, len(timeout_ms), len(_LOWER_EDGES)))
        for one, limit_ms in enumerate(timeout_ms.tolist()):
            own = group == one
            counted[one] = self.by_band(own & self.counts)
            if not self.today[own].any():
                shorter = self.mean_ms < EARLY_RATIO * limit_ms
                # Where all of today end early, one more call may yet answer.
                part[one] = self.by_band(self.today & self.before & shorter) / (self.calls + 1)
        return counted, part


def early_timeouts(evidence: ActionEvidence) -> Floats:
    """Return how many of each window's timeouts ended before ours, at least; shape (n,)."""
    rows = evidence.timeout_ms > 0
    found = np.zeros(len(evidence.start))
    found[rows] = _early(evidence, rows)[0]
    return found


def _early(evidence: ActionEvidence, rows: np.ndarray) -> tuple[Floats, Floats]:
    """Return how many of each window's timeouts ended early, at least, and their mean duration."""
    early, mean = np.zeros((2, int(rows.sum())))
    # Few windows hold any.
    late = evidence.timeouts[rows] > 0
    if late.any():
        early[late], mean[late] = _early_of(evidence, np.flatnonzero(rows)[late])
    return early, mean


def _early_of(evidence: ActionEvidence, rows: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Return the same of windows in which calls timed out."""
    count = evidence.timeouts[rows]
    limit = evidence.timeout_ms[rows]
    total_ms = evidence.timeout_duration_ms[rows]
    bands = evidence.timeout_bands[rows]
    shortest, longest = evidence.timeout_min_ms[rows], evidence.timeout_max_ms[rows]
    early_band = _UPPER_EDGES[None, :] <= (EARLY_RATIO * limit)[:, None]
    by_band = np.minimum((bands * early_band).sum(axis=1), count)
    middle_ms = (_LOWER_EDGES + np.where(np.isfinite(_UPPER_EDGES), _UPPER_EDGES, 0)) / 2
    band_ms = (bands * early_band) @ middle_ms
    mean = np.divide(band_ms, by_band, out=np.zeros_like(limit), where=by_band > 0)
    timed = (count > 0) & (total_ms > 0)
    # All of them: the longest is early. Some, but no band tells: were the early ones all as short
    # as the shortest, so many would explain the mean.
    all_early = timed & (longest > 0) & (longest < EARLY_RATIO * limit)
    average = np.divide(total_ms, count, out=np.zeros_like(limit), where=count > 0)
    some = timed & ~all_early & (shortest > 0) & (shortest < EARLY_RATIO * limit)
    gap = np.where(some, limit - shortest, 1.0)
    by_mean = np.where(some, np.clip(count * (limit - average) / gap, 0.0, count), 0.0)
    early = np.where(all_early, count, np.maximum(by_band, by_mean))
    mean = np.where(all_early, average, np.where(by_band >= by_mean, mean, shortest))
    return early, np.where(early > 0, mean, 0.0)
