"""What a timeout would do, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.diagnosis import TimeoutEffect
from monitor.render import describe_effect, rescued_a_day, slots_of, waited_a_day

NOW = TimeoutEffect(5_000, 0.93, 0.93, 0.93, 0, 0, 0, 0, 0.41, is_measured=True)
LONGER = TimeoutEffect(
    7_000, 0.97, 0.96, 0.98, 812.4, 705.2, 951.0, 12_000, 0.46, is_measured=False
)
SHORTER = TimeoutEffect(3_000, 0.9, 0.89, 0.91, -4.21, -5.0, -3.0, -90, 0.3, is_measured=True)


def test_a_longer_timeout_is_told_with_its_bounds_and_its_cost() -> None:
    """Rescued a day with bounds, the wait and the slots, in one sentence."""
    assert describe_effect(LONGER, NOW) == (
        "At 7 s an estimated 812 (705 to 951) more calls a day would succeed, callers would wait "
        "3 h 20 min more a day in all, and at most 0.46 would run at a time instead of 0.41"
    )


def test_a_shorter_timeout_is_told_by_what_it_cuts_off() -> None:
    """Small numbers keep a tenth."""
    assert describe_effect(SHORTER, NOW) == (
        "At 3 s 4.2 (3 to 5) fewer calls a day would succeed, callers would wait "
        "1 min 30 s less a day in all, and 0.3 would run at a time instead of 0.41"
    )


def test_the_timeout_in_force_is_told_as_it_is() -> None:
    """Nothing is rescued by what is there."""
    assert describe_effect(NOW, NOW) == (
        "At 5 s, which is in force, 93 % of the calls succeed, and 0.41 run at a time"
    )


def test_what_is_not_known_has_a_dash() -> None:
    """Where nothing may be claimed no number stands."""
    assert [rescued_a_day(None), waited_a_day(None), slots_of(None)] == ["-", "-", "-"]
    assert slots_of(LONGER) == "0.46"


def test_a_long_wait_is_told_without_its_seconds() -> None:
    """It is an estimate, which no second of it can be."""
    assert waited_a_day(replace(LONGER, extra_wait_seconds_per_day=1_728.4)) == "29 min"
    assert waited_a_day(SHORTER) == "1 min 30 s"


@pytest.mark.parametrize(
    ("slots", "said"), [(0.0, "0"), (0.000_04, "0"), (0.0521, "0.05"), (9.44, "9.4"), (9.6, "10")]
)
def test_small_numbers_keep_what_can_be_read(slots: float, said: str) -> None:
    """Never an exponent."""
    assert slots_of(replace(LONGER, slots=slots)) == said
