"""What a raise rescues at least, by how densely answers come right up to the timeout.

Laws of a family speak of all calls, and where calls are of several kinds they say little of those
that matter. Near bands show the density of the log of the duration just below the timeout, and how
it changes there. From the timeout on it goes on in two ways, and the lesser counts:

* as it was seen to fall: by the factor ``exp(-b u - c u * u / 2)`` where the time is longer by the
  factor ``exp(u)``, with ``b`` the steepest of the slopes from each near band to the last and
  ``c`` by how much it grew steeper, and never rising;
* at the same odds of answering for each part by which the time grows (Pareto's law): of the calls
  that outlast the timeout ``1 - f ** -h`` answer by ``f`` times it, by the least of the odds ``h``
  of all near bands.

Calls that never answer need no word: they are among those that outlast the timeout.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import exp, log, sqrt

import numpy as np

from monitor.diagnosis.evidence import Floats
from monitor.diagnosis.near_bands import NearBands
from monitor.diagnosis.pooling import Pooled
from monitor.diagnosis.survival import SurvivalCurve
from monitor.near_edges import NEAR_CUTS

ERRORS = 1.0
"""Standard errors of chance: so many fewer were counted, and so much steeper does the density fall;
that it falls ever more steeply must be shown by as much. The least of three bands and the steepest
of two slopes err on the side of caution by themselves; the benchmark tells what is left."""

MAX_SHARE_NEAR = 0.5
"""Where more calls outlast the first near edge, that is no tail but the body of a kind of call, and
where its tail ends is not shown by it."""

_LEAST_SLOPE = 1e-9


def least_rescued(pooled: Pooled, curve: SurvivalCurve, at_ms: Floats) -> Floats:
    """Return the share of the calls beyond the timeout that a raise to each duration rescues.

    Args:
        pooled: The steady evidence.
        curve: Its survival.
        at_ms: Durations from the timeout in force on, ascending; shape (m,).

    Returns:
        Shape (m,); zeros where nothing was looked at closely, where near bands show no tail, and
        where a longer timeout was in force, under which it was counted what this one cuts off.
    """
    near, timeout_ms = pooled.near, float(at_ms[0])
    if (
        near is None
        or near.timeout_ms != timeout_ms
        or float(pooled.timeout_ms[-1]) > timeout_ms
        or not 0 < curve.at(timeout_ms) <= curve.at(float(near.edges_ms[0])) <= 1
        or curve.at(NEAR_CUTS[0] * timeout_ms) > MAX_SHARE_NEAR
    ):
        return np.zeros_like(at_ms)
    edges = [*(float(round(cut * timeout_ms)) for cut in NEAR_CUTS), timeout_ms]
    bands = [_Band.of(near, curve, low_ms, high_ms) for low_ms, high_ms in pairwise(edges)]
    ahead = np.log(at_ms / timeout_ms)
    lasting = -np.expm1(-min(band.odds for band in bands) * ahead)
    return np.asarray(np.clip(np.minimum(_falling(bands, ahead), lasting), 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class _Band:
    """Calls between two durations.

    Attributes:
        at: Log of the middle, per timeout: 0 is the timeout.
        log_density: Log of the successes seen for each part by which the time grows.
        variance: Of this.
        odds: Share of the calls that outlast the band that answered in it, at least, for each part
            by which the time grows.
    """

    at: float
    log_density: float
    variance: float
    odds: float

    @classmethod
    def of(cls, near: NearBands, curve: SurvivalCurve, low_ms: float, high_ms: float) -> _Band:
        inside = (near.edges_ms[:-1] >= low_ms) & (near.edges_ms[1:] <= high_ms)
        seen = float(near.counts[inside].sum())
        least = max(seen - ERRORS * sqrt(seen + 1), 0.0) / max(seen, 1.0)
        width = log(high_ms / low_ms)
        share = curve.at(low_ms) - curve.at(high_ms)
        return cls(
            at=(log(low_ms) + log(high_ms)) / 2 - log(near.timeout_ms),
            # Half a call more than was seen: a band may hold none.
            log_density=log((seen + 0.5) / width),
            variance=1 / (seen + 0.5),
            odds=least * share / width / max(curve.at(high_ms), 1e-12),
        )


def _slope(one: _Band, other: _Band) -> float:
    """Return how steeply the log of the density falls from one band to a later one."""
    return (one.log_density - other.log_density) / (other.at - one.at)


def _steepest(one: _Band, other: _Band) -> float:
    """Return the same, at most."""
    error = sqrt(one.variance + other.variance) / (other.at - one.at)
    return _slope(one, other) + ERRORS * error


def _falling(bands: list[_Band], ahead: Floats) -> Floats:
    """Return the share that answers if the density falls on; ``ahead`` has shape (m,)."""
    first, middle, last = bands
    slope = max(_LEAST_SLOPE, _steepest(first, last), _steepest(middle, last))
    gap = (last.at - first.at) / 2
    before, after = 1 / (middle.at - first.at), 1 / (last.at - middle.at)
    error = sqrt(
        before**2 * first.variance
        + (before + after) ** 2 * middle.variance
        + after**2 * last.variance
    )
    grows = _slope(middle, last) - _slope(first, middle)
    bend = max(0.0, grows - ERRORS * error) / gap
    fall = slope * ahead + bend * ahead * ahead / 2
    # Between two durations the log of the density is taken to be straight.
    steps = np.maximum(np.diff(fall), _LEAST_SLOPE)
    parts = np.exp(-fall[:-1]) * -np.expm1(-steps) / steps * np.diff(ahead)
    return np.asarray(last.odds * exp(slope * last.at) * np.append(0.0, np.cumsum(parts)))
