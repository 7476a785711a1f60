"""Which laws describe what was seen, and from where on they do.

All bands are described where some family fits them all. Where none does, the body of the
distribution (two kinds of calls, a cache) says little about its tail: then only what took longer
than some band edge is described, starting at the lowest edge from which a family fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from monitor.analysis.families import FAMILIES
from monitor.analysis.fit import Fit, fit, sample
from monitor.analysis.pooling import Pooled
from monitor.analysis.survival import Survival
from monitor.model import BAND_EDGES_MS

MISFIT = 0.01
"""A family that describes the bands worse than this (p-value of the likelihood-ratio test) does
not describe them."""

LEAST_BELOW = 0.3
"""The first edge to start from has this share of the successes below it: earlier ones change
little."""

LEAST_CELLS = 2
"""Fewer cells of successes have no shape."""

LEAST_SUCCESSES = 150.0
"""Fewer successes than this are too few to tell one family from another."""


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """The most likely law of each family, the likeliest first.

    Each family is there twice: with calls that never answer, and without.

    Attributes:
        fits: The laws; never empty.
        dispersion: How much worse even the best describes the data than chance would (Burnham
            and Anderson's c-hat); 1.0 where it describes them. Differences of log-likelihoods
            mean less by this factor.
    """

    fits: tuple[Fit, ...]
    dispersion: float

    @property
    def best(self) -> Fit:
        """The likeliest law."""
        return self.fits[0]

    @property
    def smooth(self) -> Fit:
        """The likeliest law by which every call is answered some time."""
        return next(one for one in self.fits if one.likelihood.all_answer)


def describe(pooled: Pooled, seen: Survival) -> Description | None:
    """Find them; None where successes lie in too few bands to have a shape."""
    chosen: Description | None = None
    for from_ms in _starts(pooled):
        data = sample(pooled, from_ms, seen.at(from_ms))
        if chosen and (len(data.count) < LEAST_CELLS or data.successes < LEAST_SUCCESSES):
            break
        fits = [
            one
            for family in FAMILIES
            for all_answer in (False, True)
            if (one := fit(data, family, all_answer=all_answer)) is not None
        ]
        if not fits:
            break
        fits.sort(key=lambda one: -one.log_likelihood)
        likely, dispersion = _misfit(fits[0], seen)
        if likely >= MISFIT:
            return Description(tuple(fits), 1.0)
        if chosen is None or dispersion < chosen.dispersion:
            chosen = Description(tuple(fits), dispersion)
    return chosen


def _starts(pooled: Pooled) -> list[float]:
    totals = pooled.bands.sum(axis=0)
    below = np.cumsum(totals) / max(float(totals.sum()), 1.0)
    edges = [
        float(edge)
        for band, edge in enumerate(BAND_EDGES_MS)
        if below[band] >= LEAST_BELOW and totals[band] > 0 and edge < pooled.timeout_ms[0]
    ]
    return [0.0, *edges]


def _misfit(one: Fit, seen: Survival) -> tuple[float, float]:
    """The p-value of the likelihood-ratio test against no assumption, and the dispersion."""
    data = one.likelihood.sample
    points = np.concatenate([data.at_ms, [data.from_ms]])  # a `low` of -1 is the last of these
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
