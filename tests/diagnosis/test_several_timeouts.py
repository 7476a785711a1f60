"""What is said where the evidence was counted under several timeouts, and in any at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.diagnosis import ActionEvidence, Diagnosis, Verdict, diagnose
from monitor.diagnosis.action import DiagnosisSettings
from monitor.diagnosis.backtest import cut_off
from monitor.diagnosis.evidence import BAND_COUNT, Floats
from monitor.diagnosis.pooling import pool
from monitor.diagnosis.survival import pool_observed, survival_curve
from monitor.diagnosis.tail import Tail, estimate_tail
from monitor.diagnosis.verdict import TARGET_MET
from monitor.model import band_of
from tests.diagnosis.synthetic_evidence import T0, lognormal, observe, together, with_hangs

TIMEOUTS_MS = (1.0, 50.0, 100.0, 1_000.0, 4_300.0, 5_000.0, 9_900.0, 29_900.0, 30_000.0, 60_000.0)


def first_then(
    first: Floats, first_ms: float, then: Floats, then_ms: float, windows: int = 12
) -> ActionEvidence:
    """Calls under one timeout for an hour, and then calls under another for a day."""
    before = observe(first, first_ms, windows)
    return together(before, observe(then, then_ms, 288, start=T0 + windows * 300))


def tail_of(evidence: ActionEvidence) -> Tail:
    """Return what is known of the tail."""
    timeout_ms = evidence.current_timeout_ms
    pooled = pool_observed(evidence, timeout_ms)
    found = estimate_tail(
        pooled, survival_curve(pooled), timeout_ms=timeout_ms, cap_ms=30_000.0, target=0.99
    )
    assert found is not None
    return found


def raised(calls: int) -> Diagnosis:
    """Return the diagnosis of so many calls since a raise from 5 to 8 s, and 10,000 before it."""
    since = observe(lognormal(calls, 1_800, 0.7, 2), 8_000, 12, start=T0 + 288 * 300)
    return diagnose(together(observe(lognormal(10_000, 1_800, 0.7), 5_000, 288), since))


@pytest.mark.parametrize("calls", [12, 60])
def test_what_was_counted_before_a_raise_says_nothing_of_the_new_timeout(calls: int) -> None:
    """Neither healthy nor slow: how many outlast it can't be seen in a handful of calls."""
    found = raised(calls)

    assert found.verdict is Verdict.INSUFFICIENT
    assert f"{calls} of 200 executions under the timeout in force" in found.missing


def test_a_target_is_missed_by_chance_where_few_calls_show_it() -> None:
    """1.07 % of 200 calls; those under the smaller timeout can't tell."""
    assert raised(200).verdict is Verdict.HEALTHY


def test_a_raise_is_judged_once_enough_was_seen_of_it() -> None:
    """1.8 % outlast 8 s, by the law."""
    assert raised(10_000).verdict is Verdict.SLOW_TAIL


def test_what_a_larger_timeout_has_shown_needs_no_law() -> None:
    """Two bands tell nothing, but a thousand calls under 10 s were counted: most come by 5 s."""
    narrow = with_hangs(lognormal(10_000, 4_250, 0.03), 0.02)
    alone = diagnose(observe(narrow, 4_300, 288))
    before = with_hangs(lognormal(1_000, 4_250, 0.03, 2), 0.02, 3)
    found = diagnose(first_then(before, 10_000, narrow, 4_300))
    late = narrow > 4_300

    assert (alone.verdict, alone.rescue_bounds) == (Verdict.UNCLEAR, (0.0, 1.0))
    assert found.verdict is Verdict.SLOW_TAIL
    assert found.rescue_bounds is not None
    assert 0.8 < found.rescue_bounds[0] <= (narrow[late] <= 20_000).mean()


def test_a_handful_under_a_larger_timeout_extends_no_reach() -> None:
    """Three calls under 30 s, long ago, are not 30 s observed."""
    found = diagnose(
        first_then(lognormal(3, 1_800, 0.7), 30_000, lognormal(10_000, 1_800, 0.7, 2), 5_000)
    )

    assert found.verdict is Verdict.SLOW_TAIL
    assert any("Nothing is claimed beyond 10 s" in note for note in found.notes)


def test_a_cut_leaves_smaller_timeouts_as_they_were() -> None:
    """What a timeout of 3 s ended is not known to outlast 4 s."""
    durations = lognormal(20_000, 1_800, 0.6)
    pooled = pool(first_then(durations, 3_000, durations, 8_000))
    alone = pool(first_then(durations, 3_000, durations, 4_000))
    cut = cut_off(pooled, 4_000)

    assert cut.timeout_ms.tolist() == [3_000, 4_000]
    assert cut.bands.tolist() == alone.bands.tolist()
    assert cut.ended_by_us.tolist() == alone.ended_by_us.tolist()


