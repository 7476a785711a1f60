"""Finer bands just below the timeout: they part the fixed ones, and count nothing twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.diagnosis.evidence import ActionEvidence, Floats
from monitor.diagnosis.near_bands import NearBands, NearEvidence
from monitor.diagnosis.near_bound import least_rescued
from monitor.diagnosis.near_evidence import with_looks
from monitor.diagnosis.pooling import pool
from monitor.diagnosis.survival import survival_curve
from monitor.ledger import NearLook
from monitor.model import BAND_EDGES_MS
from monitor.near_edges import NEAR_CUTS, near_edges
from monitor.platform_limits import MOST_VIEWS
from monitor.time_ranges import TimeRange
from tests.diagnosis.synthetic_evidence import T0, WINDOW_SECONDS, lognormal, observe

WINDOWS = 24
TIMEOUT_MS = 5_000.0


def closely(durations_ms: Floats, timeout_ms: float, share: float = 1.0) -> NearEvidence:
    """What looking closely at some of the same calls shows, in one period."""
    seen = durations_ms[: round(share * len(durations_ms))]
    edges = np.array([*near_edges(timeout_ms), timeout_ms])
    counts = np.histogram(seen[seen < timeout_ms], edges)[0]
    return NearEvidence.of(timeout_ms, [T0], [T0 + WINDOWS * WINDOW_SECONDS], [counts])


def looked_at(durations_ms: Floats, timeout_ms: float, share: float = 1.0) -> ActionEvidence:
    """Evidence of calls, some of which were looked at closely."""
    evidence = observe(durations_ms, timeout_ms, WINDOWS)
    return evidence.with_near(closely(durations_ms, timeout_ms, share))


@given(seconds=st.integers(1, 60))
def test_near_bands_part_the_fixed_ones_and_fit_one_question(seconds: int) -> None:
    """They end at the timeout, cross no fixed edge, and are few enough for a query."""
    timeout_ms = seconds * 1_000
    edges = near_edges(timeout_ms)

    assert list(edges) == sorted(set(edges))
    assert {round(cut * timeout_ms) for cut in NEAR_CUTS} <= set(edges)
    assert edges[0] in {0, *BAND_EDGES_MS}
    inside = {edge for edge in BAND_EDGES_MS if edges[0] < edge < timeout_ms}
    assert inside <= set(edges)
    assert edges[-1] < timeout_ms
    assert len(edges) <= MOST_VIEWS


@given(
    counts=st.lists(st.integers(0, 500), min_size=4, max_size=4),
    count=st.floats(0, 1_000),
)
def test_a_band_holds_as_many_as_it_did(counts: list[int], count: float) -> None:
    """However many of it were looked at, or more than it holds by now: in disjoint cells."""
    edges = np.array([*near_edges(TIMEOUT_MS), TIMEOUT_MS])
    counts = counts[: len(edges) - 1]
    near = NearBands(TIMEOUT_MS, edges, np.array(counts, dtype=np.float64))

    cells = near.parts(4_000, TIMEOUT_MS, count)

    assert sum(part for *_, part in cells) == pytest.approx(count)
    assert all(4_000 <= low < high <= TIMEOUT_MS and part >= 0 for low, high, part in cells)
    assert near.parts(3_500, 4_000, count) == [(3_500, 4_000, count)]
    if 0 < sum(counts) <= count:
        assert [part for low, high, part in cells if (low, high) != (4_000, TIMEOUT_MS)] == [
            part for part in counts if part
        ]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), sigma=st.floats(0.1, 1.2), median=st.floats(0.2, 1.5))
def test_of_all_calls_it_says_what_exact_durations_do(
    seed: int, sigma: float, median: float
) -> None:
    """Survival at each near edge is the share of the calls that took longer."""
    durations = lognormal(2_000, median * TIMEOUT_MS, sigma, seed)
    curve = survival_curve(pool(looked_at(durations, TIMEOUT_MS)))

    for edge in near_edges(TIMEOUT_MS):
        assert curve.at(edge) == pytest.approx(float((durations >= edge).mean()), abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.9))
def test_a_sample_tells_how_a_band_lies_and_not_how_much_it_holds(seed: int, share: float) -> None:
    """Survival at fixed edges stays; between them it goes by the sample alone."""
    durations = np.random.default_rng(seed).permutation(lognormal(3_000, 3_500, 0.6, seed))
    evidence = looked_at(durations, TIMEOUT_MS, share)
    with_it = survival_curve(pool(evidence))
    without = survival_curve(pool(evidence.with_near(None)))

    for edge in (*(edge for edge in BAND_EDGES_MS if edge < TIMEOUT_MS), TIMEOUT_MS):
        assert with_it.at(edge) == pytest.approx(without.at(edge), abs=1e-6)
    counts = closely(durations, TIMEOUT_MS, share).counts[0]
    held = without.at(4_000) - without.at(TIMEOUT_MS)
    if counts.sum():
        for edge, below in zip(near_edges(TIMEOUT_MS)[1:], np.cumsum(counts), strict=False):
            expected = without.at(4_000) - held * below / counts.sum()
            assert with_it.at(edge) == pytest.approx(expected, abs=1e-4)


def test_the_conditional_form_is_the_full_one_on_exact_data() -> None:
    """Of a band and how it lies in parts: the same likelihood as of the parts, and no more."""
    durations = lognormal(4_000, 3_500, 0.6)
    pooled = pool(looked_at(durations, TIMEOUT_MS))
    part = np.array([0.3, 0.25, 0.25, 0.2][: len(near_edges(TIMEOUT_MS))])
    part /= part.sum()
    cells = [one for one in pooled.success_cells() if one[1] >= 4_000]
    counts = np.array([count for *_, count in cells])
    whole = 0.17

    full = float(counts @ np.log(whole * part))
    conditional = float(counts.sum() * np.log(whole) + counts @ np.log(part))
    assert full == pytest.approx(conditional)
    assert counts.sum() == pytest.approx(float(pooled.bands[0][BAND_EDGES_MS.index(5_000)]))


def test_what_was_seen_under_another_timeout_says_nothing() -> None:
    """Neither as a whole, nor where the timeout changed in the middle of a period."""
    durations = lognormal(4_000, 3_500, 0.6)
    evidence = looked_at(durations, TIMEOUT_MS)
    assert pool(evidence).near is not None
    assert evidence.with_near(closely(durations, 4_000.0)).near is None

    changed = np.where(np.arange(WINDOWS) < 5, 4_000.0, TIMEOUT_MS)
    both = replace(evidence, timeout_ms=changed, near=None)
    half = T0 + WINDOWS * WINDOW_SECONDS // 2
    looks = [
        NearLook("a", 5_000, TimeRange(T0, half), (9, 9, 9)),
        NearLook("a", 5_000, TimeRange(half, half + 3_600), (1, 2, 3)),
        NearLook("a", 4_000, TimeRange(T0 - 3_600, T0), (7,) * len(near_edges(4_000))),
    ]
    near = with_looks(both, looks).near
    assert near is not None
    assert near.counts.tolist() == [[1.0, 2.0, 3.0]]


def test_a_period_with_a_window_that_is_left_out_is_left_out() -> None:
    """An outage in it: which of its successes came in the outage is not known."""
    durations = lognormal(4_000, 3_500, 0.6)
    evidence = looked_at(durations, TIMEOUT_MS)
    steady = np.ones(WINDOWS, dtype=np.bool_)
    steady[7] = False

    assert evidence.where(steady).near is not None
    assert pool(evidence.where(steady)).near is None
    assert evidence.where(np.ones(WINDOWS, dtype=np.bool_)) is evidence


AT_MS = np.geomspace(TIMEOUT_MS, 2 * TIMEOUT_MS, 41)


def rescued(durations_ms: Floats, share: float = 1.0) -> Floats:
    """What near bands say that a raise rescues at least."""
    pooled = pool(looked_at(durations_ms, TIMEOUT_MS, share))
    return least_rescued(pooled, survival_curve(pooled), AT_MS)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    sigma=st.floats(0.05, 1.5),
    median=st.floats(0.1, 1.2),
    calls=st.integers(0, 3_000),
    share=st.floats(0, 1),
)
def test_a_longer_raise_rescues_no_less(
    seed: int, sigma: float, median: float, calls: int, share: float
) -> None:
    """Whatever was seen: from nothing at the timeout on, and never more than all."""
    found = rescued(lognormal(calls, median * TIMEOUT_MS, sigma, seed), share)

    assert found[0] == 0
    assert (np.diff(found) >= 0).all()
    assert (found <= 1).all()


def pareto(calls: int, power: float, seed: int) -> Floats:
    """Durations of which ``1 - f ** -power`` of those beyond any end by ``f`` times it."""
    return np.asarray(300.0 * np.random.default_rng(seed).random(calls) ** (-1 / power))


@pytest.mark.parametrize("seed", range(5))
def test_of_a_tail_that_goes_on_it_says_no_more_than_is_true(seed: int) -> None:
    """A power law and many calls: near the truth, and below it."""
    low = float(rescued(pareto(400_000, 1.2, seed))[-1])

    assert 0.2 < low <= 1 - 2**-1.2


def test_of_hangs_beside_a_narrow_kind_it_claims_no_half() -> None:
    """Answers that end just below the timeout, and calls that never do."""
    durations = lognormal(20_000, 0.7 * TIMEOUT_MS, 0.15)
    durations[::10] = np.inf

    assert rescued(durations)[-1] < 0.5


def test_the_body_of_a_kind_of_call_is_no_tail() -> None:
    """Where most calls take nearly as long as the timeout, nothing is claimed."""
    assert (rescued(lognormal(5_000, 0.95 * TIMEOUT_MS, 0.1)) == 0).all()


def test_nothing_is_claimed_where_a_longer_timeout_was_observed() -> None:
    """There it was counted what this one cuts off."""
    durations = lognormal(4_000, 3_500, 0.6)
    evidence = looked_at(durations, TIMEOUT_MS)
    longer = np.where(np.arange(WINDOWS) < 5, 8_000.0, TIMEOUT_MS)
    near = NearEvidence.of(TIMEOUT_MS, [T0 + 3_600], [T0 + 7_200], [(50, 50, 50)])
    pooled = pool(replace(evidence, timeout_ms=longer).with_near(near))

    assert pooled.near is not None
    assert (least_rescued(pooled, survival_curve(pooled), AT_MS) == 0).all()
