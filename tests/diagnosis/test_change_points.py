"""When an action began to behave otherwise, on counts whose changes are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.diagnosis.change_points import ChangePoint, change_points
from monitor.diagnosis.evidence import ActionEvidence

MIDNIGHT = 1_800_057_600
WINDOW = 300
DAY = 288
DAYS = 8


def by_day(per_hour: float, windows: int) -> npt.NDArray[np.float64]:
    """Calls of each window on average: ten times fewer by night than in the busiest hour."""
    hour = np.arange(windows) / 12 % 24
    shape = 0.1 + 0.9 * np.maximum(0.0, np.sin(np.pi * (hour - 6) / 16))
    return np.asarray(per_hour / 12 * shape / shape[:DAY].mean())


def counted(
    share: npt.ArrayLike, per_hour: float, seed: int, timeout_ms: npt.ArrayLike = 5_000.0
) -> tuple[ChangePoint, ...]:
    """The changes that are found where each window has its share of timeouts."""
    evidence = drawn(share, per_hour, seed, timeout_ms)
    return change_points(evidence, evidence.timeouts, evidence.successes + evidence.timeouts)


def drawn(
    share: npt.ArrayLike, per_hour: float, seed: int, timeout_ms: npt.ArrayLike = 5_000.0
) -> ActionEvidence:
    """Calls of which each window has its share of timeouts."""
    shares = np.asarray(share, dtype=np.float64)
    rng = np.random.default_rng(seed)
    calls = rng.poisson(by_day(per_hour, len(shares)))
    timeouts = rng.binomial(calls, shares)
    return ActionEvidence.from_columns(
        start=MIDNIGHT + WINDOW * np.arange(len(shares)),
        seconds=np.full(len(shares), WINDOW),
        timeout_ms=np.broadcast_to(timeout_ms, shares.shape),
        successes=calls - timeouts,
        timeouts=timeouts,
    )


@pytest.mark.parametrize("per_hour", [12.5, 100, 1_000])
@pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.2])
def test_chance_changes_nothing(share: float, per_hour: float) -> None:
    """A hundred times eight days of a steady back end: at most one is parted by chance."""
    parted = sum(bool(counted(np.full(DAYS * DAY, share), per_hour, seed)) for seed in range(100))
    assert parted <= 1


@pytest.mark.parametrize("worse", [2.0, 6.0])
@pytest.mark.parametrize("per_hour", [12.5, 100, 1_000])
def test_a_daily_rhythm_changes_nothing(per_hour: float, worse: float) -> None:
    """Every day from noon to two it is worse; whenever in a day it is looked at."""
    noon = (np.arange(DAYS * DAY) // 12 % 24 >= 12) & (np.arange(DAYS * DAY) // 12 % 24 < 14)
    share = np.where(noon, 0.02 * worse, 0.02)
    for seed in range(30):
        windows = DAYS * DAY - 12 * (seed % 24)
        assert counted(share[:windows], per_hour, seed) == ()


@given(
    before=st.floats(0, 0.02),
    ends=st.booleans(),
    hour=st.integers(0, 23),
    seed=st.integers(0, 10_000),
)
@example(before=0.00390625, ends=False, hour=0, seed=7_254)
def test_a_change_is_found_where_it_was(before: float, seed: int, hour: int, *, ends: bool) -> None:
    """Ten times as many, or a tenth; whenever in the day, and within hours after it."""
    at = 5 * DAY + 12 * hour
    share = np.full(at + DAY, 10 * before + 0.05)
    share[:at] = before
    if ends:
        share = 10 * before + 0.05 + before - share
    (found,) = counted(share, 200, seed)[-1:]
    true_at = MIDNIGHT + WINDOW * at
    if abs(found.at - true_at) > 2 * 3_600:
        # Calls of a night are few: those between may belong to either side, as far as they tell.
        first, last = sorted((found.at, true_at))
        all_of_it = drawn(share, 200, seed)
        between = all_of_it.where((all_of_it.start >= first) & (all_of_it.start < last))
        timeouts, calls = float(between.timeouts.sum()), between.executions
        sides = np.maximum([share[-1], share[0]], 1e-6)
        there, elsewhere = sides if found.at < true_at else sides[::-1]
        seems = timeouts * np.log(there / elsewhere)
        seems += (calls - timeouts) * np.log((1 - there) / (1 - elsewhere))
        assert seems > -np.log(20)
    assert found.is_rise is not ends


@pytest.mark.parametrize("seed", range(20))
def test_what_ends_within_a_day_has_ended(seed: int) -> None:
    """Five hours of a tenth of the calls: the change back is known though no day was so."""
    begin, end = 5 * DAY + 12 * 9, 5 * DAY + 12 * 14
    share = np.full(end + 12 * 8, 0.005)
    share[begin:end] = 0.1
    rise, fall = counted(share, 200, seed)
    assert rise.is_rise
    assert not fall.is_rise
    assert abs(fall.at - (MIDNIGHT + WINDOW * end)) <= 3_600


@pytest.mark.parametrize("seed", range(10))
def test_another_timeout_is_no_change_of_the_back_end(seed: int) -> None:
    """A raise cuts off fewer calls; what came before it is not held against what comes."""
    raised = np.arange(DAYS * DAY) >= 5 * DAY
    share, timeout_ms = np.where(raised, 0.01, 0.08), np.where(raised, 9_000.0, 5_000.0)
    assert counted(share, 200, seed, timeout_ms) == ()


@pytest.mark.parametrize("seed", range(10))
def test_a_little_more_is_no_change(seed: int) -> None:
    """A quarter more of very many calls is beyond chance, and says nothing else."""
    share = np.where(np.arange(DAYS * DAY) >= 6 * DAY, 0.05, 0.04)
    assert counted(share, 5_000, seed) == ()


def test_nothing_changes_where_nothing_was_counted() -> None:
    """Neither windows nor timeouts, nor more than one window."""
    nothing = ActionEvidence.from_windows(())
    assert change_points(nothing, nothing.timeouts, nothing.successes) == ()
    assert counted(np.zeros(DAY), 100, 1) == ()
    assert counted(np.full(1, 0.5), 100, 1) == ()


@pytest.mark.parametrize("seed", range(5))
def test_what_changes_all_the_time_is_how_it_is(seed: int) -> None:
    """Bad for some hours at other times of each day: no period is worth a verdict of its own."""
    share = np.full(DAYS * DAY, 0.01)
    for day in range(2, DAYS):
        begin = day * DAY + 12 * (5 * day % 18)
        share[begin : begin + 40] = 0.15
    assert counted(share, 400, seed) == ()
