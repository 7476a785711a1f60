"""How often the verdicts are right, and what the recommended timeouts are worth.

    .venv/bin/python benchmarks/verdicts.py                    the figures of docs/verdicts.md
    .venv/bin/python benchmarks/verdicts.py --draws 400        the same, sooner and rougher

Each draw is an action whose law is known: what answers, how long it takes, what never answers.
Its executions are counted as the platform counts them, in windows of five minutes and latency
bands, and diagnosed; what was said is held against what is true.

Only draws of at least ``--least`` executions count towards the figures; the others show that less
evidence is owned up to.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc, ndtr

from monitor.analysis.diagnosis import Diagnosis, Settings, diagnose
from monitor.analysis.evidence import ActionEvidence
from monitor.analysis.verdict import Verdict
from monitor.model import BAND_EDGES_MS

Floats = npt.NDArray[np.float64]
Survival = Callable[[Floats], Floats]

TARGET = 0.99
CAP_MS = 30_000.0
TOLERANCE = 0.005
WINDOW_SECONDS = 300
KINDS = ("healthy", "slow", "mixed", "hang", "modes", "outage", "throttled", "remote", "idle", "capped")
LAWS = ("lognormal", "gamma", "Weibull", "log-logistic", "mixture")


@dataclass(frozen=True)
class Law:
    """The answers of a back end: parts of a mixture of named laws, in ms."""

    name: str
    parts: tuple[tuple[float, str, float, float], ...]

    def survival(self, at_ms: npt.ArrayLike) -> Floats:
        """Share of the answers that take longer."""
        at = np.maximum(np.asarray(at_ms, dtype=np.float64), 1e-9)
        return np.asarray(sum(w * _survival(name, at, scale, shape) for w, name, scale, shape in self.parts))

    def scaled(self, factor: float) -> Law:
        """The same, slower by a factor."""
        return replace(self, parts=tuple((w, n, s * factor, k) for w, n, s, k in self.parts))

    def quantile(self, share: float) -> float:
        """What all but this share of the answers stay within, ms."""
        low, high = 1e-3, 1e9
        for _ in range(200):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if float(self.survival(middle)) > share else (low, middle)
        return high


def _survival(name: str, at: Floats, scale: float, shape: float) -> Floats:
    relative = at / scale
    if name == "lognormal":
        return np.asarray(ndtr(-np.log(relative) / shape))
    if name == "gamma":
        return np.asarray(gammaincc(shape, relative * shape))
    if name == "Weibull":
        return np.exp(-np.log(2) * relative**shape)
    return 1.0 / (1.0 + relative**shape)


@dataclass(frozen=True)
class Truth:
    """What is so, whatever was seen of it."""

    kind: str
    law: Law
    never: float
    timeout_ms: float
    executions: int
    seconds: int
    second: tuple[float, float, float] | None = None
    outage_share: float = 0.0
    throttled: float = 0.0
    early: float = 0.0
    raised_from: float | None = None

    def survival(self, at_ms: npt.ArrayLike) -> Floats:
        """Share of the calls that take longer, in the steady state."""
        return self.never + (1 - self.never) * self.law.survival(at_ms)

    @property
    def limit_ms(self) -> float:
        """The largest value that may be claimed."""
        return 2 * self.timeout_ms

    @property
    def share(self) -> float:
        """Timeouts per call."""
        return float(self.survival(self.timeout_ms))

    def rescued(self, at_ms: float) -> float:
        """The part of the timeouts that this timeout would turn into successes."""
        return (1 - self.early) * (1 - float(self.survival(at_ms)) / max(self.share, 1e-12)) if at_ms > self.timeout_ms else 0.0

    @property
    def wanted_ms(self) -> float:
        """The smallest timeout that would do, in the monitor's own words; at most the limit."""
        at = np.geomspace(self.timeout_ms, self.limit_ms, 2001)
        beyond = self.survival(at)
        enough = (beyond <= 1 - TARGET) | (self.law.survival(at) <= 0.0025)
        wanted = at[int(enough.argmax())] if enough.any() else self.limit_ms
        rescued = beyond <= 0.4 * self.share
        return float(max(wanted, at[int(rescued.argmax())] if rescued.any() else wanted))

    @property
    def quantile_ms(self) -> float:
        """The smallest timeout that reaches the target; infinite where none does."""
        if self.never >= 1 - TARGET:
            return math.inf
        return self.law.quantile((1 - TARGET - self.never) / (1 - self.never))


