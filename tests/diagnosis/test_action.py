"""Every verdict from the evidence that deserves it, and an answer to any evidence."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.diagnosis.action import DiagnosisSettings, diagnose
from monitor.diagnosis.editable import Editable
from monitor.diagnosis.evidence import ActionEvidence, Floats
from monitor.diagnosis.model import Diagnosis, Verdict
from monitor.diagnosis.tail import MIN_RESCUED
from monitor.model import CAP_MS, NO_BANDS, band_of
from tests.diagnosis.synthetic_evidence import T0, lognormal, observe, together, with_hangs

DAY_WINDOWS = 288


def numbers(value: object) -> Iterator[float]:
    """Every number inside a diagnosis."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from numbers(part)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from numbers(getattr(value, field.name))


def sound(found: Diagnosis) -> bool:
    """Whether it has a sentence, and no number that is none."""
    return bool(found.why) and all(math.isfinite(number) for number in numbers(found))


def test_far_below_its_timeout_is_healthy() -> None:
    """Few timeouts and headroom: nothing to do, and no number."""
    found = diagnose(observe(lognormal(20_000, 420, 0.45), 10_000, DAY_WINDOWS))
    assert found.verdict is Verdict.HEALTHY
    assert found.recommendation is None


def test_a_tail_that_runs_into_the_timeout_is_slow() -> None:
    """A lognormal cut at its 93rd percentile wants more time."""
    found = diagnose(observe(lognormal(10_000, 1_800, 0.7), 5_000, DAY_WINDOWS))
    assert found.verdict is Verdict.SLOW_TAIL
    assert found.families[0] == "lognormal"
    assert "answers come right up to it" in found.why


def test_a_slow_tail_with_some_hangs_stays_a_slow_tail() -> None:
    """And the text says what no timeout can save."""
    durations = with_hangs(lognormal(20_000, 1_800, 0.7), 0.02)
    found = diagnose(observe(durations, 5_000, DAY_WINDOWS))
    assert found.verdict is Verdict.SLOW_TAIL
    assert any("never answer" in note for note in found.notes)


def test_calls_that_never_answer_are_hangs() -> None:
    """A fast back end with 3 % that never answer: more time only makes callers wait."""
    durations = with_hangs(lognormal(10_000, 900, 0.3), 0.03)
    found = diagnose(observe(durations, 15_000, DAY_WINDOWS))
    assert found.verdict is Verdict.HANGS
    assert found.recommendation is None
    assert found.rescue_bounds is not None
    assert found.rescue_bounds[1] < MIN_RESCUED
    assert "going by those that do, at most" in found.why
    assert any("test call" in note for note in found.notes)


def two_kinds(slow_ms: float, scatter: float) -> ActionEvidence:
    """A quarter of the calls are of a slower kind, under a timeout of 8 s."""
    fast, slow = lognormal(9_000, 650, 0.3), lognormal(3_000, slow_ms, scatter, 7)
    durations = np.random.default_rng(1).permutation(np.concatenate([fast, slow]))
    return observe(durations, 8_000, DAY_WINDOWS)


def test_a_second_kind_out_of_reach_is_bimodal() -> None:
    """Its calls run into the timeout, and most take more than twice as long."""
    found = diagnose(two_kinds(18_000, 0.6))
    assert found.verdict is Verdict.BIMODAL
    assert found.recommendation is None


def test_a_second_kind_in_reach_is_bimodal_with_an_estimate() -> None:
    """Two bands of it hardly tell what lies beyond: no number, but what most laws say is told."""
    found = diagnose(two_kinds(9_000, 0.12))
    assert found.verdict is Verdict.BIMODAL
    assert found.recommendation is None
    assert any("an estimate, and not shown" in note for note in found.notes)


def test_timeouts_bunched_in_time_are_an_outage() -> None:
    """Forty minutes in which nothing answers."""
    durations = lognormal(DAY_WINDOWS * 30, 700, 0.35)
    window = np.arange(len(durations)) % DAY_WINDOWS
    durations = np.where((window >= 120) & (window < 128), np.inf, durations)
    found = diagnose(observe(durations, 6_000, DAY_WINDOWS))
    assert found.verdict is Verdict.OUTAGE
    assert found.outages == ((T0 + 120 * 300, T0 + 128 * 300),)


