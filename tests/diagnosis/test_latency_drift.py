"""The last day against the week before."""

from __future__ import annotations

import pytest

from monitor.diagnosis.evidence import ActionEvidence
from monitor.diagnosis.latency_drift import latency_drift
from tests.diagnosis.synthetic_evidence import T0, lognormal, observe, together

DAY_SECONDS = 86_400
DAY_WINDOWS = 288


def two_days(median_ms: float, calls: int = 5_000) -> ActionEvidence:
    """A day with a median of 800 ms, then one with another."""
    before = observe(lognormal(calls, 800, 0.4), 10_000, DAY_WINDOWS)
    after = observe(lognormal(calls, median_ms, 0.4, 5), 10_000, DAY_WINDOWS, T0 + DAY_SECONDS)
    return together(before, after)


def test_a_back_end_that_became_slower_drifts() -> None:
    """Twice the median is drift, and its ratio is about two."""
    found = latency_drift(two_days(1_600))
    assert found is not None
    assert found.drifting
    assert found.ratio == pytest.approx(2, rel=0.15)


def test_a_back_end_that_stayed_does_not_drift() -> None:
    """Chance is no drift, nor is a tenth."""
    for median_ms in (800, 880):
        found = latency_drift(two_days(median_ms))
        assert found is not None
        assert not found.drifting


def test_without_a_day_before_nothing_is_said() -> None:
    """One day alone has nothing to be compared with, and few calls have no median."""
    assert latency_drift(observe(lognormal(5_000, 800, 0.4), 10_000, DAY_WINDOWS)) is None
    assert latency_drift(two_days(1_600, calls=100)) is None


def test_a_median_among_timeouts_is_unknown() -> None:
    """Where half of the calls time out nobody knows the median."""
    assert latency_drift(two_days(20_000)) is None
