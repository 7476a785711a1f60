"""The posterior over laws of latency, family by family, given what was counted.

The weights are those of Bayes' rule, worked out on a grid: for a range of shapes the best place of
each law (a ridge that bends where the data tell little), three places around it, and several
never-answers shares for each. Every family has the same weight before anything is seen, and so
have "all calls answer" and "some never do". An average over laws punishes by itself what a law
with more freedom can describe anyway.

No law is exact. With many executions the least misfit would decide between families, so the
log-likelihood is divided by 1 + n / ``MAX_EFFECTIVE_CALLS``: the posterior given that the counts
are only near those of some law (Miller and Dunson, J. Am. Stat. Assoc. 114, 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, pi, sqrt

import numpy as np

from monitor.diagnosis.distributions import FAMILIES, Family
from monitor.diagnosis.evidence import Floats
from monitor.diagnosis.likelihood import CensoredSample, Indices, Likelihood

MAX_EFFECTIVE_CALLS = 10_000.0
"""However many executions, they say no more than so many would of an exact law: differences of
half a percentage point in a band are the law's fault as easily as chance's."""

NEVER_SHARE_RANGE = (0.0005, 0.6)
"""Never-answers shares of all calls that are looked at, equally likely on a logarithmic scale. Less
makes no difference; more is no back end but a wall."""

_SHARE_STEPS = np.linspace(-2.4, 2.4, 7)
_LOCATION_NODES = np.array([-sqrt(3.0), 0.0, sqrt(3.0)])
_LOCATION_WEIGHTS = np.array([1 / 6, 2 / 3, 1 / 6])
"""Gauss-Hermite quadrature with three points."""
_SHAPE_NODES = np.array([0.5, 1.0, 1.5, 2.0, 2.6, 3.3, 4.2, 6.0, 9.0, 14.0])
_SHAPE_NODES = np.concatenate([-_SHAPE_NODES[::-1], [0.0], _SHAPE_NODES])
_STENCIL = np.array(
    [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1)], dtype=np.float64
)
_LINE_SEARCH_STEPS = np.array([1.0, 0.5, 0.2, 0.05, 0.01])
_MAX_ITERATIONS = 14
_RIDGE_ITERATIONS = 6
_MIN_RELATIVE_WEIGHT = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class MapEstimate:
    """The most probable law of each model (maximum a posteriori).

    Attributes:
        likelihood: What was searched.
        parameters: The best; shape (k, 2).
        hessian: Second derivatives of its log-posterior; shape (k, 2, 2).
        log_likelihood: Its log-likelihood; shape (k,).
    """

    likelihood: Likelihood
    parameters: Floats
    hessian: Floats
    log_likelihood: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Laws with their posterior weights; n laws.

    Attributes:
        sample: What they describe.
        families: Names of the families.
        family: Index of each law's family; shape (n,).
        answer_share: Share of the calls beyond ``from_ms`` that answer at all; shape (n,).
        weight: They add up to 1; shape (n,).
        tail_share: Share of the answers beyond ``from_ms`` that take longer, shape (n, m), at the
            durations that were asked for.
    """

    sample: CensoredSample
    families: tuple[str, ...]
    family: Indices
    answer_share: Floats
    weight: Floats
    tail_share: Floats

    @property
    def beyond(self) -> Floats:
        """Share of all calls that take longer, by each law; shape (n, m)."""
        return np.asarray(
            self.sample.share * (1 - self.answer_share[:, None] * (1 - self.tail_share))
        )

    @property
    def never(self) -> Floats:
        """Share of all calls that never answer, by each law; shape (n,)."""
        return np.asarray(self.sample.share * (1 - self.answer_share))

    def quantile(self, part: float, values: Floats) -> float:
        """Return the value, of one for each law, that laws with this part of the weight keep to."""
        return float(self.quantiles([part], values)[0])

    def quantiles(self, parts: Sequence[float], values: Floats) -> Floats:
        """Return the quantile of each part; shape (p,)."""
        order = np.argsort(values, kind="stable")
        # Each law stands for laws on either side of it.
        weight = self.weight[order]
        return np.asarray(np.interp(parts, np.cumsum(weight) - weight / 2, values[order]))


def tempered_likelihood(
    data: CensoredSample, families: tuple[Family, ...] = FAMILIES
) -> Likelihood:
    """Return the likelihood of a sample, given that no law is exact."""
    return Likelihood(data, families, dispersion=1 + data.calls / MAX_EFFECTIVE_CALLS)


