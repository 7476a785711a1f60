"""Other ways to choose a timeout, given the same counts: what the monitor is held against.

Each takes successes by band and timeouts, pooled over the week under one timeout, and returns the
timeout that it would set, with its own estimate of what that is good for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, ndtr

from benchmarks.counted import EDGES, Floats

HALF = 0.5
TARGET = 0.99
RESCUE_TARGET = 0.6
"""What a fitted rival's value rescues by its own law: a little above half, as the monitor's."""

CAP_MS = 30_000.0
LARGEST_SHARE = 0.2
"""The generalised Pareto tail begins at an edge that at most this part of the calls outlasts..."""

LEAST_BANDS = 3
"""...and that leaves this many bands below the timeout: two parameters need more than two."""

_STEP = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """What one action shows.

    Attributes:
        bands: Successes by latency band; shape (21,).
        timeouts: Calls that outlasted the timeout.
        timeout_ms: The timeout in force.
        reach_ms: The largest that may be set, for those who bound themselves.
    """

    bands: Floats
    timeouts: float
    timeout_ms: float
    reach_ms: float

    @property
    def calls(self) -> float:
        """Successes and timeouts."""
        return float(self.bands.sum()) + self.timeouts


@dataclass(frozen=True, slots=True)
class Advice:
    """What a rival says.

    Attributes:
        value_ms: The timeout to set; None for no raise.
        rescued: Part of the timeouts that a raise as far as the reach rescues, by its estimate.
        certainty: That this is half or more, by its estimate.
    """

    value_ms: float | None
    rescued: float = math.nan
    certainty: float = math.nan


Fit = Callable[[Floats], Floats]
"""From parameters to the share of calls that take longer than each point asked for."""


def p99_and_a_half(seen: Counted) -> Advice:
    """Advise one and a half times the 99th percentile of the successes, at most 30 s."""
    upper = np.minimum(EDGES[1:], seen.timeout_ms)
    share = np.concatenate([[0.0], np.cumsum(seen.bands)]) / max(float(seen.bands.sum()), 1.0)
    last = int(np.searchsorted(share, TARGET))
    low, high = float(min(EDGES[last - 1], seen.timeout_ms)), float(upper[last - 1])
    part = (TARGET - share[last - 1]) / (share[last] - share[last - 1])
    return _raised(seen, 1.5 * (low + (high - low) * float(part)))


def doubled(seen: Counted) -> Advice:
    """Advise twice the timeout, at most 30 s."""
    return _raised(seen, 2 * seen.timeout_ms)


def thirty_seconds(seen: Counted) -> Advice:
    """Advise the longest timeout there is."""
    return _raised(seen, CAP_MS)


def kaplan_meier(_seen: Counted) -> Advice:
    """Advise nothing: the estimate is flat beyond the last duration that was seen."""
    return Advice(None, rescued=0.0, certainty=0.0)


def lognormal_with_cure(seen: Counted) -> Advice:
    """Advise by a lognormal, with a share that never answers where Akaike asks for it."""
    edges = np.minimum(EDGES, seen.timeout_ms)
    counts = np.append(seen.bands, seen.timeouts)
    middles = np.sqrt(np.maximum(edges[:-1], 50.0) * np.maximum(edges[1:], 50.0))
    logs, weight = np.log(middles), seen.bands / max(float(seen.bands.sum()), 1.0)
    mean = float(weight @ logs)
    start = [mean, math.log(max(math.sqrt(float(weight @ (logs - mean) ** 2)), 0.05))]

    def survival(parameters: Floats, at_ms: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            late = ndtr((parameters[0] - np.log(at_ms)) / np.exp(np.clip(parameters[1], -6, 3)))
        return _with_never(parameters, late)

    return _fitted(seen, survival, edges, counts, start)


def pareto_tail(seen: Counted) -> Advice:
    """Advise by a generalised Pareto law of what outlasts an edge; some never answer, by Akaike."""
    below = EDGES[seen.timeout_ms > EDGES]
    outlast = seen.calls - np.concatenate([[0.0], np.cumsum(seen.bands)])[: len(below)]
    fit = np.flatnonzero(outlast <= LARGEST_SHARE * seen.calls)
    first = min(int(fit[0]) if fit.size else len(below), len(below) - LEAST_BANDS)
    if first < 0 or outlast[first] <= seen.timeouts:
        return Advice(None, rescued=0.0, certainty=0.0)
    from_ms = float(EDGES[first])
    counts = np.append(seen.bands[first : len(below)], seen.timeouts)
    edges = np.minimum(EDGES[first : len(below) + 1], seen.timeout_ms)

    def survival(parameters: Floats, at_ms: Floats) -> Floats:
        shape = float(np.clip(parameters[0], -0.9, 2.0)) or 1e-9
        base = 1 + shape * (at_ms - from_ms) / np.exp(parameters[1])
        late = np.maximum(base, 1e-300) ** (-1 / shape)
        return _with_never(parameters, np.where(base > 0, late, 0.0))

    start = [0.1, math.log(max(seen.timeout_ms - from_ms, 1.0) / 2)]
    return _fitted(seen, survival, edges, counts, start)


RIVALS: dict[str, Callable[[Counted], Advice]] = {
    "p99 x 1.5": p99_and_a_half,
    "double": doubled,
    "30 s": thirty_seconds,
    "Kaplan-Meier": kaplan_meier,
    "lognormal, cure by AIC": lognormal_with_cure,
    "generalised Pareto, cure by AIC": pareto_tail,
}


def _raised(seen: Counted, value_ms: float) -> Advice:
    value_ms = min(value_ms, CAP_MS)
    return Advice(value_ms if value_ms > seen.timeout_ms else None)


def _with_never(parameters: Floats, late: Floats) -> Floats:
    """Return the share of all calls that take longer; a third parameter never answers."""
    never = float(expit(parameters[2])) if len(parameters) > 2 else 0.0  # noqa: PLR2004
    return never + (1 - never) * late


def _fitted(
    seen: Counted,
    survival: Callable[[Floats, Floats], Floats],
    edges: Floats,
    counts: Floats,
    start: list[float],
) -> Advice:
    """Fit with and without calls that never answer, keep the better by AIC, and ask it."""

    def misfit(parameters: Floats) -> float:
        left = survival(parameters, edges)
        mass = np.append(left[: len(counts) - 1] - left[1 : len(counts)], left[len(counts) - 1])
        return -float(counts @ np.log(np.maximum(mass, 1e-12)))

    without = _minimum(misfit, start)
    late = min(max(seen.timeouts / counts.sum(), 1e-4), 0.9)
    tried = [
        _minimum(misfit, [*begin, math.log(late / (1 - late)) - 0.3])
        for begin in (start, without.tolist())
    ]
    cured = min(tried, key=misfit)
    best = cured if misfit(cured) + 1 < misfit(without) else without

    def rescued(parameters: Floats, at_ms: Floats) -> Floats:
        left = survival(parameters, np.append(seen.timeout_ms, at_ms))
        return 1 - left[1:] / max(float(left[0]), 1e-300)

    reach = np.array([seen.reach_ms])
    at_reach = float(rescued(best, reach)[0])
    error = _error(misfit, lambda parameters: float(rescued(parameters, reach)[0]), best)
    certainty = float(ndtr((at_reach - HALF) / max(error, 1e-9)))
    if at_reach < HALF:
        return Advice(None, at_reach, certainty)
    at_ms = np.geomspace(seen.timeout_ms, seen.reach_ms, 400)
    beyond = 1 - rescued(best, at_ms)
    enough = (beyond * seen.timeouts <= (1 - TARGET) * seen.calls) & (beyond <= 1 - RESCUE_TARGET)
    value_ms = at_ms[int(enough.argmax())] if enough.any() else at_ms[-1]
    return Advice(float(value_ms), at_reach, certainty)


def _minimum(misfit: Callable[[Floats], float], start: list[float]) -> Floats:
    found = minimize(misfit, np.array(start), method="Nelder-Mead", tol=3e-3)
    return np.asarray(found.x)


def _error(
    misfit: Callable[[Floats], float], value: Callable[[Floats], float], at: Floats
) -> float:
    """Return the standard error of a value by the delta method, from the observed information."""
    size = len(at)
    steps = np.eye(size) * _STEP
    information = np.empty((size, size))
    for one in range(size):
        for other in range(size):
            signs = [
                sign * misfit(at + first * steps[one] + second * steps[other])
                for first, second, sign in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
            ]
            information[one, other] = sum(signs) / (4 * _STEP**2)
    slope = np.array([(value(at + step) - value(at - step)) / (2 * _STEP) for step in steps])
    variance = float(slope @ np.linalg.pinv(information, rcond=1e-9, hermitian=True) @ slope)
    return math.sqrt(variance) if variance > 0 else math.inf
