"""What each timeout would do."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.diagnosis import TimeoutCurve, TimeoutEffect, Verdict
from monitor.diagnosis.action import DiagnosisSettings, diagnose
from monitor.diagnosis.evidence import ActionEvidence
from monitor.model import BAND_EDGES_MS
from tests.diagnosis.synthetic_evidence import (
    T0,
    WINDOW_SECONDS,
    lognormal,
    observe,
    together,
    with_hangs,
)

DAY_WINDOWS = 288
SLOW = lognormal(20_000, 1_800, 0.7)
"""A tail of 7 % beyond 5 s."""


def curve_of(evidence: ActionEvidence) -> TimeoutCurve:
    """The curve of an action that can be judged."""
    found = diagnose(evidence).curve
    assert found is not None
    return found


def at(curve: TimeoutCurve, timeout_ms: float) -> TimeoutEffect:
    """The effect of a timeout that may be told of."""
    found = curve.at(timeout_ms)
    assert found is not None
    return found


def test_a_recommendation_is_a_point_of_the_curve() -> None:
    """What is said of the timeout to set is what the curve says of it, to the digit."""
    found = diagnose(observe(SLOW, 5_000, windows=DAY_WINDOWS))
    advice, curve = found.recommendation, found.curve
    assert advice is not None
    assert curve is not None
    assert advice.capped_ms is not None
    now, then = at(curve, 5_000), at(curve, advice.capped_ms)
    assert advice.success_share == now.success_share
    assert advice.slots_before == now.slots
    assert advice.expected_success_share == then.success_share
    assert advice.avoided_per_day == then.rescued_per_day
    assert advice.avoided_low_per_day == then.rescued_low_per_day
    assert advice.avoided_high_per_day == then.rescued_high_per_day
    assert advice.extra_caller_seconds_per_day == then.extra_wait_seconds_per_day
    assert advice.slots_after == then.slots


@pytest.mark.parametrize("timeout_ms", [7_000, 6_543, 9_999])
def test_a_longer_timeout_brings_and_costs_what_the_law_says(timeout_ms: float) -> None:
    """Calls rescued and longer waits are those of the calls themselves."""
    effect = at(curve_of(observe(SLOW, 5_000, windows=DAY_WINDOWS)), timeout_ms)
    rescued = float(((SLOW >= 5_000) & (timeout_ms > SLOW)).sum())
    assert effect.rescued_per_day == pytest.approx(rescued, rel=0.1)
    assert effect.rescued_low_per_day <= rescued <= effect.rescued_high_per_day
    waited = (SLOW.clip(5_000, timeout_ms) - 5_000).sum() / 1000
    assert effect.extra_wait_seconds_per_day == pytest.approx(waited, rel=0.1)
    assert not effect.is_measured


@pytest.mark.parametrize("timeout_ms", [4_000, 3_000, 1_000, 2_717])
def test_a_shorter_timeout_cuts_off_what_was_counted(timeout_ms: float) -> None:
    """It is seen and not extrapolated: how many succeed no more, what is waited, the slots."""
    curve = curve_of(observe(SLOW, 5_000, windows=DAY_WINDOWS))
    effect = at(curve, timeout_ms)
    cut = float(((timeout_ms <= SLOW) & (SLOW < 5_000)).sum())
    assert effect.rescued_per_day == pytest.approx(-cut, rel=0.1)
    assert effect.rescued_low_per_day <= -cut <= effect.rescued_high_per_day <= 0
    saved = (SLOW.clip(max=5_000) - SLOW.clip(max=timeout_ms)).sum() / 1000
    assert effect.extra_wait_seconds_per_day == pytest.approx(-saved, rel=0.05)
    assert effect.slots == pytest.approx(SLOW.clip(max=timeout_ms).sum() / 1000 / 86_400, rel=0.03)
    assert effect.is_measured


def test_up_to_a_timeout_that_was_in_force_nothing_is_extrapolated() -> None:
    """A day at 8 s and a day at 5 s: what 7 s would do was seen, and its bounds are narrow."""
    earlier = observe(SLOW, 8_000, windows=DAY_WINDOWS, start=T0 - DAY_WINDOWS * WINDOW_SECONDS)
    others = lognormal(20_000, 1_800, 0.7, seed=3)
    later = observe(others, 5_000, windows=DAY_WINDOWS)
    seen, guessed = curve_of(together(earlier, later)), curve_of(later)
    effect = at(seen, 7_500)
    assert effect.is_measured
    assert seen.measured_to_ms == 8_000
    assert not at(seen, 8_100).is_measured
    both = np.concatenate([SLOW, others])
    rescued = float(((both >= 5_000) & (both < 7_500)).sum()) / 2
    assert effect.rescued_low_per_day <= rescued <= effect.rescued_high_per_day
    width = effect.rescued_high_per_day - effect.rescued_low_per_day
    other = at(guessed, 7_500)
    assert width < (other.rescued_high_per_day - other.rescued_low_per_day) / 2
    assert width < rescued / 2


def test_calls_that_a_remote_ends_succeed_under_no_timeout() -> None:
    """Three in a hundred end after 0.2 s at a gateway: neither rescued nor waiting longer."""
    calls = observe(SLOW, 5_000, windows=DAY_WINDOWS)
    early = np.full(DAY_WINDOWS, 2.0)
    bands = calls.timeout_bands.copy()
    bands[:, 1] += early
    both = observe(
        SLOW,
        5_000,
        windows=DAY_WINDOWS,
        timeouts=calls.timeouts + early,
        timeout_bands=bands,
        timeout_duration_ms=calls.timeout_duration_ms + early * 200,
        timeout_min_ms=np.full(DAY_WINDOWS, 200.0),
    )
    with_gateway, without = (at(curve_of(one), 8_000) for one in (both, calls))
    assert with_gateway.rescued_per_day == pytest.approx(without.rescued_per_day, rel=0.1)
    assert with_gateway.extra_wait_seconds_per_day == pytest.approx(
        without.extra_wait_seconds_per_day, rel=0.1
    )
    assert with_gateway.success_share == pytest.approx(
        without.success_share * 20_000 / (20_000 + early.sum()), abs=0.003
    )


def ended_early(durations_ms: np.ndarray, timeout_ms: float, at_ms: float) -> ActionEvidence:
    """Calls whose back end never answers, and a gateway gives up before our timeout does."""
    calls = observe(durations_ms, timeout_ms, windows=DAY_WINDOWS)
    band = int(np.flatnonzero(np.array(BAND_EDGES_MS) > at_ms)[0])
    bands = np.zeros_like(calls.timeout_bands)
    bands[:, band] = calls.timeouts
    at_all = np.where(calls.timeouts > 0, at_ms, 0.0)
    return observe(
        durations_ms,
        timeout_ms,
        windows=DAY_WINDOWS,
        timeout_bands=bands,
        timeout_duration_ms=calls.timeouts * at_ms,
        timeout_min_ms=at_all,
        timeout_max_ms=at_all,
    )


def test_a_shorter_timeout_saves_the_wait_for_what_a_gateway_ends_later() -> None:
    """One in twenty ends at a gateway's 29 s: at 10 s neither caller nor slot waits 19 s more."""
    answers = lognormal(20_000, 1_500, 0.5)
    durations = with_hangs(answers, 0.05)
    curve = curve_of(ended_early(durations, 30_000, 29_000))
    effect = at(curve, 10_000)
    held = durations.clip(max=10_000)
    saved = (durations.clip(max=29_000) - held).sum() / 1000
    assert effect.extra_wait_seconds_per_day == pytest.approx(-saved, rel=0.03)
    assert effect.slots == pytest.approx(held.sum() / 1000 / 86_400, rel=0.03)
    assert at(curve, 30_000).extra_wait_seconds_per_day == 0