def map_estimate(likelihood: Likelihood) -> MapEstimate:
    """Return the most probable law of each model.

    Newton's method with derivatives from a stencil, kept uphill by a line search.
    """
    models = likelihood.models
    at, value = _best_on_grid(likelihood)
    step = np.full(models, 0.05)
    hessian = np.broadcast_to(-np.eye(2), (models, 2, 2))
    every = np.arange(models)
    for iteration in range(_MAX_ITERATIONS):
        around = at[:, None, :] + step[:, None, None] * _STENCIL
        around_values = likelihood.log_posterior(around)
        gradient, hessian = _derivatives(around_values, step)
        values, vectors = np.linalg.eigh(hessian)
        along = np.einsum("kba,kb->ka", vectors, gradient)
        along /= np.maximum(np.abs(values), 1e-3)
        direction = np.einsum("kab,kb->ka", vectors, along)
        length = np.abs(direction).max(axis=1)
        direction *= np.minimum(1.0, 0.7 / np.maximum(length, 1e-12))[:, None]
        ahead = at[:, None, :] + _LINE_SEARCH_STEPS[:, None] * direction[:, None, :]
        tried = np.concatenate([around, ahead], axis=1)
        reached = np.concatenate([around_values, likelihood.log_posterior(ahead)], axis=1)
        best = reached.argmax(axis=1)
        gain = reached[every, best] - value
        at, value = tried[every, best], np.maximum(reached[every, best], value)
        step = np.clip(np.minimum(step, length), 1e-3, 0.05)
        if iteration > 2 and (gain < 1e-3).all():  # noqa: PLR2004 - a likelihood is not felt so finely
            break
    found = likelihood.log_likelihood(at[:, None, :])[:, 0]
    return MapEstimate(likelihood, at, hessian, found)


def _best_on_grid(likelihood: Likelihood) -> tuple[Floats, Floats]:
    data = likelihood.sample
    locations = np.log(np.geomspace(max(20.0, data.at_ms[0] / 4), data.at_ms[-1] * 4, 16))
    shapes = likelihood.prior_mean[:, None] + likelihood.prior_sd[:, None] * np.linspace(
        -1.5, 1.5, 5
    )
    square = np.empty((likelihood.models, len(locations), shapes.shape[1], 2))
    square[..., 0] = locations[None, :, None]
    square[..., 1] = shapes[:, None, :]
    grid = square.reshape(likelihood.models, -1, 2)
    log_posterior = likelihood.log_posterior(grid)
    best = log_posterior.argmax(axis=1)
    every = np.arange(likelihood.models)
    return grid[every, best], log_posterior[every, best]


def _derivatives(values: Floats, step: Floats) -> tuple[Floats, Floats]:
    middle, right, left, up, down, upright, downleft, downright, upleft = values.T
    gradient = np.stack([right - left, up - down], axis=-1) / (2 * step[:, None])
    mixed = (upright + downleft - downright - upleft) / 4
    across, along = right + left - 2 * middle, up + down - 2 * middle
    rows = [np.stack([across, mixed], axis=-1), np.stack([mixed, along], axis=-1)]
    return gradient, np.stack(rows, axis=-2) / (step * step)[:, None, None]


def posterior(found: MapEstimate, at_ms: Floats) -> Posterior:
    """Return the laws around the most probable one of each model, with their weights.

    Args:
        found: The most probable laws.
        at_ms: Durations at which every law is asked; shape (m,).
    """
    likelihood = found.likelihood
    parameters, volume = _ridge(found)
    terms = likelihood.terms(parameters)
    most_likely = likelihood.answer_share(terms)
    error = likelihood.answer_share_error(terms, most_likely)
    share = likelihood.sample.share
    base = terms.cells + likelihood.excess_penalty(terms, np.minimum(most_likely, 1.0))
    base = base / likelihood.dispersion + likelihood.prior(parameters) + volume
    base = base - np.log(likelihood.prior_sd)[:, None]
    answer_share, log_posterior = [], []
    for step in _SHARE_STEPS:
        tried = most_likely + step * error
        never = share * (1 - tried)
        inside = (never >= NEVER_SHARE_RANGE[0]) & (never <= NEVER_SHARE_RANGE[1]) & (tried > 0)
        tried = np.where(inside, tried, 0.5)
        # The density of what is equally likely on a logarithmic scale, times the width of a step.
        prior = np.log(
            share
            * error
            * (_SHARE_STEPS[1] - _SHARE_STEPS[0])
            / np.maximum(never, NEVER_SHARE_RANGE[0])
        )
        prior = prior - log(log(NEVER_SHARE_RANGE[1] / NEVER_SHARE_RANGE[0]))
        reached = (
            base + likelihood.timeout_log_likelihood(terms, tried) / likelihood.dispersion + prior
        )
        answer_share.append(tried)
        log_posterior.append(np.where(inside, reached, -np.inf))
    all_shares, all_posteriors = np.stack(answer_share, axis=-1), np.stack(log_posterior, axis=-1)
    half = likelihood.models // 2
    all_shares[:half] = 1.0
    all_posteriors[:half] = -np.inf
    certain = (
        likelihood.timeout_log_likelihood(terms, np.ones_like(most_likely)) / likelihood.dispersion
    )
    all_posteriors[:half, :, 0] = (base + certain)[:half]
    return _with_weight(likelihood, parameters, all_shares, all_posteriors, at_ms)


