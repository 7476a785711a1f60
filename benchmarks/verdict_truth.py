"""Actions whose law is known, and what the platform would show of them.

A law is its survival function: everything that is true of an action follows from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc, ndtr

from benchmarks.counted import (
    EDGES,
    WINDOW_SECONDS,
    Floats,
    Ints,
    day_shape,
    end_calls,
    evidence_of,
    near_evidence,
    starts,
)
from monitor.diagnosis import ANSWERED_TARGET, ActionEvidence
from monitor.diagnosis.judged_period import told_outages

TARGET = 0.99
KINDS = (
    "healthy", "slow", "mixed", "hang", "modes", "outage", "throttled", "remote", "idle", "capped",
)  # fmt: skip
LAWS = ("lognormal", "gamma", "Weibull", "log-logistic", "mixture")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a law: its weight, its family, its scale in ms and its shape."""

    weight: float
    family: str
    scale: float
    shape: float

    def survival(self, at_ms: Floats) -> Floats:
        """Share of this part's answers that take longer."""
        relative = at_ms / self.scale
        if self.family == "lognormal":
            return np.asarray(ndtr(-np.log(relative) / self.shape))
        if self.family == "gamma":
            return np.asarray(gammaincc(self.shape, relative * self.shape))
        if self.family == "Weibull":
            return np.asarray(np.exp(-math.log(2) * relative**self.shape))
        return np.asarray(1.0 / (1.0 + relative**self.shape))


class Shape(Protocol):
    """How long answers take."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    def survival(self, at_ms: npt.ArrayLike) -> Floats:
        """Return the share of the answers that take longer."""
        ...


@dataclass(frozen=True, slots=True)
class Law:
    """How long answers take."""

    name: str
    parts: tuple[Part, ...]

    def survival(self, at_ms: npt.ArrayLike) -> Floats:
        """Share of the answers that take longer."""
        at = np.maximum(np.asarray(at_ms, dtype=np.float64), 1e-9)
        return np.asarray(sum(part.weight * part.survival(at) for part in self.parts))

    def scaled(self, factor: float) -> Law:
        """The same, slower by a factor."""
        parts = (replace(part, scale=part.scale * factor) for part in self.parts)
        return replace(self, parts=tuple(parts))

    def quantile(self, share: float) -> float:
        """What all but this share of the answers stay within, ms."""
        return quantile(self, share)


def quantile(law: Shape, share: float) -> float:
    """Return what all but this share of the answers stay within, ms; 1e9 for more."""
    low, high = 1e-3, 1e9
    for _ in range(120):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if float(law.survival(middle)) > share else (low, middle)
    return high


@dataclass(frozen=True, slots=True)
class Truth:
    """What is so, whatever was seen of it.

    Attributes:
        kind: What was drawn; one of ``KINDS``.
        law: How long answers take.
        never: Share of calls that never answer.
        timeout_ms: The timeout in force at the end.
        executions: Mean number of executions.
        seconds: Length of the evidence.
        second_below: Of a drawn second mode, the share below the timeout; None for none.
        outage: Timeouts that outages made which are still told of, per timeout.
        over: Timeouts that other outages made, which are over for long.
        throttled: Share of the executions that the platform refuses.
        early: Timeouts that a remote ended, per timeout.
    """

    kind: str
    law: Shape
    never: float
    timeout_ms: float
    executions: int
    seconds: int
    second_below: float | None = None
    outage: float = 0.0
    over: float = 0.0
    throttled: float = 0.0
    early: float = 0.0

    def survival(self, at_ms: npt.ArrayLike) -> Floats:
        """Share of the calls that take longer, when the back end is not down."""
        return np.asarray(self.never + (1 - self.never) * self.law.survival(at_ms))

    @property
    def share(self) -> float:
        """Timeouts per call."""
        return float(self.survival(self.timeout_ms))

    def rescued(self, at_ms: float) -> float:
        """The part of all timeouts that this timeout would turn into successes."""
        if at_ms <= self.timeout_ms:
            return 0.0
        return (1 - self.early) * (1 - float(self.survival(at_ms)) / max(self.share, 1e-12))

    @property
    def quantile_ms(self) -> float:
        """The smallest timeout that reaches the target; infinite where none does."""
        left = (1 - TARGET - self.never) / (1 - self.never)
        return quantile(self.law, left) if left > 0 else math.inf

    @property
    def wanted_ms(self) -> float:
        """The smallest timeout that would do, in the monitor's own words; at most twice ours."""
        at = np.geomspace(self.timeout_ms, 2 * self.timeout_ms, 2001)
        beyond = self.survival(at)
        enough = (beyond <= 1 - TARGET) | (self.law.survival(at) <= 1 - ANSWERED_TARGET)
        rescued = beyond <= (1 - 0.6 / max(1 - self.early, 0.5)) * self.share
        wanted = at[int(enough.argmax())] if enough.any() else at[-1]
        return float(max(wanted, at[int(rescued.argmax())] if rescued.any() else wanted))


