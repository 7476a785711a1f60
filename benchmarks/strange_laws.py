"""Actions whose laws lie out of the range of what the monitor expects of a law.

* ``narrow``: lognormal with a sigma of 0.01 to 0.1: a body close to the timeout that is no tail;
* ``staircase``: a client that gives up after a while and tries again, a step for each attempt;
* ``Burr``: a Burr XII law, whose tail is a power (Burr 1942);
* ``Frechet``: the law of the slowest of many, whose tail is one too (Frechet 1927);
* ``quantised``: answers that are polled for, every 0.1 to 2 s;
* ``load``: answers up to three times slower at the busiest time of the day;
* ``limit``: a server that gives up by itself, a little before our timeout or a little after it:
  there a raise turns timeouts into errors, which rescues nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from benchmarks.counted import (
    EDGES,
    WINDOW_SECONDS,
    Floats,
    day_shape,
    end_calls,
    evidence_of,
    near_evidence,
    starts,
)
from benchmarks.verdict_truth import LAWS, Shape, Truth, law_of, log_uniform, quantile, shares_of
from monitor.diagnosis import ActionEvidence

STRANGE_KINDS = ("narrow", "staircase", "Burr", "Frechet", "quantised", "load", "limit")
_BASES = ("healthy", "slow", "mixed", "hang")
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Power:
    """A law whose tail is a power of time: Burr XII where it has two shapes, else Frechet."""

    name: str
    scale: float
    shape: float
    second_shape: float | None = None

    def survival(self, at_ms: npt.ArrayLike) -> Floats:
        """Return the share of the answers that take longer."""
        relative = np.maximum(np.asarray(at_ms, dtype=np.float64), 1e-9) / self.scale
        if self.second_shape is None:
            return np.asarray(-np.expm1(-(np.maximum(relative, 1e-3) ** -self.shape)))
        return np.asarray((1 + relative**self.shape) ** -self.second_shape)


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A lognormal law."""

    name: str
    median_ms: float
    sigma: float

    def survival(self, at_ms: npt.ArrayLike) -> Floats:
        """Return the share of the answers that take longer."""
        at = np.maximum(np.asarray(at_ms, dtype=np.float64), 1e-9)
        return np.asarray(ndtr(-np.log(at / self.median_ms) / self.sigma))


@dataclass(frozen=True, slots=True)
class Staircase:
    """Attempts one after the other, each given up after a while; the last one is not.

    Attributes:
        name: Its name.
        attempt: How long an attempt takes that succeeds.
        patience_ms: After which an attempt is given up and the next one begins.
        failing: Share of the attempts that never answer.
        attempts: How many there are; calls whose attempts all fail never answer.
    """

    name: str
    attempt: Lognormal
    patience_ms: float
    failing: float
    attempts: int

    def survival(self, at_ms: npt.ArrayLike) -> Floats:
        """Return the share of the answers that take longer, or never come."""
        at = np.asarray(at_ms, dtype=np.float64)
        given_up = float(self.attempt.survival(self.patience_ms))
        failed = self.failing + (1 - self.failing) * given_up
        answered, begun = np.zeros_like(at), 1.0
        for number in range(self.attempts):
            within = np.clip(at - number * self.patience_ms, 0.0, self.patience_ms)
            answered = answered + begun * (1 - self.failing) * (1 - self.attempt.survival(within))
            begun *= failed
        return np.asarray(1 - answered)


@dataclass(frozen=True, slots=True)
class Polled:
    """Answers that are seen when the next question is asked."""

    name: str
    law: Shape
    every_ms: float

    def survival(self, at_ms: npt.ArrayLike) -> Floats:
        """Return the share of the answers that are seen later."""
        at = np.minimum(np.asarray(at_ms, dtype=np.float64), 1e12)
        return self.law.survival(np.floor(at / self.every_ms + 1e-9) * self.every_ms)


@dataclass(frozen=True, slots=True, eq=False)
class Slowed:
    """A law that is slower for some of the calls.

    Attributes:
        name: Its name.
        law: How long answers take at the quietest time.
        factor: By how much they are slower; shape (k,).
        weight: Share of the calls of each; shape (k,).
    """

    name: str
    law: Shape
    factor: Floats
    weight: Floats

    def survival(self, at_ms: npt.ArrayLike) -> Floats:
        """Return the share of all answers that take longer."""
        at = np.asarray(at_ms, dtype=np.float64)
        return np.asarray(self.law.survival(at[..., None] / self.factor) @ self.weight)