@given(
    st.integers(1, 9),
    st.floats(500, 4_000),
    st.floats(0.05, 1.2),
    st.sampled_from([0.0, 0.02, 0.2]),
)
@settings(max_examples=6, deadline=None)
def test_what_a_larger_timeout_has_shown_narrows_the_bounds(
    seed: int, median_ms: float, sigma: float, hangs: float
) -> None:
    """As far as it goes, whatever the law."""
    durations = with_hangs(lognormal(4_000, median_ms, sigma, seed), hangs)
    more = with_hangs(lognormal(4_000, median_ms, sigma, seed + 10), hangs, 3)
    if (durations > 5_000).sum() < 80 or (durations <= 5_000).sum() < 80:
        return
    alone = tail_of(observe(durations, 5_000, 288))
    known = tail_of(first_then(more, 9_000, durations, 5_000))
    truth = (durations[durations > 5_000] <= 9_000).mean()

    low, high = known.rescued_at(9_000)
    least, most = alone.rescued_at(9_000)
    assert high - low <= max(most - least, 0.0) + 0.25
    assert low - 0.1 <= truth <= high + 0.1


GATEWAY_MS = 4_005.0


def behind_a_gateway(  # noqa: PLR0913, PLR0917 - what there is to a gateway
    part: float,
    hours: int,
    timeout_ms: float,
    start: int,
    gateway_ms: float = GATEWAY_MS,
    sigma: float = 0.6,
) -> ActionEvidence:
    """900 calls an hour, such a part of which a gateway gives up after so long."""
    windows = hours * 12
    durations = lognormal(900 * hours, 1_800, sigma, 2)
    behind = np.random.default_rng(2).random(durations.size) < part
    early = behind & (durations >= gateway_ms)
    seen = observe(np.where(early, np.inf, durations), timeout_ms, windows, start)
    ended_early = np.bincount(np.flatnonzero(early) % windows, minlength=windows).astype(float)
    ours = seen.timeouts - ended_early
    bands = np.zeros_like(seen.timeout_bands)
    for at_ms, count in ((gateway_ms, ended_early), (timeout_ms, ours)):
        bands[:, band_of(at_ms)] += count
    return replace(
        seen,
        timeout_bands=bands,
        timeout_duration_ms=ended_early * gateway_ms + ours * timeout_ms,
        timeout_min_ms=np.select([ended_early > 0, ours > 0], [gateway_ms, timeout_ms], 0.0),
        timeout_max_ms=np.select([ours > 0, ended_early > 0], [timeout_ms, gateway_ms], 0.0),
    )


@pytest.mark.parametrize("hours", [1, 6, 24, 48])
@pytest.mark.parametrize("part", [0.05, 0.25, 1.0])
def test_what_a_gateway_ends_after_a_raise_is_no_call_that_answers(part: float, hours: int) -> None:
    """Two days at 4 s, then 6 s, where a gateway gives up just behind: as many time out as do."""
    raised_at = T0 + 48 * 3_600
    before = observe(lognormal(900 * 48, 1_800, 0.6), 4_000, 48 * 12)
    after = behind_a_gateway(part, hours, 6_000, raised_at)
    found = diagnose(together(before, after), DiagnosisSettings(step_ms=1_000))
    timed_out = after.timeouts.sum() / (after.timeouts + after.successes).sum()

    assert found.timeout_share == pytest.approx(timed_out, rel=0.06)
    assert found.misses_target
    assert found.verdict not in TARGET_MET
    if part == 1:
        assert (found.verdict, found.early_share) == (Verdict.REMOTE_TIMEOUT, 1.0)


