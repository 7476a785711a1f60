"""Latency laws with a never-answers share, fitted by censored maximum likelihood.

A success says "between the edges of its band", a timeout says "longer than the timeout, if ever".
With F the law of the answers and p the share of calls that never answer, the log-likelihood is

    sum over bands   n * log((1 - p) * (F(high) - F(low)))
  + sum over timeouts k * log(1 - (1 - p) * F(T))

For given parameters of F it is concave in 1 - p, so p is found exactly and only two parameters
are searched. Executions below ``from_ms`` may be left out: then F is the law given X > from_ms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.analysis.evidence import Floats
from monitor.analysis.families import Family
from monitor.analysis.pooling import Pooled
from monitor.model import BAND_EDGES_MS

_LEAST = 1e-300
_EDGES = np.array([0, *BAND_EDGES_MS], dtype=np.float64)
_NEWTON_ROUNDS = 40
_STEP = 1e-3
_BISECTIONS = 40
_GRID_WIDTH = 4.0
_GRID_SIDE = 21
_LARGEST_ERROR = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Interval- and right-censored executions beyond ``from_ms``.

    Attributes:
        from_ms: Executions that took less are not in it; 0.0 for none.
        at_ms: Every point at which F is needed, ascending and beyond ``from_ms``.
        low: Where each cell of successes begins: index into ``at_ms``, -1 for ``from_ms``.
        high: Where it ends; index into ``at_ms``.
        count: Successes in each cell.
        limit: Where each group of timeouts was cut; index into ``at_ms``.
        cut: Timeouts in each group.
        share: Share of all calls that take longer than ``from_ms``.
    """

    from_ms: float
    at_ms: Floats
    low: np.ndarray
    high: np.ndarray
    count: Floats
    limit: np.ndarray
    cut: Floats
    share: float

    @property
    def successes(self) -> float:
        """Successes in it."""
        return float(self.count.sum())


