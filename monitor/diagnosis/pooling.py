"""From windows to what a fit needs: successes by band and timeouts, pooled by timeout in force.

How many end early before the timeout in force, because somebody else gave up, is told by the
windows under it. Of the executions under other timeouts the same part is taken to end as early, as
far as their own timeout lets them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from monitor.diagnosis.early_ends import EarlyEnds
from monitor.diagnosis.evidence import ActionEvidence, Floats
from monitor.diagnosis.near_bands import NearBands
from monitor.model import BAND_EDGES_MS

MIN_TIMEOUTS_IN_FORCE = 10.0
"""Fewer timeouts under the timeout in force don't tell what part of them ends early."""

_LOWER_EDGES = np.array([0, *BAND_EDGES_MS], dtype=np.float64)
_UPPER_EDGES = np.array([*BAND_EDGES_MS, np.inf], dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Executions by the timeout that was in force; one row a timeout, ascending.

    Attributes:
        timeout_ms: The timeouts; shape (g,).
        bands: Successes by latency band, all below their timeout; shape (g, 21).
        ended_by_us: Executions that our timeout ended; shape (g,).
        early: Timed-out executions that ended earlier, by the band they ended in, as many as there
            would be today; shape (21,).
        early_ms: Mean duration of those in each band; 0.0 where there are none; shape (21,).
        early_at_ms: Mean duration of those that ended before the timeout in force; 0.0 where there
            are none.
        early_share: Timed-out executions that ended before the timeout in force would have ended
            them, per timed-out execution under it.
        near: How successes lie just below the timeout in force; None where it was not looked at.
    """

    timeout_ms: Floats
    bands: Floats
    ended_by_us: Floats
    early: Floats
    early_ms: Floats
    early_at_ms: float
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
    timed_out, current_ms = evidence.timeouts[rows], evidence.current_timeout_ms
    timeouts_ms, group = np.unique(evidence.timeout_ms[rows], return_inverse=True)
    groups = len(timeouts_ms)
    bands = np.zeros((groups, len(_LOWER_EDGES)))

    def by_timeout(counts: Floats) -> Floats:
        return np.bincount(group, weights=counts, minlength=groups).astype(np.float64)

    for one, timeout_ms in enumerate(timeouts_ms):
        bands[one] = evidence.bands[evidence.timeout_ms == timeout_ms].sum(axis=0)
    bands = _below_timeout(bands, by_timeout(evidence.successes[rows]), timeouts_ms)
    ends = EarlyEnds.of(evidence, rows)
    ended_by_us = np.maximum(by_timeout(timed_out) - by_timeout(ends.count), 0.0)
    counted_early, part = ends.by_timeout(timeouts_ms, group)
    every = bands.sum(axis=1) + ended_by_us + counted_early.sum(axis=1)
    rest = 1 - part.sum(axis=1)
    early = counted_early * rest[:, None] + part * every[:, None]
    before = by_timeout(ends.count * (ends.today & ends.before)) + part.sum(axis=1) * every
    ended_by_us = ended_by_us * rest
    total = ended_by_us + early.sum(axis=1)
    shown = timeouts_ms == current_ms
    if total[shown].sum() < MIN_TIMEOUTS_IN_FORCE:
        shown |= True
    return Pooled(
        timeout_ms=timeouts_ms,
        bands=bands * rest[:, None],
        ended_by_us=ended_by_us,
        early=early.sum(axis=0),
        early_ms=ends.mean_ms_by_band,
        early_at_ms=ends.mean_ms_before,
        early_share=float(before[shown].sum()) / max(float(total[shown].sum()), 1e-12),
        near=NearBands.pooled(evidence.near),
    )


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