@pytest.mark.parametrize("hours", [6, 24, 48, 96])
@pytest.mark.parametrize(
    ("part", "verdict"),
    [
        (0.0, Verdict.SLOW_TAIL),
        (0.25, Verdict.SLOW_TAIL),
        (0.75, Verdict.HANGS),
        (1.0, Verdict.HANGS),
    ],
)
def test_what_a_raise_has_shown_is_known_once_it_is_undone(
    part: float, verdict: Verdict, hours: int
) -> None:
    """Back at 4 s: such a part of what outlasts it was ended by a gateway under 6 s."""
    raised_at = T0 + 48 * 3_600
    before = observe(lognormal(900 * 48, 1_800, 0.6), 4_000, 48 * 12)
    raised = behind_a_gateway(part, hours, 6_000, raised_at)
    undone = observe(lognormal(5_400, 1_800, 0.6, 3), 4_000, 72, start=raised_at + hours * 3_600)
    seen = together(together(before, raised), undone)
    found = diagnose(seen, DiagnosisSettings(step_ms=1_000))
    every = lognormal(1_000_000, 1_800, 0.6, 4)
    late = every[every > 4_000]

    assert found.timeout_share is not None
    assert found.timeout_share == pytest.approx(0.09, abs=0.003)
    assert found.verdict is verdict
    assert found.early_share == 0, "none ended before 4 s"
    assert found.curve is not None
    now, then = found.curve.at(4_000), found.curve.at(6_000)
    assert now is not None
    assert then is not None
    if part == 1:
        assert then.success_share == pytest.approx(1 - found.timeout_share, abs=0.002)
    rescued = (then.success_share - now.success_share) / found.timeout_share
    assert rescued == pytest.approx((1 - part) * (late <= 6_000).mean(), abs=0.05)
    assert found.rescue_bounds is not None
    least, most = found.rescue_bounds
    truth = (1 - part) * (late <= 12_000).mean()
    assert least - 0.05 <= truth <= most + 0.05


def with_errors(seen: ActionEvidence, part: float, at_ms: float) -> ActionEvidence:
    """The same, and of all calls such a part that somebody else ended after so long."""
    calls = seen.successes + seen.timeouts
    ended = np.diff(np.floor(np.concatenate([[0.0], np.cumsum(calls * part / (1 - part))])))
    bands = seen.timeout_bands.copy()
    bands[:, band_of(at_ms)] += ended
    return replace(
        seen,
        timeouts=seen.timeouts + ended,
        timeout_bands=bands,
        timeout_duration_ms=seen.timeout_duration_ms + ended * at_ms,
        timeout_min_ms=np.where(
            (ended > 0) & ((seen.timeout_min_ms == 0) | (at_ms < seen.timeout_min_ms)),
            at_ms,
            seen.timeout_min_ms,
        ),
        timeout_max_ms=np.maximum(seen.timeout_max_ms, ended.clip(0, 1) * at_ms),
    )


HALF = 4 * 288


@pytest.mark.parametrize(("first_ms", "then_ms"), [(4_000, 5_000), (10_000, 5_000)])
@pytest.mark.parametrize("now", [0.0, 0.03])
@pytest.mark.parametrize("before", [0.0, 0.015, 0.03, 0.10])
def test_errors_of_before_are_none_of_now(
    before: float, now: float, first_ms: float, then_ms: float
) -> None:
    """504s after 0.2 s under another timeout say nothing of how many there are under this one."""
    first = observe(lognormal(20_000, 1_000, 0.65), first_ms, HALF)
    then = observe(lognormal(20_000, 1_000, 0.65, 2), then_ms, HALF, start=T0 + HALF * 300)
    then = with_errors(then, now, 200.0)
    found = diagnose(together(with_errors(first, before, 200.0), then))
    timed_out = then.timeouts.sum() / (then.timeouts + then.successes).sum()

    assert found.timeout_share == pytest.approx(timed_out, abs=0.001)
    assert found.verdict is (Verdict.REMOTE_TIMEOUT if now else Verdict.HEALTHY)
    assert found.early_share == pytest.approx(now / timed_out, abs=0.06)
    assert found.early_at_ms == (pytest.approx(200.0, rel=0.03) if now else None)


@pytest.mark.parametrize("at_ms", [200.0, 3_900.0, 4_400.0, 9_000.0])
def test_where_nothing_times_out_any_more_nothing_does(at_ms: float) -> None:
    """A limit of a gateway and ours were raised together: whatever was before, none outlast it."""
    first = with_errors(observe(lognormal(4_000, 800, 0.3), 10_000, HALF), 0.03, at_ms)
    then = observe(lognormal(4_000, 800, 0.3, 2), 12_000, HALF, start=T0 + HALF * 300)
    found = diagnose(together(first, then))

    assert (then.timeouts.sum(), found.timeout_share) == (0, 0)
    assert found.verdict is Verdict.HEALTHY


@pytest.mark.parametrize("calls", [222, 223])
def test_a_handful_of_errors_is_no_remote_timeout(calls: int) -> None:
    """Two or three of some two hundred calls today, and none of forty thousand before."""
    first = observe(lognormal(40_000, 800, 0.3), 5_000, 7 * 288)
    then = observe(lognormal(220, 800, 0.3, 2), 6_000, 24, start=T0 + 7 * 288 * 300)
    found = diagnose(together(first, with_errors(then, 1 - 220 / calls, 200.0)))

    assert found.timeouts == calls - 220
    assert found.verdict is Verdict.HEALTHY


