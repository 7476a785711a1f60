"""Laws with a never-answers share, fitted to bands."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.analysis.evidence import Floats
from monitor.analysis.families import FAMILIES, GAMMA, LOGNORMAL, WEIBULL, Family
from monitor.analysis.fit import Likelihood, fit, sample
from monitor.analysis.pooling import pool
from tests.analysis.measured import T0, lognormal, observe, with_hangs


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_family_falls_from_one_to_nothing(family: Family) -> None:
    """A survival function falls, from 1 to 0, for any real parameters."""
    at = np.geomspace(0.1, 1e7, 60)
    share = family.survival(np.array([[7.0, -0.5], [6.0, 0.8]]), at)
    assert (np.diff(share, axis=1) <= 1e-12).all()
    assert share[:, 0] == pytest.approx(1.0, abs=0.05)
    assert share[:, -1] == pytest.approx(0.0, abs=0.01)


def test_a_lognormal_is_found_beyond_its_timeout() -> None:
    """Bands below the timeout tell the law, and the share that never answers, beyond it."""
    durations = with_hangs(lognormal(100_000, 1_800, 0.7), 0.02)
    found = fit(sample(pool(observe(durations, 5_000))), LOGNORMAL)
    assert found is not None
    assert np.exp(found.parameters[0]) == pytest.approx(1_800, rel=0.02)
    assert np.exp(found.parameters[1]) == pytest.approx(0.7, rel=0.03)
    assert found.never == pytest.approx(0.02, abs=0.005)


@pytest.mark.parametrize(
    ("family", "draws"),
    [
        (WEIBULL, 2_000 * np.random.default_rng(3).weibull(1.5, 60_000)),
        (GAMMA, 600 * np.random.default_rng(4).gamma(3, size=60_000)),
    ],
    ids=["Weibull", "gamma"],
)
def test_the_family_that_made_the_data_describes_it_best(family: Family, draws: Floats) -> None:
    """By likelihood the data's own family wins, and its tail is right."""
    data = sample(pool(observe(draws, 4_000)))
    fits = {one.name: fit(data, one) for one in FAMILIES}
    best = max((one for one in fits.values() if one), key=lambda one: one.log_likelihood)
    assert best.family.name == family.name
    share = float((draws >= 6_000).mean())
    assert best.survival(np.array([6_000.0]))[0] == pytest.approx(share, abs=0.003)


def test_two_timeouts_are_one_law() -> None:
    """A raise in the middle narrows the estimate instead of confusing it."""
    durations = with_hangs(lognormal(80_000, 2_000, 0.5), 0.01)
    before = observe(durations[:40_000], 3_500)
    after = observe(durations[40_000:], 5_000, start=T0 + 86_400)
    found = fit(sample(pool(before.merge(after))), LOGNORMAL)
    assert found is not None
    assert found.never == pytest.approx(0.01, abs=0.003)
    assert np.exp(found.parameters[0]) == pytest.approx(2_000, rel=0.02)


def test_without_hangs_is_never_likelier_than_with() -> None:
    """The law by which all answer is a case of the one that lets some hang."""
    data = sample(pool(observe(with_hangs(lognormal(20_000, 900, 0.4), 0.03), 4_000)))
    free, bound = fit(data, LOGNORMAL), fit(data, LOGNORMAL, all_answer=True)
    assert free is not None
    assert bound is not None
    assert free.log_likelihood > bound.log_likelihood + 10
    assert bound.never == 0


def test_the_likelihood_is_that_of_single_calls() -> None:
    """Pooled bands give the sum of each call's own log-probability."""
    durations = with_hangs(lognormal(50, 1_000, 0.5), 0.1)
    likelihood = Likelihood(sample(pool(observe(durations, 2_000, windows=1))), LOGNORMAL)
    law = np.array([[np.log(1_100), np.log(0.6)]])
    cells, at_limits = likelihood.parts(law)
    got = likelihood.total(cells, at_limits, np.array([0.9]))[0]
    edges = np.array([1e-9, 100, 250, 500, 750, 1_000, 1_500, 2_000])
    below = 1 - LOGNORMAL.survival(law, edges)[0]
    wanted = 0.0
    for duration in durations:
        if duration >= 2_000:
            wanted += np.log(1 - 0.9 * below[-1])
        else:
            at = int(np.searchsorted(edges, duration, side="right"))
            wanted += np.log(0.9 * (below[at] - below[at - 1]))
    assert got == pytest.approx(wanted)


def test_one_band_has_no_shape() -> None:
    """With all successes in one band there is no law to find."""
    assert fit(sample(pool(observe(np.full(300, 40.0), 1_000))), LOGNORMAL) is None
