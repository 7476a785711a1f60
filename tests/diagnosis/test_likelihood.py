"""How likely laws make what was counted."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.diagnosis.distributions import FAMILIES, Family
from monitor.diagnosis.evidence import Floats
from monitor.diagnosis.likelihood import SLACK, Likelihood, censored_sample
from monitor.diagnosis.pooling import pool
from tests.diagnosis.synthetic_evidence import T0, lognormal, observe, together, with_hangs

LOGNORMAL = FAMILIES[0]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_family_falls_from_one_to_nothing(family: Family) -> None:
    """A survival function falls, from 1 to 0, for any real parameters."""
    at = np.log(np.geomspace(0.1, 1e7, 60))
    share = family.survival(np.array([[7.0, -0.5], [6.0, 0.8]]), at)
    assert (np.diff(share, axis=1) <= 1e-12).all()
    assert share[:, 0] == pytest.approx(1.0, abs=0.05)
    assert share[:, -1] == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_family_scatters_as_usual_before_anything_is_seen(family: Family) -> None:
    """The log of a duration has a standard deviation of about one half by each usual shape."""
    at = np.linspace(-12.0, 8.0, 20_001)
    share = family.survival(np.array([0.0, family.prior_mean]), at)
    mass, middle = -np.diff(share), (at[1:] + at[:-1]) / 2
    mean = float(mass @ middle)
    assert np.sqrt(mass @ (middle - mean) ** 2) == pytest.approx(0.5, abs=0.02)


def laws(likelihood: Likelihood, *, place_ms: float, scatter: float) -> Floats:
    """One law for each model."""
    return np.tile([np.log(place_ms), np.log(scatter)], (likelihood.models, 1, 1))


def test_the_likelihood_is_that_of_single_calls() -> None:
    """Pooled bands give the sum of each call's own log-probability."""
    durations = with_hangs(lognormal(50, 1_000, 0.5), 0.3)
    likelihood = Likelihood(
        censored_sample(pool(observe(durations, 2_000, windows=1))), (LOGNORMAL,)
    )
    law = laws(likelihood, place_ms=1_000, scatter=0.4)
    answer_share = likelihood.answer_share(likelihood.terms(law))[1, 0]
    edges = np.array([1e-9, 100, 250, 500, 750, 1_000, 1_500, 2_000])
    below = 1 - LOGNORMAL.survival(law[1, 0], np.log(edges))
    wanted = 0.0
    for duration in durations:
        if duration >= 2_000:
            wanted += np.log(1 - answer_share * below[-1])
        else:
            at = int(np.searchsorted(edges, duration, side="right"))
            wanted += np.log(answer_share * (below[at] - below[at - 1]))
    assert 0.5 < answer_share < 1
    assert likelihood.log_likelihood(law)[1, 0] == pytest.approx(wanted)


def test_two_timeouts_share_one_best_share_of_hangs() -> None:
    """Calls are censored at the timeout of their own moment: no other share is likelier."""
    durations = with_hangs(lognormal(8_000, 2_000, 0.5), 0.05)
    before = observe(durations[:4_000], 3_500)
    after = observe(durations[4_000:], 5_000, start=T0 + 86_400)
    likelihood = Likelihood(censored_sample(pool(together(before, after))), (LOGNORMAL,))
    terms = likelihood.terms(laws(likelihood, place_ms=2_000, scatter=0.5))
    best = likelihood.answer_share(terms)
    reached = likelihood.timeout_log_likelihood(terms, best)[1, 0]
    assert best[1, 0] == pytest.approx(0.95, abs=0.02)
    for other in np.linspace(0.5, 0.999, 200):
        assert likelihood.timeout_log_likelihood(terms, np.full_like(best, other))[1, 0] <= reached


def test_without_hangs_is_never_likelier_than_with() -> None:
    """The law by which all answer is a case of the one that lets some hang."""
    data = censored_sample(pool(observe(with_hangs(lognormal(20_000, 900, 0.4), 0.03), 4_000)))
    likelihood = Likelihood(data, (LOGNORMAL,))
    bound, free = likelihood.log_likelihood(laws(likelihood, place_ms=900, scatter=0.4))[:, 0]
    assert free > bound + 10


def test_a_law_of_the_tail_may_leave_calls_below_to_another_kind() -> None:
    """It loses next to nothing by claiming fewer than were counted, and much by claiming more."""
    fast, slow = lognormal(9_000, 400, 0.2), lognormal(1_000, 3_000, 0.2, 7)
    pooled = pool(observe(np.concatenate([fast, slow]), 4_000))
    likelihood = Likelihood(censored_sample(pooled, 2_000.0, 0.1), (LOGNORMAL,))
    modest = likelihood.terms(laws(likelihood, place_ms=3_000, scatter=0.2))
    greedy = likelihood.terms(laws(likelihood, place_ms=1_000, scatter=0.6))
    assert likelihood.excess_penalty(modest, np.ones((2, 1)))[0, 0] > -0.1
    assert likelihood.excess_penalty(greedy, np.ones((2, 1)))[0, 0] < -100


def test_a_fifth_more_than_were_counted_costs_nothing() -> None:
    """No law is exact: only what goes beyond the slack counts against it."""
    pooled = pool(observe(lognormal(20_000, 1_800, 0.5), 5_000))
    data = censored_sample(pooled, 1_500.0, 0.64)
    likelihood = Likelihood(data, (LOGNORMAL,))
    terms = likelihood.terms(laws(likelihood, place_ms=1_800, scatter=0.5))
    claimed = data.calls * terms.claimed[0, 0]
    assert (claimed < SLACK * data.below_count + 20).all()
    assert likelihood.excess_penalty(terms, np.ones((2, 1)))[0, 0] > -1
