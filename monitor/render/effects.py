"""What a timeout would do, in one sentence that plan, apply, report and the pages share."""

from __future__ import annotations

from monitor.diagnosis import TimeoutEffect
from monitor.formats import UNKNOWN, format_duration, percent, seconds

_FEW = 10
"""Below as many a day, and as many slots, tenths are worth telling."""


def describe_effect(effect: TimeoutEffect, now: TimeoutEffect) -> str:
    """Return what a timeout would bring and cost, in one sentence.

    Args:
        effect: What it would do.
        now: The same of the timeout in force.
    """
    if effect.timeout_ms == now.timeout_ms:
        return (
            f"At {seconds(now.timeout_ms)}, which is in force, {percent(now.success_share)} of the "
            f"calls succeed, and {_amount(now.slots)} run at a time"
        )
    if effect.timeout_ms > now.timeout_ms:
        done, verb = f"{rescued_a_day(effect)} more calls a day would succeed", "more"
        slots = f"at most {_amount(effect.slots)}"
    else:
        done, verb = f"{rescued_a_day(effect)} fewer calls a day would succeed", "less"
        slots = _amount(effect.slots)
    return (
        f"At {seconds(effect.timeout_ms)} {'' if effect.is_measured else 'an estimated '}"
        f"{done}, callers would wait {waited_a_day(effect)} {verb} a day in all, and {slots} "
        f"would run at a time instead of {_amount(now.slots)}"
    )


def rescued_a_day(effect: TimeoutEffect | None) -> str:
    """Return how many calls a day it rescues, or cuts off, with bounds: ``81 (70 to 95)``."""
    if effect is None:
        return UNKNOWN
    rescued, *bounds = (
        abs(one)
        for one in (
            effect.rescued_per_day,
            effect.rescued_low_per_day,
            effect.rescued_high_per_day,
        )
    )
    low, high = sorted(bounds)
    return f"{_amount(rescued)} ({_amount(low)} to {_amount(high)})"


def waited_a_day(effect: TimeoutEffect | None) -> str:
    """Return how much longer, or less, callers wait a day in all, such as ``3 h 20 min``."""
    if effect is None:
        return UNKNOWN
    return format_duration(round(abs(effect.extra_wait_seconds_per_day)))


def slots_of(effect: TimeoutEffect | None) -> str:
    """Return how many executions run at a time under it."""
    return UNKNOWN if effect is None else _amount(effect.slots)


def _amount(number: float) -> str:
    """Return a number with a tenth where it is small, ``0.4``; rounded to whole ones else."""
    rounded = round(number, 1)
    return f"{rounded:g}" if rounded < _FEW else f"{number:,.0f}"