@pytest.mark.parametrize("stray", [1.0, 1.005])
@pytest.mark.parametrize("gateway_ms", [3_930.0, 3_990.0, 4_000.0, 4_005.0])
def test_a_gateway_about_as_patient_as_the_old_timeout(gateway_ms: float, stray: float) -> None:
    """Just before it or just behind, and ours measured half a percent late: no raise helps."""
    before = observe(lognormal(900 * 48, 1_800, 0.6), 4_000, 48 * 12)
    raised = behind_a_gateway(0.8, 48, 6_000, T0 + 48 * 3_600, gateway_ms)
    ours = raised.timeout_bands[:, band_of(6_000)]
    strayed = replace(
        raised,
        timeout_duration_ms=raised.timeout_duration_ms + ours * 6_000 * (stray - 1),
        timeout_max_ms=np.where(ours > 0, 6_000 * stray, raised.timeout_max_ms),
    )
    undone = observe(lognormal(5_400, 1_800, 0.6, 3), 4_000, 72, start=T0 + 96 * 3_600)
    found = diagnose(together(together(before, strayed), undone), DiagnosisSettings(step_ms=1_000))

    assert found.timeout_share == pytest.approx(0.0905, abs=0.003)
    assert found.verdict is Verdict.HANGS


@pytest.mark.parametrize("days", [1, 4])
@pytest.mark.parametrize("gateway_ms", [3_000.0, 4_000.0])
def test_what_a_gateway_ended_that_is_gone_was_slow(gateway_ms: float, days: int) -> None:
    """Six days behind it under 10 s, and then 5 s without it: as many time out as do."""
    first = behind_a_gateway(1.0, 144, 10_000, T0, gateway_ms, sigma=0.46)
    then = observe(
        lognormal(900 * 24 * days, 1_800, 0.46, 3), 5_000, 288 * days, start=T0 + 144 * 3_600
    )
    found = diagnose(together(first, then), DiagnosisSettings(step_ms=1_000))
    timed_out = then.timeouts.sum() / (then.timeouts + then.successes).sum()

    assert found.timeout_share == pytest.approx(timed_out, rel=0.05)
    assert found.misses_target


def test_two_kinds_of_early_ends_in_one_window_are_two() -> None:
    """504s after 0.2 s, and a gateway after 8 s: what is told of the former is theirs alone."""
    first = observe(lognormal(20_000, 800, 0.4), 10_000, HALF)
    first = with_errors(with_errors(first, 0.03, 200.0), 0.02, 8_000.0)
    then = observe(lognormal(20_000, 800, 0.4, 2), 5_000, HALF, start=T0 + HALF * 300)
    found = diagnose(together(first, with_errors(then, 0.03, 200.0)))

    assert found.timeout_share == pytest.approx(0.03 + 0.01, abs=0.002)
    assert found.early_at_ms == pytest.approx(200.0, rel=0.03)


@pytest.mark.parametrize("part", [0.0, 0.005, 0.01])
def test_a_few_errors_are_no_proof_that_nothing_else_answers(part: float) -> None:
    """A second kind of call takes up to 19 s; of what our timeout ends, a raise may rescue all."""
    rng = np.random.default_rng(1)
    quick = lognormal(20_000, 600, 0.35)
    slow = np.exp(rng.uniform(np.log(1_500), np.log(19_000), quick.size))
    seen = observe(np.where(rng.random(quick.size) < 0.05, slow, quick), 10_000, 2 * 288)
    found = diagnose(with_errors(seen, part, 200.0))

    assert found.verdict is Verdict.UNCLEAR
    assert found.rescue_bounds is not None
    assert found.rescue_bounds[1] == pytest.approx(1 - found.early_share, abs=0.01)


def test_errors_under_a_longer_timeout_that_is_left_out_are_left_out() -> None:
    """Half a day under 10 s tells too little of what outlasts 5 s, and nothing of 504s today."""
    hanging = [with_hangs(lognormal(calls, 800, 0.3), 0.006, 3) for calls in (8_000, 4_000)]
    first = observe(hanging[0], 5_000, HALF)
    longer = observe(lognormal(1_000, 800, 0.3, 2), 10_000, 144, start=T0 + HALF * 300)
    then = observe(hanging[1], 5_000, 576, start=T0 + (HALF + 288) * 300)
    found = diagnose(together(together(first, with_errors(longer, 0.06, 200.0)), then))

    timed_out = (first.timeouts.sum() + then.timeouts.sum()) / 12_000
    assert found.timeout_share == pytest.approx(timed_out, abs=0.0002)
    assert found.verdict is Verdict.HEALTHY


