"""How likely laws with a never-answers share make what was counted, for many laws at once.

A success says "between the edges of its band", a timeout says "longer than the timeout, if ever".
With F the law of the answers and q the share of calls that answer at all, the log-likelihood is

    sum over bands   n * log(q * (F(high) - F(low)))
  + sum over timeouts k * log(1 - q * F(T))

For a given F it is concave in q. Executions below ``from_ms`` may be left to another kind of call:
then F is the law given that a call takes longer, and all that is asked of F below is that it does
not claim more calls than were counted there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from monitor.diagnosis.distributions import FAMILIES, Family
from monitor.diagnosis.evidence import Floats
from monitor.diagnosis.pooling import Pooled
from monitor.model import BAND_EDGES_MS

Indices = npt.NDArray[np.intp]

SLACK = 1.2
"""A law may claim a fifth more calls below ``from_ms`` than were counted: none is exact, and what
it says of the tail should not hang on it."""

_TINY = 1e-300
_MAX_CLAIMED = 1e9
"""Calls below ``from_ms`` for each beyond; a law that claims more has no part beyond at all."""
_EDGES = (0.0, *(float(edge) for edge in BAND_EDGES_MS))
_MAX_ITERATIONS = 8


@dataclass(frozen=True, eq=False)
class CensoredSample:
    """Interval- and right-censored executions beyond ``from_ms``, and how many were below.

    Attributes:
        from_ms: Executions that took less are left to another kind of call; 0.0 for none.
        at_ms: Every point at which F is needed, ascending; shape (m,).
        start: Index of ``from_ms`` in ``at_ms``; -1 for 0.
        low: Where each cell of successes begins: index into ``at_ms``, -1 for 0.
        high: Where it ends; index into ``at_ms``.
        count: Successes in each cell.
        censored_at: Where each group of timeouts was cut; index into ``at_ms``.
        censored: Timeouts in each group.
        below_low: As ``low``, of the cells below ``from_ms``.
        below_high: As ``high``, of the same.
        below_count: As ``count``, of the same.
        share: Share of all calls that take longer than ``from_ms``.
    """

    from_ms: float
    at_ms: Floats
    start: int
    low: Indices
    high: Indices
    count: Floats
    censored_at: Indices
    censored: Floats
    below_low: Indices
    below_high: Indices
    below_count: Floats
    share: float

    # Each is asked for some hundred times.
    @cached_property
    def successes(self) -> float:
        """Successes beyond ``from_ms``."""
        return float(self.count.sum())

    @cached_property
    def timeouts(self) -> float:
        """Timeouts beyond ``from_ms``."""
        return float(self.censored.sum())

    @cached_property
    def calls(self) -> float:
        """Executions beyond ``from_ms``."""
        return self.successes + self.timeouts

    @cached_property
    def log_ms(self) -> Floats:
        """Logs of ``at_ms``."""
        return np.log(self.at_ms)


def censored_sample(pooled: Pooled, from_ms: float = 0.0, share: float = 1.0) -> CensoredSample:
    """Return what a likelihood needs of the executions.

    Args:
        pooled: All executions.
        from_ms: A band edge below every timeout, or 0.
        share: Share of all calls that take longer than that.
    """
    cells: dict[tuple[float, float], float] = {}
    cuts: dict[float, float] = {}
    for timeout_ms, bands, ended in zip(
        pooled.timeout_ms.tolist(), pooled.bands, pooled.ended_by_us.tolist(), strict=True
    ):
        for band in np.flatnonzero(bands).tolist():
            edge = _EDGES[band + 1] if band + 1 < len(_EDGES) else np.inf
            key = (_EDGES[band], min(timeout_ms, edge))
            cells[key] = cells.get(key, 0.0) + float(bands[band])
        if timeout_ms > from_ms:
            cuts[timeout_ms] = cuts.get(timeout_ms, 0.0) + ended
    ended = pooled.early + pooled.cut_short
    for band in np.flatnonzero(ended).tolist():
        edge = _EDGES[band]
        if edge > from_ms:
            cuts[edge] = cuts.get(edge, 0.0) + float(ended[band])
    points = np.unique([from_ms, *(low for low, _ in cells), *(high for _, high in cells), *cuts])
    points = points[points > 0]
    beyond = sorted(key for key in cells if key[0] >= from_ms)
    below = sorted(key for key in cells if key[0] < from_ms)
    limits = sorted(cuts)

    def index(values: list[float]) -> Indices:
        """Return the index of each value; -1 for 0."""
        return np.where(np.array(values) > 0, np.searchsorted(points, values), -1).astype(np.intp)

    return CensoredSample(
        from_ms=from_ms,
        at_ms=points,
        start=int(index([from_ms])[0]),
        low=index([low for low, _ in beyond]),
        high=index([high for _, high in beyond]),
        count=np.array([cells[key] for key in beyond]),
        censored_at=index(limits),
        censored=np.array([cuts[censored_at] for censored_at in limits]),
        below_low=index([low for low, _ in below]),
        below_high=index([high for _, high in below]),
        below_count=np.array([cells[key] for key in below]),
        share=share,
    )


@dataclass(frozen=True, slots=True, eq=False)
class LikelihoodTerms:
    """What the likelihood of laws is made of; k models, n laws of each.

    Attributes:
        cells: Log-likelihood of the successes' cells, given that they answer; shape (k, n).
        cdf: F where the timeouts were cut; shape (k, n, g).
        claimed: Share of the calls beyond ``from_ms`` that a law would have in each cell below,
            if every call answered; shape (k, n, cells below).
    """

    cells: Floats
    cdf: Floats
    claimed: Floats


@dataclass(frozen=True, eq=False)
class Likelihood:
    """One sample under every family, each in two models: all calls answer, or some never do.

    Attributes:
        sample: The executions.
        families: The families; the models are these by which all calls answer, then the same
            with calls that never answer.
        dispersion: Log-likelihoods are divided by it.
    """

    sample: CensoredSample
    families: tuple[Family, ...] = FAMILIES
    dispersion: float = 1.0

    @property
    def models(self) -> int:
        """How many models."""
        return 2 * len(self.families)

    def family(self, model: int) -> Family:
        """Return the family of a model."""
        return self.families[model % len(self.families)]

    @cached_property
    def prior_mean(self) -> Floats:
        """The second parameter before anything is seen; shape (k,)."""
        return np.array([family.prior_mean for family in (*self.families, *self.families)])

    @cached_property
    def prior_sd(self) -> Floats:
        """How far it may be off; shape (k,)."""
        return np.array([family.prior_sd for family in (*self.families, *self.families)])

    def terms(self, parameters: Floats) -> LikelihoodTerms:
        """Take the laws apart; ``parameters`` has shape (k, n, 2)."""
        data, kinds, laws = self.sample, len(self.families), parameters.shape[1]
        # Point by point, so that what is taken of it lies together.
        survival = np.ones((len(data.log_ms) + 1, self.models, laws))
        for at, family in enumerate(self.families):
            # Both models of a family at once.
            found = family.survival(parameters[at::kinds], data.log_ms)
            survival[:-1, at::kinds] = found.transpose(2, 0, 1)
        mass = survival[data.low]
        mass -= survival[data.high]
        claimed = survival[data.below_low]
        claimed -= survival[data.below_high]
        late = survival[data.censored_at]
        if data.from_ms:
            beyond = np.maximum(survival[data.start], _TINY)
            mass /= beyond
            claimed /= beyond
            late /= beyond
        mass, claimed, late = (one.transpose(1, 2, 0) for one in (mass, claimed, late))
        np.log(np.maximum(mass, _TINY, out=mass), out=mass)
        np.subtract(1.0, late, out=late)
        return LikelihoodTerms(
            cells=np.asarray(mass @ data.count),
            cdf=np.minimum(np.maximum(late, 0.0, out=late), 1.0, out=late),
            claimed=np.minimum(np.maximum(claimed, 0.0, out=claimed), _MAX_CLAIMED, out=claimed),
        )

    def answer_share(self, terms: LikelihoodTerms) -> Floats:
        """Return the likeliest share of calls that answer, q; over 1 if all do; shape (k, n)."""
        data = self.sample
        n, total = data.successes, max(data.calls, _TINY)
        mean = terms.cdf @ (data.censored / max(data.timeouts, _TINY))
        whole = n / total / np.maximum(mean, 1e-9) if data.timeouts > 0 else np.ones_like(mean)
        if len(data.censored) > 1:
            # Newton's method on the derivative, which falls ever faster.
            share = np.clip(whole, 1e-6, 1.0)
            for _ in range(_MAX_ITERATIONS):
                rate = terms.cdf / np.maximum(1 - share[..., None] * terms.cdf, 1e-12)
                slope = n / share - rate @ data.censored
                curve = n / share**2 + (rate * rate) @ data.censored
                share = np.clip(share + slope / np.maximum(curve, _TINY), 1e-6, 1.0)
            whole = np.where(share < 1 - 1e-9, share, np.maximum(whole, 1.0))
        half = self.models // 2
        whole[:half] = 1.0
        return np.asarray(whole)

    def answer_share_error(self, terms: LikelihoodTerms, answer_share: Floats) -> Floats:
        """Return the standard error of q; shape (k, n)."""
        data = self.sample
        share = np.minimum(answer_share, 1.0)
        rate = terms.cdf / np.maximum(1 - share[..., None] * terms.cdf, 1e-12)
        curve = data.successes / share**2 + (rate * rate) @ data.censored
        return np.asarray(np.sqrt(self.dispersion / np.maximum(curve, 1e-9)))

    def timeout_log_likelihood(self, terms: LikelihoodTerms, answer_share: Floats) -> Floats:
        """Return the part of the log-likelihood that q decides; shape (k, n)."""
        data = self.sample
        late = np.maximum(1.0 - answer_share[..., None] * terms.cdf, _TINY)
        answered: Floats = data.successes * np.log(np.maximum(answer_share, _TINY))
        return np.asarray(answered + np.log(late) @ data.censored)

    def excess_penalty(self, terms: LikelihoodTerms, answer_share: Floats) -> Floats:
        """Return log-likelihood lost for claiming more calls than there are below; shape (k, n)."""
        data = self.sample
        if not len(data.below_count):
            return np.zeros(terms.cells.shape)
        counted = SLACK * data.below_count
        claimed = np.maximum(data.calls * answer_share[..., None] * terms.claimed, counted)
        lost = xlogy(counted, claimed / np.maximum(counted, _TINY)) - (claimed - counted)
        return np.asarray(lost.sum(axis=-1))

    def log_likelihood(self, parameters: Floats) -> Floats:
        """Return it with the best q, of the calls beyond ``from_ms`` alone; shape (k, n)."""
        terms = self.terms(parameters)
        answer_share = np.minimum(self.answer_share(terms), 1.0)
        return terms.cells + self.timeout_log_likelihood(terms, answer_share)

    def prior(self, parameters: Floats) -> Floats:
        """Return the prior log-density of the shape, up to a constant; shape (k, n)."""
        distance = (parameters[..., 1] - self.prior_mean[:, None]) / self.prior_sd[:, None]
        return np.asarray(-0.5 * distance * distance)

    def log_posterior(self, parameters: Floats) -> Floats:
        """Return log-density of the laws with the best q, prior and all; shape (k, n)."""
        terms = self.terms(parameters)
        answer_share = np.minimum(self.answer_share(terms), 1.0)
        total = terms.cells + self.timeout_log_likelihood(terms, answer_share)
        total = total + self.excess_penalty(terms, answer_share)
        return np.asarray(total / self.dispersion + self.prior(parameters))
