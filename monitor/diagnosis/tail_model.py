"""From where on one kind of call describes what was seen.

All bands are described where some family fits them all. Where none does, the body of the
distribution (two kinds of calls, a cache) says little about its tail: then only what took longer
than some band edge is described, starting at the lowest edge from which a family fits.
"""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc

from monitor.diagnosis.distributions import FAMILIES, SECOND_MODE_FAMILIES
from monitor.diagnosis.likelihood import censored_sample
from monitor.diagnosis.pooling import Pooled
from monitor.diagnosis.posterior import MapEstimate, map_estimate, tempered_likelihood
from monitor.diagnosis.survival import SurvivalCurve
from monitor.model import BAND_EDGES_MS

MIN_P_VALUE = 0.01
"""A family that describes the bands worse than this (p-value of the likelihood-ratio test) does
not describe them."""

MIN_SHARE_BELOW = 0.3
"""The first edge to start from has this share of the successes below it: earlier ones change
little."""

MIN_CELLS = 2
"""Fewer cells of successes have no shape."""

MIN_SUCCESSES = 30.0
"""Fewer successes than this are a handful, not a kind of call."""


def select_tail_model(
    pooled: Pooled, curve: SurvivalCurve, *, second_mode: bool = False
) -> MapEstimate | None:
    """Return the best laws, from where on they describe; None where successes have no shape.

    Args:
        pooled: The steady evidence.
        curve: Its survival.
        second_mode: Whether what is left beyond some band edge is a kind of call of its own.
    """
    closest: tuple[float, MapEstimate] | None = None
    for from_ms in _lower_bounds(pooled):
        data = censored_sample(pooled, from_ms, curve.at(from_ms) if from_ms else 1.0)
        if len(data.count) < MIN_CELLS or data.successes <= 0:
            break
        if closest is not None and data.successes < MIN_SUCCESSES:
            break
        found = map_estimate(
            tempered_likelihood(data, SECOND_MODE_FAMILIES if second_mode and from_ms else FAMILIES)
        )
        p_value, misfit = _goodness_of_fit(found, curve)
        if p_value >= MIN_P_VALUE:
            return found
        if closest is None or misfit < closest[0]:
            closest = misfit, found
    return closest[1] if closest else None


def _lower_bounds(pooled: Pooled) -> list[float]:
    totals = pooled.bands.sum(axis=0)
    below = np.cumsum(totals) / max(float(totals.sum()), 1.0)
    edges = [
        float(edge)
        for band, edge in enumerate(BAND_EDGES_MS)
        if below[band] >= MIN_SHARE_BELOW and totals[band] > 0 and edge < pooled.timeout_ms[0]
    ]
    return [0.0, *edges]


def _goodness_of_fit(found: MapEstimate, curve: SurvivalCurve) -> tuple[float, float]:
    """Return the p-value of the likelihood-ratio test against no assumption, and the misfit."""
    data = found.likelihood.sample
    points = np.append(data.at_ms, 0.0)  # an index of -1 is the last of these
    share = np.interp(points, curve.at_ms, curve.share) / max(curve.at(data.from_ms), 1e-12)
    mass = np.maximum(share[data.low] - share[data.high], 1e-300)
    best = float(data.count @ np.log(mass))
    best += float(data.censored @ np.log(np.maximum(share[data.censored_at], 1e-300)))
    inside = np.append(1.0, share[:-1][data.at_ms > data.from_ms])
    occupied = int((np.diff(inside) < 0).sum())
    half = found.likelihood.models // 2
    bound, free = found.log_likelihood[:half].max(), found.log_likelihood[half:].max()
    freedom = max(1, occupied - 2 - int(free > bound + 1e-6))
    deviance = max(0.0, 2 * (best - float(max(bound, free))))
    # With many executions the test would find fault with any law, as the weights would.
    return float(chdtrc(freedom, deviance / found.likelihood.dispersion)), deviance / freedom


MIN_RISE_ERRORS = 3.5
"""Standard errors by which the density must rise again: chance does so in 1 action of 4,000."""


MIN_CALLS = 30.0
"""Fewer calls than this are a handful, not a kind of call."""


MIN_DENSITY_AT_TIMEOUT = 0.8
"""The density at the timeout is at least this part of the second mode's peak: it goes on."""


MIN_TIMEOUTS_PER_CALL = 1.0
"""Timeouts per visible call of the second mode: with fewer, the mode lies mostly below the timeout
and what is beyond is its tail."""


def has_second_mode(pooled: Pooled) -> bool:
    """Return whether the density falls, rises again and is still high at the largest timeout."""
    if not pooled.timeout_ms.size:
        return False
    timeout_ms = float(pooled.timeout_ms[-1])
    edges = np.array([0.0, *(edge for edge in BAND_EDGES_MS if edge < timeout_ms), timeout_ms])
    count = pooled.bands[-1][: len(edges) - 1]
    width = np.diff(edges)
    density = count / width
    peak = int(np.argmax(density))
    for valley in range(peak + 1, len(density) - 1):
        top = valley + 1 + int(np.argmax(density[valley + 1 :]))
        expected = density[valley] * width[top]
        error = np.sqrt(max(expected, 1.0) * (1 + width[top] / width[valley]))
        visible = count[valley + 1 :].sum()
        if (
            count[top] >= MIN_CALLS
            and count[top] > expected + MIN_RISE_ERRORS * error
            and density[-1] >= MIN_DENSITY_AT_TIMEOUT * density[top]
            and pooled.ended_by_us[-1] >= MIN_TIMEOUTS_PER_CALL * visible
        ):
            return True
    return False