def test_what_ended_early_is_told_as_it_is_under_the_timeout_in_force() -> None:
    """After 0.2 s under 10 s, and not after 10.1 s, as it was on average with 30 s."""
    first = with_errors(observe(lognormal(8_000, 800, 0.4), 30_000, HALF), 0.05, 20_000.0)
    then = observe(lognormal(8_000, 800, 0.4, 2), 10_000, HALF, start=T0 + HALF * 300)
    found = diagnose(together(first, with_errors(then, 0.05, 200.0)))

    assert found.verdict is Verdict.REMOTE_TIMEOUT
    assert "ended after 0.2 s, well before our 10 s" in found.why
    assert found.early_at_ms == pytest.approx(200.0)


def test_a_call_that_ended_early_makes_no_raise_look_worse() -> None:
    """A handful outlast the new timeout: those that the old one ended say nothing of it."""
    before = observe(lognormal(10_000, 1_800, 0.6), 4_000, 288)
    after = observe(lognormal(1_000, 1_800, 0.6, 2), 9_000, 12, start=T0 + 288 * 300)
    shortest = before.timeout_min_ms.copy()
    shortest[np.flatnonzero(before.timeouts)[:5]] = 1_000.0
    found = diagnose(together(replace(before, timeout_min_ms=shortest), after))

    assert 0 < after.timeouts.sum() < 10
    assert found.verdict is Verdict.HEALTHY


@st.composite
def evidence(draw: st.DrawFn) -> ActionEvidence:
    """Draw windows under any timeouts, of whole calls and of parts, few bands or many."""
    rows = draw(st.sampled_from([1, 2, 3]))
    timeouts_ms = draw(st.lists(st.sampled_from(TIMEOUTS_MS), min_size=rows, max_size=rows))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["one band", "bands", "any band", "parts", "none"]))
    shape = (rows, BAND_COUNT)
    bands = {
        "one band": rng.poisson(60, shape) * (np.arange(BAND_COUNT) == rng.integers(BAND_COUNT)),
        "bands": rng.poisson(8, shape),
        "any band": rng.poisson(0.3, shape) * 40,
        "parts": rng.random(shape) * 10.0 ** rng.integers(-6, 5),
        "none": np.zeros(shape),
    }[kind]
    late = rng.poisson(draw(st.sampled_from([0.0, 1.0, 30.0])), rows) * rng.choice([1.0, 0.37])
    early = late * rng.random(rows) * draw(st.sampled_from([0.0, 1.0]))
    timeout_bands = np.zeros((rows, BAND_COUNT))
    timeout_bands[:, int(rng.integers(BAND_COUNT))] = early
    return ActionEvidence.from_columns(
        start=T0 + 600 * np.arange(rows),
        seconds=np.full(rows, 600),
        timeout_ms=timeouts_ms,
        successes=bands.sum(axis=1),
        bands=bands,
        timeouts=late,
        timeout_bands=timeout_bands,
    )


@given(evidence(), st.sampled_from([100.0, 5_000.0, 30_000.0]))
@settings(max_examples=12, deadline=None)
def test_bounds_are_bounds_whatever_was_counted(seen: ActionEvidence, cap_ms: float) -> None:
    """Shares, in order; a longer raise rescues no less, and the one in force nothing."""
    found = diagnose(seen, DiagnosisSettings(0.99, 1, 1, 1, 0.0, cap_ms))
    low, high = found.rescue_bounds or (0.0, 1.0)
    assert 0 <= low <= high <= 1
    timeout_ms = seen.current_timeout_ms
    pooled = pool_observed(seen, timeout_ms)
    if timeout_ms <= 0 or pooled.successes + pooled.timeouts <= 0:
        return
    tail = estimate_tail(
        pooled, survival_curve(pooled), timeout_ms=timeout_ms, cap_ms=cap_ms, target=0.99
    )
    if tail is not None:
        least, most = tail.rescued
        assert tail.rescued_at(timeout_ms) == (0.0, 0.0)
        assert ((least >= 0) & (least <= most + 1e-12) & (most <= 1)).all()
        assert (np.diff(tail.rescued, axis=1) >= -1e-12).all()
        assert timeout_ms <= tail.low_ms <= tail.high_ms <= tail.reach_ms * (1 + 1e-9)