def _law(rng: np.random.Generator, name: str) -> Law:
    """A law with a median of 1 or so."""
    if name == "lognormal":
        return Law(name, ((1.0, name, 1.0, rng.uniform(0.2, 1.0)),))
    if name == "gamma":
        return Law(name, ((1.0, name, 1.0, math.exp(rng.uniform(math.log(1.0), math.log(15)))),))
    if name == "Weibull":
        return Law(name, ((1.0, name, 1.0, math.exp(rng.uniform(math.log(0.7), math.log(3.5)))),))
    if name == "log-logistic":
        return Law(name, ((1.0, name, 1.0, math.exp(rng.uniform(math.log(2.5), math.log(9)))),))
    fast = rng.uniform(0.15, 0.8)
    return Law(
        name,
        (
            (fast, "lognormal", rng.uniform(0.15, 0.8), rng.uniform(0.2, 0.5)),
            (1 - fast, str(rng.choice(["lognormal", "gamma"])), 1.0, rng.uniform(0.3, 0.8) if rng.random() < 2 else 1),
        ),
    )


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def draw(rng: np.random.Generator) -> tuple[Truth, ActionEvidence]:
    """An action with known truth, and what would be seen of it."""
    kind = str(rng.choice(KINDS))
    base = str(rng.choice(["healthy", "slow", "hang"])) if kind in {"outage", "throttled", "remote"} else kind
    timeout_ms = 1000.0 * (
        float(rng.integers(1, 26)) if rng.random() < 0.7 else round(_log_uniform(rng, 1, 25), 1)
    )
    if kind == "capped":
        timeout_ms = 1000.0 * float(rng.integers(16, 31))
    law = _law(rng, str(rng.choice(LAWS)))
    if law.name == "mixture" and law.parts[1][1] == "gamma":
        law = replace(law, parts=(law.parts[0], (*law.parts[1][:3], 1 / law.parts[1][3] ** 2)))
    never = 0.0
    if base == "slow":
        beyond = _log_uniform(rng, 0.012, 0.3)
    elif base == "mixed":
        beyond = _log_uniform(rng, 0.005, 0.3)
        never = _log_uniform(rng, 0.005, 0.2)
    elif base == "hang":
        beyond = _log_uniform(rng, 1e-6, 0.005)
        never = _log_uniform(rng, 0.005, 0.2)
    elif base == "capped":
        beyond = _log_uniform(rng, 0.03, 0.3)
    elif base == "idle":
        beyond = 0.001
        never = _log_uniform(rng, 0.0005, 0.01)
    else:
        beyond = _log_uniform(rng, 1e-7, 0.006)
        never = _log_uniform(rng, 1e-5, 0.003) if rng.random() < 0.5 else 0.0
    reach = timeout_ms / (_log_uniform(rng, 4, 40) if base == "idle" else 1.0)
    law = law.scaled(reach / law.quantile(beyond))
    second = None
    if kind == "modes":
        law = law.scaled(timeout_ms * rng.uniform(0.05, 0.4) / law.quantile(0.01))
        second = (_log_uniform(rng, 0.02, 0.3), timeout_ms * _log_uniform(rng, 0.6, 3.5), rng.uniform(0.06, 0.3))
        law = Law("modes", (*((w * (1 - second[0]), n, s, k) for w, n, s, k in law.parts), (second[0], "lognormal", *second[1:])))
        if rng.random() < 0.3:
            never = _log_uniform(rng, 0.005, 0.1)
    executions = int(_log_uniform(rng, 200, 200_000))
    hours = int(rng.choice([6, 12, 24, 48, 96, 168]))
    truth = Truth(kind, law, never, timeout_ms, executions, hours * 3600)
    return _observe(rng, truth)