@pytest.mark.parametrize(
    ("median_ms", "timeout_ms"), [(20_100, 25_000), (15_100, 30_000), (24_900, 30_000)]
)
def test_the_slots_of_a_shorter_timeout_are_a_part_of_those_in_use(
    median_ms: float, timeout_ms: float
) -> None:
    """Calls that all take nearly the same, anywhere in a wide band: no less than nothing runs."""
    durations = with_hangs(lognormal(20_000, median_ms, 0.004), 0.03)
    curve = curve_of(observe(durations, timeout_ms, windows=DAY_WINDOWS))
    slots = [effect.slots for effect in curve.effects]
    assert slots == sorted(slots)
    assert all(
        0 < one.slots <= len(durations) / 86_400 * one.timeout_ms / 1000 * (1 + 1e-9)
        for one in curve.effects
    )
    # All of them run at any time below their duration.
    shortest = curve.effects[0]
    true = len(durations) / 86_400 * shortest.timeout_ms / 1000
    assert shortest.slots == pytest.approx(true, rel=0.15)
    now = durations.clip(max=timeout_ms).sum() / 1000 / 86_400
    assert at(curve, timeout_ms).slots == pytest.approx(now)


def test_the_slots_in_use_are_those_under_the_timeout_in_force() -> None:
    """A week at 20 s and a day at 5 s since: what took 10 s then is cut off at 5 s now."""
    slow = lognormal(20_000, 3_000, 0.8)
    start = T0 - DAY_WINDOWS * WINDOW_SECONDS
    both = together(
        observe(slow, 20_000, windows=DAY_WINDOWS, start=start),
        observe(lognormal(20_000, 3_000, 0.8, seed=3), 5_000, windows=DAY_WINDOWS),
    )
    true = slow.clip(max=5_000).sum() / 1000 / 86_400
    assert at(curve_of(both), 5_000).slots == pytest.approx(true, rel=0.03)


