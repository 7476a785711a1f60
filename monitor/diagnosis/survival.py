"""How many calls take longer than t, without any assumption, as far as timeouts let us see.

Turnbull's self-consistent estimate (J. R. Stat. Soc. B 38, 1976) of a distribution from intervals:
a success lies in its latency band, below the timeout of its moment; an execution that timed out
lies anywhere beyond it, or would have ended early there. One that ended early takes longer than any
timeout: whatever ended it would have done so under each. With one timeout it is the share of
executions below each edge; with several it is what Kaplan-Meier gives for exact durations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.diagnosis.early_ends import EARLY_RATIO
from monitor.diagnosis.evidence import ActionEvidence, Floats
from monitor.diagnosis.pooling import Pooled, pool
from monitor.model import BAND_EDGES_MS

MIN_LATE_CALLS = 30.0
"""Of the calls under timeouts above the one in force so many must outlast that: fewer are a
handful, and nothing is claimed as if such a timeout had been observed."""

MIN_OURS = 0.01
"""Where hardly any timeout is one that more time could rescue, so many are taken to be."""

_MAX_ITERATIONS = 2_000
_TOLERANCE = 1e-9
_EDGES = np.array([0, *BAND_EDGES_MS], dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalCurve:
    """The share of calls that take at least t, at the points where it can be known.

    Attributes:
        at_ms: Points, ascending, from 0 to the largest timeout; shape (k,).
        share: Share of calls that take longer; begins at 1 and never rises; shape (k,).
        early: Share of calls that somebody else ends, however long the timeout: a part of those
            that take longer at each point.
    """

    at_ms: Floats
    share: Floats
    early: float = 0.0

    def at(self, duration_ms: float) -> float:
        """Return the share of calls that take longer: even in a band, flat at the end."""
        return float(np.interp(duration_ms, self.at_ms, self.share))

    def lost_share(self, timeout_ms: float) -> float:
        """Return the share of the calls beyond a timeout that no longer one would let answer."""
        late = self.at(timeout_ms) if self.at_ms.size else 0.0
        return min(self.early / late, 1.0) if late else 0.0

    def ours_share(self, timeout_ms: float) -> float:
        """Return the share of the others, or next to none where there are none."""
        return max(1.0 - self.lost_share(timeout_ms), MIN_OURS)

    def quantile_ms(self, share: float) -> float | None:
        """Return the shortest duration that all but ``share`` of the calls stay within, if seen."""
        if not self.at_ms.size or self.share[-1] > share:
            return None
        last = int(np.argmax(self.share <= share))
        if last == 0:
            return float(self.at_ms[0])
        high, low = self.share[last - 1], self.share[last]
        left, right = self.at_ms[last - 1], self.at_ms[last]
        return float(left + (right - left) * (high - share) / (high - low))


def survival_curve(pooled: Pooled) -> SurvivalCurve:
    """Return the estimate; without executions it has no points."""
    early, cut = np.flatnonzero(pooled.early), np.flatnonzero(pooled.cut_short)
    lows, highs, counts = np.array(_intervals(pooled)).reshape(-1, 3).T
    if not lows.size and not early.size:
        return SurvivalCurve(np.zeros(0), np.zeros(0))
    last = pooled.timeout_ms[-1:] if early.size else np.zeros(0)
    points = np.unique(np.concatenate([[0.0], lows, highs, _EDGES[cut], last]))
    points = points[np.isfinite(points)]
    # A cell for what lies from each point to the next, and one for each kind of early end.
    early_ms = pooled.early_ms[None, early]
    at_least, until = lows[:, None], highs[:, None]
    by_duration = (points[None, :] >= at_least) & (points[None, :] < until)
    # What our timeout ended may have been about to end early, but not before it.
    by_others = np.isinf(until) & (early_ms >= EARLY_RATIO * at_least)
    # How many of what others then ended would end early before any timeout was taken from today.
    beyond_any = early_ms >= EARLY_RATIO * pooled.timeout_ms[0]
    cut_by_others = np.broadcast_to(beyond_any, (cut.size, early.size))
    inside = np.block(
        [
            [by_duration, by_others],
            [points[None, :] >= _EDGES[cut, None], cut_by_others],
            [np.zeros((early.size, points.size), bool), np.eye(early.size, dtype=bool)],
        ]
    )
    weights = np.concatenate([counts, pooled.cut_short[cut], pooled.early[early]])
    mass = np.full(inside.shape[1], 1.0 / inside.shape[1])
    share = weights / weights.sum()
    for _ in range(_MAX_ITERATIONS):
        parts = inside * mass[None, :]
        parts *= (share / parts.sum(axis=1))[:, None]
        updated = parts.sum(axis=0)
        moved = float(np.abs(updated - mass).max())
        mass = updated
        if moved < _TOLERANCE:
            break
    left = np.concatenate([[1.0], 1.0 - np.cumsum(mass[: points.size])[:-1]])
    # What is left of one within what the estimate is exact to is no call that takes longer.
    left[left < _TOLERANCE] = 0.0
    return SurvivalCurve(points, np.clip(left, 0.0, 1.0), float(mass[points.size :].sum()))


def pool_observed(evidence: ActionEvidence, timeout_ms: float) -> Pooled:
    """Pool windows, but for those above the timeout in force that too few calls outlasted.

    Args:
        evidence: The windows.
        timeout_ms: The timeout in force.
    """
    pooled = pool(evidence)
    kept = pooled.timeout_ms <= timeout_ms
    if kept.all() or pooled.successes + pooled.timeouts <= 0:
        return pooled
    late = survival_curve(pooled).at(timeout_ms)
    kept |= [late * pooled.calls_from(at) >= MIN_LATE_CALLS for at in pooled.timeout_ms]
    if kept.all() or not kept.any():
        return pooled
    return pool(evidence.where(np.isin(evidence.timeout_ms, pooled.timeout_ms[kept])))


def _intervals(pooled: Pooled) -> list[tuple[float, float, float]]:
    """Return (low, high, count) of the successes, and of what our timeout ended."""
    found: dict[tuple[float, float], float] = {}
    for _, low, high, count in pooled.success_cells():
        found[low, high] = found.get((low, high), 0.0) + count
    for timeout_ms, ended in zip(pooled.timeout_ms, pooled.ended_by_us, strict=True):
        if ended > 0:
            key = (float(timeout_ms), np.inf)
            found[key] = found.get(key, 0.0) + float(ended)
    return [(low, high, count) for (low, high), count in sorted(found.items())]