def draw(
    rng: np.random.Generator, hours: int | None = None, *, closer_look: bool = True
) -> tuple[Truth, ActionEvidence]:
    """An action with known truth, and what would be seen of it.

    Args:
        rng: Decides everything.
        hours: Length of the evidence; None draws it between 6 hours and 7 days.
        closer_look: Whether it was looked at closely all the time; nothing else changes by that.
    """
    kind = str(rng.choice(KINDS))
    base = kind
    if kind in {"outage", "throttled", "remote"}:
        base = str(rng.choice(["healthy", "slow", "hang"]))
    timeout_ms = 1000.0 * float(rng.integers(1, 26))
    if rng.random() >= 0.7:  # noqa: PLR2004 - whole seconds are usual, not a must
        timeout_ms = 1000.0 * round(log_uniform(rng, 1, 25), 1)
    if kind == "capped":
        timeout_ms = 1000.0 * float(rng.integers(16, 31))
    law = law_of(rng, str(rng.choice(LAWS)))
    beyond, never = shares_of(rng, base)
    reach_ms = timeout_ms / (log_uniform(rng, 4, 40) if base == "idle" else 1.0)
    law = law.scaled(reach_ms / law.quantile(beyond))
    second_below = None
    if kind == "modes":
        law = law.scaled(timeout_ms * rng.uniform(0.05, 0.4) / law.quantile(0.01))
        law, second_below = _with_second_mode(rng, law, timeout_ms)
        never = log_uniform(rng, 0.005, 0.1) if rng.random() < 0.3 else 0.0  # noqa: PLR2004
    truth = Truth(
        kind=kind,
        law=law,
        never=never,
        timeout_ms=timeout_ms,
        executions=int(log_uniform(rng, 200, 200_000)),
        seconds=(hours or int(rng.choice([6, 12, 24, 48, 96, 168]))) * 3600,
        second_below=second_below,
    )
    return _observe(rng, truth, closer_look=closer_look)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number whose log is uniform."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def shares_of(rng: np.random.Generator, base: str) -> tuple[float, float]:
    """Share of the answers beyond the timeout, and share of the calls that never answer."""
    if base == "slow":
        return log_uniform(rng, 0.012, 0.3), 0.0
    if base == "mixed":
        return log_uniform(rng, 0.005, 0.3), log_uniform(rng, 0.005, 0.2)
    if base == "hang":
        return log_uniform(rng, 1e-6, 0.005), log_uniform(rng, 0.005, 0.2)
    if base == "capped":
        return log_uniform(rng, 0.03, 0.3), 0.0
    if base == "idle":
        return 0.001, log_uniform(rng, 0.0005, 0.01)
    rare = log_uniform(rng, 1e-5, 0.003) if rng.random() < 0.5 else 0.0  # noqa: PLR2004
    return log_uniform(rng, 1e-7, 0.006), rare


def law_of(rng: np.random.Generator, name: str) -> Law:
    """A law with a scale of 1."""
    if name == "lognormal":
        return Law(name, (Part(1.0, name, 1.0, rng.uniform(0.2, 1.0)),))
    if name == "gamma":
        return Law(name, (Part(1.0, name, 1.0, log_uniform(rng, 1, 15)),))
    if name == "Weibull":
        return Law(name, (Part(1.0, name, 1.0, log_uniform(rng, 0.7, 3.5)),))
    if name == "log-logistic":
        return Law(name, (Part(1.0, name, 1.0, log_uniform(rng, 2.5, 9)),))
    fast = rng.uniform(0.15, 0.8)
    spread = rng.uniform(0.3, 0.8)
    slow = Part(1 - fast, "lognormal", 1.0, spread)
    if rng.random() < 0.5:  # noqa: PLR2004 - a coin
        slow = Part(1 - fast, "gamma", 1.0, spread**-2)
    scale = rng.uniform(0.15, 0.8)
    return Law(name, (Part(fast, "lognormal", scale, rng.uniform(0.2, 0.5)), slow))


def _with_second_mode(
    rng: np.random.Generator, law: Law, timeout_ms: float
) -> tuple[Law, float]:  # fmt: skip
    weight = log_uniform(rng, 0.02, 0.3)
    scale = timeout_ms * log_uniform(rng, 0.6, 3.5)
    second = Part(weight, "lognormal", scale, rng.uniform(0.06, 0.3))
    first = (replace(part, weight=part.weight * (1 - weight)) for part in law.parts)
    below = 1 - float(second.survival(np.asarray(timeout_ms)))
    return Law("modes", (*first, second)), below