def test_throttling_is_seen_before_anything_else() -> None:
    """A slow tail whose calls the platform refuses is throttled."""
    slow = lognormal(10_000, 1_800, 0.7)
    found = diagnose(observe(slow, 5_000, DAY_WINDOWS, throttled=np.full(DAY_WINDOWS, 2)))
    assert found.verdict is Verdict.THROTTLED


def test_a_gateway_that_gives_up_first_is_a_remote_timeout() -> None:
    """Timed-out rows that end after 1.5 s say nothing of our 10 s."""
    late = np.full(DAY_WINDOWS, 2.0)
    bands = np.zeros((DAY_WINDOWS, len(NO_BANDS)))
    bands[:, band_of(1_500)] = late
    found = diagnose(
        observe(
            lognormal(9_000, 480, 0.3),
            10_000,
            DAY_WINDOWS,
            timeouts=late,
            timeout_bands=bands,
            timeout_duration_ms=late * 1_500,
            timeout_min_ms=np.full(DAY_WINDOWS, 1_500.0),
            timeout_max_ms=np.full(DAY_WINDOWS, 1_500.0),
        )
    )
    assert found.verdict is Verdict.REMOTE_TIMEOUT
    assert found.early_at_ms == pytest.approx(1_500)


@pytest.mark.parametrize(
    ("timeout_ms", "median_ms", "sigma"), [(26_000, 6_000, 1.2), (30_000, 13_000, 0.6)]
)
def test_a_tail_beyond_the_cap_is_at_cap(timeout_ms: float, median_ms: float, sigma: float) -> None:
    """What wants more than 30 s is told so, and never given more."""
    found = diagnose(observe(lognormal(30_000, median_ms, sigma), timeout_ms, DAY_WINDOWS))
    assert found.verdict is Verdict.AT_CAP
    assert found.recommendation is not None
    assert found.recommendation.capped_ms == CAP_MS
    assert found.recommendation.raw_ms > CAP_MS


def test_what_may_be_rescued_beyond_the_cap_is_unclear() -> None:
    """Likely is not shown: two bands below the cap bound nothing, whatever most laws say."""
    durations = with_hangs(lognormal(2_000, 28_000, 0.05), 0.05)
    found = diagnose(observe(durations, 30_000, DAY_WINDOWS))
    assert found.rescue_bounds == (0.0, 1.0)
    assert found.verdict is Verdict.UNCLEAR


def test_rare_hangs_under_a_long_timeout_are_too_long() -> None:
    """0.6 % hold a slot for a minute each, and everything else ends within 2 s."""
    durations = with_hangs(lognormal(10_000, 520, 0.35), 0.006)
    found = diagnose(observe(durations, 60_000, DAY_WINDOWS))
    assert found.verdict is Verdict.TOO_LONG


@pytest.mark.parametrize(
    ("durations", "windows", "missing"),
    [
        (lognormal(150, 1_800, 0.7), 24, "150 of 200 executions"),
        (lognormal(5_000, 1_800, 0.7), 5, "5 of 6 windows"),
        (lognormal(5_000, 1_800, 0.7), 11, "0.9 of 1.0 hours"),
        (np.append(lognormal(390, 500, 0.3), np.full(8, np.inf)), 24, "8 of 10 timeouts"),
    ],
)
def test_below_the_floor_it_says_what_is_missing(
    durations: Floats, windows: int, missing: str
) -> None:
    """Insufficient, with the number that would do, and never a recommendation."""
    found = diagnose(observe(durations, 5_000, windows))
    assert found.verdict is Verdict.INSUFFICIENT
    assert missing in found.why
    assert found.recommendation is None


def test_without_success_counts_it_is_insufficient() -> None:
    """The flow contract shows timeouts alone."""
    evidence = ActionEvidence.from_columns(
        start=[T0], seconds=[300], timeout_ms=[3_000], timeouts=[500], successes_known=False
    )
    assert "success counts" in diagnose(evidence).why


def test_a_raise_in_the_middle_makes_the_estimate_better() -> None:
    """With a longer timeout for half of the time the interval is narrower."""
    durations = lognormal(20_000, 1_800, 0.6)
    short = observe(durations, 4_500, DAY_WINDOWS)
    first = np.arange(len(short.start)) < DAY_WINDOWS // 2
    longer = observe(durations, 5_500, DAY_WINDOWS).where(~first)
    alone = diagnose(short).recommendation
    both = diagnose(together(short.where(first), longer)).recommendation
    assert alone is not None
    assert both is not None
    assert both.high_ms - both.low_ms < alone.high_ms - alone.low_ms
    assert both.low_ms <= 7_268 <= both.high_ms