def _with_weight(
    likelihood: Likelihood,
    parameters: Floats,
    answer_share: Floats,
    log_posterior: Floats,
    at_ms: Floats,
) -> Posterior:
    """Leave out what has no weight, and ask the rest."""
    weight = np.exp(log_posterior - log_posterior.max())
    model, law, share = np.nonzero(weight >= _MIN_RELATIVE_WEIGHT)
    weight = weight[model, law, share]
    data = likelihood.sample
    points = np.log(np.append(at_ms, max(data.from_ms, 1e-9)))
    tail_share = np.empty((len(model), len(at_ms)))
    for one in np.unique(model):
        rows = model == one
        laws, back = np.unique(law[rows], return_inverse=True)
        survival = likelihood.family(int(one)).survival(parameters[one, laws], points)
        tail_share[rows] = (survival[:, :-1] / np.maximum(survival[:, -1:], 1e-300))[back]
    return Posterior(
        sample=data,
        families=tuple(family.name for family in likelihood.families),
        family=model % len(likelihood.families),
        answer_share=answer_share[model, law, share],
        weight=weight / weight.sum(),
        tail_share=np.minimum(tail_share, 1.0),
    )


def _ridge(found: MapEstimate) -> tuple[Floats, Floats]:
    """Return laws along the ridge of each model, and the log of the volume that each stands for."""
    likelihood, at, hessian = found.likelihood, found.parameters, found.hessian
    across = np.minimum(hessian[:, 0, 0], -1e-6)
    bend = hessian[:, 1, 1] - hessian[:, 0, 1] ** 2 / across
    prior_sd = likelihood.prior_sd
    error = 1 / np.sqrt(np.maximum(-bend, 0.5 / prior_sd**2))
    shape = at[:, 1:] + error[:, None] * _SHAPE_NODES
    prior_mean = likelihood.prior_mean[:, None]
    shape = np.clip(shape, prior_mean - 3 * prior_sd[:, None], prior_mean + 3 * prior_sd[:, None])
    slope = np.clip(-hessian[:, 0, 1] / across, -3.0, 3.0)
    location = at[:, :1] + slope[:, None] * (shape - at[:, 1:])
    step = np.broadcast_to(np.clip(1 / np.sqrt(-across), 1e-3, 0.3)[:, None], location.shape)
    for _ in range(_RIDGE_ITERATIONS):
        gradient, curve = _location_derivatives(likelihood, location, shape, step)
        # Where it is flat or bends upwards, the longest step uphill.
        full = np.clip(gradient / np.maximum(-curve, 1e-9 + np.abs(gradient) / 10), -10.0, 10.0)
        location = location + np.clip(full, -4 * step, 4 * step)
        error_here = 1 / np.sqrt(np.maximum(-curve, 1e-9))
        near = np.abs(full) < step
        step = np.where(near, np.minimum(step / 2, error_here), 1.5 * step)
        step = np.clip(step, 1e-3, 0.4)
    _, curve = _location_derivatives(likelihood, location, shape, step)
    width = np.clip(1 / np.sqrt(np.maximum(-curve, 1e-6)), 1e-4, 1.0)
    gap = np.diff(shape, axis=1) / 2
    stands_for = np.pad(gap, ((0, 0), (1, 0))) + np.pad(gap, ((0, 0), (0, 1)))
    laws = np.empty((*location.shape, len(_LOCATION_NODES), 2))
    laws[..., 0] = location[..., None] + width[..., None] * _LOCATION_NODES
    laws[..., 1] = shape[..., None]
    volume = np.log(np.maximum(stands_for * width * sqrt(2 * pi), 1e-300))[..., None]
    volume = volume + np.log(_LOCATION_WEIGHTS) + _LOCATION_NODES**2 / 2
    return laws.reshape(len(at), -1, 2), volume.reshape(len(at), -1)


def _location_derivatives(
    likelihood: Likelihood, location: Floats, shape: Floats, step: Floats
) -> tuple[Floats, Floats]:
    """Return first and second derivative of the log-posterior by location; shape (k, n)."""
    laws = np.empty((*location.shape, 3, 2))
    laws[..., 0] = location[..., None] + step[..., None] * np.array([-1.0, 0.0, 1.0])
    laws[..., 1] = shape[..., None]
    log_posterior = likelihood.log_posterior(laws.reshape(len(location), -1, 2)).reshape(
        *location.shape, 3
    )
    low, middle, high = np.moveaxis(log_posterior, -1, 0)
    return (high - low) / (2 * step), (high + low - 2 * middle) / step**2
