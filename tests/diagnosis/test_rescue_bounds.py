"""What a raise rescues at least and at most: shown by counts, or unclear."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.diagnosis import Diagnosis, Verdict, diagnose
from monitor.diagnosis.evidence import Floats
from tests.diagnosis.synthetic_evidence import lognormal, observe, with_hangs


def found(durations_ms: Floats, timeout_ms: float = 5_000) -> Diagnosis:
    """Return the diagnosis of calls that would take so long, counted for a day."""
    mixed = np.random.default_rng(7).permutation(durations_ms)
    return diagnose(observe(mixed, timeout_ms, windows=288))


def rescued(durations_ms: Floats, timeout_ms: float = 5_000) -> float:
    """Return the share of the timeouts that twice the timeout would rescue."""
    late = durations_ms > timeout_ms
    return float((durations_ms[late] <= 2 * timeout_ms).mean())


@pytest.mark.parametrize("sigma", [0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2])
@pytest.mark.parametrize("median_ms", [4_250, 4_500])
def test_a_narrow_law_with_hangs_is_never_a_slow_tail(median_ms: float, sigma: float) -> None:
    """Two occupied bands can't tell it from a tail, and no certainty comes from anywhere else."""
    durations = with_hangs(lognormal(2_000, median_ms, sigma), 0.1)
    said = found(durations)

    if rescued(durations) < 0.5:
        assert said.verdict in {Verdict.UNCLEAR, Verdict.HANGS}
    low, high = said.rescue_bounds or (0.0, 1.0)
    assert low <= rescued(durations) + 0.2
    assert rescued(durations) <= high + 0.02


@pytest.mark.parametrize("hangs", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("seed", range(4))
def test_bounds_hold_the_truth(seed: int, hangs: float) -> None:
    """Of a tail that runs into the timeout, with calls that never answer and without."""
    durations = with_hangs(lognormal(10_000, 1_800, 0.7, seed), hangs, seed + 50)
    low, high = found(durations).rescue_bounds or (0.0, 1.0)

    assert low - 0.05 <= rescued(durations) <= high + 0.05


def test_what_came_in_just_before_the_timeout_bounds_what_comes_after() -> None:
    """Three in a hundred never answer and nothing comes near the timeout: shown to hang."""
    said = found(with_hangs(lognormal(10_000, 700, 0.3), 0.03))

    assert said.verdict is Verdict.HANGS
    assert said.rescue_bounds is not None
    assert said.rescue_bounds[1] < 0.2


def test_what_is_recommended_rescues_half_by_the_lower_bound_too() -> None:
    """And not only by the likeliest laws, whose value may fall short of it."""
    durations = lognormal(10_000, 1_800, 0.7)
    said = found(durations)

    assert said.verdict is Verdict.SLOW_TAIL
    assert said.recommendation is not None
    assert said.recommendation.capped_ms is not None
    late = durations > 5_000
    assert (durations[late] <= said.recommendation.capped_ms).mean() >= 0.5