def _observe(rng: np.random.Generator, truth: Truth) -> tuple[Truth, ActionEvidence]:
    windows = truth.seconds // WINDOW_SECONDS
    start = 1_800_000_000 // WINDOW_SECONDS * WINDOW_SECONDS + np.arange(windows) * WINDOW_SECONDS
    hour = start / 3600 % 24
    shape = 0.1 + 0.9 * np.maximum(0, np.sin(np.pi * (hour - 6) / 16))
    if rng.random() < 0.3:
        shape = np.ones(windows)
    calls = rng.poisson(truth.executions * shape / shape.sum())
    timeout = np.full(windows, truth.timeout_ms)
    if truth.kind in {"slow", "mixed", "hang"} and rng.random() < 0.2:
        before = truth.timeout_ms / rng.uniform(1.2, 1.5)
        timeout[: int(windows * rng.uniform(0.2, 0.8))] = before
        truth = replace(truth, raised_from=before)
    throttled = np.zeros(windows)
    if truth.kind == "throttled":
        peak = _log_uniform(rng, 0.02, 0.2)
        share = peak * np.maximum(0, (shape - 0.3) / 0.7)
        throttled = rng.binomial(calls, share).astype(float)
        truth = replace(truth, throttled=float((calls * share).sum() / max(1, calls.sum())))
        calls = calls - throttled.astype(int)
    out = np.zeros(windows)
    if truth.kind == "outage":
        for _ in range(int(rng.integers(1, 4))):
            length = max(1, round(_log_uniform(rng, 300, 10_800) / WINDOW_SECONDS))
            at = int(rng.integers(0, max(1, windows - length)))
            out[at : at + length] = rng.uniform(0.6, 1.0)
    edges = np.array([0, *BAND_EDGES_MS, np.inf])
    bands = np.zeros((windows, len(edges) - 1), dtype=np.int64)
    late = np.zeros(windows, dtype=np.int64)
    for limit in np.unique(timeout):
        rows = timeout == limit
        cut = np.minimum(edges, limit)
        survival = (1 - truth.never) * truth.law.survival(cut)
        mass = np.append(survival[:-1] - survival[1:], truth.never + survival[-1])
        mass = np.maximum(mass, 0)
        answers = rng.multinomial(calls[rows], mass / mass.sum())
        bands[rows], late[rows] = answers[:, :-1], answers[:, -1]
    steady_late = late.copy()
    if out.any():
        lost = rng.binomial(bands, out[:, None])
        bands -= lost
        late = late + lost.sum(axis=1)
        truth = replace(truth, outage_share=float(lost.sum() / max(1, lost.sum() + steady_late.sum())))
    duration = timeout * late
    shortest, longest = timeout.copy(), timeout * 1.0
    timeout_bands = np.zeros_like(bands)
    if truth.kind == "remote":
        if rng.random() < 0.5:
            gateway = truth.timeout_ms * rng.uniform(0.1, 0.967)
            cut = np.minimum(edges, gateway)
            survival = (1 - truth.never) * truth.law.survival(cut)
            mass = np.append(survival[:-1] - survival[1:], truth.never + survival[-1])
            answers = rng.multinomial(calls, np.maximum(mass, 0) / np.maximum(mass, 0).sum())
            bands, late = answers[:, :-1], answers[:, -1]
            early, ours = late, np.zeros_like(late)
        else:
            gateway = rng.uniform(150, 0.5 * truth.timeout_ms)
            ours = late
            lost = rng.binomial(bands, _log_uniform(rng, 0.005, 0.1))
            bands = bands - lost
            early = lost.sum(axis=1)
            late = early + ours
        duration = gateway * early + timeout * ours
        shortest = np.where(early > 0, gateway, timeout)
        longest = np.where(ours > 0, timeout, gateway)
        timeout_bands[:, int(np.searchsorted(BAND_EDGES_MS, gateway, side="right"))] += early
        truth = replace(truth, early=float(early.sum() / max(1, late.sum())))
        ours_band = ours
    else:
        ours_band = late
    for limit in np.unique(timeout):
        rows = timeout == limit
        timeout_bands[rows, int(np.searchsorted(BAND_EDGES_MS, limit, side="right"))] += ours_band[rows]
    middle = np.array([50.0, *(np.array(BAND_EDGES_MS[:-1]) + np.array(BAND_EDGES_MS[1:])) / 2, 40_000.0])
    evidence = ActionEvidence.from_columns(
        start=start,
        seconds=np.full(windows, WINDOW_SECONDS),
        timeout_ms=timeout,
        successes=bands.sum(axis=1),
        bands=bands,
        success_duration_ms=bands @ np.minimum(middle, truth.timeout_ms),
        timeouts=late,
        timeout_bands=timeout_bands,
        timeout_duration_ms=duration,
        timeout_min_ms=np.where(late > 0, shortest, 0),
        timeout_max_ms=np.where(late > 0, longest, 0),
        throttled=throttled,
    )
    return truth, evidence