@dataclass(frozen=True, slots=True)
class Limited:
    """A law of a server that gives up: what would take longer never succeeds."""

    name: str
    law: Shape
    limit_ms: float

    def survival(self, at_ms: npt.ArrayLike) -> Floats:
        """Return the share of the calls that have not succeeded by then."""
        return self.law.survival(np.minimum(at_ms, self.limit_ms))


def draw_strange(
    rng: np.random.Generator, *, closer_look: bool = True
) -> tuple[Truth, ActionEvidence]:
    """Return an action whose law the monitor does not expect, and what would be seen of it.

    Args:
        rng: Decides everything.
        closer_look: Whether it was looked at closely all the time; nothing else changes by that.
    """
    kind = str(rng.choice(STRANGE_KINDS))
    timeout_ms = 1000.0 * float(rng.integers(1, 26))
    beyond, never = shares_of(rng, str(rng.choice(_BASES, p=[0.1, 0.35, 0.3, 0.25])))
    windows = int(rng.choice([24, 48, 96, 168])) * 3600 // WINDOW_SECONDS
    start = starts(windows)
    shape = day_shape(start)
    factor = np.ones(windows)
    early_ms = 0.0
    law = _law(rng, kind, timeout_ms, beyond)
    of_all = law
    if kind == "load":
        factor = 1 + log_uniform(rng, 0.2, 2) * shape**2
        # Of all calls together this share lies beyond the timeout.
        factor *= timeout_ms / quantile(Slowed(kind, law, factor, shape / shape.sum()), beyond)
        of_all = Slowed(kind, law, factor, shape / shape.sum())
    if kind == "limit":
        law, never = law_of(rng, str(rng.choice(LAWS))), 0.0
        law = law.scaled(timeout_ms / law.quantile(log_uniform(rng, 0.012, 0.3)))
        if rng.random() < _HALF:
            early_ms = timeout_ms * log_uniform(rng, 0.9, 0.975)
        law = of_all = Limited(kind, law, early_ms or timeout_ms * log_uniform(rng, 1.02, 1.6))
    truth = Truth(
        kind=kind,
        law=of_all,
        never=never,
        timeout_ms=timeout_ms,
        executions=int(log_uniform(rng, 1_000, 100_000)),
        seconds=windows * WINDOW_SECONDS,
        early=1.0 if early_ms else 0.0,
    )

    def outlasting(at_ms: Floats) -> Floats:
        at = np.minimum(at_ms, early_ms or timeout_ms)
        left = never + (1 - never) * np.asarray(law.survival(at / factor[:, None]))
        return np.where(at > 0, left, 1.0)

    calls = rng.poisson(truth.executions * shape / shape.sum())
    bands, late = end_calls(rng, calls, outlasting(EDGES))
    early = late if early_ms else None
    timeout = np.full(windows, timeout_ms)
    evidence = evidence_of(start, timeout, bands, late, early=early, early_ms=early_ms)
    if not closer_look:
        return truth, evidence
    (closely,) = rng.spawn(1)
    return truth, evidence.with_near(near_evidence(closely, start, timeout_ms, bands, outlasting))


def _law(rng: np.random.Generator, kind: str, timeout_ms: float, beyond: float) -> Shape:
    """Return a law of which this share lies beyond the timeout, where it can be scaled so."""
    law: Lognormal | Power
    if kind == "staircase":
        patience_ms = timeout_ms * rng.uniform(0.2, 0.7)
        attempt = Lognormal(kind, patience_ms * rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.4))
        return Staircase(
            kind, attempt, patience_ms, log_uniform(rng, 0.02, 0.4), int(rng.integers(2, 6))
        )
    if kind == "Burr":
        law = Power(kind, 1.0, log_uniform(rng, 1.5, 6), log_uniform(rng, 0.5, 3))
        return replace(law, scale=timeout_ms / quantile(law, beyond))
    if kind == "Frechet":
        law = Power(kind, 1.0, log_uniform(rng, 1.5, 6))
        return replace(law, scale=timeout_ms / quantile(law, beyond))
    sigma = log_uniform(rng, 0.01, 0.1) if kind == "narrow" else rng.uniform(0.2, 0.9)
    law = Lognormal(kind, 1.0, sigma)
    law = replace(law, median_ms=timeout_ms / quantile(law, beyond))
    if kind == "quantised":
        every_ms = rng.choice([at for at in (100, 250, 500, 1000, 2000) if at <= timeout_ms / 2])
        return Polled(kind, law, float(every_ms))
    return law
