"""Verdicts speak of now: what began is said soon, what ended is no longer said, and none wavers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.diagnosis import Diagnosis, Verdict
from monitor.diagnosis.action import DiagnosisSettings, diagnose, judge
from monitor.diagnosis.evidence import ActionEvidence
from monitor.diagnosis.explain import advised_raise, explanation
from monitor.diagnosis.recommendation import MIN_KEPT_SHARE
from monitor.diagnosis.told import ToldVerdict, told_after
from tests.diagnosis.synthetic_evidence import T0, lognormal, observe, with_hangs
from tests.diagnosis.test_verdict_onset import HOUR, in_a_row, outage, windows

SICK = {Verdict.HANGS, Verdict.UNCLEAR, Verdict.BIMODAL, Verdict.SLOW_TAIL, Verdict.AT_CAP}
SETTINGS = DiagnosisSettings(step_ms=1_000.0)
DAYS = 7


def until(evidence: ActionEvidence, at: float) -> ActionEvidence:
    """What is known of it by then."""
    return evidence.where(evidence.start < at)


@pytest.mark.parametrize("seed", range(6))
def test_a_hang_that_begins_is_said_within_hours(seed: int) -> None:
    """A twentieth of a hundred calls an hour, after a week without."""
    onset = T0 + DAYS * 24 * HOUR
    evidence = in_a_row(
        windows(100, DAYS * 24, seed=seed), windows(100, 24, 0.05, start=onset, seed=seed + 50)
    )
    assert diagnose(until(evidence, onset)).verdict is Verdict.HEALTHY
    found = diagnose(until(evidence, onset + 6 * HOUR))
    assert found.verdict in SICK
    assert found.period is not None
    assert abs(found.period.since - onset) <= HOUR
    assert found.speaks_of_now
    assert found.judged is not None


@pytest.mark.parametrize("seed", range(6))
def test_what_was_fixed_is_well_within_a_day(seed: int) -> None:
    """And says since when, and how it was before."""
    fixed = T0 + DAYS * 24 * HOUR
    evidence = in_a_row(
        windows(100, DAYS * 24, 0.05, seed=seed), windows(100, 24, start=fixed, seed=seed + 50)
    )
    assert diagnose(until(evidence, fixed)).verdict in SICK
    found = diagnose(until(evidence, fixed + 12 * HOUR))
    assert found.verdict is Verdict.HEALTHY
    assert any("before that it were" in note for note in found.notes)


def test_what_came_since_a_change_is_judged_when_it_is_enough() -> None:
    """Until then the verdict stands, and says that something changed."""
    fixed = T0 + DAYS * 24 * HOUR
    evidence = in_a_row(windows(300, DAYS * 24, 0.3), windows(150, 1, start=fixed, seed=3))
    found = diagnose(evidence)
    assert found.verdict in SICK
    assert found.changed_at == pytest.approx(fixed, abs=HOUR)
    assert found.judged is None
    assert not found.speaks_of_now
    assert any("too little by itself" in note for note in found.notes)


def test_throttling_that_ended_is_not_said_any_more() -> None:
    """Every tenth call was refused for four days, and none for ten hours."""
    calls = windows(500, 120)
    refused = np.where(np.arange(120 * 12) < 110 * 12, 4.0, 0.0)
    evidence = replace(calls, throttled=refused)
    assert diagnose(until(evidence, T0 + 110 * HOUR)).verdict is Verdict.THROTTLED
    found = diagnose(evidence)
    assert found.verdict is Verdict.HEALTHY
    assert any("refused by the platform" in note for note in found.notes)


def test_an_outage_is_an_incident_of_the_past_a_day_later() -> None:
    """It stays listed, and is told beside the verdict."""
    evidence = outage(windows(240, 72), 300, 24)
    ended = T0 + 324 * 300
    for hours, verdict in ((1, Verdict.OUTAGE), (19, Verdict.OUTAGE), (24, Verdict.HEALTHY)):
        found = diagnose(until(evidence, ended + hours * HOUR))
        assert found.verdict is verdict, hours
        assert [one.until for one in found.incidents] == [ended]
    assert any("bunched in time" in note for note in found.notes)


def test_time_alone_ends_an_outage() -> None:
    """Nothing is called any more; who goes on from an earlier diagnosis has to look again."""
    evidence = outage(windows(240, 48), 550, 12)
    early = judge(evidence, settled_until=evidence.end + 2 * HOUR)
    assert early.diagnosis.verdict is Verdict.OUTAGE
    assert evidence.end + 2 * HOUR < early.holds_until <= evidence.end + 24 * HOUR
    late = judge(evidence, settled_until=evidence.end + 24 * HOUR)
    assert late.diagnosis.verdict is Verdict.HEALTHY
    assert late.holds_until == math.inf


def test_an_outage_that_comes_again_every_night_stays_the_verdict() -> None:
    """At every hour of the day."""
    evidence = windows(240, 120)
    for night in range(4):
        evidence = outage(evidence, 288 * night + 24, 12)
    for hour in range(78, 98):
        assert diagnose(until(evidence, T0 + hour * HOUR)).verdict is Verdict.OUTAGE, hour


def at_border(seed: int, days: int = 20) -> ActionEvidence:
    """A slow tail of which one in a hundred calls outlasts the timeout."""
    median_ms = 5_000 / np.exp(2.326 * 0.6)
    durations = lognormal(100 * 24 * days, median_ms, 0.6, seed)
    return observe(durations, 5_000, windows=days * 288)


def followed(evidence: ActionEvidence, every: int, told: ToldVerdict | None) -> list[Diagnosis]:
    """Diagnoses of the eight days before each moment, each of which knows the one before it."""
    found = []
    for at in range(T0 + 8 * 24 * HOUR, int(evidence.end) + 1, every):
        seen = (evidence.start >= at - 8 * 24 * HOUR) & (evidence.start < at)
        found.append(diagnose(evidence.where(seen), SETTINGS, settled_until=at, told=told))
        told = told_after(told, found[-1], at)
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("first", [Verdict.HEALTHY, Verdict.SLOW_TAIL])
def test_at_the_border_of_the_target_a_verdict_stays(seed: int, first: Verdict) -> None:
    """Whichever was told first, for days."""
    told = ToldVerdict(first, T0)
    found = followed(at_border(seed), 12 * HOUR, told)
    said = [one.verdict in SICK for one in found]
    assert len(set(said)) == 1


def test_a_verdict_that_was_told_falls_to_the_facts() -> None:
    """It keeps nobody from being told what is clearly so."""
    well, ill = windows(200, 96), windows(200, 96, 0.05)
    assert diagnose(well, told=ToldVerdict(Verdict.HANGS, T0)).verdict is Verdict.HEALTHY
    assert diagnose(ill, told=ToldVerdict(Verdict.HEALTHY, T0)).verdict in SICK


@pytest.mark.parametrize("seed", range(4))
def test_a_value_that_is_as_good_stays_advised(seed: int) -> None:
    """One step more or less than what is found now; another timeout by far does not."""
    evidence = observe(lognormal(2_400, 1_850, 0.6, seed), 5_000, windows=DAYS * 288)
    found = diagnose(evidence, SETTINGS)
    assert found.recommendation is not None
    value_ms = found.recommendation.capped_ms
    assert value_ms is not None

    def advised(told_ms: float) -> float | None:
        told = ToldVerdict(Verdict.SLOW_TAIL, T0, told_ms)
        other = diagnose(evidence, SETTINGS, told=told).recommendation
        assert other is not None
        return other.capped_ms

    assert advised(value_ms) == value_ms
    assert advised(value_ms - 1_000) in {value_ms - 1_000, value_ms}
    assert advised(30_000) == value_ms
    assert advised(5_000) == value_ms
    assert advised(6_000) == value_ms


@pytest.mark.parametrize(("told_ms", "kept"), [(8_000.0, True), (7_000.0, False)])
def test_more_than_the_target_is_no_reason_for_another_value(told_ms: float, *, kept: bool) -> None:
    """Of two that may meet it, the one that is found now promises more; nobody asked for that."""
    evidence = observe(lognormal(2_400, 1_863, 0.6, 17), 5_000, windows=DAYS * 288)
    found = diagnose(evidence, SETTINGS)
    assert found.recommendation is not None
    assert found.curve is not None
    told, now = found.curve.at(told_ms), found.recommendation.expected_success_share
    assert told is not None
    assert now - told.success_share > MIN_KEPT_SHARE
    assert (told.success_share >= SETTINGS.target_success - MIN_KEPT_SHARE) is kept

    before = ToldVerdict(Verdict.SLOW_TAIL, T0, told_ms)
    after = diagnose(evidence, SETTINGS, told=before).recommendation
    assert after is not None
    assert after.capped_ms == (told_ms if kept else found.recommendation.capped_ms)


@given(
    calls=st.integers(50, 6_000),
    median_ms=st.floats(300, 4_000),
    never=st.sampled_from((0.0, 0.005, 0.02, 0.1)),
    told=st.none() | st.sampled_from(Verdict),
    told_ms=st.none() | st.sampled_from((6_000.0, 7_000.0, 9_000.0, 12_000.0)),
    throttled=st.sampled_from((0, 0, 1)),
    seed=st.integers(0, 99),
)
def test_to_have_been_told_what_is_said_changes_nothing(  # noqa: PLR0913, PLR0917 - an action, and what was told
    calls: int,
    median_ms: float,
    never: float,
    told: Verdict | None,
    told_ms: float | None,
    throttled: int,
    seed: int,
) -> None:
    """Whatever was told before: the second time is as the first, to the digit."""
    durations = with_hangs(lognormal(calls, median_ms, 0.6, seed), never, seed + 1)
    evidence = observe(durations, 5_000, windows=288, throttled=np.full(288, throttled))
    before = None if told is None else ToldVerdict(told, T0, told_ms)
    found = diagnose(evidence, SETTINGS, told=before)
    after = told_after(before, found, T0 + HOUR)
    assert diagnose(evidence, SETTINGS, told=after) == found


def test_no_raise_is_advised_of_some_hours() -> None:
    """A slow tail that began half a day ago is unclear and says why; a day later it is shown."""
    onset = T0 + 96 * HOUR
    slow = observe(lognormal(24_000, 1_800, 0.7), 5_000, windows=48 * 12, start=onset)
    evidence = in_a_row(windows(500, 96), slow)
    young = diagnose(until(evidence, onset + 12 * HOUR))
    assert young.verdict is Verdict.UNCLEAR
    assert young.recommendation is None
    assert any("no raise is advised before" in note for note in young.notes)
    assert diagnose(until(evidence, onset + 26 * HOUR)).verdict is Verdict.SLOW_TAIL


@pytest.mark.parametrize("seed", range(1, 5))
def test_what_was_told_of_another_timeout_is_forgotten(seed: int) -> None:
    """A raise that meets the target is not followed by another one because one was advised."""
    raised_at = T0 + 48 * HOUR
    before = observe(lognormal(24_000, 3_200, 0.35, seed), 4_000, windows=48 * 12)
    after = observe(lognormal(400, 3_200, 0.35, seed + 9), 7_800, windows=12, start=raised_at)
    told = told_after(None, diagnose(before, SETTINGS), raised_at - HOUR)
    assert told.verdict is Verdict.SLOW_TAIL

    found = diagnose(in_a_row(before, after), SETTINGS, told=told)

    assert found.timeout_ms == 7_800
    assert found.verdict not in SICK
    assert found == diagnose(in_a_row(before, after), SETTINGS)
    # Told of the timeout in force, it is held to.
    kept = diagnose(in_a_row(before, after), SETTINGS, told=replace(told, since=raised_at + HOUR))
    assert kept.verdict in SICK


@pytest.mark.parametrize("first", [Verdict.SLOW_TAIL, Verdict.UNCLEAR])
@pytest.mark.parametrize("seed", range(4))
def test_what_meets_the_target_by_now_says_so_whatever_was_told(first: Verdict, seed: int) -> None:
    """It may stay told until that is clear; that nothing is to be raised is said at once."""
    calls = 1_400
    durations = lognormal(calls, 3_200, 0.35, seed)
    in_force = float(np.sort(durations)[-round(calls * 0.007)])
    evidence = observe(durations, in_force, windows=24)
    found = diagnose(evidence, DiagnosisSettings(min_timeouts=5), told=ToldVerdict(first, T0))

    assert found.verdict in SICK
    assert not found.misses_target
    assert advised_raise(found) is None
    assert found.recommendation is None or found.recommendation.next_ms is None
    assert "by what was measured the target is met" in explanation(found)
    ill = diagnose(windows(200, 96, 0.05))
    assert ill.misses_target
    assert "the target is met" not in explanation(ill)


def test_a_deploy_that_made_it_slower_is_judged_by_itself() -> None:
    """Answers take three times as long since, and as many never come: what came before is over."""
    slower = T0 + 4 * 24 * HOUR
    before = windows(240, 4 * 24, 0.03)
    calls = with_hangs(lognormal(240 * 80, 1_400, 0.3, 4), 0.03, 4)
    after = observe(calls, 5_000, windows=80 * 12, start=slower)
    found = diagnose(in_a_row(before, after))
    assert found.changed_at == pytest.approx(slower, abs=HOUR)
    assert found.speaks_of_now
    assert found.judged is not None
    assert found.judged.since == found.changed_at
    assert any("of the answers take more than" in note for note in found.notes)
    assert found.drift is None or not found.drift.drifting


@pytest.mark.parametrize("per_hour", [12, 120, 1_200])
@pytest.mark.parametrize("slower", [1.0, 1.5, 3.0])
def test_answers_that_are_slower_each_noon_are_no_change(slower: float, per_hour: int) -> None:
    """Whenever in a day it is looked at."""
    for seed in range(4):
        hours = DAYS * 24 + 5 * seed
        window = np.arange(per_hour * hours) % (hours * 12)  # as they are dealt
        is_noon = (window // 12 % 24 >= 11) & (window // 12 % 24 < 15)
        durations = lognormal(per_hour * hours, 600, 0.5, seed) * np.where(is_noon, slower, 1.0)
        assert diagnose(observe(durations, 5_000, windows=hours * 12)).changed_at is None


def test_a_weekend_that_is_faster_changes_no_verdict() -> None:
    """Most answers come in two thirds of the time on two days of seven; the tail is the same."""
    days = []
    for number in range(16):
        rng = np.random.default_rng(number)
        body = (200 if number % 7 >= 5 else 300) * np.exp(0.4 * rng.standard_normal(7_200))
        tail = 3_500 * np.exp(0.7 * rng.standard_normal(7_200))
        calls = np.where(rng.random(7_200) < 0.1, tail, body)
        days.append(observe(calls, 6_000, windows=288, start=T0 + number * 24 * HOUR))
    found = followed(in_a_row(*days), 6 * HOUR, None)
    assert {one.verdict for one in found} == {Verdict.SLOW_TAIL}