@dataclass(frozen=True)
class Outcome:
    """One draw and what was said of it."""

    truth: Truth
    said: str
    right: bool
    expected: str
    executions: float
    timeouts: float
    rescued: float
    raw_ms: float
    low_ms: float
    high_ms: float
    evidence: float
    evidence_capped: float
    families: tuple[str, ...]
    from_ms: float
    seconds: float
    dispersion: float = 1.0
    never: float = 0
    smooth: float = 0
    wanted_ms: float = 0
    near: float = 0
    part: float = 0


def expected_of(truth: Truth, timeouts: float) -> set[str]:
    """The verdicts that are right."""
    if timeouts < 10 and timeouts <= 0.01 * truth.executions and truth.kind != "throttled":
        return {"healthy"}
    if truth.throttled >= 1 - TARGET - TOLERANCE and truth.kind == "throttled":
        both = {"throttled"}
        if truth.throttled >= 1 - TARGET + TOLERANCE:
            return both
    else:
        both = set()
    if truth.kind == "outage":
        if truth.outage_share >= 0.6:
            return both | {"outage"}
        if truth.outage_share >= 0.4:
            both |= {"outage"}
    if truth.kind == "remote":
        if truth.early >= 0.6:
            return both | {"remote_timeout"}
        if truth.early >= 0.4:
            both |= {"remote_timeout"}
    if timeouts < 10 and timeouts <= 0.01 * truth.executions:
        return both | {"healthy"}
    share = truth.share
    if share <= 1 - TARGET + TOLERANCE:
        # p99.9 of the answers far below the timeout
        p999 = truth.law.quantile(0.001) / truth.timeout_ms
        hangs = truth.never > 0.5 * share
        both |= {"healthy"} if p999 > 0.25 or not hangs else set()
        both |= {"too_long"} if p999 < 0.4 and hangs else set()
        if truth.never * truth.executions < 20:
            both |= {"healthy"}
        if share <= 1 - TARGET - TOLERANCE:
            return both
    reach = 2 * truth.timeout_ms
    best_capped = truth.rescued(min(CAP_MS, reach))
    best = truth.rescued(reach)
    if best_capped >= 0.5:
        both |= {"slow_tail"}
    elif best >= 0.5:
        both |= {"at_cap"}
    else:
        both |= {"hangs"}
    if truth.kind == "modes" and truth.second:
        pass
    if truth.kind == "modes":
        weight, _, median, sigma = truth.law.parts[-1]
        below = float(1 - _survival("lognormal", np.asarray(truth.timeout_ms), median, sigma))
        if below <= 0.05:
            both |= {"hangs"}
        if below <= 0.6:
            both |= {"bimodal"}
    return both