def test_whether_it_can_be_changed_stands_beside_the_verdict() -> None:
    """The verdict is about the back end, not about who may edit it."""
    evidence = observe(lognormal(10_000, 1_800, 0.7), 5_000, DAY_WINDOWS)
    found = diagnose(evidence, editable=Editable.STATIC)
    assert found.verdict is Verdict.SLOW_TAIL
    assert found.editable is Editable.STATIC


ODD: dict[str, dict[str, Any]] = {
    "nothing": {"start": [], "seconds": [], "timeout_ms": []},
    "zero traffic": {"start": [0, 300], "seconds": [300, 300], "timeout_ms": [5_000, 5_000]},
    "one execution": {"start": [0], "seconds": [300], "timeout_ms": [5_000], "successes": [1]},
    "no timeout known": {
        "start": np.arange(24) * 300, "seconds": [300] * 24, "timeout_ms": [np.nan] * 24,
        "successes": [50] * 24, "timeouts": [5] * 24,
    },
    "no bands": {
        "start": np.arange(24) * 300, "seconds": [300] * 24, "timeout_ms": [5_000] * 24,
        "successes": [50] * 24, "timeouts": [5] * 24,
    },
    "bands beyond the total": {
        "start": np.arange(24) * 300, "seconds": [300] * 24, "timeout_ms": [5_000] * 24,
        "successes": [5] * 24, "bands": [[9] * len(NO_BANDS)] * 24, "timeouts": [5] * 24,
    },
    "NaN and negative durations": {
        "start": np.arange(24) * 300, "seconds": [300] * 24, "timeout_ms": [5_000] * 24,
        "successes": [50] * 24, "bands": [[0] * 4 + [30, 20] + [0] * (len(NO_BANDS) - 6)] * 24,
        "timeouts": [5] * 24,
        "timeout_duration_ms": [np.nan] * 24, "success_duration_ms": [-5.0] * 24,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_evidence_has_an_answer(name: str) -> None:
    """A verdict or the reason why there is none, and no NaN."""
    assert sound(diagnose(ActionEvidence.from_columns(**ODD[name])))


@pytest.mark.parametrize(
    "durations",
    [
        pytest.param(np.full(2_000, np.inf), id="nothing answers"),
        pytest.param(np.append(np.full(60, 4_400.0), np.full(1_940, np.inf)), id="almost nothing"),
        pytest.param(np.append(np.full(1_940, 210.0), np.full(60, np.inf)), id="all alike"),
    ],
)
def test_answers_without_a_shape_leave_it_unclear(durations: Floats) -> None:
    """Nothing says that more time would help, and nothing that it would not."""
    found = diagnose(observe(np.random.default_rng(3).permutation(durations), 5_000, DAY_WINDOWS))
    assert found.verdict is Verdict.UNCLEAR
    assert found.rescue_bounds == (0.0, 1.0)
    assert "anything from none to all of them would answer with more time" in found.why
    assert found.recommendation is None
    assert sound(found)


def test_a_timeout_that_changed_five_times_is_no_obstacle() -> None:
    """Each call is censored at the timeout of its own moment."""
    durations = lognormal(30_000, 1_800, 0.7)
    parts = [observe(durations[at::6], 4_000 + 400 * at, 48, T0 + at * 48 * 300) for at in range(6)]
    whole = parts[0]
    for part in parts[1:]:
        whole = together(whole, part)
    found = diagnose(whole)
    assert found.verdict is Verdict.SLOW_TAIL
    assert found.timeout_ms == 6_000
    assert sound(found)


counts = st.integers(0, 3_000)


@st.composite
def evidences(draw: st.DrawFn) -> ActionEvidence:
    """Any counts at all, under up to three timeouts."""
    windows = draw(st.integers(1, 30))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    timeouts_ms = draw(
        st.lists(st.sampled_from([1_000, 2_700, 10_000, 60_000]), min_size=1, max_size=3)
    )
    scale = draw(st.sampled_from([0.1, 3.0, 200.0]))
    shown = generator.poisson(scale * generator.random(len(NO_BANDS)), (windows, len(NO_BANDS)))
    return ActionEvidence.from_columns(
        start=np.arange(windows) * 300,
        seconds=np.full(windows, 300),
        timeout_ms=generator.choice(timeouts_ms, windows),
        bands=shown,
        successes=shown.sum(axis=1) * draw(st.sampled_from([0, 1, 2])),
        timeouts=generator.poisson(draw(st.sampled_from([0.0, 0.5, 30.0])), windows),
        timeout_duration_ms=generator.random(windows) * draw(st.sampled_from([0.0, 1e6])),
        timeout_min_ms=generator.random(windows) * draw(st.sampled_from([0.0, 1e4])),
        timeout_max_ms=generator.random(windows) * draw(st.sampled_from([0.0, 1e4])),
        throttled=generator.poisson(draw(st.sampled_from([0.0, 0.1])), windows),
    )


@settings(max_examples=60, deadline=None)
@given(evidence=evidences())
def test_whatever_the_evidence_there_is_a_sound_answer(evidence: ActionEvidence) -> None:
    """No exception, no NaN; the guards hold; and no number below the floor."""
    found = diagnose(evidence)
    assert sound(found)
    value, bounds = found.recommendation, found.rescue_bounds
    if found.verdict is Verdict.INSUFFICIENT:
        assert value is None
    if bounds is not None:
        assert 0 <= bounds[0] <= bounds[1] <= 1
    if found.verdict is Verdict.HANGS:
        assert bounds is not None
        assert bounds[1] < MIN_RESCUED
    if value is not None and value.capped_ms is not None:
        assert value.timeout_ms <= value.capped_ms <= CAP_MS
        assert value.low_ms <= value.raw_ms <= value.high_ms


steady = st.builds(
    lambda seed, median_ms, sigma, calls: observe(
        np.random.default_rng(seed).permutation(lognormal(calls, median_ms, sigma, seed)),
        5_000,
        48,
    ),
    seed=st.integers(0, 10_000),
    median_ms=st.floats(800, 3_000),
    sigma=st.floats(0.3, 0.9),
    calls=st.integers(2_000, 20_000),
)


@settings(max_examples=25, deadline=None)
@given(evidence=steady, seed=st.integers(0, 1_000))
def test_permuting_windows_of_a_steady_range_changes_nothing(
    evidence: ActionEvidence, seed: int
) -> None:
    """Only counts matter, not in which steady window they were made."""
    order = np.random.default_rng(seed).permutation(len(evidence.start))
    names = [field.name for field in dataclasses.fields(ActionEvidence)[1:-3]]
    columns = {name: getattr(evidence, name)[order] for name in names}
    permuted = diagnose(ActionEvidence.from_columns(start=evidence.start, **columns))
    found = diagnose(evidence)
    assert permuted.verdict is found.verdict
    if found.recommendation is not None and permuted.recommendation is not None:
        assert permuted.recommendation.raw_ms == pytest.approx(found.recommendation.raw_ms)


@settings(max_examples=25, deadline=None)
@given(evidence=steady, seed=st.integers(0, 1_000))
def test_two_halves_give_the_diagnosis_of_the_whole(evidence: ActionEvidence, seed: int) -> None:
    """In whatever pieces evidence comes."""
    half = np.random.default_rng(seed).random(len(evidence.start)) < 0.5
    assert diagnose(together(evidence.where(half), evidence.where(~half))) == diagnose(evidence)


@settings(max_examples=40, deadline=None)
@given(evidence=steady, more=st.floats(1.0, 2.0))
def test_more_timeouts_never_lower_the_raw_value(evidence: ActionEvidence, more: float) -> None:
    """At fixed successes, where both have a value."""
    found = diagnose(evidence).recommendation
    names = [field.name for field in dataclasses.fields(ActionEvidence)[:-3]]
    columns = {name: getattr(evidence, name) for name in names}
    for name in ("timeouts", "timeout_bands", "timeout_duration_ms"):
        columns[name] = columns[name] * more
    worse = diagnose(ActionEvidence.from_columns(**columns)).recommendation
    if found is not None and worse is not None:
        # The grid of laws moves with its maximum: half of a hundredth is for that.
        assert worse.raw_ms >= found.raw_ms * 0.995


def test_the_target_is_a_setting() -> None:
    """A lower target asks for less."""
    evidence = observe(lognormal(20_000, 1_800, 0.7), 5_000, DAY_WINDOWS)
    strict = diagnose(evidence).recommendation
    mild = diagnose(evidence, DiagnosisSettings(target_success=0.97)).recommendation
    assert strict is not None
    assert mild is not None
    assert mild.raw_ms < strict.raw_ms
