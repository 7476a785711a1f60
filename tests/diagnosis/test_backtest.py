"""Laws are tried where the truth can be seen."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.diagnosis.backtest import UNTESTED, backtest_error, cut_off
from monitor.diagnosis.evidence import Floats
from monitor.diagnosis.pooling import Pooled, pool
from monitor.diagnosis.survival import survival_curve
from tests.diagnosis.synthetic_evidence import lognormal, observe, together, with_hangs

SIDE = 0.05


def error(durations_ms: Floats, timeout_ms: float) -> float:
    """Return the error of the laws that are fitted to calls that would take so long."""
    pooled = pool(observe(durations_ms, timeout_ms))
    return backtest_error(pooled, survival_curve(pooled), SIDE)


def counts(pooled: Pooled) -> tuple[list[float], list[list[float]], list[float]]:
    """Return timeouts, successes by band, and how many were ended."""
    return pooled.timeout_ms.tolist(), pooled.bands.tolist(), pooled.ended_by_us.tolist()


def test_counts_are_cut_off_as_an_earlier_timeout_would_have_done() -> None:
    """Whatever the timeouts were: what took longer than the cut was not counted as a success."""
    durations = lognormal(20_000, 1_800, 0.6)
    both = pool(together(observe(durations, 4_500), observe(durations, 5_500, start=1_900_000_000)))
    once = pool(observe(np.concatenate([durations, durations]), 3_000))

    assert counts(cut_off(both, 3_000)) == counts(once)


@pytest.mark.parametrize("seed", range(5))
def test_a_law_that_is_one_of_the_families_is_hardly_off(seed: int) -> None:
    """With or without calls that never answer."""
    durations = lognormal(10_000, 1_800, 0.6, seed)

    assert error(durations, 5_000) < 0.1
    assert error(with_hangs(durations, 0.05), 5_000) < 0.1


def test_a_law_that_no_family_describes_is_found_out() -> None:
    """Retries after two and four seconds: steps, of which the edges below show nothing."""
    rng = np.random.default_rng(4)
    steps = rng.choice([300.0, 2_300.0, 4_300.0], p=[0.6, 0.25, 0.15], size=10_000)

    assert error(steps * rng.lognormal(0.0, 0.05, 10_000), 5_000) > 0.2


def test_where_nothing_can_be_tried_nothing_is_known() -> None:
    """All answers in one band, just below the timeout."""
    assert error(with_hangs(lognormal(2_000, 4_250, 0.03), 0.1), 5_000) == UNTESTED