def judge(truth: Truth, evidence: ActionEvidence) -> Outcome:
    began = time.perf_counter()
    said = diagnose(evidence, Settings())
    seconds = time.perf_counter() - began
    tail = said.tail
    raw = tail.raw_ms if tail else math.nan
    expected = expected_of(truth, float(evidence.timeouts.sum()))
    verdict = str(said.verdict)
    rescued = truth.rescued(min(CAP_MS, raw)) if tail else math.nan
    if verdict == "slow_tail":
        right = "slow_tail" not in expected and rescued >= 0.5 and truth.kind not in {"outage", "remote", "throttled"} or ("slow_tail" in expected and rescued >= 0.5)
    else:
        right = verdict in expected
    return Outcome(truth, verdict, bool(right), "/".join(sorted(expected)), float(evidence.executions),
        float(evidence.timeouts.sum()), float(rescued), raw, tail.low_ms if tail else math.nan, tail.high_ms if tail else math.nan,
        tail.evidence if tail else math.nan, tail.evidence_capped if tail else math.nan, tail.families if tail else (), tail.from_ms if tail else 0, seconds, tail.dispersion if tail else 1, tail.never if tail else 0, tail.smooth if tail else 0, truth.wanted_ms, tail.near if tail else 0, tail.smooth_part if tail else 0)


def one(seed: int, index: int) -> Outcome:
    rng = np.random.default_rng([seed, index])
    return judge(*draw(rng))


if __name__ == "__main__":
    import pickle
    n = int(sys.argv[1]); seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with ProcessPoolExecutor(2) as pool:
        outs = list(pool.map(partial(one, seed), range(n), chunksize=20))
    import os; pickle.dump(outs, open(os.environ.get("OUTS", "/tmp/outs.pkl"), "wb"))
    big = [o for o in outs if o.executions >= 2000]
    print("right", sum(o.right for o in big), len(big), sum(o.right for o in big) / len(big), "mean s", np.mean([o.seconds for o in outs]), "max", max(o.seconds for o in outs))
    c = Counter((o.expected, o.said, o.right) for o in big)
    for (e, s, r), v in sorted(c.items()):
        print(f"{'ok ' if r else 'BAD'} {e:30} {s:15} {v}")
    pop = [o for o in big if o.said == "slow_tail" and o.truth.quantile_ms <= 2 * o.truth.timeout_ms and o.truth.quantile_ms > o.truth.timeout_ms]
    ok = [float(o.truth.survival(o.raw_ms)) <= 0.015 for o in pop]
    ratio = [o.raw_ms / o.truth.quantile_ms for o in pop]
    cov = [o.low_ms <= o.wanted_ms * 1.001 and o.high_ms >= o.wanted_ms * 0.999 for o in pop]
    print('false slow of hang', sum(o.said=='slow_tail' and not o.right and (o.truth.never>.5*o.truth.share or o.truth.outage_share>=.5 or o.truth.throttled>.01) for o in big))
    print("false slow", sum(o.said=='slow_tail' and not o.right for o in big), len(big), 'slow said', sum(o.said=='slow_tail' for o in big))
    print("slow tail:", len(pop), "within .5pp", np.mean(ok), "median ratio", np.median(ratio), "coverage", np.mean(cov))
    for name in LAWS:
        sel = [i for i, o in enumerate(pop) if o.truth.law.name == name]
        if sel:
            print(name, len(sel), np.mean([ok[i] for i in sel]), np.median([ratio[i] for i in sel]), np.mean([cov[i] for i in sel]))
