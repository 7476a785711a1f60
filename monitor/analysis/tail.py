"""What a longer timeout would do: the tail beyond the timeout, and how surely it is known.

Every law in the likelihood region of every plausible family is asked the same questions, so that
what is said holds for all of them or is not said. Nothing is asked beyond twice the largest
timeout observed: there the families part ways, and no data could tell which is right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from monitor.analysis.evidence import Floats
from monitor.analysis.families import FAMILIES
from monitor.analysis.fit import Fit, Likelihood, Sample, fit, sample
from monitor.analysis.pooling import Pooled
from monitor.analysis.survival import Survival
from monitor.model import BAND_EDGES_MS

REACH = 2.0
"""Nothing is claimed beyond this multiple of the largest timeout observed."""

PLAUSIBLE = 5.0
"""Families whose log-likelihood is further than this below the best (10 in AIC: each has the same
three parameters) have no say: Burnham and Anderson call them without support."""

INTERVAL = 3.3
"""Depth of the likelihood region of the interval: half the 95 % point of chi-squared with one
degree of freedom, for the reach of one number over the region."""

CAUTION = 0.5
"""Depth of the region whose largest value is recommended: one standard error."""

MISFIT = 0.01
"""A family that describes the bands worse than this (p-value of the likelihood-ratio test) does not
describe them; then only those nearer to the timeout are described."""

ANSWERED_AIM = 0.9975
"""Where never-answered calls put the target out of reach: so many of those that answer at all."""

RESCUE = 0.5
"""A raise is worth it when it turns this part of the timeouts into successes."""

SMOOTH = -1.0
RESCUE_AIM = 0.6
"""A recommended value aims a little higher, so that it still does so when the estimate is off."""

_LEAST_CELLS = 2
_LEAST_SUCCESSES = 150.0
_LEAST_BELOW = 0.3
_POINTS = 49
_LEVELS = np.array([-2.2, -1.5, -0.8, 0.0, 0.8, 1.5, 2.2])


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """The tail, as all plausible laws see it. Shares are of successes and timeouts together.

    Attributes:
        families: Names of the plausible families, the likeliest first.
        from_ms: Executions that took less were left out of the fit; 0.0 for none.
        never: Share of calls that never answer, by the likeliest law.
        raw_ms: The smallest timeout that would do, by the most cautious likely law.
        low_ms: The smallest that any law of the interval asks for.
        high_ms: The largest.
        evidence_capped: Log-likelihood ratio for "raising to the cap at most rescues at least
            half of the timeouts" against "rescues fewer".
        evidence: The same for raising as far as anything is claimed.
        at_ms: Durations from the timeout in force to the end of the reach; shape (m,).
        share: Share of calls that take longer, by the likeliest law; shape (m,).
    """

    families: tuple[str, ...]
    from_ms: float
    never: float
    raw_ms: float
    low_ms: float
    high_ms: float
    evidence_capped: float
    evidence: float
    at_ms: Floats
    share: Floats
    dispersion: float
    smooth: float
    smooth_rescue: float
    smooth_part: float
    near: float
    smooth_value: float


def look_beyond(
    pooled: Pooled, seen: Survival, *, timeout_ms: float, cap_ms: float, target: float
) -> Tail | None:
    """Describe the tail; None where successes lie in too few bands to have a shape.

    Args:
        pooled: The steady evidence.
        seen: Its survival.
        timeout_ms: The timeout in force now.
        cap_ms: The largest timeout that may be set.
        target: The success share that is wanted.
    """
    fits, dispersion = _describe(pooled, seen)
    if not fits:
        return None
    best = fits[0]
    top = best.log_likelihood
    reach_ms = REACH * float(pooled.timeout_ms[-1])
    at_ms = np.geomspace(timeout_ms, max(reach_ms, timeout_ms * 1.001), _POINTS)
    smooth_fit = next(one for one in fits if one.likelihood.all_answer)
    smooth = smooth_fit.log_likelihood
    plausible = [one for one in fits if one.log_likelihood >= top - PLAUSIBLE * dispersion]
    capped_ms = min(cap_ms, reach_ms)
    # Those that ended early are beyond our rescue: of the others as many more must be rescued.
    rescue = RESCUE / max(1 - pooled.early_share, RESCUE)
    aim = min(0.98, RESCUE_AIM / RESCUE * rescue)
    slow = {limit: [-np.inf, -np.inf] for limit in (capped_ms, reach_ms)}
    values: list[Floats] = []
    depths: list[Floats] = []
    for one in plausible:
        # Both kinds of fit lie in one region, whose laws may have calls that never answer.
        likelihood = Likelihood(one.likelihood.sample, one.family)
        grid = one.neighbourhood(dispersion)
        cells, at_limits = likelihood.parts(grid)
        answering = likelihood.answering(at_limits)
        total = likelihood.total(cells, at_limits, answering)
        top = max(top, float(total.max()))
        near = total >= top - 2 * PLAUSIBLE * dispersion
        grid, cells, at_limits, answering = (
            part[near] for part in (grid, cells, at_limits, answering)
        )
        below = likelihood.answered(grid, np.array([timeout_ms, capped_ms, reach_ms]))
        for limit, column in ((capped_ms, 1), (reach_ms, 2)):
            if limit <= timeout_ms:
                slow[limit] = [-np.inf, 0.0]
                continue
            least = rescue / np.maximum(below[:, column] - (1 - rescue) * below[:, 0], 1e-12)
            yes = likelihood.total(cells, at_limits, np.maximum(answering, np.minimum(least, 1.0)))
            no = likelihood.total(cells, at_limits, np.minimum(answering, least))
            yes = np.where(least <= 1.0, yes, -np.inf)
            slow[limit][0] = max(slow[limit][0], float(yes.max()))
            slow[limit][1] = max(slow[limit][1], float(no.max()))
        close = total[near] >= top - (INTERVAL + 0.5) * dispersion
        value, depth = _values(
            likelihood, grid[close], cells[close], at_limits[close], answering[close], at_ms, target, aim
        )
        values.append(value)
        depths.append(depth)
    value, depth = np.concatenate(values), np.concatenate(depths)
    depth = (depth.max() - depth) / dispersion
    smooth_depth = _difference(smooth, slow[reach_ms][1]) / dispersion
    cautious = float(value[depth <= CAUTION].max())
    if smooth_depth >= SMOOTH:
        likelihood = smooth_fit.likelihood
        cells, at_limits = likelihood.parts(smooth_fit.parameters[None, :])
        smooth_values, _ = _values(Likelihood(likelihood.sample, likelihood.family), smooth_fit.parameters[None, :], cells, at_limits, np.ones(1), at_ms, target, aim)
        cautious = max(cautious, float(smooth_values[-1]))
        value = np.append(value, smooth_values[-1])
        depth = np.append(depth, 0.0)
    inside = value[depth <= INTERVAL]
    return Tail(
        families=tuple(dict.fromkeys(one.family.name for one in plausible)),
        from_ms=best.likelihood.sample.from_ms,
        never=best.never * best.likelihood.sample.share,
        raw_ms=cautious,
        low_ms=float(inside.min()),
        high_ms=float(inside.max()),
        evidence_capped=_difference(*slow[capped_ms]) / dispersion,
        evidence=_difference(*slow[reach_ms]) / dispersion,
        at_ms=at_ms,
        share=best.survival(at_ms),
        dispersion=dispersion,
        smooth_part=float(min(1.0, smooth_fit.survival(np.array([timeout_ms]))[0] / max(seen.at(timeout_ms), 1e-12))),
        near=_near(seen, timeout_ms),
        smooth_value=_rescued(smooth_fit, timeout_ms, max(timeout_ms, reach_ms)) / rescue * RESCUE,
        smooth_rescue=_rescued(smooth_fit, timeout_ms, max(timeout_ms, capped_ms)) / rescue * RESCUE,
        smooth=_difference(smooth, slow[reach_ms][1]) / dispersion,
    )


def _near(seen: Survival, timeout_ms: float) -> float:
    """Timeouts per success that took 80 % of the timeout or more."""
    beyond = seen.at(timeout_ms)
    return float(min(beyond / max(seen.at(0.8 * timeout_ms) - beyond, 1e-9), 1e9))


def _rescued(one: Fit, timeout_ms: float, raised_ms: float) -> float:
    now, then = one.survival(np.array([timeout_ms, raised_ms]))
    return float(1 - then / max(now, 1e-12))


def _difference(yes: float, no: float) -> float:
    return float(np.clip(yes - no, -1e6, 1e6))


def _values(  # noqa: PLR0913, PLR0917 - one law each row, with what was worked out for it before
    likelihood: Likelihood,
    grid: Floats,
    cells: Floats,
    at_limits: Floats,
    answering: Floats,
    at_ms: Floats,
    target: float,
    aim: float,
) -> tuple[Floats, Floats]:
    """The smallest timeout that would do by each law of the region, and its log-likelihood."""
    data = likelihood.sample
    answered = likelihood.answered(grid, at_ms)
    calls = data.successes + float(data.cut.sum())
    success = np.clip(answering * at_limits.max(axis=1), 1e-9, 1 - 0.5 / calls)
    error = np.sqrt((1 - success) / (success * calls))
    alive = np.clip(answering[:, None] * (1 + error[:, None] * _LEVELS), 1e-9, 1.0)
    alive = np.concatenate([alive, np.ones((len(alive), 1))], axis=1)
    found, depth = [], []
    for level in range(alive.shape[1]):
        share = alive[:, level]
        depth.append(likelihood.total(cells, at_limits, share))
        beyond = data.share * (1 - share[:, None] * answered)
        late = data.share * share[:, None] * (1 - answered)
        late /= 1 - data.share * (1 - share[:, None])
        wanted = _first(np.minimum(beyond / (1 - target), late / (1 - ANSWERED_AIM)), 1.0, at_ms)
        rescued = _first(beyond / np.maximum(beyond[:, :1], 1e-300), 1 - aim, at_ms)
        found.append(np.maximum(wanted, np.where(rescued < at_ms[-1], rescued, wanted)))
    return np.concatenate(found), np.concatenate(depth)


def _first(falling: Floats, level: float, at_ms: Floats) -> Floats:
    """Where each row first is at most ``level``, between the points by straight logs."""
    low = falling <= level
    at = np.where(low.any(axis=1), low.argmax(axis=1), falling.shape[1] - 1)
    rows = np.arange(len(falling))
    before = np.maximum(at - 1, 0)
    high_log = np.log(np.maximum(falling[rows, before], 1e-12))
    low_log = np.log(np.maximum(falling[rows, at], 1e-12))
    step = np.where(high_log > low_log, high_log - low_log, 1.0)
    part = np.clip((high_log - np.log(level)) / step, 0.0, 1.0)
    part = np.where(low.any(axis=1), part, 1.0)
    logs = np.log(at_ms)
    return np.asarray(np.exp(logs[before] + (logs[at] - logs[before]) * part))


def _describe(pooled: Pooled, seen: Survival) -> tuple[list[Fit], float]:
    """Fits of all bands, or of those near the timeout where no family describes all of them."""
    chosen: list[Fit] = []
    dispersion = 1.0
    for from_ms in _starts(pooled):
        data = sample(pooled, from_ms, seen.at(from_ms))
        if chosen and (len(data.count) < _LEAST_CELLS or data.successes < _LEAST_SUCCESSES):
            break
        fits = [
            one
            for family in FAMILIES
            for all_answer in (False, True)
            if (one := fit(data, family, all_answer=all_answer)) is not None
        ]
        fits.sort(key=lambda one: -one.log_likelihood)
        if not fits:
            break
        likely, spread = _misfit(fits[0], seen)
        if not chosen or spread < dispersion:
            chosen, dispersion = fits, spread
        if likely >= MISFIT:
            return fits, 1.0
    return chosen, dispersion


def _starts(pooled: Pooled) -> list[float]:
    """Where descriptions begin: at 0, then at band edges with less and less above them."""
    totals = pooled.bands.sum(axis=0)
    below = np.cumsum(totals) / max(float(totals.sum()), 1.0)
    starts = [0.0]
    for band, edge in enumerate(BAND_EDGES_MS):
        if below[band] >= _LEAST_BELOW and totals[band] > 0 and edge < pooled.timeout_ms[0]:
            starts.append(float(edge))
    return starts


def _misfit(one: Fit, seen: Survival) -> tuple[float, float]:
    """How unlike this law the executions are: the p-value of the likelihood-ratio test against no
    assumption at all, and the overdispersion (Burnham and Anderson's c-hat), at least 1."""
    data: Sample = one.likelihood.sample
    points = np.concatenate([data.at_ms, [data.from_ms]])  # a low of -1 is the last of these
    share = np.interp(points, seen.at_ms, seen.share) / max(seen.at(data.from_ms), 1e-12)
    mass = np.maximum(share[data.low] - share[data.high], 1e-300)
    best = float(data.count @ np.log(mass))
    best += float(data.cut @ np.log(np.maximum(share[data.limit], 1e-300)))
    occupied = int((np.diff(np.append(share[-1], share[:-1])) < 0).sum())
    freedom = occupied - 2 - (one.never > 0)
    deviance = max(0.0, 2 * (best - one.log_likelihood))
    if freedom <= 0:
        return 1.0, max(1.0, deviance)
    return float(chdtrc(freedom, deviance)), max(1.0, deviance / freedom)
