"""The shared vocabulary."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import ClassifySettings
from monitor.model import (
    BAND_EDGES_MS,
    NO_BANDS,
    NO_ERROR,
    Action,
    ActionKind,
    Classifier,
    Outcome,
    band_of,
)
from monitor.time_ranges import TimeRange, floor_to

TIMES = st.integers(0, 2_000_000_000)
BANDS = st.lists(st.integers(0, 1_000), min_size=len(NO_BANDS), max_size=len(NO_BANDS)).map(tuple)


@pytest.fixture
def classifier() -> Classifier:
    """The patterns that the settings begin with."""
    return ClassifySettings().classifier()


def test_band_edges_rise() -> None:
    """Each band ends where the next one begins."""
    assert all(lower < upper for lower, upper in pairwise(BAND_EDGES_MS))


def test_the_cap_of_30_seconds_is_an_edge() -> None:
    """What a timeout may be raised to can be told from what lies beyond."""
    assert BAND_EDGES_MS[-1] == 30_000


@pytest.mark.parametrize(
    ("duration_ms", "band"),
    [(0, 0), (99.9, 0), (100, 1), (2_999.9, 8), (3_000, 9), (29_999, 19), (30_000, 20)],
)
def test_a_band_holds_its_lower_edge_and_not_its_upper(duration_ms: float, band: int) -> None:
    """An edge belongs to the band above it, as in the query's ``gte`` and ``lt``."""
    assert band_of(duration_ms) == band


@given(duration_ms=st.floats(0, 1e7))
def test_every_duration_lies_within_its_band(duration_ms: float) -> None:
    """No duration falls between bands or into two of them."""
    band = band_of(duration_ms)
    edges = (0, *BAND_EDGES_MS, float("inf"))
    assert edges[band] <= duration_ms < edges[band + 1]


@pytest.mark.parametrize(
    ("kind", "configured_timeout_ms", "expected_ms"),
    [
        (ActionKind.CUSTOM, 10_000, 10_000),
        (ActionKind.CUSTOM, None, 60_000),
        (ActionKind.FUNCTION, None, 15_000),
        (ActionKind.FUNCTION, 9_000, 9_000),
        (ActionKind.STATIC, None, None),
        (ActionKind.AUTHENTICATION, None, None),
        (ActionKind.FLOW, None, None),
        (ActionKind.FLOW, 3_000, 3_000),
        (ActionKind.UNKNOWN, None, None),
    ],
)
def test_the_timeout_in_force(
    kind: ActionKind, configured_timeout_ms: int | None, expected_ms: int | None
) -> None:
    """What is set holds; what is not set is the platform's default, where it has one."""
    action = Action("a", "A", kind=kind, configured_timeout_ms=configured_timeout_ms)
    assert action.timeout_ms == expected_ms


@given(start=TIMES, length=st.integers(0, 100_000), step=st.integers(1_000, 50_000))
def test_slices_cover_a_period_without_hole_or_overlap(start: int, length: int, step: int) -> None:
    """Oldest first, each at most as long as asked, and together the whole."""
    time_range = TimeRange(start, start + length)
    pieces = [*time_range.slices(step)]
    assert sum(piece.seconds for piece in pieces) == time_range.seconds
    assert all(0 < piece.seconds <= step for piece in pieces)
    assert all(piece.end == following.start for piece, following in pairwise(pieces))
    if pieces:
        assert (pieces[0].start, pieces[-1].end) == (time_range.start, time_range.end)


def test_a_period_of_no_length_has_no_slices() -> None:
    """There is nothing to ask for."""
    assert [*TimeRange(100, 100).slices(60)] == []


@given(seconds=st.floats(0, 2e9), step=st.sampled_from([1, 60, 300, 3600, 86_400]))
def test_floor_is_the_boundary_at_or_before(seconds: float, step: int) -> None:
    """A window boundary, and the last one that is not in the future."""
    floored = floor_to(seconds, step)
    assert floored % step == 0
    assert floored <= seconds < floored + step


@pytest.mark.parametrize(
    ("error_type", "response_status", "outcome"),
    [
        (NO_ERROR, "200", Outcome.SUCCESS),
        (NO_ERROR, "504", Outcome.SUCCESS),
        ("EXECUTION_TIMEOUT", "", Outcome.TIMEOUT),
        ("Request timed out", "", Outcome.TIMEOUT),
        ("TIME_OUT", "", Outcome.TIMEOUT),
        ("REMOTE_SERVER_ERROR", "504", Outcome.TIMEOUT),
        ("REMOTE_SERVER_ERROR", "408", Outcome.TIMEOUT),
        ("REMOTE_SERVER_ERROR", "500", Outcome.ERROR),
        ("RATE_LIMITED", "429", Outcome.THROTTLED),
        ("CONCURRENT_EXECUTIONS_EXCEEDED", "", Outcome.THROTTLED),
        ("CONCURRENCY_TIMEOUT", "504", Outcome.THROTTLED),
        ("REMOTE_TIMEOUT", "429", Outcome.TIMEOUT),
        ("REMOTE_RATE_LIMIT", "", Outcome.ERROR),
        ("REMOTE_SERVER_ERROR", "429", Outcome.ERROR),
        ("TOO_MANY_REQUESTS", "429", Outcome.THROTTLED),
        ("TOO_MANY_REQUESTS_REMOTE", "429", Outcome.ERROR),
        ("EXECUTION_TIMEOUT", "429", Outcome.TIMEOUT),
        ("ACTION.PROCESSING", "429", Outcome.THROTTLED),
        ("", "429", Outcome.THROTTLED),
        ("", "504", Outcome.TIMEOUT),
        ("SOMETHING_NEW", "", Outcome.ERROR),
        ("", "", Outcome.ERROR),
    ],
)
def test_words_of_the_platform_are_read(
    classifier: Classifier, error_type: str, response_status: str, outcome: Outcome
) -> None:
    """NONE alone is a success; a refusal to run is no timeout; what matches nothing is an error."""
    assert classifier.outcome(error_type, response_status) is outcome


def test_a_status_alone_is_no_word_for_a_timeout(classifier: Classifier) -> None:
    """A detail record has no status: there the word decides."""
    assert classifier.is_timeout("DATA_ACTION_TIMEOUT")
    assert not classifier.is_timeout("504")


@pytest.mark.parametrize(
    "word", ["CONCURRENCY_TIMEOUT", "RATE_LIMIT_TIMED_OUT", NO_ERROR, "REMOTE"]
)
def test_a_word_alone_is_read_by_the_same_rule(classifier: Classifier, word: str) -> None:
    """Whatever an execution of this word without a status is, a detail record's segment is too."""
    assert classifier.is_timeout(word) is (classifier.outcome(word, "") is Outcome.TIMEOUT)
    assert not classifier.is_timeout(word)


def test_without_patterns_every_failure_is_an_error() -> None:
    """Nothing is guessed that nobody configured."""
    bare = Classifier.from_patterns([], [], [])
    assert bare.outcome("EXECUTION_TIMEOUT", "504") is Outcome.ERROR


def test_a_pattern_that_is_none_is_refused() -> None:
    """An unfinished group is the settings' business to report."""
    with pytest.raises(re.error):
        Classifier.from_patterns(["("], [], [])


def test_outcomes_are_the_words_of_the_metrics() -> None:
    """They are label values that dashboards query: renaming one breaks them."""
    assert [*Outcome] == ["success", "timeout", "error", "throttled"]
