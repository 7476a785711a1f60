"""What share of the timeouts a longer timeout would rescue: at least, and at most.

Three things widen what the laws say. How far they were off where the truth can be seen. That they
may fall faster than the calls do: at most as many calls answer beyond the timeout as came in just
below it, for each part by which the time grows. And chance, in the counts that this rests on.

Where larger timeouts than the one in force were observed, it was counted what they rescue, and the
laws only speak of what lies beyond.
"""

from __future__ import annotations

from dataclasses import replace
from math import log, sqrt

import numpy as np

from monitor.diagnosis.backtest import AHEAD, backtest_error
from monitor.diagnosis.evidence import Floats
from monitor.diagnosis.pooling import Pooled
from monitor.diagnosis.posterior import Posterior
from monitor.diagnosis.survival import SurvivalCurve

SIDE = 0.05
"""Weight of the laws that say less than the lower bound, and of those that say more than the upper,
before either is widened."""

SECOND_MODE_SIDE = 0.005
"""The same of a second kind of call that runs into the timeout: where it falls off again was not
seen, and so could not be tried on fewer bands."""

NEAR_RATIO = 1.1
"""Just below the timeout is what lies beyond a band edge at least this far below it."""

NEAR_EDGES = 2
"""The densities from so many edges on are looked at, and the higher counts: one band may hold
little by chance, or because answers come at round times."""

ERRORS = 2.0
"""Standard errors that are added to counts where a bound rests on them."""


def rescue_bounds(  # noqa: PLR0913, PLR0917 - what was seen, what laws say of it, and where
    pooled: Pooled,
    curve: SurvivalCurve,
    laws: Posterior,
    rescued: Floats,
    at_ms: Floats,
    ours: float,
    side: float = SIDE,
) -> Floats:
    """Return the share that a raise to each duration rescues, at least and at most; shape (2, m).

    Args:
        pooled: The steady evidence.
        curve: Its survival.
        laws: The laws; n of them.
        rescued: The share by each of them; shape (n, m).
        at_ms: Durations, from the timeout in force on; shape (m,).
        ours: Share of the timeouts that our timeout ended: no others can be rescued.
        side: Weight of the laws that are left out on either side.
    """
    error = backtest_error(pooled, curve, SIDE)
    left = 1 - rescued / ours

    def beyond(start: int, laws: Posterior) -> Floats:
        """Return the bounds of what is rescued of the calls that outlast one of the durations."""
        of_these = 1 - np.minimum(left / np.maximum(left[:, start : start + 1], 1e-300), 1.0)
        low, high = np.array([laws.quantiles((side, 1 - side), at) for at in of_these.T]).T
        # Near the timeout there is little to be wrong about.
        ahead = np.maximum(np.log(at_ms / at_ms[start]), 0.0)
        widened = error * np.minimum(1.0, ahead / log(AHEAD))
        # A longer raise rescues as many: what it may fall short of, a shorter one may too.
        low = np.minimum.accumulate((low - widened)[::-1])[::-1]
        # Of those that nothing else ends.
        most = _most_rescued(pooled, curve, at_ms, float(at_ms[start]))
        most = np.minimum(most / curve.ours_share(float(at_ms[start])), 1.0)
        bounds = np.clip(np.stack([low, np.maximum(high + widened, most)]), 0.0, 1.0)
        bounds[:, : start + 1] = 0.0
        return np.asarray(bounds)

    bounds, largest_ms = beyond(0, laws), float(pooled.timeout_ms[-1])
    if largest_ms > at_ms[0]:
        # From the last of the durations that was seen.
        last = int(np.searchsorted(at_ms, largest_ms * (1 + 1e-9))) - 1
        seen = np.minimum(_counted(pooled, curve, at_ms[: last + 1]) / ours, 1.0)
        # Only laws that agree with that speak of what lies beyond.
        agrees = (rescued[:, last] / ours >= seen[0, -1]) & (rescued[:, last] / ours <= seen[1, -1])
        weight = laws.weight * agrees
        seen = np.pad(seen, ((0, 0), (0, len(at_ms) - last - 1)), mode="edge")
        if weight.sum() >= SIDE:
            seen += (1 - seen) * beyond(last, replace(laws, weight=weight / weight.sum()))
        else:
            seen[1, last + 1 :] = 1.0
        both = np.stack([np.maximum(bounds[0], seen[0]), np.minimum(bounds[1], seen[1])])
        bounds = np.where(both[0] <= both[1], both, seen)
    return np.asarray(ours * np.maximum.accumulate(bounds, axis=1))


def _counted(pooled: Pooled, curve: SurvivalCurve, at_ms: Floats) -> Floats:
    """Return the bounds of what was counted under larger timeouts, per timeout; shape (2, m).

    Args:
        pooled: The steady evidence.
        curve: Its survival, which is known at its points: between two it lies between theirs.
        at_ms: Durations, from the timeout in force to at most the largest; shape (m,).
    """
    late = max(curve.at(float(at_ms[0])), 1e-12)
    before = np.searchsorted(curve.at_ms, at_ms * (1 + 1e-9), side="right") - 1
    after = np.minimum(np.searchsorted(curve.at_ms, at_ms * (1 - 1e-9)), curve.at_ms.size - 1)
    rescued = 1 - np.minimum(curve.share[np.stack([before, after])] / late, 1.0)
    calls = late * np.array([pooled.calls_from(at * (1 - 1e-9)) for at in at_ms])
    calls = np.maximum(calls, 1e-9)
    error = ERRORS * np.sqrt((rescued * (1 - rescued) + 1 / calls) / calls)
    error[:, 0] = 0.0  # The timeout in force rescues nothing.
    return np.asarray(np.clip(rescued + np.array([[-1.0], [1.0]]) * error, 0.0, 1.0))


def _most_rescued(pooled: Pooled, curve: SurvivalCurve, at_ms: Floats, from_ms: float) -> Floats:
    """Return the share of the calls beyond a duration that a raise rescues at most.

    That is if the density does not rise again. It is that of the log of the duration: as many calls
    between 5 s and 10 s as between 10 s and 20 s.
    """
    largest_ms = float(pooled.timeout_ms[-1])
    edges = [float(at) for at in curve.at_ms if 0 < at <= largest_ms / NEAR_RATIO][-NEAR_EDGES:]
    if not edges:
        return np.ones_like(at_ms)
    calls = max(pooled.calls_from(largest_ms), 1e-9)
    density = 0.0
    for edge_ms in edges:
        near = curve.at(edge_ms) - curve.at(largest_ms)
        most = near + ERRORS * sqrt((near + 1 / calls) / calls)
        density = max(density, most / log(largest_ms / edge_ms))
    late, calls = curve.at(from_ms), max(pooled.calls_from(from_ms), 1e-9)
    least_late = max(late - ERRORS * sqrt(late * (1 - late) / calls), 1e-12)
    inside = np.clip(at_ms, from_ms, max(from_ms, largest_ms))
    seen = late - np.interp(inside, curve.at_ms, curve.share)
    unseen = density * np.log(np.maximum(at_ms, largest_ms) / largest_ms)
    return np.minimum((seen + unseen) / least_late, 1.0)
