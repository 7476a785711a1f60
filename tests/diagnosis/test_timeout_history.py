"""The timeout in force in each window, from the catalogue and from what timed out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.diagnosis.timeout_history import ObservedTimeouts, timeouts_by_window

WINDOW = 300.0


def seen(longest_s: Sequence[float], answered_s: float = 1.0) -> ObservedTimeouts:
    """Windows whose longest timed-out execution took so long; 0 for none."""
    rows = len(longest_s)
    return ObservedTimeouts(
        start=np.arange(rows, dtype=np.float64) * WINDOW,
        longest_ms=np.array(longest_s) * 1_000,
        longest_success_ms=np.full(rows, answered_s * 1_000),
    )


def in_seconds(windows: ObservedTimeouts, *history: tuple[float, int | None]) -> list[float]:
    """What was in force, in seconds."""
    return [float(one) / 1_000 for one in timeouts_by_window(windows, history)]


def test_what_the_catalogue_says_holds_from_then_on() -> None:
    """Each change from its own moment."""
    windows = seen([0, 0, 0, 0])

    assert in_seconds(windows, (0, 5_000), (2 * WINDOW, 8_000)) == [5, 5, 8, 8]


def test_what_came_before_the_catalogue_is_taken_to_be_what_it_first_showed() -> None:
    """Where nothing speaks against it."""
    assert in_seconds(seen([0, 5, 5.01, 0]), (1e9, 5_000)) == [5, 5, 5, 5]


def test_an_earlier_timeout_shows_itself() -> None:
    """Executions that timed out ran for 3 s until some moment, and for 5 s from then on."""
    windows = seen([3, 0, 3.02, 3, 0, 5, 0, 5])

    assert in_seconds(windows, (1e9, 5_000)) == [3, 3, 3, 3, 5, 5, 5, 5]


def test_an_earlier_timeout_shows_itself_where_more_than_the_timeout_is_shown() -> None:
    """What the known timeout shows, up to half a second more, its predecessor does too."""
    windows = seen([3.4, 0, 3.02, 3.25, 0, 5.3, 0, 5.45, 5.2])

    assert in_seconds(windows, (1e9, 5_000)) == [3, 3, 3, 3, 5, 5, 5, 5, 5]


def test_rows_without_a_duration_show_no_timeout() -> None:
    """Then what the catalogue first showed stands for what came before."""
    assert in_seconds(seen([0, 0, 0, 0]), (1e9, 5_000)) == [5, 5, 5, 5]


def test_an_earlier_timeout_may_have_been_longer() -> None:
    """A timeout that was lowered is a step like any other."""
    windows = seen([8, 8, 0, 8, 5, 5], answered_s=7)

    assert in_seconds(windows, (1e9, 5_000)) == [8, 8, 8, 8, 5, 5]


def test_two_steps_are_found_one_behind_the_other() -> None:
    """From the newest back to the oldest."""
    windows = seen([2, 2, 2, 0, 3, 3, 3, 5, 5])

    assert in_seconds(windows, (1e9, 5_000)) == [2, 2, 2, 3, 3, 3, 3, 5, 5]


@pytest.mark.parametrize(
    "longest_s",
    [
        pytest.param([3, 3, 3, 3, 3], id="ours never showed"),
        pytest.param([3, 5, 3, 5, 3, 5], id="both by turns"),
        pytest.param([3, 3, 5, 5, 5], id="a coincidence"),
        pytest.param([1.5, 1.5, 1.5, 5, 5], id="no whole second"),
    ],
)
def test_a_remote_that_gives_up_early_is_no_step(longest_s: list[float]) -> None:
    """It stays with the timeout that is known, and is judged as what it is."""
    assert set(in_seconds(seen(longest_s), (1e9, 5_000))) == {5}


def test_an_answer_that_took_longer_disproves_a_step() -> None:
    """What ended at 3 s was not ended by us where a success took 4 s."""
    windows = seen([3, 3, 3, 5, 5], answered_s=4)

    assert set(in_seconds(windows, (1e9, 5_000))) == {5}


def test_a_change_holds_from_where_it_first_shows() -> None:
    """The catalogue learns of it some minutes late."""
    windows = seen([5, 5, 0, 8, 0, 8])

    assert in_seconds(windows, (0, 5_000), (5 * WINDOW, 8_000)) == [5, 5, 5, 8, 8, 8]


def test_without_a_catalogue_the_newest_windows_tell() -> None:
    """Where three of them agree."""
    assert in_seconds(seen([0, 5, 5, 0, 5])) == [5] * 5
    assert in_seconds(seen([0, 5, 5])) == [0, 0, 0]


def test_a_timeout_that_nobody_knows_is_unknown() -> None:
    """A static action has none, and nothing timed out."""
    assert in_seconds(seen([0, 0]), (0, None)) == [0, 0]


@given(
    longest=st.lists(st.sampled_from([0.0, 0.2, 1.5, 3.0, 5.0, 8.0, 60.0, 1e6]), max_size=20),
    history=st.lists(
        st.tuples(st.integers(0, 6_000), st.sampled_from([None, 3_000, 5_000, 60_000])), max_size=6
    ),
)
def test_every_window_gets_an_answer(
    longest: list[float], history: list[tuple[int, int | None]]
) -> None:
    """A timeout that changed five times, and rows that make no sense: a number each, none NaN."""
    found = timeouts_by_window(seen(longest), sorted(history, key=lambda one: one[0]))

    assert found.shape == (len(longest),)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