def test_nothing_is_said_beyond_what_may_be_claimed() -> None:
    """Twice the largest timeout, and never more than 30 s; below a tenth nothing either."""
    curve = curve_of(observe(SLOW, 5_000, windows=DAY_WINDOWS))
    assert curve.reach_ms == 10_000
    assert curve.at(10_000) is not None
    assert curve.at(10_001) is None
    assert curve.at(499) is None
    long = curve_of(observe(lognormal(20_000, 9_000, 0.7), 20_000, windows=DAY_WINDOWS))
    assert long.reach_ms == 40_000
    assert long.at(30_000) is not None
    assert long.at(30_001) is None


def test_a_step_up_never_leads_beyond_the_reach() -> None:
    """What may be set comes in whole seconds; the last one within twice 3.3 s is 6 s."""
    durations = lognormal(20_000, 1_800, 0.7)
    settings_ = DiagnosisSettings(step_ms=1_000)
    found = diagnose(observe(durations, 3_300, windows=DAY_WINDOWS), settings_)
    assert found.recommendation is not None
    assert found.recommendation.capped_ms == 6_000
    assert "reach" in found.recommendation.guards


@pytest.mark.parametrize(
    ("durations", "timeout_ms", "verdict"),
    [
        pytest.param(lognormal(20_000, 300, 0.4), 5_000, Verdict.HEALTHY, id="healthy"),
        pytest.param(with_hangs(lognormal(20_000, 300, 0.4), 0.001), 5_000, Verdict.TOO_LONG,
                     id="too long"),
        pytest.param(with_hangs(lognormal(20_000, 300, 0.4), 0.05), 5_000, Verdict.HANGS,
                     id="hangs"),
        pytest.param(lognormal(20_000, 12_000, 0.9), 30_000, Verdict.AT_CAP, id="at cap"),
    ],
)  # fmt: skip
def test_every_verdict_tells_what_a_shorter_timeout_would_do(
    durations: np.ndarray, timeout_ms: float, verdict: Verdict
) -> None:
    """The measured part is there whatever the verdict; only ``insufficient`` has none."""
    found = diagnose(observe(durations, timeout_ms, windows=DAY_WINDOWS))
    assert found.verdict is verdict
    assert found.curve is not None
    half = at(found.curve, timeout_ms / 2)
    assert half.is_measured
    assert half.rescued_per_day <= 0
    assert at(found.curve, timeout_ms).rescued_per_day == 0


def test_too_little_evidence_has_no_curve() -> None:
    """What can't be judged can't be said of another timeout either."""
    found = diagnose(observe(lognormal(20, 300, 0.4), 5_000))
    assert found.verdict is Verdict.INSUFFICIENT
    assert found.curve is None


@settings(max_examples=10, deadline=None)
@given(
    median_ms=st.floats(100, 20_000),
    sigma=st.floats(0.1, 1.5),
    never=st.sampled_from([0.0, 0.003, 0.05, 0.5]),
    timeout_ms=st.sampled_from([1_000.0, 3_300.0, 5_000.0, 30_000.0, 60_000.0]),
)
def test_more_time_never_does_less(
    median_ms: float, sigma: float, never: float, timeout_ms: float
) -> None:
    """Along the curve everything rises, estimates lie within their bounds, shares within 0 to 1."""
    durations = with_hangs(lognormal(3_000, median_ms, sigma), never)
    curve = curve_of(observe(durations, timeout_ms))
    assert curve.effects[-1].timeout_ms <= max(timeout_ms, min(curve.reach_ms, 30_000))
    for effect in curve.effects:
        assert 0 <= effect.success_share_low <= effect.success_share + 1e-9
        assert effect.success_share <= effect.success_share_high + 1e-9
        assert effect.success_share_high <= 1
        assert effect.rescued_low_per_day <= effect.rescued_per_day + 1e-6
        assert effect.rescued_per_day <= effect.rescued_high_per_day + 1e-6
    for below, above in pairwise(curve.effects):
        middle = at(curve, (below.timeout_ms + above.timeout_ms) / 2)
        for name in (
            "success_share", "success_share_low", "success_share_high", "rescued_per_day",
            "extra_wait_seconds_per_day", "slots",
        ):  # fmt: skip
            low, mid, high = (getattr(one, name) for one in (below, middle, above))
            assert low - 1e-6 <= mid <= high + 1e-6
