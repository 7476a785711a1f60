"""From windows to what a fit needs: successes by band and timeouts, pooled by timeout in force.

Which executions ended at our timeout and which ended earlier, because a remote or a gateway gave
up by itself, is told here from the durations of the executions that timed out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.diagnosis.evidence import ActionEvidence, Floats
from monitor.diagnosis.near_bands import NearBands
from monitor.model import BAND_EDGES_MS, band_of

EARLY_RATIO = 0.98
"""A timed-out execution that took less than this part of our timeout was not ended by it.

Measured durations stray by less than 1 % around the timeout; the nearest limit that is worth
telling apart is a gateway's 29 s below our 30 s, at 0.967.
"""

MIN_TIMEOUTS_IN_FORCE = 10.0
"""Fewer timeouts under the timeout in force don't tell how many end early under it."""

_LOWER_EDGES = np.array([0, *BAND_EDGES_MS], dtype=np.float64)
_UPPER_EDGES = np.array([*BAND_EDGES_MS, np.inf], dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Executions by the timeout that was in force; one row a timeout, ascending.

    Attributes:
        timeout_ms: The timeouts; shape (g,).
        bands: Successes by latency band, all below their timeout; shape (g, 21).
        ended_by_us: Executions that our timeout ended; shape (g,).
        early: Timed-out executions that ended earlier, by the band they ended in; shape (21,).
        early_at_ms: Mean duration of the early ones; 0.0 where there are none.
        lost_share: Early ones per timed-out execution under the timeout in force or a longer one,
            for what a shorter one has ended might have ended early under it; under any where these
            are few. No raise rescues them.
        early_share: Those of them that ended before the timeout in force would have ended them.
        near: How successes lie just below the timeout in force; None where it was not looked at.
    """

    timeout_ms: Floats
    bands: Floats
    ended_by_us: Floats
    early: Floats
    early_at_ms: float
    lost_share: float = 0.0
    early_share: float = 0.0
    near: NearBands | None = None

    @property
    def successes(self) -> float:
        """Executions that succeeded."""
        return float(self.bands.sum())

    @property
    def timeouts(self) -> float:
        """Executions that timed out, whether our timeout ended them or another."""
        return float(self.ended_by_us.sum() + self.early.sum())

    def calls_from(self, timeout_ms: float) -> float:
        """Return how many executions were under timeouts of at least so much."""
        rows = self.timeout_ms >= timeout_ms
        return float(self.bands[rows].sum() + self.ended_by_us[rows].sum())

    def success_cells(self) -> Iterator[tuple[float, float, float, float]]:
        """Yield (timeout, low, high, count) of successes in each band, as finely as was seen."""
        for timeout_ms, bands in zip(self.timeout_ms.tolist(), self.bands, strict=True):
            near = self.near if self.near and self.near.timeout_ms == timeout_ms else None
            for band in np.flatnonzero(bands).tolist():
                low, high = float(_LOWER_EDGES[band]), min(timeout_ms, float(_UPPER_EDGES[band]))
                count = float(bands[band])
                parts = near.parts(low, high, count) if near else [(low, high, count)]
                for part in parts:
                    yield (timeout_ms, *part)


def pool(evidence: ActionEvidence) -> Pooled:
    """Pool windows by timeout; windows whose timeout is unknown are left out."""
    rows = evidence.timeout_ms > 0
    in_force = evidence.timeout_ms[rows]
    early_count, early_mean = _early(evidence, rows)
    timeouts_ms, group = np.unique(in_force, return_inverse=True)
    groups = len(timeouts_ms)
    bands = np.zeros((groups, len(_LOWER_EDGES)))
    counted = np.bincount(group, weights=evidence.successes[rows], minlength=groups)
    successes = np.asarray(counted, dtype=np.float64)
    for one, timeout_ms in enumerate(timeouts_ms):
        bands[one] = evidence.bands[evidence.timeout_ms == timeout_ms].sum(axis=0)
    timed_out = np.bincount(group, weights=evidence.timeouts[rows], minlength=groups)
    early_by_group = np.bincount(group, weights=early_count, minlength=groups)
    early = np.zeros(len(_LOWER_EDGES))
    for at_ms, count in zip(early_mean[early_count > 0], early_count[early_count > 0], strict=True):
        early[band_of(float(at_ms))] += count
    total_early = float(early_count.sum())
    as_long = timeouts_ms >= evidence.current_timeout_ms
    is_few = timed_out[as_long].sum() < MIN_TIMEOUTS_IN_FORCE
    shown = np.full(groups, fill_value=True) if is_few else as_long
    shown_late = max(float(timed_out[shown].sum()), 1e-12)
    is_before = early_mean < EARLY_RATIO * evidence.current_timeout_ms
    before = np.bincount(group, weights=early_count * is_before, minlength=groups)
    return Pooled(
        timeout_ms=timeouts_ms,
        bands=_below_timeout(bands, successes, timeouts_ms),
        ended_by_us=np.maximum(timed_out - early_by_group, 0.0),
        early=early,
        early_at_ms=float(early_count @ early_mean) / total_early if total_early else 0.0,
        lost_share=float(early_by_group[shown].sum()) / shown_late,
        early_share=float(before[shown].sum()) / shown_late,
        near=NearBands.pooled(evidence.near),
    )


def early_timeouts(evidence: ActionEvidence) -> Floats:
    """Return how many of each window's timeouts ended before ours, at least; shape (n,)."""
    rows = evidence.timeout_ms > 0
    found = np.zeros(len(evidence.start))
    found[rows] = _early(evidence, rows)[0]
    return found


def _below_timeout(bands: Floats, successes: Floats, timeouts_ms: Floats) -> Floats:
    """Successes whose band is missing are spread like the others; none may outlast its timeout."""
    in_bands = bands.sum(axis=1)
    known = in_bands > 0
    scale = np.where(known, successes / np.where(known, in_bands, 1.0), 0.0)
    scaled = bands * np.where(known & (successes == 0), 1.0, scale)[:, None]
    for row, timeout_ms in enumerate(timeouts_ms):
        # A success that was measured a little above the timeout came just before it.
        last = int(np.searchsorted(_LOWER_EDGES, timeout_ms)) - 1
        scaled[row, last] += scaled[row, last + 1 :].sum()
        scaled[row, last + 1 :] = 0.0
    return scaled


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
