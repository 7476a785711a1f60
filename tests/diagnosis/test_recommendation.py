"""The recommended timeout and its cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.diagnosis.action import DiagnosisSettings, diagnose
from monitor.diagnosis.model import Recommendation, Verdict
from monitor.diagnosis.recommendation import TimeoutBounds, clamp
from monitor.model import CAP_MS
from tests.diagnosis.synthetic_evidence import lognormal, observe, with_hangs

DAY_WINDOWS = 288


def recommended(never: float = 0.0) -> Recommendation:
    """For a lognormal tail of 7 % beyond 5 s, a day of 20,000 calls."""
    durations = with_hangs(lognormal(20_000, 1_800, 0.7), never)
    found = diagnose(observe(durations, 5_000, windows=DAY_WINDOWS)).recommendation
    assert found is not None
    return found


def test_the_value_reaches_the_target_and_little_more() -> None:
    """The law's own 99 % point is 9.2 s."""
    value = recommended()
    assert value.raw_ms == pytest.approx(9_200, rel=0.1)
    assert value.low_ms <= 9_200 <= value.high_ms
    assert value.expected_success_share == pytest.approx(0.99, abs=0.004)


def test_benefit_and_cost_are_those_of_the_law() -> None:
    """Timeouts avoided, waiting and slots follow from the law and the load."""
    value = recommended()
    durations = lognormal(20_000, 1_800, 0.7)
    assert value.timeouts_per_day == pytest.approx(float((durations >= 5_000).sum()), rel=0.01)
    assert value.capped_ms is not None
    rescued = ((durations >= 5_000) & (durations < value.capped_ms)).sum()
    assert value.avoided_per_day == pytest.approx(float(rescued), rel=0.1)
    assert value.avoided_low_per_day <= rescued <= value.avoided_high_per_day
    assert value.avoided_high_per_day <= value.timeouts_per_day
    longer = durations.clip(5_000, value.capped_ms) - 5_000
    assert value.extra_caller_seconds_per_day == pytest.approx(longer.sum() / 1000, rel=0.1)
    mean = durations.clip(max=5_000).sum() / 1000 / 86_400
    assert value.slots_before == pytest.approx(mean, rel=0.02)
    assert value.slots_after > value.slots_before
    assert value.busiest_slots_after > value.slots_after


def test_what_no_timeout_can_save_is_said() -> None:
    """Calls that never answer are no success at any timeout."""
    value = recommended(never=0.02)
    assert value.never_share == pytest.approx(0.02, abs=0.01)
    assert value.expected_success_share < 1 - value.never_share


def test_nothing_is_claimed_beyond_twice_the_largest_timeout() -> None:
    """A tail that wants more is told where the claim ends."""
    found = diagnose(observe(lognormal(20_000, 1_800, 0.7), 2_500, windows=DAY_WINDOWS))
    assert found.recommendation is not None
    assert found.recommendation.raw_ms == pytest.approx(5_000)
    assert "reach" in found.recommendation.guards


@given(
    raw_ms=st.floats(1, 1e6),
    timeout_ms=st.floats(1, 120_000),
    cap_ms=st.floats(1_000, 120_000),
    step_ms=st.sampled_from([0.0, 1.0, 100.0, 1_000.0]),
)
def test_the_rails_hold(raw_ms: float, timeout_ms: float, cap_ms: float, step_ms: float) -> None:
    """Never above 30 s, never below the value in force; above the cap nothing is set."""
    capped_ms, guards = clamp(raw_ms, timeout_ms, TimeoutBounds(cap_ms, step_ms))
    if capped_ms is None:
        assert timeout_ms > min(cap_ms, CAP_MS)
        assert guards == ("above_cap",)
    else:
        assert timeout_ms <= capped_ms <= CAP_MS


def test_values_come_in_steps() -> None:
    """A step is rounded up to, so that the target is not missed."""
    assert clamp(4_321, 3_000, TimeoutBounds(step_ms=1_000)) == (5_000, ())
    assert clamp(4_321, 3_000, TimeoutBounds(step_ms=100)) == (4_400, ())
    assert clamp(31_000, 3_000, TimeoutBounds()) == (30_000, ("cap",))


def test_what_would_be_set_now_is_one_step_towards_it() -> None:
    """Half as long again at most, in whole seconds where the platform keeps those."""
    evidence = observe(lognormal(20_000, 1_800, 0.7), 5_000, windows=DAY_WINDOWS)
    value = diagnose(evidence, DiagnosisSettings(step_ms=1_000)).recommendation
    assert value is not None
    assert value.capped_ms is not None
    assert value.next_ms == 7_000 < value.capped_ms
    narrow = diagnose(evidence, DiagnosisSettings(step_ms=1_000, max_step=1.2)).recommendation
    assert narrow is not None
    assert narrow.next_ms == 6_000


@pytest.mark.parametrize(
    ("median_ms", "timeout_ms", "max_step", "verdict"),
    [
        pytest.param(360, 1_000, 1.5, Verdict.SLOW_TAIL, id="1 s can only become 2 s"),
        pytest.param(720, 2_000, 1.2, Verdict.SLOW_TAIL, id="2 s, a fifth at most"),
        pytest.param(9_000, 28_000, 1.5, Verdict.AT_CAP, id="at the cap"),
    ],
)
def test_what_a_guard_would_refuse_is_not_told_as_the_next_step(
    median_ms: float, timeout_ms: float, max_step: float, verdict: Verdict
) -> None:
    """The smallest raise in whole seconds is too large a step, or a raise is not what helps."""
    evidence = observe(lognormal(20_000, median_ms, 0.7), timeout_ms, windows=DAY_WINDOWS)
    found = diagnose(evidence, DiagnosisSettings(step_ms=1_000, max_step=max_step))
    assert found.verdict is verdict
    assert found.recommendation is not None
    assert found.recommendation.capped_ms is not None
    assert found.recommendation.capped_ms > timeout_ms
    assert found.recommendation.next_ms is None