def sample(pooled: Pooled, from_ms: float = 0.0, share: float = 1.0) -> Sample:
    """What a fit needs of the executions beyond a band edge."""
    cells: dict[tuple[float, float], float] = {}
    cuts: dict[float, float] = {}
    for timeout_ms, bands, ended in zip(
        pooled.timeout_ms.tolist(), pooled.bands, pooled.ended_by_us.tolist(), strict=True
    ):
        if timeout_ms <= from_ms:
            continue
        for band in np.flatnonzero(bands).tolist():
            edge = float(BAND_EDGES_MS[band]) if band < len(BAND_EDGES_MS) else np.inf
            if edge > from_ms:
                key = (float(_EDGES[band]), min(timeout_ms, edge))
                cells[key] = cells.get(key, 0.0) + float(bands[band])
        cuts[timeout_ms] = cuts.get(timeout_ms, 0.0) + ended
    for band in np.flatnonzero(pooled.early).tolist():
        if from_ms < _EDGES[band]:
            cuts[float(_EDGES[band])] = cuts.get(float(_EDGES[band]), 0.0) + float(
                pooled.early[band]
            )
    points = np.unique([*(low for low, _ in cells), *(high for _, high in cells), *cuts])
    points = points[points > from_ms]
    keys = sorted(cells)
    limits = sorted(cuts)
    return Sample(
        from_ms=from_ms,
        at_ms=points,
        low=np.array([np.searchsorted(points, a) if a > from_ms else -1 for a, _ in keys], int),
        high=np.searchsorted(points, [high for _, high in keys]),
        count=np.array([cells[key] for key in keys]),
        limit=np.searchsorted(points, limits),
        cut=np.array([cuts[limit] for limit in limits]),
        share=share,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """One sample under one family.

    Attributes:
        sample: The executions.
        family: The family.
        all_answer: Whether every call is taken to be answered some time: p = 0.
    """

    sample: Sample
    family: Family
    all_answer: bool = False

    def answered(self, parameters: Floats, at_ms: Floats) -> Floats:
        """F at these durations, given that it takes longer than ``from_ms``; shape (n, m)."""
        if self.sample.from_ms <= 0:
            return 1.0 - self.family.survival(parameters, at_ms)
        points = np.concatenate([[self.sample.from_ms], at_ms])
        survival = self.family.survival(parameters, points)
        return 1.0 - survival[:, 1:] / np.maximum(survival[:, :1], _LEAST)

    def parts(self, parameters: Floats) -> tuple[Floats, Floats]:
        """The likelihood of the successes' cells, shape (n,), and F at the limits, shape (n, g)."""
        data = self.sample
        below = self.answered(parameters, data.at_ms)
        padded = np.concatenate([below, np.zeros((len(below), 1))], axis=1)
        mass = np.maximum(padded[:, data.high] - padded[:, data.low], _LEAST)
        return np.asarray(np.log(mass) @ data.count), below[:, data.limit]

    def answering(self, at_limits: Floats) -> Floats:
        """The most likely share of calls that answer at all, 1 - p; shape (n,)."""
        data = self.sample
        if self.all_answer:
            return np.ones(len(at_limits))
        successes = data.successes
        total_cut = data.cut.sum()
        if successes <= 0:
            return np.full(len(at_limits), 0.0)
        if len(data.cut) == 1:
            share = successes / (successes + total_cut)
            return np.asarray(np.minimum(1.0, share / np.maximum(at_limits[:, 0], _LEAST)))
        low = np.zeros(len(at_limits))
        high = np.ones(len(at_limits))
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            slope = successes - (
                data.cut * middle[:, None] * at_limits
                / np.maximum(1.0 - middle[:, None] * at_limits, _LEAST)
            ).sum(axis=1)  # fmt: skip
            low = np.where(slope > 0, middle, low)
            high = np.where(slope > 0, high, middle)
        return np.where(low > 1 - 1e-9, 1.0, low)

    def total(self, cells: Floats, at_limits: Floats, answering: Floats) -> Floats:
        """The log-likelihood; shape (n,)."""
        data = self.sample
        alive = data.successes * np.log(np.maximum(answering, _LEAST)) if data.successes else 0.0
        cut = np.log(np.maximum(1.0 - answering[:, None] * at_limits, _LEAST)) @ data.cut
        return np.asarray(cells + alive + cut)

    def profile(self, parameters: Floats) -> Floats:
        """The log-likelihood with the best p for each pair of parameters; shape (n,)."""
        cells, at_limits = self.parts(parameters)
        return self.total(cells, at_limits, self.answering(at_limits))


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The most likely law of one family.

    Attributes:
        likelihood: What was maximised.
        parameters: The most likely ones; shape (2,).
        never: The most likely never-answers share among calls beyond ``from_ms``.
        log_likelihood: The maximum.
        hessian: Second derivatives there; shape (2, 2).
    """

    likelihood: Likelihood
    parameters: Floats
    never: float
    log_likelihood: float
    hessian: Floats

    @property
    def family(self) -> Family:
        """The family."""
        return self.likelihood.family

    def neighbourhood(self, dispersion: float = 1.0) -> Floats:
        """Parameters up to four standard errors away; shape (n, 2), the most likely first."""
        around = _grid(self.parameters, self.hessian / dispersion)
        return np.concatenate([self.parameters[None, :], around])

    def survival(self, at_ms: Floats) -> Floats:
        """The share of all calls that take longer, whatever the reason; shape (m,)."""
        data = self.likelihood.sample
        answered = self.likelihood.answered(self.parameters[None, :], at_ms)[0]
        return np.asarray(data.share * (1.0 - (1.0 - self.never) * answered))


def fit(data: Sample, family: Family, *, all_answer: bool = False) -> Fit | None:
    """The most likely law of a family; None where there are fewer than two cells of successes.

    Args:
        data: The executions.
        family: The family.
        all_answer: Take every call to be answered some time.
    """
    if len(data.count) < 2 or data.successes <= 0:  # noqa: PLR2004 - one cell has no shape
        return None
    likelihood = Likelihood(data, family, all_answer)
    best, hessian = _maximise(likelihood, _start(likelihood))
    cells, at_limits = likelihood.parts(best[None, :])
    answering = likelihood.answering(at_limits)
    return Fit(
        likelihood=likelihood,
        parameters=best,
        never=float(1.0 - answering[0]),
        log_likelihood=float(likelihood.total(cells, at_limits, answering)[0]),
        hessian=hessian,
    )


def _start(likelihood: Likelihood) -> Floats:
    data = likelihood.sample
    where = np.log(np.geomspace(max(20.0, data.at_ms[0] / 4), data.at_ms[-1] * 3, 24))
    shapes = np.array(likelihood.family.shapes)
    starts = np.stack(np.meshgrid(where, shapes, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.asarray(starts[int(np.argmax(likelihood.profile(starts)))])


_STENCIL = np.array(
    [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1)], dtype=np.float64
)
_SCALES = np.array([1.0, 0.5, 0.25, 0.1, 0.03, 0.01, 0.003, 1e-3, 1e-4])


def _maximise(likelihood: Likelihood, start: Floats) -> tuple[Floats, Floats]:
    """Newton's method with the derivatives from a stencil, kept uphill by a line search."""
    at = start
    hessian = -np.eye(2)
    value = float(likelihood.profile(at[None, :])[0])
    for _ in range(_NEWTON_ROUNDS):
        gradient, hessian = _derivatives(likelihood.profile(at + _STEP * _STENCIL))
        values, vectors = np.linalg.eigh(hessian)
        direction = vectors @ ((vectors.T @ gradient) / np.maximum(np.abs(values), 1e-3))
        direction *= min(1.0, 0.7 / max(float(np.abs(direction).max()), 1e-12))
        tried = at + _SCALES[:, None] * direction
        reached = likelihood.profile(tried)
        best = int(np.argmax(reached))
        gain = float(reached[best]) - value
        if not gain > 0:
            break
        at, value = tried[best], float(reached[best])
        if gain < 1e-5:  # noqa: PLR2004 - a likelihood is not felt to the fifth place
            break
    return at, hessian


def _derivatives(values: Floats) -> tuple[Floats, Floats]:
    middle, right, left, up, down, upright, downleft, downright, upleft = values
    gradient = np.array([right - left, up - down]) / (2 * _STEP)
    mixed = (upright + downleft - downright - upleft) / 4
    hessian = np.array([[right + left - 2 * middle, mixed], [mixed, up + down - 2 * middle]])
    return gradient, hessian / _STEP**2


def _grid(best: Floats, hessian: Floats) -> Floats:
    """Points some standard errors around the maximum, along the ellipse's own axes."""
    values, vectors = np.linalg.eigh(-hessian)
    errors = np.minimum(1.0 / np.sqrt(np.maximum(values, 1e-12)), _LARGEST_ERROR)
    side = np.linspace(-_GRID_WIDTH, _GRID_WIDTH, _GRID_SIDE)
    steps = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.asarray(best + (steps * errors) @ vectors.T)
