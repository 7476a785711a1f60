"""Evidence as columns."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.diagnosis.evidence import ActionEvidence, WindowEvidence
from monitor.diagnosis.pooling import pool
from monitor.model import NO_BANDS, band_of
from tests.diagnosis.synthetic_evidence import T0, lognormal, observe, together


def same(one: ActionEvidence, other: ActionEvidence) -> bool:
    """Whether both hold the same numbers."""
    names = ("start", "timeout_ms", "successes", "bands", "timeouts", "timeout_min_ms", "errors")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_halves_make_the_whole() -> None:
    """Merging two parts of the windows gives what all of them give."""
    whole = observe(lognormal(2_000, 1_000, 0.6), 3_000)
    odd = np.arange(len(whole.start)) % 2 == 1
    assert same(together(whole.where(odd), whole.where(~odd)), whole)


def test_one_window_in_pieces_adds_up() -> None:
    """Rows of one window under one timeout become one row; the shortest known duration stays."""
    pieces = [
        WindowEvidence(T0, 300, 3_000, successes=2, timeouts=1, timeout_min_ms=2_900.0),
        WindowEvidence(T0, 300, 3_000, successes=3, errors=4, timeouts=1),
    ]
    merged = ActionEvidence.from_windows(pieces)
    assert merged.successes.tolist() == [5]
    assert merged.timeout_min_ms.tolist() == [2_900.0]
    assert merged.executions == 11


def test_the_order_of_windows_is_irrelevant() -> None:
    """Windows come out in order of time whatever order they came in."""
    whole = observe(lognormal(500, 1_000, 0.6), 3_000)
    windows = [
        WindowEvidence(int(start), 300, 3_000, successes=float(count), bands=bands)
        for start, count, bands in zip(whole.start, whole.successes, whole.bands, strict=True)
    ]
    assert same(ActionEvidence.from_windows(windows), ActionEvidence.from_windows(windows[::-1]))


def test_impossible_numbers_count_as_unknown() -> None:
    """NaN, infinity and negative numbers become 0 and are counted."""
    evidence = ActionEvidence.from_columns(
        start=[T0], seconds=[300], timeout_ms=[np.nan], successes=[-3], timeouts=[np.inf]
    )
    assert evidence.executions == 0
    assert evidence.unusable == 3
    assert evidence.current_timeout_ms == 0


def test_unknown_columns_are_refused() -> None:
    """A column of another name is a mistake, not evidence."""
    with pytest.raises(TypeError, match="no such columns"):
        ActionEvidence.from_columns(start=[0], seconds=[300], timeout_ms=[1], sucesses=[1])


def test_a_remote_that_gives_up_early_is_told_from_our_timeout() -> None:
    """Early ends are counted from the band they fall into, or from the mean of the durations."""
    bands = [0.0] * len(NO_BANDS)
    bands[band_of(200)], bands[band_of(10_000)] = 30, 10
    banded = ActionEvidence.from_columns(
        start=[T0], seconds=[300], timeout_ms=[10_000], timeouts=[40], timeout_bands=[bands]
    )
    assert pool(banded).early.sum() == 30
    measured = ActionEvidence.from_columns(
        start=[T0],
        seconds=[300],
        timeout_ms=[10_000],
        timeouts=[40],
        timeout_duration_ms=[30 * 9_000 + 10 * 10_000],
        timeout_min_ms=[9_000],
        timeout_max_ms=[10_000],
    )
    assert pool(measured).early.sum() == pytest.approx(30)
    assert pool(measured).ended_by_us.sum() == pytest.approx(10)


def test_a_gateway_just_below_our_timeout_is_early() -> None:
    """A gateway that gives up after 29 s ends every call before our 30 s do."""
    evidence = ActionEvidence.from_columns(
        start=[T0],
        seconds=[300],
        timeout_ms=[30_000],
        timeouts=[12],
        timeout_duration_ms=[12 * 29_000],
        timeout_min_ms=[29_000],
        timeout_max_ms=[29_010],
    )
    pooled = pool(evidence)
    assert pooled.early_share == 1
    assert pooled.early_at_ms == 29_000
