"""The posterior of laws, by how well they describe what was counted."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.diagnosis.evidence import Floats
from monitor.diagnosis.likelihood import censored_sample
from monitor.diagnosis.pooling import Pooled, pool
from monitor.diagnosis.posterior import Posterior, map_estimate, posterior, tempered_likelihood
from tests.diagnosis.synthetic_evidence import T0, lognormal, observe, together, with_hangs

AT_MS = np.array([5_000.0, 6_000.0, 7_500.0, 10_000.0])


def posterior_of(pooled: Pooled) -> Posterior:
    """The laws that describe all bands."""
    return posterior(map_estimate(tempered_likelihood(censored_sample(pooled))), AT_MS)


def test_weights_add_up_to_one() -> None:
    """And every law has shares that are shares, falling with time."""
    laws = posterior_of(pool(observe(lognormal(5_000, 1_800, 0.7), 5_000)))
    assert laws.weight.sum() == pytest.approx(1)
    assert (laws.weight > 0).all()
    assert ((laws.beyond >= 0) & (laws.beyond <= 1)).all()
    assert (np.diff(laws.beyond, axis=1) <= 1e-12).all()


def test_a_lognormal_with_hangs_is_found_beyond_its_timeout() -> None:
    """Bands below the timeout tell the law, and the share that never answers, beyond it."""
    durations = with_hangs(lognormal(100_000, 1_800, 0.7), 0.02)
    laws = posterior_of(pool(observe(durations, 5_000)))
    truth = [float((durations > at).mean()) for at in AT_MS]
    assert laws.weight @ laws.beyond == pytest.approx(truth, abs=0.004)
    assert laws.weight @ laws.never == pytest.approx(0.02, abs=0.006)


@pytest.mark.parametrize(
    ("family", "draws"),
    [
        ("Weibull", 4_000 * np.random.default_rng(3).weibull(1.5, 60_000)),
        ("gamma", 1_200 * np.random.default_rng(4).gamma(3, size=60_000)),
        ("lognormal", lognormal(60_000, 2_500, 0.5)),
    ],
)
def test_the_family_that_made_the_data_weighs_most(family: str, draws: Floats) -> None:
    """By weight the data's own family wins, and its tail is right."""
    laws = posterior_of(pool(observe(draws, 5_000)))
    by_family = np.bincount(laws.family, weights=laws.weight, minlength=len(laws.families))
    assert laws.families[int(by_family.argmax())] == family
    share = float((draws > AT_MS[1]).mean())
    assert (laws.weight @ laws.beyond)[1] == pytest.approx(share, abs=0.01)


def test_two_timeouts_are_one_law() -> None:
    """A raise in the middle narrows what is known of the tail instead of confusing it."""
    durations = lognormal(20_000, 2_500, 0.5)
    before = observe(durations[:10_000], 3_500)
    after = observe(durations[10_000:], 5_000, start=T0 + 86_400)
    alone = posterior_of(pool(observe(durations, 3_500)))
    both = posterior_of(pool(together(before, after)))
    sd = [
        float(np.sqrt(laws.weight @ (laws.beyond[:, 1] - laws.weight @ laws.beyond[:, 1]) ** 2))
        for laws in (alone, both)
    ]
    assert sd[1] < sd[0]
    assert (both.weight @ both.beyond)[1] == pytest.approx((durations > 6_000).mean(), abs=0.006)


def test_more_executions_than_a_law_can_stand_for_say_no_more() -> None:
    """A hundred times as many calls of the same kind leave the families as they are."""
    few, many = (pool(observe(np.tile(lognormal(20_000, 1_800, 0.7), n), 5_000)) for n in (1, 20))
    weights = [
        np.bincount(laws.family, weights=laws.weight, minlength=4)
        for laws in (posterior_of(few), posterior_of(many))
    ]
    assert weights[1] == pytest.approx(weights[0], abs=0.2)
