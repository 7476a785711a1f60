"""The rivals of the benchmark on measured laws say what their formulas say."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import ndtr

from benchmarks.counted import EDGES
from benchmarks.rivals import (
    Counted,
    doubled,
    kaplan_meier,
    lognormal_with_cure,
    p99_and_a_half,
    pareto_tail,
    thirty_seconds,
)

CALLS = 100_000.0


def counted(survival: npt.NDArray[np.float64], timeout_ms: float) -> Counted:
    """What 100,000 calls show of a law that leaves these shares at the edges and the timeout."""
    return Counted(
        bands=CALLS * (survival[:-1] - survival[1:]),
        timeouts=CALLS * float(survival[-1]),
        timeout_ms=timeout_ms,
        reach_ms=min(2 * timeout_ms, 30_000.0),
    )


def lognormal(at_ms: npt.ArrayLike, median_ms: float, sigma: float) -> npt.NDArray[np.float64]:
    """Share of the answers that take longer."""
    with np.errstate(divide="ignore"):
        return np.asarray(ndtr(-np.log(np.asarray(at_ms) / median_ms) / sigma))


def test_the_simple_ones_know_no_law() -> None:
    """All successes in one band: its 99 % times 1.5; double; 30 s; and no raise at all."""
    bands = np.zeros(21)
    bands[5] = 990.0  # from 1 to 1.5 s
    seen = Counted(bands, 10.0, 2000.0, 4000.0)

    assert p99_and_a_half(seen).value_ms == pytest.approx(1.5 * 1495)
    assert doubled(seen).value_ms == 4000
    assert thirty_seconds(seen).value_ms == 30_000
    assert kaplan_meier(seen).value_ms is None


def test_no_rival_goes_beyond_thirty_seconds_or_below_what_is_in_force() -> None:
    """Double of 20 s is the cap; one and a half times a short p99 is no raise."""
    bands = np.zeros(21)
    bands[2] = 990.0

    assert doubled(Counted(bands, 10.0, 20_000.0, 30_000.0)).value_ms == 30_000
    assert p99_and_a_half(Counted(bands, 10.0, 20_000.0, 30_000.0)).value_ms is None


def test_the_textbook_fit_finds_a_lognormal() -> None:
    """Median 1 s, sigma 0.7, cut at 2 s: it says how many a raise to 4 s rescues."""
    left = lognormal(np.minimum(EDGES, 2000), 1000, 0.7)
    advice = lognormal_with_cure(counted(left, 2000))

    share = lognormal(np.array([2000, 4000]), 1000, 0.7)
    assert advice.rescued == pytest.approx(1 - share[1] / share[0], abs=0.02)
    assert advice.value_ms == 4000  # 99 % would need 5.1 s
    assert advice.certainty > 0.99


def test_the_textbook_fit_finds_those_that_never_answer() -> None:
    """Median 0.5 s, sigma 0.4, and a tenth that never answers: no raise."""
    left = 0.1 + 0.9 * lognormal(np.minimum(EDGES, 2000), 500, 0.4)
    advice = lognormal_with_cure(counted(left, 2000))

    assert advice.value_ms is None
    assert advice.rescued < 0.05
    assert advice.certainty < 0.01


def test_the_pareto_tail_finds_an_exponential() -> None:
    """Exponential with a mean of 0.8 s, cut at 3 s: exp(-3 / 0.8) of those remain at 6 s."""
    left = np.exp(-np.minimum(EDGES, 3000) / 800)
    advice = pareto_tail(counted(left, 3000))

    assert advice.rescued == pytest.approx(1 - math.exp(-3000 / 800), abs=0.03)
    assert advice.value_ms == pytest.approx(800 * math.log(100), rel=0.03)
