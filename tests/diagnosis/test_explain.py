"""A diagnosis as people are told of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.diagnosis.editable import Editable
from monitor.diagnosis.explain import (
    GUARD_TEXTS,
    NO_STEP,
    advised_raise,
    explanation,
    format_raise,
)
from monitor.diagnosis.model import LatencyDrift, Verdict
from tests.diagnosis.diagnoses import advised, healthy, slow_tail


def test_a_raise_is_an_arrow() -> None:
    """From what is in force to what is to be set, in seconds."""
    found = advised(timeout_ms=3_000.0, capped_ms=4_500.0)

    assert format_raise(found) == "3 s -> 4.5 s"
    assert advised_raise(found) == (3.0, 4.5)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(healthy(), id="nothing is recommended"),
        pytest.param(advised(capped_ms=None), id="above the cap"),
        pytest.param(advised(capped_ms=5_000.0), id="no more than now"),
        pytest.param(replace(slow_tail(), verdict=Verdict.AT_CAP), id="at the cap"),
    ],
)
def test_where_no_raise_is_advised_there_is_no_arrow(found: object) -> None:
    """A number that nobody should set is not shown as one to set."""
    assert format_raise(found) == ""  # type: ignore[arg-type]  # diagnoses all


def test_a_story_tells_why_and_what_it_would_bring() -> None:
    """The benefit, an estimate with its bounds, beside the cost; and each sentence ends."""
    told = explanation(
        advised(
            avoided_per_day=120.0,
            avoided_low_per_day=95.0,
            avoided_high_per_day=140.0,
            timeouts_per_day=150.0,
        )
    )

    assert told.startswith(slow_tail().why)
    assert "an estimated 120 of 150 timeouts a day would succeed (95 to 140 by what" in told
    assert "callers would wait" in told
    assert told.endswith(".")


@pytest.mark.parametrize("guard", GUARD_TEXTS)
def test_a_story_names_the_guard_that_clamped(guard: str) -> None:
    """And the value without it; at the reach nothing says how much more is needed, if any."""
    told = explanation(advised(guards=(guard,), raw_ms=41_000.0))

    more = " or more" if guard == "reach" else ""
    assert f"The data ask for 41 s{more}: " in told
    assert GUARD_TEXTS[guard] in told


def test_a_story_at_the_cap_tells_what_it_would_take() -> None:
    """And that another design is needed, not another number."""
    found = replace(advised(raw_ms=45_000.0), verdict=Verdict.AT_CAP, advice="Go asynchronous")

    assert "It would take an estimated 45 s. Go asynchronous." in explanation(found)


def test_a_story_tells_who_has_to_change_it() -> None:
    """Where it is not just a field to be set."""
    assert "config_timeout_seconds" in explanation(
        replace(slow_tail(), editable=Editable.TERRAFORM)
    )
    assert "config_timeout_seconds" not in explanation(slow_tail())


def test_a_story_tells_where_no_step_is_possible() -> None:
    """What this program can't set it does not offer; a change by hand knows no such steps."""
    refused = advised(next_ms=None)

    assert f"{NO_STEP}." in explanation(refused)
    assert NO_STEP not in explanation(replace(refused, editable=Editable.TERRAFORM))
    assert NO_STEP not in explanation(slow_tail())


@pytest.mark.parametrize(("ratio", "words"), [(2.0, "2.0 times slower"), (0.5, "2.0 times faster")])
def test_a_story_tells_of_drift(ratio: float, words: str) -> None:
    """A back end that changed is news, whatever the verdict."""
    drifting = replace(healthy(), drift=LatencyDrift(400.0, 400.0 * ratio, ratio, drifting=True))

    assert words in explanation(drifting)
    assert "median" not in explanation(healthy())
