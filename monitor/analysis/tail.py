"""What a longer timeout would do: the tail beyond the timeout, and how surely it is known.

Every law in the likelihood region of every plausible family is asked the same questions, so that
what is said holds for all of them or is not said. Nothing is asked beyond twice the largest
timeout observed: there the families part ways, and no data could tell which is right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.analysis.describing import Description, describe
from monitor.analysis.evidence import Floats
from monitor.analysis.fit import Fit, Likelihood
from monitor.analysis.pooling import Pooled
from monitor.analysis.survival import Survival
from monitor.analysis.wanted import Aim, wanted

REACH = 2.0
"""Nothing is claimed beyond this multiple of the largest timeout observed."""

PLAUSIBLE = 5.0
"""Families whose log-likelihood is further than this below the best (10 in AIC: all have the same
parameters) have no say: Burnham and Anderson, Model Selection (2nd ed., 2002), 2.6, call them
without support."""

INTERVAL = 3.3
"""Depth of the likelihood region of the interval: half the 99 % point of chi-squared with one
degree of freedom. The benchmark measures what it covers: laws that nobody fits take their part."""

CAUTION = 0.5
"""Depth of the region whose largest value is recommended: one standard error."""

SMOOTH = -1.0
"""Log-likelihood ratio, against the likeliest law under which a raise is useless, from which a law
by which every call is answered will do. Lower finds more slow tails and takes more hangs for one;
the benchmark counts both."""

RESCUE = 0.5
"""A raise is worth it when it turns this part of the timeouts into successes."""

RESCUE_AIM = 0.6
"""A recommended value aims a little higher, so that it still does so when the estimate is off."""

NEAR = 0.8
"""Successes that took this part of the timeout or more are near it."""

_POINTS = 49
_NONE = -1e6
_LARGEST = 1e9


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """The tail, as all plausible laws see it. Shares are of successes and timeouts together.

    Attributes:
        families: Names of the plausible families, the likeliest first.
        from_ms: Executions that took less were left out of the fit; 0.0 for none.
        never_share: Share of calls that never answer, by the likeliest law.
        raw_ms: The smallest timeout that would do, by the most cautious likely law.
        low_ms: The smallest that any law of the interval asks for.
        high_ms: The largest; the reach where some law asks for more.
        reach_ms: Nothing is claimed beyond.
        evidence: Log-likelihood ratio for "raising as far as anything is claimed rescues at
            least half of the timeouts" against "it rescues fewer".
        evidence_capped: The same for raising to the cap at most.
        smooth_evidence: The same for laws by which every call is answered some time.
        smooth_rescue: Part of the timeouts that raising to the reach rescues by the likeliest of
            those laws.
        smooth_rescue_capped: The same for raising to the cap at most.
        smooth_part: Part of the timeouts that this law accounts for.
        near_ratio: Timeouts per success near the timeout.
        at_ms: Durations from the timeout in force to the reach; shape (m,).
        share: Share of calls that take longer, by the likeliest law; shape (m,).
    """

    families: tuple[str, ...]
    from_ms: float
    never_share: float
    raw_ms: float
    low_ms: float
    high_ms: float
    reach_ms: float
    evidence: float
    evidence_capped: float
    smooth_evidence: float
    smooth_rescue: float
    smooth_rescue_capped: float
    smooth_part: float
    near_ratio: float
    at_ms: Floats
    share: Floats


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
    description = describe(pooled, seen)
    if description is None:
        return None
    # What ended early is beyond our rescue: of the others as many more must be rescued.
    ours = max(1.0 - pooled.early_share, RESCUE)
    reach_ms = max(REACH * float(pooled.timeout_ms[-1]), timeout_ms * 1.001)
    aim = Aim(
        at_ms=np.geomspace(timeout_ms, reach_ms, _POINTS),
        target=target,
        rescue=min(RESCUE_AIM / ours, 0.98),
    )
    capped_ms = max(timeout_ms, min(cap_ms, reach_ms))
    limits_ms = np.array([timeout_ms, capped_ms, reach_ms])
    ratios, top, useless = _compare(description, limits_ms, RESCUE / ours)
    smooth = description.smooth
    smooth_evidence = _bounded((smooth.log_likelihood - useless) / description.dispersion)
    raw_ms, low_ms, high_ms = _values(description, top, aim, smooth_evidence >= SMOOTH)
    now, capped, reached = smooth.survival(limits_ms).tolist()
    return Tail(
        families=tuple(dict.fromkeys(one.family.name for one in _plausible(description))),
        from_ms=description.best.likelihood.sample.from_ms,
        never_share=description.best.never * description.best.likelihood.sample.share,
        raw_ms=raw_ms,
        low_ms=low_ms,
        high_ms=high_ms,
        reach_ms=reach_ms,
        evidence=ratios[1],
        evidence_capped=ratios[0],
        smooth_evidence=smooth_evidence,
        smooth_rescue=float(ours * (1 - reached / max(now, 1e-12))),
        smooth_rescue_capped=float(ours * (1 - capped / max(now, 1e-12))),
        smooth_part=float(min(1.0, now / max(seen.at(timeout_ms), 1e-12))),
        near_ratio=_near(seen, timeout_ms),
        at_ms=aim.at_ms,
        share=description.best.survival(aim.at_ms),
    )


def _plausible(description: Description) -> list[Fit]:
    least = description.best.log_likelihood - PLAUSIBLE * description.dispersion
    return [one for one in description.fits if one.log_likelihood >= least]


def _region(one: Fit, dispersion: float) -> tuple[Likelihood, Floats]:
    """Laws around a maximum; both kinds of fits may have calls that never answer here."""
    return Likelihood(one.likelihood.sample, one.family), one.neighbourhood(dispersion)


def _compare(
    description: Description, limits_ms: Floats, rescue: float
) -> tuple[tuple[float, float], float, float]:
    """Hold "a raise rescues enough" against "it does not".

    For given parameters the part that is rescued falls as the never-answers share rises, so each
    side has its own best share: the likeliest one, or the one at the border.

    Returns:
        The log-likelihood ratios for the two limits beyond the first, the maximum over all laws,
        and the maximum over those under which raising to the last limit does not rescue enough.
    """
    top = description.best.log_likelihood
    yes, no = np.full(2, -np.inf), np.full(2, -np.inf)
    for one in _plausible(description):
        likelihood, laws = _region(one, description.dispersion)
        cells, at_limits = likelihood.parts(laws)
        answering = likelihood.answering(at_limits)
        top = max(top, float(likelihood.total(cells, at_limits, answering).max()))
        below = likelihood.answered(laws, limits_ms)
        for column in (1, 2):
            gain = below[:, column] - (1 - rescue) * below[:, 0]
            least = rescue / np.maximum(gain, 1e-12)
            within = np.maximum(answering, np.minimum(least, 1.0))
            slow = likelihood.total(cells, at_limits, within)
            slow = np.where(least <= 1.0, slow, -np.inf)
            hang = likelihood.total(cells, at_limits, np.minimum(answering, least))
            yes[column - 1] = max(yes[column - 1], float(slow.max()))
            no[column - 1] = max(no[column - 1], float(hang.max()))
    capped, reached = ((yes - no) / description.dispersion).tolist()
    return (_bounded(capped), _bounded(reached)), top, float(no[1])


def _values(
    description: Description,
    top: float,
    aim: Aim,
    smooth: bool,  # noqa: FBT001 - a finding
) -> tuple[float, float, float]:
    """The smallest timeout that would do: recommended, and its interval."""
    values, depths = [], []
    for one in _plausible(description):
        likelihood, laws = _region(one, description.dispersion)
        near = likelihood.profile(laws) >= top - (INTERVAL + 0.5) * description.dispersion
        value, depth = wanted(likelihood, laws[near], aim)
        values.append(value)
        depths.append(depth)
    if smooth:
        # What makes a slow tail plausible has its say, however the others describe it.
        likelihood, _ = _region(description.smooth, description.dispersion)
        value, _ = wanted(likelihood, description.smooth.parameters[None, :], aim)
        values.append(value[-1:])
        depths.append(np.array([np.inf]))
    value, depth = np.concatenate(values), np.concatenate(depths)
    highest = max(float(depth[np.isfinite(depth)].max(initial=-np.inf)), top)
    below = (highest - depth) / description.dispersion
    inside = value[below <= INTERVAL]
    return float(value[below <= CAUTION].max()), float(inside.min()), float(inside.max())


def _near(seen: Survival, timeout_ms: float) -> float:
    beyond = seen.at(timeout_ms)
    return float(min(beyond / max(seen.at(NEAR * timeout_ms) - beyond, 1e-9), _LARGEST))


def _bounded(ratio: float) -> float:
    return float(np.clip(np.nan_to_num(ratio, nan=_NONE, neginf=_NONE), _NONE, -_NONE))
