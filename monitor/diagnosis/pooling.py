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
        cut_short: Executions under another timeout that ended early and would not today, by band:
            as many as would have taken longer, nobody knows how long; shape (21,).
        timeouts: Executions that timed out, as they were counted, without those of ``cut_short``.
        early_share: Timed-out executions that ended before the timeout in force would have ended
            them, per timed-out execution under it; under any where those are few.
        early_variance: That of the share that ends early, where fewer calls tell it; else 0.
        near: How successes lie just below the timeout in force; None where it was not looked at.
    """

    timeout_ms: Floats
    bands: Floats
    ended_by_us: Floats
    early: Floats
    early_ms: Floats
    early_at_ms: float
    cut_short: Floats
    timeouts: float
    early_share: float = 0.0
    early_variance: float = 0.0
    near: NearBands | None = None

    @property
    def successes(self) -> float:
        """Executions that succeeded."""
        return float(self.bands.sum())

    def calls_from(self, timeout_ms: float) -> float:
        """Return how many executions were under timeouts of at least so much."""
        rows = self.timeout_ms >= timeout_ms
        return float(self.bands[rows].sum() + self.ended_by_us[rows].sum())

    def calls_that_tell(self, timeout_ms: float, share: float) -> float:
        """Return how many calls tell the share beyond a timeout: by its error, if all told it.

        Args:
            timeout_ms: The timeout.
            share: Share of the calls beyond it.
        """
        calls, variance = self.calls_from(timeout_ms), share * (1 - share)
        if calls <= 0 or variance <= 0:
            return calls
        return variance / (variance / calls + self.early_variance)

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
    ended_by_us = np.maximum(by_timeout(timed_out) - by_timeout(ends.by_window), 0.0)
    early, part, over = ends.by_timeout(timeouts_ms, group)
    known = bands.sum(axis=1) + ended_by_us + early.sum(axis=1)
    today = np.bincount(group, weights=ends.tells, minlength=groups) > 0
    odds = _odds_of_longer((bands + early)[today].sum(axis=0), float(ended_by_us[today].sum()))
    likely = known[:, None] * np.where(np.isfinite(odds), odds, 0.0)
    cut_short = np.where(np.isfinite(odds), np.minimum(over, likely), over)
    every = known + cut_short.sum(axis=1)
    rest = (1 - part.sum(axis=1))[:, None]
    early = early * rest + part * every[:, None]
    ended_by_us = ended_by_us * rest[:, 0]
    in_force = timeouts_ms == current_ms
    total = float((ended_by_us + early.sum(axis=1))[in_force].sum())
    timeouts = float(timed_out.sum() - over.sum())
    # Few tell no share; those that are taken to end as early are copies of those few.
    is_shown = total >= MIN_TIMEOUTS_IN_FORCE and today[in_force].all()
    return Pooled(
        timeout_ms=timeouts_ms,
        bands=bands * rest,
        ended_by_us=ended_by_us,
        early=early.sum(axis=0),
        early_ms=ends.mean_ms_by_band,
        early_at_ms=ends.mean_ms_before,
        cut_short=(cut_short * rest).sum(axis=0),
        timeouts=timeouts,
        early_share=ends.count_before / max(total if is_shown else timeouts, 1e-12),
        early_variance=ends.variance if part.any() else 0.0,
        near=NearBands.pooled(evidence.near),
    )


def _odds_of_longer(ended: Floats, ended_by_us: float) -> Floats:
    """Return how many of today's calls take longer than each band begins, per one that does not.

    Args:
        ended: Their successes and early ends by band; shape (21,).
        ended_by_us: How many our timeout ended.
    """
    longer = np.cumsum(ended[::-1])[::-1] + ended_by_us
    shorter = ended.sum() + ended_by_us - longer
    odds = np.full(len(ended), np.inf)
    np.divide(longer, shorter, out=odds, where=shorter > 0)
    return odds


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
