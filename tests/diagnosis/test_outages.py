"""Outages told from steady tails."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.diagnosis.evidence import ActionEvidence
from monitor.diagnosis.outages import Outages, find_outages
from tests.diagnosis.synthetic_evidence import T0, lognormal, observe, together, with_hangs


def with_outage(evidence: ActionEvidence, first: int, windows: int, share: float) -> ActionEvidence:
    """The same, but from window ``first`` on a share of the successes times out."""
    lost = np.zeros(len(evidence.start))
    lost[first : first + windows] = np.floor(evidence.successes[first : first + windows] * share)
    left = (1 - lost / np.maximum(evidence.successes, 1))[:, None]
    return ActionEvidence.from_columns(
        start=evidence.start,
        seconds=evidence.seconds,
        timeout_ms=evidence.timeout_ms,
        successes=evidence.successes - lost,
        bands=evidence.bands * left,
        timeouts=evidence.timeouts + lost,
        timeout_duration_ms=(evidence.timeouts + lost) * evidence.timeout_ms,
        timeout_min_ms=np.where(evidence.timeouts + lost > 0, evidence.timeout_ms, 0),
        timeout_max_ms=np.where(evidence.timeouts + lost > 0, evidence.timeout_ms, 0),
    )


@pytest.mark.parametrize("windows", [1, 6, 36])
def test_an_outage_is_found_where_it_was(windows: int) -> None:
    """Five minutes, half an hour, three hours: the bunch covers the outage, and little else."""
    steady = observe(lognormal(288 * 30, 800, 0.4), 5_000, windows=288)
    found = find_outages(with_outage(steady, 100, windows, 0.9))
    assert found.share > 0.9
    outside = np.flatnonzero(~found.steady)
    assert set(range(100, 100 + windows)) - set(outside.tolist()) == set()
    assert len(outside) <= windows + 4


def test_an_outage_that_comes_back_is_found_each_time() -> None:
    """Two outages are two bunches."""
    steady = observe(lognormal(288 * 30, 800, 0.4), 5_000, windows=288)
    twice = with_outage(with_outage(steady, 40, 8, 0.9), 200, 8, 0.9)
    assert len(find_outages(twice).outages) == 2


@pytest.mark.parametrize("seed", range(20))
def test_a_steady_tail_is_no_outage(seed: int) -> None:
    """Chance bunches nothing, however many timeouts there are."""
    durations = with_hangs(lognormal(288 * 20, 1_500, 0.8, seed), 0.05, seed + 100)
    durations = np.random.default_rng(seed).permutation(durations)
    assert find_outages(observe(durations, 4_000, windows=288)).outages == ()


@pytest.mark.parametrize("share", [0.35, 0.6, 0.95])
def test_what_lasts_is_no_outage(share: float) -> None:
    """Half a day of it is how the back end is, whatever pieces are found; six hours are not."""
    steady = observe(lognormal(288 * 90, 800, 0.4), 5_000, windows=288 * 3)
    assert find_outages(with_outage(steady, 500, 144, share)).outages == ()
    assert find_outages(with_outage(steady, 500, 72, share)).outages


def test_a_raise_is_no_outage() -> None:
    """Many timeouts under the old timeout and few under the new one are both steady."""
    before = observe(lognormal(20_000, 2_000, 0.6), 2_500, windows=144)
    after = observe(lognormal(20_000, 2_000, 0.6, 9), 8_000, windows=144, start=T0 + 86_400)
    assert find_outages(together(before, after)).outages == ()


def test_what_comes_back_all_day_is_no_incident() -> None:
    """Five bunches in a day are how the back end is, and are judged."""
    often = observe(lognormal(288 * 30, 800, 0.4), 5_000, windows=288)
    for first in (20, 70, 120, 170, 220):
        often = with_outage(often, first, 6, 0.9)
    found = find_outages(often)

    assert found.outages == ()
    assert found.steady.all()
    assert found.share == 0


@pytest.mark.parametrize("factor", [2.0, 4.0])
def test_a_spell_in_which_all_answers_are_slower_is_no_outage(factor: float) -> None:
    """Two hours in which many time out because everything takes longer: the tail of slowness."""
    window = np.arange(288 * 30) % 288
    slower = np.where((window >= 100) & (window < 124), factor, 1.0)
    found = find_outages(observe(lognormal(288 * 30, 1_400, 0.4) * slower, 3_000, windows=288))

    [(begin, end)] = found.slow_spells
    assert found.outages == ()
    assert found.share == 0
    assert found.steady.all()
    assert begin <= T0 + 101 * 300 < T0 + 122 * 300 <= end
    assert found.slow_share > 0.5


def in_spells(factors: dict[int, float], windows: int, sigma: float) -> Outages:
    """Return what is found in a day in which calls were slower from some windows on."""
    window = np.arange(288 * 30) % 288
    slower = np.ones(len(window))
    for first, factor in factors.items():
        slower[(window >= first) & (window < first + windows)] = factor
    return find_outages(observe(lognormal(288 * 30, 1_400, sigma) * slower, 3_000, windows=288))


def test_a_spell_is_told_by_its_core() -> None:
    """Answers at the borders of a range that is longer than the spell came as ever."""
    found = in_spells({100: 2.5}, 28, 0.1)

    assert len(found.slow_spells) == 1
    assert (found.outages, found.share) == ((), 0)


def test_a_spell_in_which_nothing_answers_is_told_by_another_one() -> None:
    """Four times slower shows nothing below the timeout; twice as slow showed how it is."""
    both, alone = in_spells({60: 2.1, 200: 3.9}, 24, 0.15), in_spells({200: 3.9}, 24, 0.15)

    assert len(both.slow_spells) == 2
    assert both.outages == ()
    # Where nothing else tells, it is an outage, and said to be untold.
    assert len(alone.outages) == 1
    assert alone.untold_share > 0.9


def test_an_outage_with_answers_as_ever_is_told() -> None:
    """One call in ten answers, in its usual time: down, and not slow."""
    steady = observe(lognormal(288 * 30, 800, 0.4), 5_000, windows=288)
    found = find_outages(with_outage(steady, 100, 24, 0.9))

    assert len(found.outages) == 1
    assert found.untold_share == 0


def test_a_spell_and_an_outage_are_told_apart() -> None:
    """The one stays among what is judged, the other does not."""
    window = np.arange(288 * 30) % 288
    slower = np.where((window >= 100) & (window < 124), 3.0, 1.0)
    spell = observe(lognormal(288 * 30, 1_400, 0.4) * slower, 3_000, windows=288)
    found = find_outages(with_outage(spell, 200, 8, 0.9))

    assert len(found.slow_spells) == len(found.outages) == 1
    assert set(range(200, 208)) <= set(np.flatnonzero(~found.steady).tolist())


def test_one_window_stands_beside_none() -> None:
    """With a single window there is nothing to compare."""
    assert find_outages(observe(lognormal(300, 2_000, 0.6), 2_500, windows=1)).share == 0