def _observe(
    rng: np.random.Generator, truth: Truth, *, closer_look: bool
) -> tuple[Truth, ActionEvidence]:
    """Executions as the platform counts them: by window and band, cut at the timeout."""
    windows = truth.seconds // WINDOW_SECONDS
    start = starts(windows)
    shape = day_shape(start)
    if rng.random() < 0.3:  # noqa: PLR2004 - some are called as often by night
        shape = np.ones(windows)
    calls = rng.poisson(truth.executions * shape / shape.sum())
    timeout = np.full(windows, truth.timeout_ms)
    if truth.kind in {"slow", "mixed", "hang"} and rng.random() < 0.2:  # noqa: PLR2004
        timeout[: int(windows * rng.uniform(0.2, 0.8))] /= rng.uniform(1.2, 1.5)
    throttled = np.zeros(windows, dtype=np.int64)
    if truth.kind == "throttled":
        share = log_uniform(rng, 0.02, 0.2) * np.maximum(0, (shape - 0.3) / 0.7)
        throttled = rng.binomial(calls, share)
        truth = replace(truth, throttled=float(calls @ share / max(1, calls.sum())))
        calls = calls - throttled
    gateway = truth.kind == "remote" and rng.random() < 0.5  # noqa: PLR2004 - a coin
    early_ms = truth.timeout_ms * rng.uniform(0.1, 0.967)
    bands, late = _ended(rng, truth, calls, np.full(windows, early_ms) if gateway else timeout)
    early = late if gateway else np.zeros_like(late)
    if truth.kind == "remote" and not gateway:
        early_ms = rng.uniform(150, 0.5 * truth.timeout_ms)
        lost = rng.binomial(bands, log_uniform(rng, 0.005, 0.1))
        bands, early = bands - lost, lost.sum(axis=1)
        late = late + early
    if truth.kind == "outage":
        down = _outages(rng, windows)
        lost = rng.binomial(bands, down[:, None])
        told = _told(start, down)
        made, over = float(lost[told].sum()), float(lost[~told].sum())
        truth = replace(truth, outage=made / max(1.0, made + float(late.sum())), over=over)
        bands, late = bands - lost, late + lost.sum(axis=1)
    truth = replace(truth, early=float(early.sum() / max(1, late.sum())))
    evidence = evidence_of(
        start, timeout, bands, late, early=early, early_ms=early_ms, throttled=throttled
    )
    if not closer_look:
        return truth, evidence

    def outlasting(at_ms: Floats) -> Floats:
        left = truth.survival(np.minimum(at_ms, early_ms) if gateway else at_ms)
        return np.broadcast_to(left, (int(current.sum()), len(at_ms)))

    current = timeout == truth.timeout_ms
    (closely,) = rng.spawn(1)
    found = near_evidence(closely, start[current], truth.timeout_ms, bands[current], outlasting)
    return truth, evidence.with_near(found.without(start[~current]))


def _ended(
    rng: np.random.Generator, truth: Truth, calls: Ints, limit_ms: Floats
) -> tuple[Ints, Ints]:
    """Successes by band, and calls that outlast the limit of their window."""
    bands = np.zeros((len(calls), len(EDGES) - 1), dtype=np.int64)
    late = np.zeros(len(calls), dtype=np.int64)
    for limit in np.unique(limit_ms):
        rows = limit_ms == limit
        left = truth.survival(np.minimum(EDGES, limit))
        bands[rows], late[rows] = end_calls(rng, calls[rows], left)
    return bands, late


def _told(start: Ints, down: Floats) -> npt.NDArray[np.bool_]:
    """Return the windows since the first outage that is still told of."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0.0], down > 0, [0.0]])))
    ends = np.append(start, start[-1] + WINDOW_SECONDS)[edges].tolist()
    ranges = list(zip(ends[::2], ends[1::2], strict=True))
    told = told_outages(ranges, float(start[-1] + WINDOW_SECONDS))
    return np.asarray(start >= (told[0][0] if told else np.inf))


def _outages(rng: np.random.Generator, windows: int) -> Floats:
    """Share of each window's calls that outages swallow: 5 min to 3 h, one to three times."""
    down = np.zeros(windows)
    for _ in range(int(rng.integers(1, 4))):
        length = max(1, round(log_uniform(rng, 300, 10_800) / WINDOW_SECONDS))
        at = int(rng.integers(0, max(1, windows - length)))
        down[at : at + length] = rng.uniform(0.6, 1.0)
    return down
