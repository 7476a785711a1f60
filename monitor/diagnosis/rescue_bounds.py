"""What share of the timeouts a longer timeout would rescue: at least, and at most.

Three things widen what the laws say. How far they were off where the truth can be seen. That they
may fall faster than the calls do: at most as many calls answer beyond the timeout as came in just
below it, for each part by which the time grows. And chance, in the counts that this rests on.
"""

from __future__ import annotations

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
    # Near the timeout there is little to be wrong about.
    widened = error * np.minimum(1.0, np.log(at_ms / at_ms[0]) / log(AHEAD))
    low, high = (
        np.array([laws.quantile(part, column) for column in rescued.T]) for part in (side, 1 - side)
    )
    most = ours * _most_rescued(pooled, curve, at_ms)
    return np.stack(
        [np.clip(low - widened, 0.0, ours), np.clip(np.maximum(high + widened, most), 0.0, ours)]
    )


def _most_rescued(pooled: Pooled, curve: SurvivalCurve, at_ms: Floats) -> Floats:
    """Return the share of the timeouts that a raise rescues if the density does not rise again.

    The density is that of the log of the duration: as many calls between 5 s and 10 s as between
    10 s and 20 s.
    """
    largest_ms, calls = float(pooled.timeout_ms[-1]), pooled.successes + pooled.timeouts
    edges = [float(at) for at in curve.at_ms if 0 < at <= largest_ms / NEAR_RATIO][-NEAR_EDGES:]
    if not edges:
        return np.ones_like(at_ms)
    density = 0.0
    for edge_ms in edges:
        near = curve.at(edge_ms) - curve.at(largest_ms)
        most = near + ERRORS * sqrt((near + 1 / calls) / calls)
        density = max(density, most / log(largest_ms / edge_ms))
    late = curve.at(float(at_ms[0]))
    least_late = max(late - ERRORS * sqrt(late * (1 - late) / calls), 1e-12)
    seen = late - np.interp(np.minimum(at_ms, largest_ms), curve.at_ms, curve.share)
    unseen = density * np.log(np.maximum(at_ms, largest_ms) / largest_ms)
    return np.minimum((seen + unseen) / least_late, 1.0)
