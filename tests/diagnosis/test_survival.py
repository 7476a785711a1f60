"""The curve inside the timeouts, without assumptions."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.diagnosis.evidence import ActionEvidence
from monitor.diagnosis.pooling import pool
from monitor.diagnosis.survival import survival_curve
from monitor.model import NO_BANDS, band_of
from tests.diagnosis.synthetic_evidence import T0, lognormal, observe, together


def test_with_one_timeout_it_is_the_share_above_each_edge() -> None:
    """Each edge has exactly the share of calls above it; beyond the timeout nothing is known."""
    durations = lognormal(5_000, 1_500, 0.6)
    seen = survival_curve(pool(observe(durations, 4_500)))
    for at in (1_000, 2_000, 4_500):
        assert seen.at(at) == pytest.approx(float((durations >= at).mean()), abs=1e-9)
    assert seen.quantile_ms(0.001) is None


def test_a_raise_in_the_middle_shows_more() -> None:
    """Two timeouts give the law's share at both, although each saw only its own part."""
    durations = lognormal(60_000, 2_000, 0.5)
    before = observe(durations[:30_000], 3_500)
    after = observe(durations[30_000:], 6_000, start=T0 + 86_400)
    seen = survival_curve(pool(together(before, after)))
    for at in (3_500, 6_000):
        assert seen.at(at) == pytest.approx(float((durations >= at).mean()), abs=0.004)
    quantile = seen.quantile_ms(0.05)
    assert quantile is not None
    assert quantile == pytest.approx(float(np.quantile(durations, 0.95)), rel=0.03)


def test_nothing_seen_has_no_curve() -> None:
    """Without executions there are no points."""
    empty = ActionEvidence.from_columns(start=[], seconds=[], timeout_ms=[])
    assert survival_curve(pool(empty)).at_ms.size == 0
    assert survival_curve(pool(empty)).quantile_ms(0.5) is None


def test_early_ends_say_longer_than_that() -> None:
    """A call that a remote ended at 1 s is not taken to last as long as our timeout."""
    bands = np.zeros(len(NO_BANDS))
    bands[band_of(1_000)] = 50
    alone = observe(lognormal(1_000, 500, 0.3), 10_000, windows=1)
    early = ActionEvidence.from_columns(
        start=[T0], seconds=[300], timeout_ms=[10_000], timeouts=[50], timeout_bands=[bands]
    )
    seen = survival_curve(pool(together(alone, early)))
    assert seen.at(750) == pytest.approx(survival_curve(pool(alone)).at(750), abs=0.06)


@pytest.mark.parametrize("calls", [9_973, 10_007, 12_345, 17_761])
def test_where_nothing_timed_out_nothing_takes_longer(calls: int) -> None:
    """What is left of one by rounding is no call: it would be told as one in ten thousand."""
    curve = survival_curve(pool(observe(lognormal(calls, 300, 0.4), 5_000)))
    assert curve.at(5_000) == 0
