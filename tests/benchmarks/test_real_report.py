"""How draws on measured laws are counted."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from benchmarks.real_outcome import Told
from benchmarks.real_report import TEXTBOOK, print_headline, rival_at, share, with_bar

SLOW = Told(
    family="a", law="a-1", stretch=1, timeout_ms=1000.0, executions=2000, hangs=0.0,
    slowness="calm", cut_off=0.05, at_reach=0.9, known=True, verdict="slow_tail", value_ms=1500.0,
    at_value=0.8, promised=0.99, success=0.99, held=True, bounds=(0.5, 0.95),
    rivals={TEXTBOOK: (0.8, 0.9, 0.99)},
)  # fmt: skip
HANG = replace(SLOW, at_reach=0.1, at_value=0.1, verdict="hangs", bounds=(0.0, 0.3))


def vain_rival(rescued: float) -> dict[str, tuple[float, float, float]]:
    """A raise of the textbook fit that rescues a tenth, of an estimate of its own."""
    return {TEXTBOOK: (0.1, rescued, rescued)}


def test_families_weigh_the_same_however_many_draws_they_have() -> None:
    """Three of one family that hold, one of another that does not: a half."""
    told = [SLOW, SLOW, SLOW, replace(HANG, family="b")]

    assert share(told, {"a": 1 / 3, "b": 1.0}, lambda one: one.slow_tail) == pytest.approx(0.5)
    assert math.isnan(share([], {}, lambda one: one.slow_tail))


def test_bounds_hold_what_a_raise_rescues_as_far_as_it_is_known() -> None:
    """90 % lie within 50 to 95 %, not within 95 to 99 %, unless more could be rescued beyond."""
    assert SLOW.within_bounds
    assert not replace(SLOW, bounds=(0.95, 0.99)).within_bounds
    assert replace(SLOW, bounds=(0.95, 0.99), known=False).within_bounds
    assert not replace(SLOW, bounds=(0.2, 0.6), known=False).within_bounds
    assert not replace(SLOW, bounds=None).within_bounds


def test_the_bar_of_the_textbook_rises_until_it_is_as_seldom_vain() -> None:
    """Its vain raises are those it is least sure of: above them it finds what it is sure of."""
    told = [
        replace(SLOW, rivals={TEXTBOOK: (0.8, 0.6, 0.6)}),
        SLOW,
        *(replace(HANG, rivals=vain_rival(rescued)) for rescued in (0.55, 0.7)),
    ]
    weight = {"a": 1 / 4}

    assert rival_at(told, weight, TEXTBOOK, lambda _: True) == (1.0, 4, 0.5)
    assert with_bar(told, weight, 1, vain=0.0) == (0.5, 1, 0.0, 0.9)
    assert with_bar(told, weight, 1, vain=0.5) == (1.0, 4, 0.5, 0.55)


def test_the_headline_says_what_was_measured_beside_what_is_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One of two slow tails is found, one of two raises is vain, one of four hangs raised."""
    told = [
        SLOW,
        replace(SLOW, verdict="hangs", held=None),
        replace(HANG, verdict="slow_tail"),
        HANG,
    ]
    print_headline(told, {"a": 1 / 4}, [(0.01, "slow_tail"), *[(0.1, "unclear")] * 3])

    shown = capsys.readouterr().out
    assert "| slow tails found | 50.0% | at least 45 % |" in shown
    assert "| raises vain | 50.0% | at most 3 % |" in shown
    assert "| wrongly called `hangs`, of those called so | 50.0% | at most 10 % |" in shown
    assert "of 1,000 | 250.0 | at most 2 |" in shown
