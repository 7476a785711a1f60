"""The benchmark of verdicts over time: what it draws is what it says, and its counts are counts."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.over_time import (
    CASES,
    HOUR,
    STEADY,
    TIMEOUT_MS,
    Case,
    Course,
    Phase,
    counted,
    follow,
    rows_of,
    try_one,
)
from monitor.config import DIAGNOSED_SECONDS


def case_of(name: str) -> Case:
    """The case of this name."""
    return next(one for one in (*CASES, *STEADY) if one.name == name)


def test_what_is_drawn_is_what_the_case_says() -> None:
    """As often as it says, and with as many that never answer, in each of its phases."""
    case = case_of("onset")
    evidence = counted(case, np.random.default_rng(1))
    before = evidence.start < evidence.start[0] + case.phases[0].seconds
    calls = evidence.successes + evidence.timeouts

    assert calls[before].sum() / (case.phases[0].seconds / HOUR) == pytest.approx(100, rel=0.05)
    assert evidence.timeouts[before].sum() == 0
    share = evidence.timeouts[~before].sum() / calls[~before].sum()
    assert share == pytest.approx(0.05, rel=0.2)


@pytest.mark.parametrize(("name", "share"), [("steady", 0.07), ("border", 0.01), ("value", 0.05)])
def test_what_does_not_change_has_the_share_of_its_name(name: str, share: float) -> None:
    """Of calls that outlast the timeout."""
    (phase,) = case_of(name).phases

    assert phase.survival()[-1] == pytest.approx(share, rel=1e-6)


def test_how_long_it_took_is_counted_from_the_change_on() -> None:
    """To the hour after which it was said for good, and never where it never was."""
    phases = (Phase(DIAGNOSED_SECONDS), Phase(5 * HOUR, never=0.5))
    at_once = Case("a", "", "", phases, 2_000, lambda found: bool(found.timeouts), 1)
    never = Case("b", "", "", phases, 2_000, lambda _: False, 1)

    assert follow(at_once, 1, 1).hours == 1
    assert follow(never, 1, 1).hours == float("inf")


def test_a_trial_is_made_where_it_is_unclear_alone() -> None:
    """One in a few dozen draws is; of its trial something comes."""
    assert [try_one(1, index) for index in (43, 44, 45)] == ["", "", "over"]
    assert [try_one(1, index) for index in (90, 237)] == ["right", "too soon"]


def test_the_table_names_what_holds() -> None:
    """By the draw that took longest but for one in twenty, and by the mean of changes."""
    quick, slow = Course(2, 0, 0), Course(30, 0.5, 0.1)

    (held,) = rows_of(case_of("fixed"), [quick] * 20 + [slow])
    (missed,) = rows_of(case_of("fixed"), [quick, slow])
    verdicts, values = rows_of(case_of("steady"), [quick, slow])

    assert held.endswith("| 2 h | 2 h | at most 24 h | yes |")
    assert missed.endswith("| 30 h | 30 h | at most 24 h | **no** |")
    assert verdicts.endswith("| 0.25 |  | at most 0.05 | **no** |")
    assert values.endswith("| 0.05 |  | at most 0.2 | yes |")


def test_the_timeout_of_the_draws_is_on_the_platforms_grid() -> None:
    """Whole seconds."""
    assert TIMEOUT_MS % 1_000 == 0
