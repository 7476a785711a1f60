"""Did it help: judged by counts whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.remediation.effect import (
    PATIENCE_SECONDS,
    Effect,
    Measured,
    judge,
    windows_to_look_at,
)

BEFORE = Measured(windows=288, successes=19_000, timeouts=1_000)
"""A day in which one call in twenty timed out."""


def after(successes: int, timeouts: int, throttled: int = 0, windows: int = 6) -> Measured:
    """What came after."""
    return Measured(windows, successes, timeouts, throttled)


def effect(before: Measured, later: Measured, waited_seconds: float = 3_600.0) -> Effect:
    """What is said of it."""
    return judge(before, later, first=6, waited_seconds=waited_seconds).effect


def test_far_fewer_timeouts_are_a_proof() -> None:
    """One in fifty instead of one in twenty."""
    judgement = judge(BEFORE, after(980, 20), first=6, waited_seconds=3_600)

    assert judgement.effect is Effect.HELPED
    assert judgement.detail == (
        "2 % of 1,000 calls timed out in 6 windows after it, 5 % of 20,000 before"
    )
    assert judgement.chance is not None
    assert judgement.chance < 0.001


def test_as_many_timeouts_as_before_are_one_too() -> None:
    """With enough calls to tell."""
    assert effect(BEFORE, after(3_800, 200)) is Effect.NOT_HELPED


def test_few_calls_prove_nothing() -> None:
    """Neither way."""
    assert effect(BEFORE, after(95, 5)) is Effect.NOT_YET
    assert effect(BEFORE, after(60, 0)) is Effect.NOT_YET


def test_nothing_is_said_before_enough_windows_have_settled() -> None:
    """However clear it looks."""
    assert effect(BEFORE, after(10_000, 0, windows=5)) is Effect.NOT_YET


@pytest.mark.parametrize("later", [after(60, 2), after(0, 0, windows=288), Measured()])
def test_what_can_not_be_shown_in_a_week_did_not_help(later: Measured) -> None:
    """Callers must not wait longer for an effect that nobody can see."""
    assert effect(BEFORE, later, PATIENCE_SECONDS - 1) is Effect.NOT_YET
    assert effect(BEFORE, later, PATIENCE_SECONDS) is Effect.NOTHING_SHOWN


def test_calls_that_the_platform_refuses_since_are_harm() -> None:
    """Also where there are fewer timeouts."""
    assert effect(BEFORE, after(960, 10, throttled=30)) is Effect.HARMED


def test_calls_that_were_refused_before_as_well_are_no_harm() -> None:
    """The change is not to blame."""
    busy = Measured(288, 19_000, 1_000, throttled=600)

    assert effect(busy, after(960, 10, throttled=30)) is Effect.HELPED


@pytest.mark.parametrize(
    ("available", "looked_at"), [(0, 0), (5, 0), (6, 6), (11, 6), (12, 12), (47, 24), (48, 48)]
)
def test_looks_are_rare(available: int, looked_at: int) -> None:
    """After K windows, and then each time that there are twice as many."""
    assert windows_to_look_at(available, 6) == looked_at


def test_chance_seldom_proves_anything() -> None:
    """Of 2,000 changes without any effect, each looked at nine times, few are said to have helped.

    Each look is wrong in at most one of 200; the nine of a week add up to 4.5 % at most.
    """
    draws = np.random.default_rng(7)
    helped = 0
    for _ in range(2_000):
        before = draws.binomial(20_000, 0.05)
        calls, timeouts = 0, 0
        for look in range(9):
            more = 600 * (1 if look == 0 else 2 ** (look - 1))
            calls, timeouts = calls + more, timeouts + draws.binomial(more, 0.05)
            said = effect(Measured(288, 20_000 - before, before), after(calls - timeouts, timeouts))
            if said is not Effect.NOT_YET:
                helped += said is Effect.HELPED
                break
    assert helped <= 0.045 * 2_000


def test_a_step_that_halves_the_timeouts_is_proven_within_hours() -> None:
    """At a hundred calls a window, in at least 99 of 100 cases by the fourth look."""
    draws = np.random.default_rng(8)
    proven = 0
    for _ in range(500):
        before = draws.binomial(28_800, 0.05)
        timeouts = draws.binomial(4_800, 0.025)
        said = effect(Measured(288, 28_800 - before, before), after(4_800 - timeouts, timeouts))
        proven += said is Effect.HELPED
    assert proven >= 495
