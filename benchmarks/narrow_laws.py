"""Back ends whose answers hardly scatter, while some calls never answer.

The timeout is 5 s, 10 % of 2,000 calls never answer, and the answers are lognormal with a median of
60 to 95 % of the timeout and a sigma of 0.01 to 0.2. Counted are the draws in which no raise within
reach rescues half: those are hangs, and ``slow_tail`` said of one is a raise for nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import ndtr

from benchmarks.counted import (
    EDGES,
    Floats,
    day_shape,
    end_calls,
    evidence_of,
    near_evidence,
    starts,
)
from benchmarks.rivals import HALF
from monitor.diagnosis import Verdict, diagnose

SIGMAS = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2)
MEDIANS = (0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
TIMEOUT_MS = 5000.0
NEVER = 0.1
CALLS = 2_000
_WINDOWS = 7 * 24 * 12

NarrowTold = tuple[float, str]
"""A sigma, and the verdict that was said."""


@dataclass(frozen=True, slots=True)
class Narrow:
    """One draw.

    Attributes:
        sigma: Scatter of the log of the durations.
        median: Median of the answers, per timeout.
        seed: Decides the counts.
    """

    sigma: float
    median: float
    seed: tuple[int, ...]

    def survival(self, at_ms: Floats) -> Floats:
        """Return the share of all calls that take longer, or never answer."""
        with np.errstate(divide="ignore"):
            late = ndtr(-np.log(at_ms / (self.median * TIMEOUT_MS)) / self.sigma)
        return np.asarray(NEVER + (1 - NEVER) * late)

    @property
    def hang(self) -> bool:
        """Whether no raise within reach rescues half."""
        left = self.survival(np.array([TIMEOUT_MS, 2 * TIMEOUT_MS]))
        return bool(left[1] > HALF * left[0])


def judge(narrow: Narrow, *, closer_look: bool = True) -> str:
    """Draw, look closely or not, and return what was said."""
    rng = np.random.default_rng(narrow.seed)
    start = starts(_WINDOWS)
    shape = day_shape(start)
    calls = rng.poisson(CALLS * shape / shape.sum())
    bands, late = end_calls(rng, calls, narrow.survival(np.minimum(EDGES, TIMEOUT_MS)))
    evidence = evidence_of(start, np.full(_WINDOWS, TIMEOUT_MS), bands, late)
    if closer_look:

        def outlasting(at_ms: Floats) -> Floats:
            return np.broadcast_to(narrow.survival(at_ms), (_WINDOWS, len(at_ms)))

        closely = np.random.default_rng((*narrow.seed, 1))
        near = near_evidence(closely, start, TIMEOUT_MS, bands, outlasting)
        evidence = evidence.with_near(near)
    return str(diagnose(evidence).verdict)


def judge_all(
    workers: Executor, draws: int, seed: int, *, closer_look: bool = True
) -> list[NarrowTold]:
    """Draw as many of each sigma and median that make a hang, and return what was said."""
    if not draws:
        return []
    cells = [
        cell for cell in itertools.product(SIGMAS, MEDIANS) if Narrow(cell[0], cell[1], ()).hang
    ]
    each = max(1, round(draws / len(cells)))
    drawn = [
        Narrow(sigma, median, (seed, 1_000 + number, index))
        for number, (sigma, median) in enumerate(cells)
        for index in range(each)
    ]
    judged = workers.map(partial(judge, closer_look=closer_look), drawn, chunksize=20)
    return [(one.sigma, word) for one, word in zip(drawn, judged, strict=True)]


def print_narrow(told: Sequence[NarrowTold]) -> None:
    """Print what is said of narrow laws with hangs, by sigma."""
    words = [str(verdict) for verdict in Verdict if any(word == verdict for _, word in told)]
    print("| sigma | hangs | " + " | ".join(words) + " |")
    print("|---|---:|" + "---:|" * len(words))
    for sigma in SIGMAS:
        of_row = [word for one, word in told if one == sigma]
        if of_row:
            counts = " | ".join(str(of_row.count(word) or "") for word in words)
            print(f"| {sigma} | {len(of_row)} | {counts} |")
