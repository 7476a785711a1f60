"""Since when a verdict holds, and whether it goes on."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest

from monitor.diagnosis import Verdict, VerdictPeriod
from monitor.diagnosis.action import diagnose, judge
from monitor.diagnosis.evidence import ActionEvidence
from monitor.diagnosis.share_changes import share_segments
from monitor.diagnosis.verdict_period import describe_period, describe_periods
from tests.diagnosis.synthetic_evidence import T0, lognormal, observe, together, with_hangs

WINDOW = 300
HOUR = 3_600


def windows(  # noqa: PLR0913 - a drawn action: each is one fact of it
    per_hour: float,
    hours: int,
    never: float = 0.0,
    *,
    start: int = T0,
    seed: int = 1,
    timeout_ms: float = 5_000,
    median_ms: float = 400,
) -> ActionEvidence:
    """Evidence of a fast back end, some of whose calls never answer, in a random order."""
    durations = lognormal(round(per_hour * hours), median_ms, 0.4, seed)
    durations = np.random.default_rng(seed).permutation(with_hangs(durations, never, seed + 7))
    return observe(durations, timeout_ms, windows=hours * 12, start=start)


def in_a_row(*parts: ActionEvidence) -> ActionEvidence:
    """Pieces that follow each other."""
    whole = parts[0]
    for part in parts[1:]:
        whole = together(whole, part)
    return whole


def period_of(evidence: ActionEvidence, verdict: Verdict) -> VerdictPeriod:
    """Its period, where the verdict is what is expected."""
    found = diagnose(evidence)
    assert found.verdict is verdict
    assert found.period is not None
    return found.period


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("per_hour", "within_seconds"), [pytest.param(100, HOUR, id="100/h"), pytest.param(2_000, 900)]
)
def test_hangs_that_began_are_told_since_when(
    per_hour: int, within_seconds: int, seed: int
) -> None:
    """Five in a hundred never answer from hour 120 of 168 on: since then, and it goes on."""
    onset = T0 + 120 * HOUR
    found = period_of(
        in_a_row(
            windows(per_hour, 120, 0.0005, seed=seed),
            windows(per_hour, 48, 0.05, start=onset, seed=seed + 50),
        ),
        Verdict.HANGS,
    )
    assert abs(found.since - onset) <= within_seconds
    assert found.is_ongoing
    assert not found.is_since_start


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("per_hour", [100, 2_000])
def test_where_nothing_changed_it_is_so_since_the_evidence_begins(per_hour: int, seed: int) -> None:
    """Chance parts nothing: at least since the first window."""
    found = period_of(windows(per_hour, 168, 0.05, seed=seed), Verdict.HANGS)
    assert found == VerdictPeriod(float(T0), None, is_since_start=True)


def test_what_has_ended_is_not_the_verdict_any_more() -> None:
    """Hangs of a day, and a day and a half without: since then it is well."""
    ended = T0 + 96 * HOUR
    found = diagnose(
        in_a_row(
            windows(500, 72),
            windows(500, 24, 0.1, start=T0 + 72 * HOUR, seed=2),
            windows(500, 36, start=ended, seed=3),
        )
    )
    assert found.verdict is Verdict.HEALTHY
    assert found.changed_at == pytest.approx(ended, abs=900)
    assert found.speaks_of_now
    assert found.period is None
    (note,) = [one for one in found.notes if one.startswith("Since ")]
    assert "0 % of the calls time out, and before that it were 10.08 %" in note


def test_a_change_of_degree_does_not_begin_it_anew() -> None:
    """From 4 % to 8 % it was bad before too."""
    found = period_of(
        in_a_row(
            windows(500, 48),
            windows(500, 48, 0.04, start=T0 + 48 * HOUR, seed=2),
            windows(500, 48, 0.08, start=T0 + 96 * HOUR, seed=3),
        ),
        Verdict.HANGS,
    )
    assert found.since == pytest.approx(T0 + 48 * HOUR, abs=900)


def test_a_slow_tail_since_the_back_end_slowed_down() -> None:
    """Twice as slow from hour 72 on."""
    onset = T0 + 72 * HOUR
    slow = observe(lognormal(24_000, 1_800, 0.7), 5_000, windows=48 * 12, start=onset)
    found = period_of(in_a_row(windows(500, 72), slow), Verdict.SLOW_TAIL)
    assert found.since == pytest.approx(onset, abs=900)
    assert found.is_ongoing


def outage(evidence: ActionEvidence, first: int, count: int, share: float = 0.9) -> ActionEvidence:
    """The same, where a share of the successes in some windows times out."""
    columns = {field.name: getattr(evidence, field.name).copy() for field in fields(ActionEvidence)
               if field.name not in {"unusable", "successes_known", "near"}}  # fmt: skip
    rows = slice(first, first + count)
    lost = np.floor(columns["successes"][rows] * share)
    left = 1 - lost / np.maximum(columns["successes"][rows], 1)
    columns["successes"][rows] -= lost
    columns["bands"][rows] *= left[:, None]
    columns["timeouts"][rows] += lost
    columns["timeout_duration_ms"] = columns["timeouts"] * columns["timeout_ms"]
    columns["timeout_min_ms"] = columns["timeout_max_ms"] = np.where(
        columns["timeouts"] > 0, columns["timeout_ms"], 0.0
    )
    return ActionEvidence.from_columns(**columns)


@pytest.mark.parametrize("length", [1, 3, 5, 7, 11, 23])
def test_an_outage_is_told_to_the_window(length: int) -> None:
    """However long, though ranges are scanned by a few lengths alone."""
    found = period_of(outage(windows(240, 48), 400, length), Verdict.OUTAGE)
    assert found.since == T0 + 400 * WINDOW
    assert found.until == T0 + (400 + length) * WINDOW
    assert not found.is_since_start


@pytest.mark.parametrize("length", [2, 5, 9])
def test_an_outage_that_reaches_the_newest_window_goes_on(length: int) -> None:
    """It has no end yet."""
    found = period_of(outage(windows(240, 48), 48 * 12 - length, length), Verdict.OUTAGE)
    assert found.since == T0 + (48 * 12 - length) * WINDOW
    assert found.is_ongoing


def test_outages_with_quiet_hours_between_are_apart() -> None:
    """The newest one is told; two with half an hour between them are one that wavered."""
    steady = windows(240, 48)
    apart = period_of(outage(outage(steady, 200, 6), 400, 6), Verdict.OUTAGE)
    assert apart.since == T0 + 400 * WINDOW
    wavering = period_of(outage(outage(steady, 388, 6), 400, 6), Verdict.OUTAGE)
    assert wavering.since == T0 + 388 * WINDOW
    assert wavering.until == T0 + 406 * WINDOW


def test_where_many_calls_time_out_anyway_an_outage_does_not_reach_over_them() -> None:
    """Every fifth call never answers; for two hours three in five do not: two hours, not days."""
    found = diagnose(outage(windows(4_800, 24, 0.2), 100, 24, 0.5))
    (one,) = found.incidents
    assert one == VerdictPeriod(T0 + 100 * WINDOW, T0 + 124 * WINDOW)


def test_an_outage_after_which_nothing_was_called_has_an_end() -> None:
    """The action was last seen in its outage, hours ago: nothing says that it goes on."""
    evidence = outage(windows(240, 48), 48 * 12 - 6, 6)
    found = diagnose(evidence, settled_until=evidence.end + 4 * HOUR)
    assert found.period is not None
    assert found.period.until == evidence.end


def test_throttling_is_told_by_throttled_calls() -> None:
    """From hour 24 on the platform refused every tenth."""
    calls = windows(500, 48)
    throttled = np.where(np.arange(48 * 12) >= 24 * 12, 4.0, 0.0)
    columns = {field.name: getattr(calls, field.name) for field in fields(ActionEvidence)
               if field.name not in {"unusable", "successes_known", "near"}}  # fmt: skip
    found = period_of(
        ActionEvidence.from_columns(**columns | {"throttled": throttled}), Verdict.THROTTLED
    )
    assert found.since == T0 + 24 * HOUR
    assert found.is_ongoing


def test_a_gateway_is_told_by_what_ended_early() -> None:
    """From hour 24 on two calls a window end at 1.5 s, under our 5 s."""
    calls = windows(500, 48)
    early = np.where(np.arange(48 * 12) >= 24 * 12, 2.0, 0.0)
    bands = np.zeros_like(calls.timeout_bands)
    bands[:, 6] = early
    columns = {field.name: getattr(calls, field.name) for field in fields(ActionEvidence)
               if field.name not in {"unusable", "successes_known", "near"}}  # fmt: skip
    columns |= {
        "timeouts": calls.timeouts + early,
        "timeout_bands": calls.timeout_bands + bands,
        "timeout_duration_ms": calls.timeout_duration_ms + early * 1_510,
        "timeout_min_ms": np.where(early > 0, 1_505.0, 0.0),
        "timeout_max_ms": np.where(early > 0, 1_515.0, 0.0),
    }
    found = period_of(ActionEvidence.from_columns(**columns), Verdict.REMOTE_TIMEOUT)
    assert found.since == T0 + 24 * HOUR


def test_a_timeout_too_long_is_so_since_it_was_set() -> None:
    """Rare hangs under 30 s for two days, after two days of 5 s."""
    before = windows(500, 48, 0.001)
    after = windows(500, 48, 0.001, start=T0 + 48 * HOUR, seed=3, timeout_ms=30_000)
    found = period_of(in_a_row(before, after), Verdict.TOO_LONG)
    assert found == VerdictPeriod(T0 + 48.0 * HOUR, None, is_since_start=False)


@pytest.mark.parametrize("days", [0.0, 0.99, 1.0, 5.0])
def test_what_is_not_called_any_more_does_not_go_on(days: float) -> None:
    """The verdict stands; a day after the last call it speaks of what was, and a note says so."""
    evidence = windows(100, 48, 0.05)
    at = evidence.end + days * 24 * HOUR
    found = judge(evidence, settled_until=at)
    said = [one for one in found.diagnosis.notes if one.startswith("It was not called since")]
    assert found.diagnosis.period is not None
    assert found.diagnosis.verdict is Verdict.HANGS
    assert found.diagnosis.period.is_ongoing == (days < 1)
    assert len(said) == (days >= 1)
    if days < 1:
        # It is another one then, without anything new: whoever goes on from it judges it again.
        assert found.holds_until == evidence.end + 24 * HOUR
    else:
        assert found.diagnosis.period.until == evidence.end
        assert found.holds_until == math.inf


def test_a_timeout_that_is_too_long_stays_so_without_calls() -> None:
    """It goes on with the timeout."""
    evidence = windows(500, 48, 0.001, timeout_ms=30_000)
    found = diagnose(evidence, settled_until=evidence.end + 48 * HOUR)
    assert found.verdict is Verdict.TOO_LONG
    assert found.period is not None
    assert found.period.is_ongoing


@pytest.mark.parametrize("evidence", [windows(500, 24), windows(1, 24)])
def test_what_is_well_or_unknown_has_no_period(evidence: ActionEvidence) -> None:
    """``healthy`` and ``insufficient`` speak of nothing that began."""
    found = diagnose(evidence)
    assert found.verdict in {Verdict.HEALTHY, Verdict.INSUFFICIENT}
    assert found.period is None


def test_no_windows_have_no_segments() -> None:
    """Nothing is parted into nothing."""
    assert share_segments(np.zeros(0), np.zeros(0)) == ()


def test_it_is_said_when_timeouts_came_bunched_and_whether_that_goes_on() -> None:
    """In the sentence of the verdict, whose reader asks exactly that."""
    steady = windows(240, 48)
    over = diagnose(outage(steady, 396, 8))
    assert over.why == (
        "100 % of the timeouts came bunched in time (2027-01-16 17:00 to 17:40 UTC)"
    )
    going_on = diagnose(outage(outage(steady, 396, 8), 48 * 12 - 6, 6))
    assert going_on.why.endswith(
        "(2027-01-16 17:00 to 17:40 UTC, and since 2027-01-17 07:30 UTC, and it goes on)"
    )


def test_of_many_outages_the_newest_are_told() -> None:
    """Three moments at most, and how many there were."""
    evidence = windows(240, 96)
    for first in (392, 592, 792, 992):
        evidence = outage(evidence, first, 6)
    found = diagnose(evidence)
    assert len(found.incidents) == 4
    assert found.why.endswith(
        "(the last of 4 times: 2027-01-17 09:20 to 09:50, 2027-01-18 02:00 to 02:30 and "
        "2027-01-18 18:40 to 19:10 UTC)"
    )


def test_an_outage_beside_another_verdict_is_told_with_its_time_too() -> None:
    """Left out of the verdict, and not hidden."""
    found = diagnose(outage(windows(240, 48, 0.05), 300, 6))
    assert found.verdict is Verdict.HANGS
    note = next(one for one in found.notes if "bunched in time" in one)
    assert "(2027-01-16 09:00 to 09:30 UTC): left out here" in note


def test_what_began_before_the_evidence_is_told_so_after_its_end_too() -> None:
    """It was so in the oldest window: when it began is not known."""
    found = diagnose(outage(windows(240, 20), 0, 6))
    assert found.why.endswith("(2027-01-15 08:00 or earlier to 08:30 UTC)")
    ended = VerdictPeriod(float(T0), T0 + 1_800.0, is_since_start=True)
    assert describe_period(ended) == "2027-01-15 08:00 or earlier to 08:30 UTC"
    later = VerdictPeriod(T0 + 7_200.0, T0 + 9_000.0)
    assert describe_periods([ended, later]) == (
        "2027-01-15 08:00 or earlier to 08:30 and 2027-01-15 10:00 to 10:30 UTC"
    )
